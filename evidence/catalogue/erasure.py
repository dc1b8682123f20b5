"""Erasure of personal data: bodies of events with their salts, and what the catalogue has of them beside."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from evidence.catalogue.ledger_tables import ledger_body
from evidence.catalogue.portal_tables import link_message, link_submission
from evidence.catalogue.tables import recorder

RECORDER_ADDED = "recorder.added"
LINK_MESSAGE = "link.message"
ANSWERS = "submission.answers"


def erase_bodies(connection: Connection, event_ids: Sequence[str]) -> list[str]:
    """Erase the bodies and salts of these events; gives the ids of those that were still there.

    Of `recorder.added` the recorder's row loses what names a person or a place as well, of a message and of
    answers their row what was written: both say the same.
    """
    body = ledger_body.c
    is_there = body.salt.is_not(None) | body.body.is_not(None)
    there = select(body.event_id).where(body.event_id.in_(event_ids), is_there)
    erased = list(connection.execute(there).scalars())
    connection.execute(update(ledger_body).where(body.event_id.in_(erased)).values(salt=None, body=None))
    recorders = [name.removesuffix(f":{RECORDER_ADDED}") for name in erased if name.endswith(RECORDER_ADDED)]
    connection.execute(
        update(recorder)
        .where(recorder.c.id.in_(recorders))
        .values(place="", retrieved_by="", reference="", serial="")
    )
    _erase_written(connection, erased)
    return erased


def _erase_written(connection: Connection, erased: Sequence[str]) -> None:
    """What officers and senders wrote, in the rows that these events were filed with."""
    for name in erased:
        key, _, kind = name.partition(":")
        owner, _, number = key.rpartition("-")
        if kind == LINK_MESSAGE:
            row = link_message.c.id == int(number)
            connection.execute(update(link_message).where(row).values(text=""))
        elif kind == ANSWERS:
            rows = update(link_submission).where(link_submission.c.id == owner)
            connection.execute(
                rows.where(link_submission.c.answers["change"].as_integer() == int(number)).values(
                    answers={"change": int(number)}
                )
            )
