"""When and where exhibits were taken, as their metadata say: kept apart, to be searched by."""

import math
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert

from evidence.catalogue.tables import capture_place, capture_time
from evidence.jsontypes import Json
from evidence.recorders import read_shown

_MOST = 100  # of each, for one exhibit: positions of a file are few, tracks are renditions of their own
# Built once: to build a statement costs more than to run it.
_DROP = tuple(
    delete(table).where(table.c.exhibit_id == bindparam("of_id")) for table in (capture_time, capture_place)
)
_PUT_TIME, _PUT_PLACE = insert(capture_time), insert(capture_place)


def captures_in(metadata: Json) -> tuple[list[str], list[tuple[float, float]]]:
    """The capture times and positions (latitude, longitude in degrees) of a section `metadata`, each once.

    A time is written as 2026-03-01T12:00:00, the digits as they are shown, whatever their zone.
    """
    if not isinstance(metadata, dict):
        return [], []
    values = [read_shown(str(item.get("value", ""))) for item in _items(metadata.get("capture_times"))]
    times = {value.digits.isoformat(timespec="seconds"): None for value in values if value}
    places: dict[tuple[float, float], None] = {}
    for item in _items(metadata.get("positions")):
        latitude, longitude = item.get("latitude"), item.get("longitude")
        if _is_degrees(latitude, 90) and _is_degrees(longitude, 180):
            places[float(str(latitude)), float(str(longitude))] = None
    return list(times)[:_MOST], list(places)[:_MOST]


def put_captures(connection: Connection, exhibit_id: str, metadata: Json) -> None:
    """Keep what a section `metadata` says, in place of what an earlier one did."""
    for statement in _DROP:
        connection.execute(statement, {"of_id": exhibit_id})
    times, places = captures_in(metadata)
    if times:
        connection.execute(_PUT_TIME, [{"exhibit_id": exhibit_id, "shown": shown} for shown in times])
    if places:
        connection.execute(
            _PUT_PLACE, [{"exhibit_id": exhibit_id, "latitude": y, "longitude": x} for y, x in places]
        )


def _items(value: Json) -> Sequence[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_degrees(value: Json, most: int) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(float(str(value))) and abs(float(str(value))) <= most
