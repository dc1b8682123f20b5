"""Writing custody events: into the ledger's inbox, in the transaction of the change they speak of."""

from evidence.catalogue.engine import Connection
from evidence.catalogue.ledger import NewEvent, add_events
from evidence.custody import CustodyEvent
from hashing.entries import check_event, make_body


def record(connection: Connection, *events: CustodyEvent) -> None:
    """Put events into the inbox; the sequencer gives them their places in the ledger, in this order."""
    for event in events:
        check_event(event)  # here it fails one job; in the inbox it would stop the whole ledger
    add_events(connection, [NewEvent(event, *make_body(event.body)) for event in events])
