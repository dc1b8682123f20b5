"""Submissions after they came in: found by id, by reference or by case, with the files that they brought."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from evidence.catalogue.tables import exhibit, member, submission, submitted_file
from evidence.errors import NotFoundError, UsageError
from evidence.exhibits import ExhibitState


@dataclass(frozen=True, slots=True)
class ReceivedSubmission:
    """A submission; `completed_at` is None while files come in, and for ever where it was cut short."""

    id: str
    case_id: str
    completed_at: str | None


@dataclass(frozen=True, slots=True)
class SubmittedFile:
    """A file that was handed in, by its number in the submission; `state` is that of its exhibit."""

    ordinal: int
    name: bytes
    size: int
    sha256: str
    blake3: str
    state: ExhibitState


_SUBMISSIONS = select(submission.c.id, submission.c.case_id, submission.c.completed_at)


def find_submission(connection: Connection, beginning: str) -> ReceivedSubmission:
    """The submission whose id begins so (see `parse_reference`); raises NotFoundError, UsageError for two."""
    matching = submission.c.id.startswith(beginning, autoescape=True)
    rows = connection.execute(_SUBMISSIONS.where(matching).limit(2)).all()
    if not rows:
        raise NotFoundError(
            f"There is no submission {beginning} here.", advice="vidne exhibit show --json names submissions."
        )
    if len(rows) > 1:
        raise UsageError(f"Two submissions begin with {beginning}.", advice="Give the whole id.")
    return _submission(rows[0])


def last_submission(connection: Connection, case_id: str) -> ReceivedSubmission:
    """The case's submission that was begun last; raises NotFoundError."""
    statement = _SUBMISSIONS.where(submission.c.case_id == case_id)
    row = connection.execute(statement.order_by(submission.c.received_at.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFoundError("The case has no submission.", advice="Submit footage to it first.")
    return _submission(row)


def files_of(connection: Connection, submission_id: str) -> list[SubmittedFile]:
    """The files that were handed in, in order; members of archives, which the program took out, are not."""
    rows = connection.execute(
        select(
            submitted_file.c.ordinal,
            submitted_file.c.name,
            exhibit.c.size,
            exhibit.c.sha256,
            exhibit.c.blake3,
            exhibit.c.state,
        )
        .join(exhibit, exhibit.c.id == submitted_file.c.exhibit_id)
        .outerjoin(
            member,
            (member.c.submission_id == submitted_file.c.submission_id)
            & (member.c.ordinal == submitted_file.c.ordinal),
        )
        .where(submitted_file.c.submission_id == submission_id, member.c.archive_id.is_(None))
        .order_by(submitted_file.c.ordinal)
    )
    return [
        SubmittedFile(row.ordinal, row.name, row.size, row.sha256, row.blake3, ExhibitState(row.state))
        for row in rows
    ]


def _submission(row: Row[*tuple[object, ...]]) -> ReceivedSubmission:
    return ReceivedSubmission(row.id, row.case_id, row.completed_at)
