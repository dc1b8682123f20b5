"""Erasure of personal data: bodies of events with their salts, and what the catalogue has of them beside."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from evidence.catalogue.ledger_tables import ledger_body
from evidence.catalogue.tables import recorder

RECORDER_ADDED = "recorder.added"


def erase_bodies(connection: Connection, event_ids: Sequence[str]) -> list[str]:
    """Erase the bodies and salts of these events; gives the ids of those that were still there.

    Of `recorder.added` the recorder's row loses what names a person or a place as well: both say the same.
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
    return erased
