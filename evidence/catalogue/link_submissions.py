"""What comes through upload links: who may go on with which submission, its answers, its end."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from evidence.catalogue.portal_tables import link_submission
from evidence.catalogue.tables import submission
from evidence.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class LinkSubmission:
    """A submission through a link: there from its beginning, while `submission` follows with its first file.

    `declaration` is the version that was shown; `answers` hold no contact data; `ended_at` is None until
    the sender has said that all is sent.
    """

    id: str
    link_id: str
    language: str
    declaration: str
    answers: JsonObject
    begun_at: str
    ended_at: str | None


_ALL = select(*(column for column in link_submission.c if column.name != "receipt_sha256"))
_BY_ID = _ALL.where(link_submission.c.id == bindparam("of_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_BY_RECEIPT = _ALL.where(link_submission.c.receipt_sha256 == bindparam("hash"))


def add_link_submission(connection: Connection, new: LinkSubmission, receipt_sha256: str) -> None:
    """Keep a submission that was begun, under the hash of the code of its receipt."""
    connection.execute(
        insert(link_submission).values(
            id=new.id,
            link_id=new.link_id,
            receipt_sha256=receipt_sha256,
            language=new.language,
            declaration=new.declaration,
            answers=new.answers,
            begun_at=new.begun_at,
            ended_at=new.ended_at,
        )
    )


def get_link_submission(
    connection: Connection, submission_id: str, *, lock: bool = False
) -> LinkSubmission | None:
    """The submission with this id, or None; `lock` keeps others from changing it in this transaction."""
    row = connection.execute(_BY_ID_LOCKED if lock else _BY_ID, {"of_id": submission_id}).one_or_none()
    return None if row is None else _submission(row)


def submission_of_receipt(connection: Connection, receipt_sha256: str) -> LinkSubmission | None:
    """The submission whose receipt's code has this hash, or None."""
    row = connection.execute(_BY_RECEIPT, {"hash": receipt_sha256}).one_or_none()
    return None if row is None else _submission(row)


def has_open_submission(connection: Connection, link_id: str) -> bool:
    """Whether a submission was begun through the link and not ended."""
    statement = select(link_submission.c.id).where(
        link_submission.c.link_id == link_id, link_submission.c.ended_at.is_(None)
    )
    return connection.execute(statement.limit(1)).first() is not None


def put_answers(connection: Connection, submission_id: str, answers: JsonObject) -> None:
    """Keep the last answers; the recorder's clock also where a first file has made the submission's row."""
    connection.execute(
        update(link_submission).where(link_submission.c.id == submission_id).values(answers=answers)
    )
    connection.execute(
        update(submission)
        .where(submission.c.id == submission_id)
        .values(clock_shown=answers["clock_shown"], clock_true=answers["clock_true"])
    )


def end_link_submission(connection: Connection, submission_id: str, now: str) -> None:
    """The sender says that all is sent; the first time counts."""
    connection.execute(
        update(link_submission)
        .where(link_submission.c.id == submission_id, link_submission.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def _submission(row: Row[*tuple[object, ...]]) -> LinkSubmission:
    return LinkSubmission(**row._mapping)
