"""Metadata is kept verbatim with its source, and what disagrees stands side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.jsontypes import JsonObject
from transcode import metadata
from transcode.child import Finished
from transcode.exiftool import Reading, Tag
from transcode.gps import Fix, Track
from transcode.packets import Packets
from transcode.probe import Probed, Stream
from transcode.stills import StillReport
from transcode.values import objects

FINISHED = Finished(0, b"", "", 0.0, 0.0, "")


def probed(tags: dict[str, str], *stream_tags: dict[str, str]) -> Probed:
    streams = tuple(
        Stream(index, "video", "h264", Packets(), {"tags": dict(found)})
        for index, found in enumerate(stream_tags)
    )
    return Probed({"tags": dict(tags)}, streams, (), FINISHED)


def positions(text: str) -> list[JsonObject]:
    found = metadata.of_probe(probed({"location": text}), "a.mp4")["positions"]
    assert isinstance(found, list)
    return [place for place in found if isinstance(place, dict)]


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("+54.1843-002.7189/", 54.1843, -2.7189),
        ("+51.5932-0.2431/", 51.5932, -0.2431),
        ("-33.8688+151.2093+025.000/", -33.8688, 151.2093),
        ("+4012.22-07500.25/", 40.2036667, -75.0041667),
        ("+401213.1-0750015.1/", 40.2036389, -75.0041944),
        ("+27.5916+086.5640+8850CRSWGS_84/", 27.5916, 86.564),
    ],
)
def test_a_position_is_read_in_each_form_of_iso_6709(text: str, latitude: float, longitude: float) -> None:
    [place] = positions(text)
    assert place["latitude"] == pytest.approx(latitude)
    assert place["longitude"] == pytest.approx(longitude)
    assert place["verbatim"] == text
    assert place["source"] == "format tags: location"


@pytest.mark.parametrize("text", ["", "here", "+91.0+000.0/", "+10.0+181.0/", "+123-4/x", "<script>"])
def test_what_is_no_position_is_kept_as_text_only(text: str) -> None:
    section = metadata.of_probe(probed({"location": text}), "a.mp4")
    assert section["positions"] == []
    assert {"source": "format tags", "name": "location", "value": text} in values(section)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_positions_and_times(text: str) -> None:
    tags = {"location": text, "creation_time": text, "make": text}
    section = metadata.of_probe(probed(tags), text)
    assert len(values(section)) == 3


def values(section: JsonObject) -> list[object]:
    found = section["values"]
    assert isinstance(found, list)
    return list(found)


def test_each_time_says_where_it_stands_and_what_it_may_mean() -> None:
    section = metadata.of_probe(probed({"creation_time": "2024-02-09T20:23:48Z"}), "VID_20240209_212348.mp4")
    times = section["capture_times"]
    assert isinstance(times, list)
    assert [(time["source"], time["value"]) for time in times if isinstance(time, dict)] == [
        ("format tags", "2024-02-09T20:23:48Z"),
        ("file name", "20240209_212348"),
    ]
    assert "often local time" in str(times[0])
    assert section["conflicts"] == []  # an hour apart: a time zone explains it


def test_times_that_no_zone_explains_are_shown_side_by_side() -> None:
    section = metadata.of_probe(
        probed({"creation_time": "2014-11-14T07:34:24.000000Z"}), "NO20191130-120156-000121.MP4"
    )
    assert section["conflicts"] == [
        {
            "what": "time of capture",
            "values": [
                {"value": "2014-11-14T07:34:24.000000Z", "source": "format tags"},
                {"value": "20191130-120156", "source": "file name"},
            ],
        }
    ]
    assert [problem.code for problem in metadata.problems(section)] == ["metadata-conflict"]


def test_without_a_time_none_is_invented() -> None:
    assert metadata.of_probe(probed({"major_brand": "isom"}), "pixel7_cleaned.mp4")["capture_times"] == []


def test_positions_apart_are_a_conflict() -> None:
    section = metadata.of_probe(probed({"location": "+55.0+012.0/", "location-eng": "+56.0+012.0/"}), "a.mp4")
    assert isinstance(section["conflicts"], list)
    assert len(section["conflicts"]) == 1


def test_make_model_and_software_keep_their_source() -> None:
    section = metadata.of_probe(
        probed({"com.apple.quicktime.make": "Apple"}, {"encoder": "AVC Coding"}), "a.mov"
    )
    assert section["device"] == [
        {"what": "make", "value": "Apple", "source": "format tags: com.apple.quicktime.make"},
        {"what": "software", "value": "AVC Coding", "source": "stream 0 tags: encoder"},
    ]


def test_exif_of_a_still_is_labelled_with_its_reader() -> None:
    report = StillReport(
        source="exifread",
        exif=(("EXIF DateTimeOriginal", "2018:07:25 16:34:23"), ("Image Make", "Google")),
        position=(-1.5, -2.5, "S 1.5 W 2.5"),
    )
    section = metadata.of_still(report, "IMG.jpg")
    assert section["positions"] == [
        {"latitude": -1.5, "longitude": -2.5, "verbatim": "S 1.5 W 2.5", "source": "EXIF GPS (Pillow)"}
    ]
    assert section["device"] == [{"what": "make", "value": "Google", "source": "exifread: Image Make"}]


def test_metadata_without_measure_are_bounded_and_counted() -> None:
    section = metadata.of_probe(probed({f"tag{number}": "x" * 10_000 for number in range(1600)}), "a.mp4")
    assert len(values(section)) == 1500
    assert section["values_left_out"] == 100
    assert len(str(values(section)[0])) < 5000


def test_what_exiftool_read_stands_beside_with_its_group_and_wording() -> None:
    reading = Reading(
        tags=(
            Tag("QuickTime", "CreateDate", "2024:02:09 20:23:48"),
            Tag("Track1", "TrackCreateDate", "2024:02:09 20:23:48"),
            Tag("Track2", "TrackCreateDate", "0000:00:00 00:00:00"),
            Tag("ExifIFD", "CreateDate", "2024:02:09 21:23:48"),
            Tag("H264", "Make", "259", "Panasonic"),
            Tag("UserData", "GPSCoordinates", "51.5335 -0.1261 12.5", "51 deg N"),
            Tag("Composite", "GPSPosition", "51.5335 -0.1261"),
        ),
        left_out=3,
    )
    section = metadata.of_probe(probed({"make": "Sony"}), "a.mp4", reading)
    times = objects(section["capture_times"])
    assert [(time["source"], time["value"]) for time in times] == [
        ("exiftool QuickTime:CreateDate", "2024:02:09 20:23:48"),
        ("exiftool ExifIFD:CreateDate", "2024:02:09 21:23:48"),
    ]
    assert "local time of the camera" in str(times[1]["meaning"])
    assert section["device"] == [
        {"what": "make", "value": "Sony", "source": "format tags: make"},
        {"what": "make", "value": "Panasonic", "source": "exiftool H264:Make"},
    ]
    assert section["positions"] == [
        {
            "latitude": 51.5335,
            "longitude": -0.1261,
            "altitude_m": 12.5,
            "verbatim": "51.5335 -0.1261 12.5",
            "source": "exiftool UserData:GPSCoordinates",
        }
    ]
    assert {
        "source": "exiftool H264:Make",
        "name": "Make",
        "value": "259",
        "printed": "Panasonic",
    } in values(section)
    assert section["values_left_out"] == 3


def test_two_positions_of_one_file_are_a_conflict_whoever_read_them() -> None:
    reading = Reading(tags=(Tag("ItemList", "GPSCoordinates", "40.6892 -74.0445 10"),))
    section = metadata.of_probe(probed({"location": "+40.6800-074.5000/"}), "a.mp4", reading)
    assert [problem.code for problem in metadata.problems(section)] == ["metadata-conflict"]


@pytest.mark.parametrize("raw", ["", "1", "91 0", "0 181", "nan nan", "1e3 2", "here there", "0x1 0x2"])
def test_what_are_no_degrees_is_no_position(raw: str) -> None:
    reading = Reading(tags=(Tag("UserData", "GPSCoordinates", raw),))
    assert metadata.of_probe(probed({}), "a.mp4", reading)["positions"] == []


def test_a_reader_that_failed_is_named_and_what_the_others_read_is_kept() -> None:
    failed = Reading(failed="It was stopped after 120 s.")
    section = metadata.of_probe(probed({"make": "Sony"}), "a.mp4", failed, Track(failed="It gave no answer."))
    assert [problem.text for problem in metadata.problems(section)] == [
        "exiftool could not read its metadata. It was stopped after 120 s.",
        "exiftool could not read the tracks in it. It gave no answer.",
    ]
    assert {problem.code for problem in metadata.problems(section)} == {"metadata-unreadable"}
    assert len(values(section)) == 1


def test_a_fix_that_stands_alone_is_a_position_and_several_are_a_track() -> None:
    alone = Fix("Track3", 1.5, 2.5, "1.5 2.5", {"GPSDateTime": "2026:03:14 22:17:00"})
    two = [Fix("Track4", latitude, 2.5, f"{latitude} 2.5", {}) for latitude in (3.5, 4.5)]
    section = metadata.of_probe(probed({}), "a.mp4", Reading(), Track((alone, *two)))
    [place] = objects(section["positions"])
    assert (place["latitude"], place["source"]) == (1.5, "exiftool Track3 (embedded track)")
    assert place["time"] == "2026:03:14 22:17:00"
    [track] = objects(section["tracks"])
    assert (track["fixes"], track["source"]) == (2, "exiftool Track4 (embedded track)")
