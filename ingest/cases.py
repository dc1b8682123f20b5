"""Cases: each step is a custody event in the transaction of the change."""

from evidence.catalogue import cases
from evidence.catalogue.cases import Case
from evidence.catalogue.engine import Connection
from evidence.custody import CustodyEvent
from evidence.jsontypes import JsonObject
from ingest.custody import record


def open_case(connection: Connection, number: str, actor: str, now: str) -> Case:
    """A new case under `number` (`case.opened`); raises ConflictError where a case has or had it."""
    opened = cases.open_case(connection, number, now)
    _record(connection, opened, "opened", actor, now, {"number": number})
    return opened


def renumber_case(connection: Connection, found: Case, number: str, actor: str, now: str) -> None:
    """Give the case another number (`case.renumbered`); raises ConflictError as `open_case` does."""
    cases.renumber_case(connection, found, number, now)
    _record(connection, found, "renumbered", actor, now, {"from": found.number, "to": number})


def close_case(connection: Connection, found: Case, actor: str, now: str) -> None:
    """Close an open case (`case.closed`); raises ConflictError where it is closed."""
    cases.close_case(connection, found, now)
    _record(connection, found, "closed", actor, now, {})


def _record(connection: Connection, found: Case, what: str, actor: str, now: str, body: JsonObject) -> None:
    event = CustodyEvent(
        event_id=f"{found.id}:{now}:case.{what}",
        type=f"case.{what}",
        at=now,
        actor=actor,
        case=found.id,
        body=body,
    )
    record(connection, event)
