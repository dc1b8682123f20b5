"""Submissions through links as their uploads end: which can be completed, and what became of each file."""

from sqlalchemy import Connection, exists, select

from evidence.catalogue.intake import Submission
from evidence.catalogue.portal_tables import link_submission, upload
from evidence.catalogue.tables import submission
from evidence.exhibits import Source

_WAITS = exists().where(
    upload.c.submission_id == link_submission.c.id, upload.c.state.in_(("receiving", "complete"))
)


def begun_submission(connection: Connection, submission_id: str) -> Submission | None:
    """The submission as its first file made it; None before that."""
    row = connection.execute(select(submission).where(submission.c.id == submission_id)).one_or_none()
    if row is None:
        return None
    return Submission(row.id, row.case_id, Source(row.source), row.actor, row.clock_shown, row.clock_true)


def ended_submissions(connection: Connection) -> list[str]:
    """Submissions that have ended, brought a file, and wait for no upload any more: they can be completed."""
    rows = connection.execute(
        select(submission.c.id)
        .join(link_submission, link_submission.c.id == submission.c.id)
        .where(submission.c.completed_at.is_(None), link_submission.c.ended_at.is_not(None), ~_WAITS)
        .order_by(submission.c.id)
    )
    return list(rows.scalars())


def quiet_submissions(connection: Connection, before: str) -> list[str]:
    """Submissions that have not ended, wait for no upload, and had nothing done to them since then."""
    later = exists().where(upload.c.submission_id == link_submission.c.id, upload.c.changed_at >= before)
    rows = connection.execute(
        select(link_submission.c.id)
        .where(link_submission.c.ended_at.is_(None), link_submission.c.begun_at < before, ~_WAITS, ~later)
        .order_by(link_submission.c.id)
    )
    return list(rows.scalars())


def outcomes(connection: Connection, submission_id: str) -> list[tuple[bytes, str, str]]:
    """What became of each upload of a submission: name, state and reason, in the order of their beginning."""
    rows = connection.execute(
        select(upload.c.name, upload.c.state, upload.c.reason)
        .where(upload.c.submission_id == submission_id)
        .order_by(upload.c.created_at, upload.c.id)
    )
    return [(row.name, row.state, row.reason) for row in rows]
