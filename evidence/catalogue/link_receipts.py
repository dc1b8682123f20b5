"""What a sender may see of what they sent: their own uploads, and how far each has come."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from evidence.catalogue.jobs import Stage
from evidence.catalogue.portal_tables import link_submission, upload
from evidence.catalogue.tables import exhibit, job, submission, submitted_file
from evidence.exhibits import ExhibitState

_ITS_FILE = (submitted_file.c.submission_id == upload.c.submission_id) & (
    submitted_file.c.ordinal == upload.c.ordinal
)


@dataclass(frozen=True, slots=True)
class SentFile:
    """An upload of a submission; from `filed_at` on it is a file there, whose exhibit has the state.

    `sha256` is of the bytes received, `browser_sha256` what the sender's browser made of its file.
    """

    name: bytes
    size: int
    upload_state: str
    sha256: str | None
    browser_sha256: str | None
    filed_at: str | None
    exhibit_id: str | None
    exhibit_state: ExhibitState | None
    is_stored: bool  # its original lies in the store

    @property
    def is_open(self) -> bool:
        """Whether it is still coming in, or to be filed."""
        return self.upload_state in ("receiving", "complete")


@dataclass(frozen=True, slots=True)
class Digest:
    """The two digests of an upload and whose link it is; `ordinal` and exhibit `number` once it is filed."""

    upload_id: str
    submission_id: str
    link_id: str
    size: int
    sha256: str | None
    browser_sha256: str | None
    ordinal: int | None
    number: int | None


def sent_files(connection: Connection, submission_id: str) -> list[SentFile]:
    """The uploads of a submission in the order in which they were begun, without those that were given up."""
    rows = connection.execute(
        select(
            upload.c.name,
            upload.c.size,
            upload.c.state.label("upload_state"),
            upload.c.sha256,
            upload.c.browser_sha256,
            submitted_file.c.received_at.label("filed_at"),
            exhibit.c.id.label("exhibit_id"),
            exhibit.c.state.label("exhibit_state"),
            (exhibit.c.id.is_not(None) & exhibit.c.spool.is_(None)).label("is_stored"),
        )
        .outerjoin(submitted_file, _ITS_FILE)
        .outerjoin(exhibit, exhibit.c.id == submitted_file.c.exhibit_id)
        .where(upload.c.submission_id == submission_id, upload.c.state != "terminated")
        .order_by(upload.c.created_at, upload.c.id)
    )
    return [
        SentFile(
            **{
                **row._mapping,
                "exhibit_state": ExhibitState(row.exhibit_state) if row.exhibit_state else None,
                "is_stored": bool(row.is_stored),
            }
        )
        for row in rows
    ]


def completed_at(connection: Connection, submission_id: str) -> str | None:
    """When the submission was completed; None while files come in, and where none came."""
    statement = select(submission.c.completed_at).where(submission.c.id == submission_id)
    return connection.execute(statement).scalar()


def oldest_waiting(connection: Connection, stage: Stage | None = None) -> str | None:
    """When the oldest exhibit came in for which a job (of that stage) is still to be done; None for none."""
    statement = (
        select(func.min(exhibit.c.received_at))
        .join(job, job.c.exhibit_id == exhibit.c.id)
        .where(job.c.state.in_(("waiting", "ready", "leased")))
    )
    if stage is not None:
        statement = statement.where(job.c.stage == stage)
    return connection.execute(statement).scalar()


def digest_of_upload(connection: Connection, upload_id: str) -> Digest | None:
    """The digests of an upload, locked until this transaction ends; None where there is none."""
    row = connection.execute(
        select(
            upload.c.id.label("upload_id"),
            upload.c.submission_id,
            link_submission.c.link_id,
            upload.c.size,
            upload.c.sha256,
            upload.c.browser_sha256,
            upload.c.ordinal,
            exhibit.c.number,
        )
        .join(link_submission, link_submission.c.id == upload.c.submission_id)
        .outerjoin(submitted_file, _ITS_FILE)
        .outerjoin(exhibit, exhibit.c.id == submitted_file.c.exhibit_id)
        .where(upload.c.id == upload_id)
        .with_for_update(of=upload)
    ).one_or_none()
    return None if row is None else Digest(**row._mapping)


def put_browser_digest(connection: Connection, upload_id: str, sha256: str) -> None:
    """Keep what the sender's browser made of the file."""
    connection.execute(update(upload).where(upload.c.id == upload_id).values(browser_sha256=sha256))
