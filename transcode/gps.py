"""GPS tracks inside of footage (dashcams, action cameras, drones): every fix that exiftool finds, as GeoJSON.

The fixes are those of the recorder, in the order of the file, none smoothed and none left out for being odd.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from transcode import exiftool
from transcode.model import Made
from transcode.sandbox import Limits
from transcode.tools import identify
from transcode.values import decimal

NAME = "track.geojson"
# A transport stream is read to its end, some 100 MB a second of CPU; of other files the index, or 20 MB.
_LEAST_S, _BYTES_A_SECOND = 120, 4_000_000
_OUTPUT_LIMIT = 32 * 1024**2
_FIXES_LIMIT = 250_000  # at the 18 a second of an action camera, nearly four hours
_TEXT_LIMIT = 100
# Kept with each fix under exiftool's names, as written; their units and references are exiftool's.
_EXTRA = (
    "GPSDateTime",
    "GPSAltitude",
    "GPSSpeed",
    "GPSSpeedRef",
    "GPSTrack",
    "GPSTrackRef",
    "GPSStatus",
    "GPSMeasureMode",
    "GPSDOP",
    "GPSHPositioningError",
    "SampleTime",
)
_ONE_FOR_ALL = ("SampleTime",)  # stated once for the several fixes of a sample
_POSITIONS = (
    *("-ee", "-n", "-G3:1:4", "-GPSLatitude", "-GPSLongitude"),
    *(f"-{name}" for name in _EXTRA),
    *("-Warning", "-Error"),
)
_REQUESTS = (exiftool.VALUES, _POSITIONS)
_Sample = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix: signed degrees (WGS 84, as exiftool states them), and what else the recorder wrote with it."""

    group: str
    latitude: float
    longitude: float
    verbatim: str
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Track:
    """All fixes of a file in order; `failed` is a sentence where exiftool gave no answer.

    `unread` counts values that make no fix: out of range, or without their other half.
    """

    fixes: tuple[Fix, ...] = ()
    said: tuple[str, ...] = ()
    left_out: int = 0
    unread: int = 0
    failed: str = ""


def read(source: Path) -> tuple[exiftool.Reading, Track]:
    """Read the values of the file at `source` and the track in it; by one start if that ends well.

    Raises SandboxError, ToolMissingError.
    """
    seconds = _LEAST_S + source.stat().st_size // _BYTES_A_SECOND
    limits = Limits(cpu_s=seconds, wall_s=2 * seconds, file_bytes=1024**2)
    values, positions = exiftool.run(source, _REQUESTS, limits, exiftool.OUTPUT_LIMIT + _OUTPUT_LIMIT)
    if isinstance(values, str):  # it may have ended over the track alone
        return exiftool.read(source), track(positions)
    return exiftool.reading(values), track(positions)


def track(found: exiftool.Answer) -> Track:
    """exiftool's answer as a Track; a latitude and a longitude belong together by their order in a sample."""
    if isinstance(found, str):
        return Track(failed=found)
    samples: dict[tuple[str, str], _Sample] = {}
    said: list[str] = []
    for key, value in found.items():
        places, _, name = key.rpartition(":")
        document, _, group = places.partition(":")
        if name in ("Warning", "Error"):
            said.append(str(value))
        elif re.fullmatch(r"Doc[\d-]{1,20}", document):
            sample = samples.setdefault((document, group.partition(":")[0][:_TEXT_LIMIT]), {})
            sample.setdefault(name, []).append(str(value).strip()[:_TEXT_LIMIT])
    fixes: list[Fix] = []
    unread = 0
    for (_document, group), sample in samples.items():
        good, bad = _fixes(group, sample)
        fixes += good
        unread += bad
    return Track(
        fixes=tuple(fixes[:_FIXES_LIMIT]),
        said=tuple(dict.fromkeys(said))[:10],
        left_out=max(0, len(fixes) - _FIXES_LIMIT),
        unread=unread,
    )


