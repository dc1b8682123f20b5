"""Recorders of a case: each step is a custody event in the transaction of the change."""

from evidence.cases import new_id
from evidence.catalogue import recorders
from evidence.catalogue.engine import Connection
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.recorders import Recorder, RecorderFacts
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import UsageError
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.recorders import Reading, check_reading
from hashing.canonical import floats_as_text
from ingest.custody import record


def add(connection: Connection, case_id: str, facts: RecorderFacts, actor: str, now: str) -> Recorder:
    """A new recorder of the case (`recorder.added`); raises UsageError for a count that is none."""
    if facts.channels is not None and facts.channels < 1:
        raise UsageError(
            "A recorder has at least one channel.", advice="Leave --channels out, or give 1 or more."
        )
    added = recorders.add_recorder(connection, case_id, new_id(), facts, now)
    body: JsonObject = {"recorder": added.label, **facts_json(facts)}
    _record(connection, added, "added", added.id, actor, now, body)
    return added


def read_clock(connection: Connection, owner: Recorder, reading: Reading, actor: str, now: str) -> int:
    """Keep a reading (`recorder.clock-read`); returns its number. Raises UsageError."""
    check_reading(reading)
    number = recorders.add_reading(connection, owner.id, reading, now)
    body: JsonObject = {"recorder": owner.label, "number": number, **reading_json(reading)}
    _record(connection, owner, "clock-read", f"{owner.id}-{number}", actor, now, body)
    return number


def link(connection: Connection, owner: Recorder, made: Exhibit, channel: str, actor: str, now: str) -> None:
    """Say that the recorder made the exhibit (`recorder.linked`); raises UsageError for another case's."""
    if made.case_id != owner.case_id:
        raise UsageError(
            f"{made.name} and {owner.name} are of two cases.", advice="Add the recorder to both."
        )
    recorders.link_exhibit(connection, made.id, owner.id, channel, now)
    body: JsonObject = {"recorder": owner.label, "channel": channel}
    thing = EventObject(made.label, Role.ORIGINAL, made.digests.sha256, made.digests.size)
    _record(connection, owner, "linked", f"{made.id}:{now}", actor, now, body, (thing,))


def facts_json(facts: RecorderFacts) -> JsonObject:
    """What is known of a recorder."""
    return {
        "make": facts.make,
        "model": facts.model,
        "serial": facts.serial,
        "channels": facts.channels,
        "place": facts.place,
        "retrieved_by": facts.retrieved_by,
        "reference": facts.reference,
    }


def reading_json(reading: Reading) -> JsonObject:
    """A reading, with the offset (shown minus true) in seconds."""
    return {
        "shown": reading.shown,
        "true": reading.true,
        "offset_s": reading.offset_s,
        "uncertainty_s": reading.uncertainty_s,
        "method": reading.method,
        "read_by": reading.read_by,
        "read_at": reading.read_at,
    }


def _record(
    connection: Connection,
    owner: Recorder,
    what: str,
    key: str,
    actor: str,
    now: str,
    body: JsonObject,
    objects: tuple[EventObject, ...] = (),
) -> None:
    text = floats_as_text(body)
    event = CustodyEvent(
        event_id=f"{key}:recorder.{what}",
        type=f"recorder.{what}",
        at=now,
        actor=actor,
        case=owner.case_id,
        objects=objects,
        body=text if isinstance(text, dict) else {},
    )
    record(connection, event)
