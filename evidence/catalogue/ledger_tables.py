"""Tables of the ledger."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Table,
    UniqueConstraint,
)

from evidence.catalogue.tables import BIG, metadata, partial_index
from evidence.catalogue.types import Bytes, Integer, JsonOf, Text

ledger_inbox = Table(
    "ledger_inbox",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("objects", JsonOf(list), nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("sequenced", Integer, nullable=False, server_default="0"),
)
partial_index("ix_ledger_inbox_pending", "sequenced = 0", ledger_inbox.c.id)

# Apart from the entry, so that personal data can be erased and the log still verifies.
ledger_body = Table(
    "ledger_body",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("salt", Bytes),
    Column("body", Bytes),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("position", BIG, primary_key=True, autoincrement=False),
    Column("inbox_id", ForeignKey("ledger_inbox.id"), nullable=False, unique=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("case_id", Text, nullable=False),
    Column("case_seq", Integer, nullable=False),
    Column("entry", Bytes, nullable=False),
    Column("leaf_hash", Bytes, nullable=False),
    UniqueConstraint("case_id", "case_seq"),
)

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", BIG, primary_key=True, autoincrement=False),
    Column("frontier", Bytes, nullable=False),  # 32 bytes for each perfect subtree, largest first
    Column("note", Bytes, nullable=False),
)

# What witnesses answered. It stays where the checkpoint's row is gone: no foreign key.
ledger_cosignature = Table(
    "ledger_cosignature",
    metadata,
    Column("size", BIG, primary_key=True, autoincrement=False),
    Column("key_id", Text, primary_key=True),  # of the witness, hexadecimal
    Column("name", Text, nullable=False),
    Column("line", Bytes, nullable=False),  # of the note, with its newline
    Column("at", Text, nullable=False),
)

# A stamp of an authority over a checkpoint: asked for first, then kept as it came.
ledger_timestamp = Table(
    "ledger_timestamp",
    metadata,
    Column("size", ForeignKey("ledger_checkpoint.size"), primary_key=True),
    Column("authority", Text, primary_key=True),  # its URL
    Column("state", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("response", Bytes),
    Column("chain", Bytes),  # PEM, from the authority's certificate to the root that was trusted
    Column("gen_time", Text),
    Column("expires", Text),  # when the first certificate of the chain does
    Column("published", Integer, nullable=False, server_default="0"),
    CheckConstraint("state IN ('pending', 'stamped')", name="state"),
)
