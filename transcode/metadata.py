"""Metadata of the original: verbatim, each value with its source; what disagrees is set side by side.

Nothing is resolved here: which clock was right, which position holds, is for people to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evidence.exhibits import Problem
from evidence.jsontypes import Json, JsonObject
from transcode import gps
from transcode.exiftool import Reading
from transcode.gps import Track
from transcode.meanings import DEGREES, DEVICE, EXIF_TIMES, PLACES, TIMES
from transcode.probe import Probed
from transcode.stills import StillReport
from transcode.values import decimal, objects

_VALUE_LIMIT = 4096
_VALUES_LIMIT = 1500
# ISO 6709: degrees, or degrees and minutes, or and seconds; the number of digits tells which.
_ISO6709 = re.compile(r"([+-]\d{1,6}(?:\.\d+)?)([+-]\d{1,7}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?(?:CRS[^/]*)?/?")
_NAME_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]{0,2}(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?!\d{6})"
)
_READ_TIME = re.compile(r"(\d{4})[-:](\d\d)[-:](\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?")
_NO_TIME = re.compile(r"0000[-:]00[-:]00")
# Two times this far apart are no matter of time zones (UTC-12 to UTC+14).
_ZONES_S = 26 * 3600


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata value: where it stands, what it is called, its text, and how its reader words that."""

    source: str
    name: str
    value: str
    printed: str = ""

    @property
    def key(self) -> str:
        """The name without its group, in lower case."""
        return self.name.rpartition(" ")[2].lower()

    @property
    def place(self) -> str:
        """Source and name in one text."""
        return self.source if self.source.endswith(f":{self.name}") else f"{self.source}: {self.name}"


def of_probe(
    probed: Probed, filename: str, reading: Reading | None = None, track: Track | None = None
) -> JsonObject:
    """The section `metadata` of a recording: tags as ffprobe gives them, what exiftool read, its tracks."""
    values = [Value("format tags", name, text) for name, text in probed.tags.items()]
    for stream in probed.streams:
        values += [Value(f"stream {stream.index} tags", name, text) for name, text in stream.tags.items()]
    section = _section(values, filename, [], reading, track)
    section["rotation"] = [
        {
            "value": stream.rotation,
            "mirrored": stream.is_mirrored,
            "source": f"stream {stream.index} display matrix",
        }
        for stream in probed.pictures
        if stream.rotation or stream.is_mirrored
    ]
    return section


def of_still(report: StillReport, filename: str, reading: Reading | None = None) -> JsonObject:
    """The section `metadata` of a still: EXIF by exifread or, where it fails, Pillow; what exiftool read."""
    values = [Value(report.source, name, text) for name, text in report.exif]
    places: list[Json] = []
    if report.position:
        latitude, longitude, verbatim = report.position
        places.append(
            {
                "latitude": latitude,
                "longitude": longitude,
                "verbatim": verbatim,
                "source": "EXIF GPS (Pillow)",
            }
        )
    section = _section(values, filename, places, reading, None)
    section["rotation"] = [
        {"value": value.value, "source": f"{value.source} {value.name}"}
        for value in values
        if value.key == "orientation"
    ]
    return section


def of_reading(filename: str, reading: Reading) -> JsonObject:
    """The section `metadata` of a file that nothing else could open."""
    return _section([], filename, [], reading, None)


def problems(section: JsonObject) -> tuple[Problem, ...]:
    """What a reader must see of the section: conflicts, and readers that failed."""
    conflicts = (
        Problem("metadata-conflict", f"Its metadata disagree on the {entry['what']}; both are shown.")
        for entry in objects(section.get("conflicts"))
    )
    failures = (
        Problem("metadata-unreadable", f"{entry['name']} could not read {entry['what']}. {entry['failed']}")
        for entry in objects(section.get("readers"))
        if entry["failed"]
    )
    return (*conflicts, *failures)


def _section(
    values: list[Value],
    filename: str,
    places: list[Json],
    reading: Reading | None,
    track: Track | None,
) -> JsonObject:
    values = list(dict.fromkeys([*values, *_values_of(reading or Reading())]))
    places = [*places, *_places(values), *(gps.positions(track) if track else [])]
    times = _times(values)
    named = _NAME_TIME.search(filename)
    if named:
        times.append(
            {"value": named[0], "source": "file name", "name": "", "meaning": "written in the file's name"}
        )
    device: list[Json] = [
        {
            "what": DEVICE[value.key],
            "value": (value.printed or value.value)[:_VALUE_LIMIT],
            "source": value.place,
        }
        for value in values
        if value.key in DEVICE
    ]
    left_out = max(0, len(values) - _VALUES_LIMIT) + (reading.left_out if reading else 0)
    return {
        "values": [_shown(value) for value in values[:_VALUES_LIMIT]],
        "values_left_out": left_out,
        "capture_times": list(times),
        "positions": places,
        "tracks": gps.described(track) if track else [],
        "device": device,
        "conflicts": [*_time_conflicts(times), *_place_conflicts(places)],
        "readers": _readers(reading, track),
    }


