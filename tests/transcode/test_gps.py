"""Every fix of a track inside of footage comes out as GeoJSON, none invented, none moved."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from evidence.exhibits import Role
from tests.transcode.conftest import PICTURES, Maker
from transcode import exiftool, gps
from transcode.child import Finished
from transcode.inspect import inspect
from transcode.values import objects

# As drones write it into a subtitle track, one sample a second.
FIXES = [(55.676110, -12.568310), (55.676210, -12.568410), (55.676310, -12.568510)]


def subtitles(path: Path, fixes: list[tuple[float, float]]) -> Path:
    lines = [
        f"{n + 1}\n00:00:0{n},000 --> 00:00:0{n + 1},000\nLat: {lat:.6f} Lon: {lon:.6f} Alt: 12.5\n"
        for n, (lat, lon) in enumerate(fixes)
    ]
    path.write_text("\n".join(lines))
    return path


def drone(film: Maker, tmp_path: Path, fixes: list[tuple[float, float]]) -> Path:
    text = subtitles(tmp_path / "fixes.srt", fixes)
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-c:s", "mov_text")
    return film("drone.mp4", *options, of=(*PICTURES, "-i", str(text)))


def answer(entries: Mapping[str, object]) -> exiftool.Answer:
    printed = json.dumps([{"SourceFile": "/in/src", **entries}]).encode()
    [found] = exiftool.answers(Finished(0, printed, "", 0.0, 0.0, ""), 1)
    return found


def test_a_track_is_filed_as_geojson_with_every_fix(film: Maker, tmp_path: Path) -> None:
    source = drone(film, tmp_path, FIXES)
    report = inspect(source, tmp_path, "drone.mp4")
    [made] = report.made
    assert (made.role, made.name, made.parent, made.detail["fixes"]) == (Role.TRACK, gps.NAME, "original", 3)
    assert made.tool.name == "exiftool"
    line, *points = json.loads(made.path.read_text())["features"]
    # RFC 7946, 3.1.1: longitude first.
    assert line["geometry"] == {"type": "LineString", "coordinates": [[lon, lat] for lat, lon in FIXES]}
    assert [point["geometry"]["coordinates"] for point in points] == line["geometry"]["coordinates"]
    assert [point["properties"]["SampleTime"] for point in points] == ["0", "1", "2"]
    assert {point["properties"]["GPSAltitude"] for point in points} == {"12.5"}
    assert line["properties"]["source"] == "exiftool Track2 (embedded track)"
    section = report.sections["metadata"]
    assert isinstance(section, dict)
    [track] = objects(section["tracks"])
    assert track["fixes"] == 3
    assert section["positions"] == []


def test_one_fix_is_a_position_and_no_track(film: Maker, tmp_path: Path) -> None:
    report = inspect(drone(film, tmp_path, FIXES[:1]), tmp_path, "drone.mp4")
    assert report.made == ()
    section = report.sections["metadata"]
    assert isinstance(section, dict)
    [place] = objects(section["positions"])
    assert (place["latitude"], place["longitude"]) == FIXES[0]


def test_footage_without_a_track_has_none(clip: Path, tmp_path: Path) -> None:
    assert gps.read(clip)[1] == gps.Track()
    assert gps.write(gps.read(clip)[1], tmp_path) is None


def test_values_are_read_though_the_search_for_a_track_takes_too_long(
    film: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gps, "_LEAST_S", 0)  # a small file then has no time at all
    reading, track = gps.read(drone(film, tmp_path, FIXES))
    assert "stopped after" in track.failed
    assert reading.failed == ""
    assert reading.first("MajorBrand")


def test_several_fixes_of_one_sample_are_paired_in_their_order() -> None:
    track = gps.track(
        answer(
            {
                "Doc1:Track4:Copy1:GPSLatitude": 1.5,
                "Doc1:Track4:GPSLatitude": 2.5,
                "Doc2:Track4:Copy2:GPSLatitude": 3.5,
                "Doc1:Track4:Copy1:GPSLongitude": -1.5,
                "Doc1:Track4:GPSLongitude": -2.5,
                "Doc2:Track4:Copy2:GPSLongitude": -3.5,
                "Doc1:Track4:Copy1:GPSDateTime": "a",
                "Doc1:Track4:GPSDateTime": "b",
                "Doc1:Track4:SampleTime": 0,
                "Doc2:Track4:SampleTime": 1.001,
                "Main:GPSLatitude": 80,
            }
        )
    )
    found = [(fix.latitude, fix.longitude, dict(fix.extra)) for fix in track.fixes]
    assert found == [
        (1.5, -1.5, {"GPSDateTime": "a", "SampleTime": "0"}),
        (2.5, -2.5, {"GPSDateTime": "b", "SampleTime": "0"}),
        (3.5, -3.5, {"SampleTime": "1.001"}),
    ]


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(91, 0), (0, 181), ("nan", 0), ("inf", 0), ("", 0), ([1], 0), (None, 0)]
)
def test_what_is_no_place_on_earth_is_counted_and_left_out(latitude: object, longitude: object) -> None:
    track = gps.track(answer({"Doc1:T:GPSLatitude": latitude, "Doc1:T:GPSLongitude": longitude}))
    assert (track.fixes, track.unread) == ((), 1)


def test_a_latitude_without_its_longitude_makes_no_fix() -> None:
    track = gps.track(answer({"Doc1:T:GPSLatitude": 1, "Doc2:T:GPSLongitude": 2}))
    assert (track.fixes, track.unread) == ((), 2)


def test_two_tracks_are_kept_apart(tmp_path: Path) -> None:
    entries = {
        f"Doc{n}:Track{n % 2 + 3}:{name}": n for n in range(6) for name in ("GPSLatitude", "GPSLongitude")
    }
    made = gps.write(gps.track(answer(entries)), tmp_path)
    assert made is not None
    lines = [
        feature
        for feature in json.loads(made.path.read_text())["features"]
        if feature["geometry"]["type"] == "LineString"
    ]
    assert [line["properties"]["fixes"] for line in lines] == [3, 3]


def test_a_failure_is_told_and_makes_no_track(tmp_path: Path) -> None:
    track = gps.track("It was stopped after 9 s.")
    assert track.failed
    assert gps.write(track, tmp_path) is None
