"""Tables of the public side: upload links, what a business is asked for, uploads and what came with them."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from evidence.catalogue.tables import BIG, metadata, partial_index, submission
from evidence.catalogue.types import Bytes, Integer, JsonOf, Text

# A token is kept as its SHA-256 alone: who reads this table can use no link.
upload_link = Table(
    "upload_link",
    metadata,
    Column("id", Text, primary_key=True),  # its first twelve characters are the link's neutral reference
    Column("case_id", ForeignKey("case.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("parent_id", ForeignKey("upload_link.id"), index=True),  # the incident link that a visitor opened
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("languages", Text, nullable=False),  # as in `da,en`; the first is shown first
    Column("created_at", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("revoked_at", Text),
    Column("max_uses", Integer, nullable=False),  # submissions; of an incident link, visitors
    Column("max_files", Integer, nullable=False),  # of one submission
    Column("max_bytes", BIG, nullable=False),  # of one submission
    CheckConstraint("kind IN ('personal', 'incident', 'visitor', 'business')", name="kind"),
)

# What a business is asked for. Times are local ones, as a person at the recorder would read them.
footage_request = Table(
    "footage_request",
    metadata,
    Column("link_id", ForeignKey("upload_link.id"), primary_key=True),
    Column("business", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("wanted_from", Text, nullable=False),
    Column("wanted_until", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("order_reference", Text, nullable=False),
    Column("overwritten_at", Text),  # RFC 3339, UTC: when the recorder writes over what is wanted
    Column("rules_version", Text, nullable=False),  # of the rule set that gave that time
)
Index("ix_footage_request_overwritten_at", footage_request.c.overwritten_at)

# A word of the case officer to whoever holds the link.
link_message = Table(
    "link_message",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("link_id", ForeignKey("upload_link.id"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("text", Text, nullable=False),
)

# What came through a link: the row `submission` of the same id follows with its first finished file.
link_submission = Table(
    "link_submission",
    metadata,
    Column("id", Text, primary_key=True),
    Column("link_id", ForeignKey("upload_link.id"), nullable=False, index=True),
    Column("receipt_sha256", Text, nullable=False, unique=True),  # of the secret that opens its receipt
    Column("language", Text, nullable=False),
    Column("declaration", Text, nullable=False),  # version of the service declaration that was shown
    Column("answers", JsonOf(dict), nullable=False),  # time, place and clock; never contact data
    Column("begun_at", Text, nullable=False),
    Column("ended_at", Text),  # the sender said that all is sent, or its time ran out
)
partial_index("ix_link_submission_going_on", "ended_at IS NULL", link_submission.c.begun_at)

# The link's submissions that are not completed yet are looked for again and again.
partial_index("ix_submission_incomplete", "completed_at IS NULL", submission.c.id)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    Column("submission_id", ForeignKey("link_submission.id"), nullable=False, index=True),
    Column("name", Bytes, nullable=False),  # as the browser gave it, relative path included
    Column("size", BIG, nullable=False),  # as declared
    Column("offset", BIG, nullable=False, server_default="0"),  # so many bytes are durable
    Column("token", Integer, nullable=False, server_default="0"),  # fences off a PATCH that another evicted
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("home", Text, nullable=False, server_default=""),  # the data folder that has its bytes; empty: all
    Column("browser_sha256", Text),  # what the sender's browser made of the file
    Column("sha256", Text),  # what the bytes received gave
    Column("ordinal", Integer),  # of the file in its submission, once it is filed
    Column("scan", JsonOf(dict)),  # what the malware scanner said
    CheckConstraint(
        "state IN ('receiving', 'complete', 'filed', 'terminated', 'expired', 'refused')", name="state"
    ),
)
partial_index("ix_upload_unscanned", "state = 'filed' AND scan IS NULL", upload.c.changed_at)
partial_index("ix_upload_open", "state IN ('receiving', 'complete')", upload.c.state, upload.c.expires_at)

# Where the store has the bytes of an upload on many machines, until they are sealed; one behind the other.
upload_chunk = Table(
    "upload_chunk",
    metadata,
    Column("upload_id", ForeignKey("upload.id"), primary_key=True),
    Column("start", BIG, primary_key=True, autoincrement=False),
    Column("size", BIG, nullable=False),
    Column("key", Text, nullable=False),
    Column("version_id", Text, nullable=False),
)