def _values_of(reading: Reading) -> list[Value]:
    return [Value(f"exiftool {tag.group}:{tag.name}", tag.name, tag.raw, tag.printed) for tag in reading.tags]


def _readers(reading: Reading | None, track: Track | None) -> list[Json]:
    """What exiftool said of the file beside the values, and whether it failed."""
    found = [("its metadata", reading), ("the tracks in it", track)]
    return [
        {"name": "exiftool", "what": what, "said": list(read.said), "failed": read.failed}
        for what, read in found
        if read
    ]


def _times(values: list[Value]) -> list[JsonObject]:
    """Every time that is set, with its meaning; a track's only where it differs from the file's."""
    known = [value for value in values if value.key in TIMES and not _NO_TIME.match(value.value)]
    whole = {value.value for value in known if value.key == "createdate"}
    return [
        _labelled(value, (EXIF_TIMES if "IFD" in value.source else {}).get(value.key, TIMES[value.key]))
        for value in known
        if value.key not in ("trackcreatedate", "mediacreatedate") or value.value not in whole
    ]


def _shown(value: Value) -> Json:
    shown: JsonObject = {
        "source": value.source,
        "name": value.name[:200],
        "value": value.value[:_VALUE_LIMIT],
    }
    return shown | {"printed": value.printed[:_VALUE_LIMIT]} if value.printed else shown


def _labelled(value: Value, meaning: str) -> JsonObject:
    return {
        "value": (value.printed or value.value)[:_VALUE_LIMIT],
        "source": value.source,
        "name": value.name,
        "meaning": meaning,
    }


def _places(values: list[Value]) -> list[Json]:
    """Every position in the values; the one that exiftool puts together only where it has no other."""
    found = [place for value in values if value.key in PLACES for place in _place(value)]
    degrees = [value for value in values if value.key in DEGREES and value.source.startswith("exiftool ")]
    stated = [value for value in degrees if ":GPSCoordinates" in value.source]
    return [*found, *(place for value in stated or degrees for place in _degrees(value))]


def _degrees(value: Value) -> list[Json]:
    """exiftool's `latitude longitude [altitude]`, signed degrees and metres."""
    numbers = [decimal(part) for part in value.value.split()[:3]]
    latitude, longitude, altitude = (*numbers, None, None, None)[:3]
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return []
    place: JsonObject = {
        "latitude": latitude,
        "longitude": longitude,
        "verbatim": value.value,
        "source": value.place,
    }
    return [place if altitude is None else place | {"altitude_m": altitude}]


def _place(value: Value) -> list[Json]:
    match = _ISO6709.fullmatch(value.value.strip())
    if not match:
        return []
    latitude, longitude = _angle(match[1], 2), _angle(match[2], 3)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return []
    place: JsonObject = {
        "latitude": latitude,
        "longitude": longitude,
        "verbatim": value.value,
        "source": value.place,
    }
    if match[3]:
        place["altitude_m"] = float(match[3])
    return [place]


def _angle(text: str, degree_digits: int) -> float | None:
    """`+DD.D`, `+DDMM.M` or `+DDMMSS.S` (ISO 6709 annex H) as signed degrees."""
    sign = -1.0 if text[0] == "-" else 1.0
    whole, _, rest = text[1:].partition(".")
    fraction = float(f"0.{rest or '0'}")
    degrees, minutes = whole[:degree_digits], whole[degree_digits:]
    if len(minutes) not in (0, 2, 4):
        return None
    if not minutes:  # also with fewer digits than the standard asks for, as some phones write
        return sign * (int(degrees) + fraction)
    if len(minutes) == 2:
        return sign * round(int(degrees) + (int(minutes) + fraction) / 60, 7)
    return sign * round(int(degrees) + int(minutes[:2]) / 60 + (int(minutes[2:]) + fraction) / 3600, 7)


def _time_conflicts(times: Iterable[JsonObject]) -> list[Json]:
    """All readable times, where two of them are further apart than time zones reach."""
    readable = [(moment, time) for time in times if (moment := _moment(time))]
    if not readable:
        return []
    moments = [moment for moment, _ in readable]
    if (max(moments) - min(moments)).total_seconds() <= _ZONES_S:
        return []
    shown: list[Json] = [{"value": time["value"], "source": time["source"]} for _, time in readable]
    unique = [entry for index, entry in enumerate(shown) if entry not in shown[:index]]
    return [{"what": "time of capture", "values": unique}]


def _moment(time: JsonObject) -> datetime | None:
    """The time as its digits say, without a zone; None where it has no date or is no date."""
    match = (_NAME_TIME if time["source"] == "file name" else _READ_TIME).search(str(time["value"]))
    if not match:
        return None
    try:
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def _place_conflicts(places: list[Json]) -> list[Json]:
    """All positions, where two are more than about a kilometre apart (0.01 degree)."""
    fixes = [place for place in places if isinstance(place, dict)]
    for name in ("latitude", "longitude"):
        numbers = [number for fix in fixes if isinstance(number := fix[name], float)]
        if numbers and max(numbers) - min(numbers) > 0.01:
            return [{"what": "position", "values": [dict(fix) for fix in fixes]}]
    return []
