"""Searching exhibits of any case: by digest, case number, time and place; each condition has an index."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, select

from evidence.catalogue.exhibits import Exhibit, read_exhibits, with_case_number
from evidence.catalogue.tables import capture_place, capture_time, case_number, exhibit
from evidence.errors import UsageError

_EARTH_M = 6_371_008.8  # mean radius (IUGG)
_METRES_PER_DEGREE = math.pi * _EARTH_M / 180


@dataclass(frozen=True, slots=True)
class Near:
    """A circle on the map: its middle in signed degrees (WGS 84), its radius in metres."""

    latitude: float
    longitude: float
    radius_m: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a position lies in it (haversine on a sphere: right to half a per cent)."""
        up, side = math.radians(latitude - self.latitude), math.radians(longitude - self.longitude)
        part = (
            math.sin(up / 2) ** 2
            + math.cos(math.radians(latitude))
            * math.cos(math.radians(self.latitude))
            * math.sin(side / 2) ** 2
        )
        return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, part))) <= self.radius_m


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is sought; what is left empty does not matter, what is given must all hold.

    `since` and `until` bound the times that a file shows (2026-03-01T12:00:00), whatever their zone; both
    count as in. `case_prefix` is the beginning of the case's number of now.
    """

    sha256: str = ""
    case_prefix: str = ""
    since: str = ""
    until: str = ""
    near: Near | None = None


def search_exhibits(connection: Connection, wanted: Wanted, limit: int) -> list[Exhibit]:
    """Up to `limit` exhibits, by case number and number; raises UsageError where nothing is sought."""
    if wanted == Wanted():
        raise UsageError("Nothing is sought.", advice="Give a digest, a case number, a time or a place.")
    statement = with_case_number().where(*_conditions(connection, wanted))
    return read_exhibits(connection, statement.order_by(case_number.c.number, exhibit.c.number).limit(limit))


def _conditions(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.sha256:
        conditions.append(exhibit.c.sha256 == wanted.sha256)
    if wanted.case_prefix:
        # As a range, for which every database uses the index of the numbers in use.
        conditions += [
            case_number.c.number >= wanted.case_prefix,
            case_number.c.number < _behind(wanted.case_prefix),
        ]
    times = _times(wanted)
    if wanted.near:
        conditions.append(exhibit.c.id.in_(_near(connection, wanted.near, times)))
    elif times is not None:
        conditions.append(exhibit.c.id.in_(times))
    return conditions


def _times(wanted: Wanted) -> Select[str] | None:
    """Ids of the exhibits that were taken then; None where the time does not matter."""
    times = select(capture_time.c.exhibit_id)
    if wanted.since:
        times = times.where(capture_time.c.shown >= wanted.since)
    if wanted.until:
        times = times.where(capture_time.c.shown <= wanted.until)
    return times if wanted.since or wanted.until else None


def _behind(prefix: str) -> str:
    """The least text that sorts behind all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _near(connection: Connection, near: Near, times: Select[str] | None) -> Sequence[str]:
    """Ids of the exhibits that were taken there, of `times` where given: a box, then the circle."""
    up = near.radius_m / _METRES_PER_DEGREE
    widest = math.cos(math.radians(min(89.9, abs(near.latitude) + up)))
    side = min(180.0, up / widest)
    place = capture_place.c
    box = [place.latitude.between(near.latitude - up, near.latitude + up)]
    west, east = near.longitude - side, near.longitude + side
    inside: ColumnElement[bool] = place.longitude.between(west, east)
    if west < -180:
        inside |= place.longitude >= west + 360
    if east > 180:
        inside |= place.longitude <= east - 360
    found = select(place.exhibit_id, place.latitude, place.longitude).where(*box, inside)
    rows = connection.execute(found if times is None else found.where(place.exhibit_id.in_(times)))
    return list({row.exhibit_id: None for row in rows if near.holds(row.latitude, row.longitude)})
