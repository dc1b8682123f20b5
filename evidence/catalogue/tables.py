"""The catalogue's tables. Times are RFC 3339 UTC texts, ids random texts.

A change here needs a migration in migrations/versions; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from evidence.catalogue.types import Bytes, Float, Integer, JsonOf, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite's integers have 64 bits anyway; a file of 2 GiB and more needs them on PostgreSQL too.
BIG = Integer().with_variant(BigInteger(), "postgresql")


def partial_index(name: str, where: str, *columns: Column[Any], unique: bool = False) -> None:
    """An index over the rows for which `where` holds; a query has to say it in the same words."""
    Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


case = Table(
    "case",
    metadata,
    Column("id", Text, primary_key=True),
    Column("opened_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("exhibits", Integer, nullable=False, server_default="0"),  # the last exhibit number given out
)

# A case number is a dated alias: the row with no end is the one in use.
case_number = Table(
    "case_number",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False, index=True),
    Column("number", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("until", Text),
)
partial_index("uq_case_number_in_use", "until IS NULL", case_number.c.number, unique=True)
partial_index("uq_case_number_one_in_use_of_a_case", "until IS NULL", case_number.c.case_id, unique=True)

submission = Table(
    "submission",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("completed_at", Text),  # null: it was cut short
    Column("clock_shown", Text),  # what the recorder's clock showed when it read clock_true
    Column("clock_true", Text),
)

exhibit = Table(
    "exhibit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("blake3", Text, nullable=False),
    Column("size", BIG, nullable=False),
    Column("piece_size", BIG, nullable=False),
    Column("pieces_blake3", JsonOf(list), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("received_at", Text, nullable=False),
    Column("spool", Text),  # the received file, until it is sealed
    UniqueConstraint("case_id", "sha256"),
    UniqueConstraint("case_id", "number"),
)

partial_index("ix_exhibit_spool", "spool IS NOT NULL", exhibit.c.spool)

# When and where an exhibit was taken, as its metadata say (section `metadata`), to be searched by.
capture_time = Table(
    "capture_time",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("shown", Text, primary_key=True),  # 2026-03-01T12:00:00, by whatever clock and zone it was
)
# With the exhibit, so that a month of them is read from the index alone.
Index("ix_capture_time_shown", capture_time.c.shown, capture_time.c.exhibit_id)

capture_place = Table(
    "capture_place",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("latitude", Float, primary_key=True),  # signed degrees
    Column("longitude", Float, primary_key=True),
)
Index("ix_capture_place_position", capture_place.c.latitude, capture_place.c.longitude)

submitted_file = Table(
    "submitted_file",
    metadata,
    Column("submission_id", ForeignKey("submission.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False, index=True),
    Column("name", Bytes, nullable=False),  # as the file system had it, relative path included
    Column("received_at", Text, nullable=False),
)

# A submitted file that stood in an archive, which is an exhibit itself.
member = Table(
    "member",
    metadata,
    Column("archive_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in the archive's directory, from 0
    Column("submission_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("path", Bytes, nullable=False),  # as the archive has it
    UniqueConstraint("submission_id", "ordinal"),
    ForeignKeyConstraint(
        ["submission_id", "ordinal"],
        ["submitted_file.submission_id", "submitted_file.ordinal"],
        name="fk_member_submitted_file",
    ),
)

recorder = Table(
    "recorder",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("make", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("channels", Integer),
    Column("place", Text, nullable=False),
    Column("retrieved_by", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    UniqueConstraint("case_id", "number"),
)

clock_reading = Table(
    "clock_reading",
    metadata,
    Column("recorder_id", ForeignKey("recorder.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("shown", Text, nullable=False),  # shown, true and read_at as they were given
    Column("true", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("uncertainty_s", Float),
    Column("read_by", Text, nullable=False),
    Column("read_at", Text, nullable=False),
    Column("noted_at", Text, nullable=False),
)

exhibit_recorder = Table(
    "exhibit_recorder",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("recorder_id", ForeignKey("recorder.id"), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("linked_at", Text, nullable=False),
)

# What each stage found, by section (metadata, streams, derivation, quality ...).
section = Table(
    "section",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("value", JsonOf(dict, list), nullable=False),
)

problem = Table(
    "problem",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False, index=True),
    Column("stage", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
)

# The row says `storing` before the put, so a crash leaves a row and never an orphan.
stored_object = Table(
    "stored_object",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False, index=True),
    Column("stage", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("version_id", Text),
    Column("state", Text, nullable=False),
    Column("size", BIG, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("blake3", Text, nullable=False),
    Column("piece_size", BIG, nullable=False),
    Column("pieces_blake3", JsonOf(list), nullable=False),
    Column("parent", Text),  # `original` or the name of another object of the exhibit
    Column("tool", JsonOf(dict)),
    Column("args", JsonOf(list)),
    Column("detail", JsonOf(dict)),
    Column("stored_at", Text),
    CheckConstraint("state IN ('storing', 'stored', 'superseded')", name="state"),
)
partial_index(
    "uq_stored_object_current",
    "state = 'stored'",
    stored_object.c.exhibit_id,
    stored_object.c.name,
    unique=True,
)

# By which a file is recognised that is not byte for byte an exhibit.
fingerprint = Table(
    "fingerprint",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True, index=True),
    Column("part", Text, primary_key=True),
)

# Many marks of one picture in one value, which is compared as a whole: see evidence/marks.py.
sketch = Table(
    "sketch",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True, index=True),
    Column("part", Text, primary_key=True),
    Column("marks", Bytes, nullable=False),
)

scrub = Table(
    "scrub",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("subset", Text, nullable=False),  # as it was asked for; empty for all
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),  # null: it was stopped, or goes on
)

# When an object was last read back and found intact; no row: never since it was stored.
scrubbed_object = Table(
    "scrubbed_object",
    metadata,
    Column("key", Text, primary_key=True),
    Column("read_at", Text, nullable=False),
)

# A walk over all that the store locks, which moves the end of each lock on.
retention_round = Table(
    "retention_round",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),  # null: it goes on, or was stopped
    Column("last_object", Integer, nullable=False, server_default="0"),  # stored_object.id: done up to here
    Column("extended", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
)

# A move of the objects to another store.
relocation = Table(
    "relocation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),  # the store's URL
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
)

# Objects that are in the new store, read back; their rows name the old one until the move is finished.
relocated_object = Table(
    "relocated_object",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version_id", Text, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False),
    Column("stage", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("priority", Integer, nullable=False),  # smaller is sooner
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("token", Integer, nullable=False, server_default="0"),  # fences off a holder whose lease ran out
    Column("owner", Text),
    Column("leased_until", Text),
    Column("not_before", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("changed_at", Text, nullable=False),
    # The data folder that alone can do it, because its spool has the file; empty: any worker can.
    Column("home", Text, nullable=False, server_default=""),
    UniqueConstraint("exhibit_id", "stage"),
    CheckConstraint(
        "state IN ('waiting', 'ready', 'leased', 'done', 'skipped', 'quarantined')", name="state"
    ),
)
Index("ix_job_feed", job.c.state, job.c.lane, job.c.priority, job.c.id)
partial_index("ix_job_suspect", "crashes > 0", job.c.priority, job.c.id)
