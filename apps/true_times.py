"""Both times: beside each capture time that a file shows, the true one where a clock reading is at hand.

Worked out when it is asked for, from the readings of now; what the file says is never overwritten.
"""

from collections.abc import Sequence

from evidence.catalogue.engine import Connection
from evidence.catalogue.exhibits import Delivery, Exhibit
from evidence.catalogue.recorders import readings_of, recorder_of
from evidence.errors import UsageError
from evidence.jsontypes import Json, JsonObject
from evidence.recorders import Offset, Reading, ShownTime, check_reading, offset_at, read_shown
from ingest.recorders import facts_json, reading_json

_DAY_S = 86400
SUBMITTED = "given with the submission"


def clock_json(
    connection: Connection, exhibit: Exhibit, arrived: Sequence[Delivery], metadata: Json
) -> JsonObject:
    """`recorder` {recorder, channel, make ...} or {}, `clock_readings` [...] and `true_times` [...].

    A true time is {shown, source, name, true, offset_s, uncertainty_s, basis, drift_s_per_day, distance_s,
    nearest[...], text}. Without a recorder's readings those that came with the submissions count.
    """
    linked = recorder_of(connection, exhibit.id)
    told: JsonObject = {}
    readings: list[Reading] = []
    if linked:
        recorder, channel = linked
        told = {"recorder": recorder.name, "channel": channel, **facts_json(recorder.facts)}
        readings = readings_of(connection, recorder.id)
    readings = readings or _submitted(arrived)
    shown: list[Json] = [reading_json(reading) for reading in readings]
    return {"recorder": told, "clock_readings": shown, "true_times": _true_times(metadata, readings)}


def offset_json(offset: Offset) -> JsonObject:
    """An offset and what it rests on; seconds."""
    nearest: list[Json] = [reading_json(reading) for reading in offset.nearest]
    return {
        "offset_s": round(offset.offset_s, 3),
        "uncertainty_s": None if offset.uncertainty_s is None else round(offset.uncertainty_s, 3),
        "basis": offset.basis,
        "drift_s_per_day": None if offset.drift_s_per_day is None else round(offset.drift_s_per_day, 3),
        "distance_s": round(offset.distance_s, 3),
        "nearest": nearest,
    }


def told_offset(offset: Offset) -> str:
    """An offset as a sentence: `clock +17.0 s ± 1.0 s, interpolated between two readings ...`."""
    sure = "uncertainty not stated" if offset.uncertainty_s is None else f"± {offset.uncertainty_s:.1f} s"
    if offset.drift_s_per_day is None:
        (reading,) = offset.nearest
        how = f"as read when it showed {reading.shown}{_method(reading)}, {_distance(offset.distance_s)} away"
    else:
        first, second = offset.nearest
        how = (
            f"interpolated between {first.offset_s:+.1f} s at {first.shown} and {second.offset_s:+.1f} s at"
            f" {second.shown}: {offset.drift_s_per_day:+.2f} s a day, if it drifted evenly and was not set"
        )
    return f"clock {offset.offset_s:+.1f} s {sure}, {how}"


def _method(reading: Reading) -> str:
    return f" ({reading.method})" if reading.method else ""


def _distance(seconds: float) -> str:
    return f"{seconds / _DAY_S:.1f} days" if seconds >= _DAY_S else f"{seconds / 3600:.1f} hours"


def _true_times(metadata: Json, readings: Sequence[Reading]) -> list[Json]:
    times = metadata.get("capture_times") if isinstance(metadata, dict) else None
    found: list[Json] = []
    for item in times if isinstance(times, list) else []:
        if not isinstance(item, dict) or _is_of_satellites(item):
            continue
        shown = read_shown(str(item.get("value", "")))
        offset = offset_at(readings, shown.digits) if shown else None
        if shown and offset:
            found.append(_true_time(item, shown, offset))
    return found


def _true_time(item: JsonObject, shown: ShownTime, offset: Offset) -> JsonObject:
    true = shown.minus(offset.offset_s)
    return {
        "shown": item.get("value"),
        "source": item.get("source"),
        "name": item.get("name", ""),
        "true": true,
        **offset_json(offset),
        "text": f"{true}  ({told_offset(offset)})",
    }


def _is_of_satellites(item: JsonObject) -> bool:
    """A time that came from GPS is not of the recorder's clock."""
    return "gps" in f"{item.get('name')} {item.get('source')}".lower()


def _submitted(arrived: Sequence[Delivery]) -> list[Reading]:
    found: dict[str, Reading] = {}
    for item in arrived:
        if item.clock_shown is None or item.clock_true is None:
            continue
        reading = Reading(item.clock_shown, item.clock_true, SUBMITTED, read_by=item.actor)
        try:
            check_reading(reading)
        except UsageError:  # of a release that took a time with a zone beside one without
            continue
        found[item.submission_id] = reading
    return list(found.values())
