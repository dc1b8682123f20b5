"""Metadata of the original: verbatim, each value with its source; what disagrees is set side by side.

Nothing is resolved here: which clock was right, which position holds, is for people to say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from evidence.exhibits import Problem
from evidence.jsontypes import Json, JsonObject
from transcode.probe import Probed
from transcode.stills import StillReport

_VALUE_LIMIT = 4096
_VALUES_LIMIT = 500
_CREATION = (
    "set by the recorder or a later program: the start, the end or the export; "
    "UTC by the standard (ISO/IEC 14496-12), often local time in practice"
)
# Tag (lower case, without the group exifread puts before it) -> what it means.
_TIMES = {
    "creation_time": _CREATION,
    "com.apple.quicktime.creationdate": "local time of the device when the recording began, with its zone",
    "date": "written by the program that made the file; no zone stated",
    "timecode": "time code of the first frame; often the clock of the camera",
    "modification_date": "when the file was last written, by its program's clock",
    "datetimeoriginal": "local time of the camera when the picture was taken",
    "datetimedigitized": "local time of the camera when the picture was stored",
    "datetime": "local time when the file was last changed by the camera or a program",
    "gpsdate": "day of the position, UTC from the satellites",
    "gpstimestamp": "time of the position, UTC from the satellites",
    "offsettimeoriginal": "zone of the camera's clock",
}
_DEVICE = {
    "make": "make",
    "model": "model",
    "software": "software",
    "encoder": "software",
    "firmware": "software",
    "com.apple.quicktime.make": "make",
    "com.apple.quicktime.model": "model",
    "com.apple.quicktime.software": "software",
    "com.android.manufacturer": "make",
    "com.android.model": "model",
    "com.android.version": "software",
    "bodyserialnumber": "serial number",
    "company_name": "make",
    "product_name": "software",
}
_PLACES = ("location", "com.apple.quicktime.location.iso6709", "location-eng")
# ISO 6709: degrees, or degrees and minutes, or and seconds; the number of digits tells which.
_ISO6709 = re.compile(r"([+-]\d{1,6}(?:\.\d+)?)([+-]\d{1,7}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?(?:CRS[^/]*)?/?")
_NAME_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]{0,2}(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?!\d{6})"
)
_READ_TIME = re.compile(r"(\d{4})[-:](\d\d)[-:](\d\d)[T ](\d\d):(\d\d):(\d\d)")
# Two times this far apart are no matter of time zones (UTC-12 to UTC+14).
_ZONES_S = 26 * 3600


@dataclass(frozen=True, slots=True)
class Value:
    """One metadata value as the file has it: where it stands, what it is called, its text."""

    source: str
    name: str
    value: str

    @property
    def key(self) -> str:
        """The name without its group, in lower case."""
        return self.name.rpartition(" ")[2].lower()


def of_probe(probed: Probed, filename: str) -> JsonObject:
    """The section `metadata` of a video: format and stream tags as ffprobe gives them."""
    values = [Value("format tags", name, text) for name, text in probed.tags.items()]
    for stream in probed.streams:
        values += [Value(f"stream {stream.index} tags", name, text) for name, text in stream.tags.items()]
    places = [place for value in values if value.key in _PLACES for place in _place(value)]
    section = _section(values, filename, places)
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


def of_still(report: StillReport, filename: str) -> JsonObject:
    """The section `metadata` of a still: EXIF as exifread or, where it fails, Pillow gives it."""
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
    section = _section(values, filename, places)
    section["rotation"] = [
        {"value": value.value, "source": f"{value.source} {value.name}"}
        for value in values
        if value.key == "orientation"
    ]
    return section


def problems(section: JsonObject) -> tuple[Problem, ...]:
    """What a reader must see of the section: conflicts."""
    conflicts = section.get("conflicts")
    return tuple(
        Problem("metadata-conflict", f"Its metadata disagree on the {entry['what']}; both are shown.")
        for entry in (conflicts if isinstance(conflicts, list) else [])
        if isinstance(entry, dict)
    )


def _section(values: list[Value], filename: str, places: list[Json]) -> JsonObject:
    times = [_labelled(value, _TIMES[value.key]) for value in values if value.key in _TIMES]
    named = _NAME_TIME.search(filename)
    if named:
        times.append(
            {"value": named[0], "source": "file name", "name": "", "meaning": "written in the file's name"}
        )
    device: list[Json] = [
        {
            "what": _DEVICE[value.key],
            "value": value.value[:_VALUE_LIMIT],
            "source": f"{value.source}: {value.name}",
        }
        for value in values
        if value.key in _DEVICE
    ]
    unique = list(dict.fromkeys(values))
    return {
        "values": [_shown(value) for value in unique[:_VALUES_LIMIT]],
        "values_left_out": max(0, len(unique) - _VALUES_LIMIT),
        "capture_times": list(times),
        "positions": list(places),
        "device": device,
        "conflicts": [*_time_conflicts(times), *_place_conflicts(places)],
    }


def _shown(value: Value) -> Json:
    return {"source": value.source, "name": value.name[:200], "value": value.value[:_VALUE_LIMIT]}


def _labelled(value: Value, meaning: str) -> JsonObject:
    return {
        "value": value.value[:_VALUE_LIMIT],
        "source": value.source,
        "name": value.name,
        "meaning": meaning,
    }


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
        "source": f"{value.source}: {value.name}",
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
        return datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
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
