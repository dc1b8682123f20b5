"""Uploads that a malware scanner has not looked at, and what it said of the others."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, text, update

from evidence.catalogue.portal_tables import upload
from evidence.catalogue.tables import exhibit, submitted_file
from evidence.jsontypes import JsonObject

_UNSCANNED = text("upload.state = 'filed' AND upload.scan IS NULL")  # as the partial index says it


@dataclass(frozen=True, slots=True)
class Unscanned:
    """A filed upload whose exhibit is sealed, as an event names it."""

    upload_id: str
    submission_id: str
    ordinal: int
    case_id: str
    exhibit_id: str
    number: int
    sha256: str
    size: int


def unscanned_uploads(connection: Connection, limit: int) -> list[Unscanned]:
    """Up to `limit` sealed files of uploads without a result, oldest first."""
    rows = connection.execute(
        select(
            upload.c.id.label("upload_id"),
            upload.c.submission_id,
            upload.c.ordinal,
            exhibit.c.case_id,
            exhibit.c.id.label("exhibit_id"),
            exhibit.c.number,
            exhibit.c.sha256,
            exhibit.c.size,
        )
        .join(
            submitted_file,
            (submitted_file.c.submission_id == upload.c.submission_id)
            & (submitted_file.c.ordinal == upload.c.ordinal),
        )
        .join(exhibit, exhibit.c.id == submitted_file.c.exhibit_id)
        .where(_UNSCANNED, exhibit.c.spool.is_(None))
        .order_by(upload.c.changed_at)
        .limit(limit)
    )
    return [Unscanned(**row._mapping) for row in rows]


def put_scan(connection: Connection, upload_id: str, scan: JsonObject) -> None:
    """Keep what the scanner said."""
    connection.execute(update(upload).where(upload.c.id == upload_id).values(scan=scan))