def described(track: Track) -> list[Json]:
    """For the section `metadata`: each track's source, number of fixes, first and last of them."""
    return [
        {
            "source": _source(group),
            "file": NAME,
            "fixes": len(fixes),
            "first": _place(fixes[0]),
            "last": _place(fixes[-1]),
            "left_out": track.left_out,
            "unread": track.unread,
            "said": list(track.said),
        }
        for group, fixes in _by_group(track.fixes).items()
        if len(fixes) > 1
    ]


def positions(track: Track) -> list[Json]:
    """For the section `metadata`: fixes that stand alone."""
    alone = [fixes[0] for fixes in _by_group(track.fixes).values() if len(fixes) == 1]
    return [_place(fix) | {"source": _source(fix.group)} for fix in alone]


def write(track: Track, folder: Path) -> Made | None:
    """Write `track.geojson` (RFC 7946) into `folder`; None where no track has more than one fix."""
    tracks = {group: fixes for group, fixes in _by_group(track.fixes).items() if len(fixes) > 1}
    if not tracks:
        return None
    tool = identify("exiftool")
    features: list[Json] = []
    for group, fixes in tracks.items():
        features.append(_line(group, fixes, track, f"{tool.name} {tool.version}"))
        features += [_point(fix) for fix in fixes]
    path = folder / NAME
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False) + "\n")
    count = sum(len(fixes) for fixes in tracks.values())
    detail: JsonObject = {"fixes": count, "left_out": track.left_out}
    return Made(Role.TRACK, NAME, path, tool, exiftool.arguments(_REQUESTS), detail=detail)


def _fixes(group: str, sample: _Sample) -> tuple[list[Fix], int]:
    """The fixes of one sample, and how many values make none."""
    latitudes, longitudes = sample.get("GPSLatitude", []), sample.get("GPSLongitude", [])
    if len(latitudes) != len(longitudes):
        return [], max(len(latitudes), len(longitudes))
    count = len(latitudes)
    extra = {name: values for name in _EXTRA for values in (sample.get(name, []),) if len(values) == count}
    if count > 1:
        extra |= {name: sample[name] * count for name in _ONE_FOR_ALL if len(sample.get(name, [])) == 1}
    fixes = [
        Fix(
            group,
            latitude,
            longitude,
            f"{latitudes[index]} {longitudes[index]}",
            {name: values[index] for name, values in extra.items()},
        )
        for index in range(count)
        for latitude, longitude in ((decimal(latitudes[index]), decimal(longitudes[index])),)
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180
    ]
    return fixes, count - len(fixes)


def _by_group(fixes: Iterable[Fix]) -> dict[str, list[Fix]]:
    groups: dict[str, list[Fix]] = {}
    for fix in fixes:
        groups.setdefault(fix.group, []).append(fix)
    return groups


def _source(group: str) -> str:
    return f"exiftool {group} (embedded track)"


def _place(fix: Fix) -> JsonObject:
    return {
        "latitude": fix.latitude,
        "longitude": fix.longitude,
        "time": fix.extra.get("GPSDateTime", ""),
        "verbatim": fix.verbatim,
    }


def _line(group: str, fixes: Sequence[Fix], track: Track, reader: str) -> JsonObject:
    properties: JsonObject = {
        "source": _source(group),
        "reader": reader,
        "fixes": len(fixes),
        "left_out": track.left_out,
        "times": [fix.extra.get("GPSDateTime", "") for fix in fixes],
        "said": list(track.said),
    }
    coordinates: list[Json] = [_coordinates(fix) for fix in fixes]
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": coordinates},
        "properties": properties,
    }


def _point(fix: Fix) -> JsonObject:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": _coordinates(fix)},
        "properties": {"source": _source(fix.group), **fix.extra},
    }


def _coordinates(fix: Fix) -> list[Json]:
    # Without altitude: the standard asks for that over the ellipsoid, recorders write that over the sea.
    return [fix.longitude, fix.latitude]
