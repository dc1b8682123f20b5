"""Writing custody events: into the ledger's inbox, in the transaction of the change they speak of."""

from evidence.catalogue.engine import Connection
from evidence.catalogue.ledger import add_event
from evidence.custody import CustodyEvent
from hashing.entries import check_event, make_body


def record(connection: Connection, event: CustodyEvent) -> None:
    """Put `event` into the inbox; the sequencer gives it its place in the ledger."""
    check_event(event)  # here it fails one job; in the inbox it would stop the whole ledger
    sealed = make_body(event.body)
    add_event(connection, event, salt=sealed.salt, body=sealed.body, body_hash=sealed.body_hash)
