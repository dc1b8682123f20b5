"""exiftool reads beside the others, in the sandbox; what it prints is bounded, and its failure is told."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcode.conftest import Maker
from tests.transcode.test_stills import photograph, png
from transcode import exiftool
from transcode.child import Finished
from transcode.sandbox import Limits
from transcode.tools import identify


def answer(text: bytes, returncode: int = 0) -> Finished:
    return Finished(returncode, text, "", 0.0, 0.0, "")


def read(finished: Finished) -> exiftool.Reading:
    [found] = exiftool.answers(finished, 1)
    return exiftool.reading(found)


def test_each_value_of_a_recording_is_read_with_its_group(film: Maker) -> None:
    source = film(
        "tagged.mov",
        *("-c:v", "libx264", "-preset", "ultrafast", "-movflags", "use_metadata_tags"),
        *("-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone 7"),
        *("-metadata", "creation_time=2026-03-14T22:17:00Z"),
    )
    reading = exiftool.read(source)
    found = {(tag.group, tag.name): tag for tag in reading.tags}
    assert found["Keys", "Make"].raw == "Apple"
    assert found["Keys", "Model"].raw == "iPhone 7"
    assert found["QuickTime", "CreateDate"].raw == "2026:03:14 22:17:00"
    assert (found["QuickTime", "MajorBrand"].raw, found["QuickTime", "MajorBrand"].printed) == (
        "qt  ",
        "Apple QuickTime (.MOV/QT)",
    )
    assert reading.failed == ""


def test_a_still_is_read_with_signed_degrees(tmp_path: Path) -> None:
    reading = exiftool.read(photograph(tmp_path / "photo.jpg"))
    assert reading.first("Make") == "Maker"
    latitude, longitude = reading.first("GPSPosition").split()
    assert (float(latitude), float(longitude)) == pytest.approx((55.675, -12.57))


def test_nothing_of_our_own_folders_stands_among_the_values(tmp_path: Path) -> None:
    reading = exiftool.read(photograph(tmp_path / "photo.jpg"))
    assert not {tag.group for tag in reading.tags} & {"System", "ExifTool"}
    assert all(str(tmp_path) not in tag.raw and "/in/" not in tag.raw for tag in reading.tags)


def test_xmp_is_read(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    xmp += b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Cam 2.0"/></rdf:RDF>'
    source = photograph(tmp_path / "photo.jpg")
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp + b"</x:xmpmeta>"
    data = source.read_bytes()
    source.write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:])
    assert exiftool.read(source).first("CreatorTool") == "Cam 2.0"


def test_a_file_that_it_does_not_know_is_said_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0\1\2\3" * 100)
    reading = exiftool.read(tmp_path / "a")
    assert (reading.tags, reading.said, reading.failed) == ((), ("Unknown file type",), "")


def test_a_bomb_of_text_does_not_hold_it_up(tmp_path: Path) -> None:
    reading = exiftool.read(png(tmp_path / "bomb.png", 65_535, 65_535))
    assert reading.first("ImageWidth") == "65535"


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b"[1]", b"[{}, {}]", b"[{", b"\xff", b"[" * 100_000, b'[{"a": 1}]x']
)
def test_an_answer_of_another_form_is_a_failure(said: bytes) -> None:
    assert read(answer(said)).failed


@pytest.mark.parametrize("returncode", [-9, 2, 137, 255])
def test_a_crash_is_a_failure_even_with_an_answer(returncode: int) -> None:
    assert "code" in read(answer(b'[{"IFD0:Make": "x"}]', returncode)).failed


@pytest.mark.parametrize(
    ("limits", "output", "why"),
    [(Limits(wall_s=0.01), 10_000, "It was stopped after"), (Limits(), 100, "saying too much")],
)
def test_a_reader_that_meets_a_limit_is_told_with_the_limit(
    tmp_path: Path, limits: Limits, output: int, why: str
) -> None:
    source = photograph(tmp_path / "photo.jpg")
    assert why in exiftool.reading(exiftool.run(source, [()], limits, output)[0]).failed


def test_each_request_has_its_answer_from_one_start(tmp_path: Path) -> None:
    source = photograph(tmp_path / "photo.jpg")
    requests = (exiftool.VALUES, ("-n", "-Make", "-GPSLatitude"), ("-Nothing",))
    values, some, none = exiftool.run(source, requests, Limits(), 100_000)
    assert exiftool.reading(values) == exiftool.read(source)
    assert isinstance(some, dict)
    assert some["Make"] == "Maker"
    assert float(str(some["GPSLatitude"])) == pytest.approx(55.675)
    assert none == {"SourceFile": "/in/src"}


def test_after_a_bad_end_no_request_has_an_answer() -> None:
    ended = answer(b'[{"IFD0:Make": "x"}]\n[{"Doc1:T:', 137)
    assert exiftool.answers(ended, 2) == (ended.explain(),) * 2


def test_a_request_without_an_answer_is_told() -> None:
    assert exiftool.answers(answer(b'[{"A:B": "c"}]'), 2) == ({"A:B": "c"}, "It gave no answer.")


def test_the_tool_is_known_by_version_and_digest() -> None:
    tool = identify("exiftool")
    assert re.fullmatch(r"\d+\.\d+", tool.version)
    assert re.fullmatch(r"[0-9a-f]{64}", tool.sha256)


def test_numbers_stay_as_they_are_written() -> None:
    said = (
        b'[{"A:X": {"val": 30.000000}, "A:Y": 123456789012345678901234567890, "A:Z": 1e999, "A:B": [1, "c"]}]'
    )
    tags = read(answer(said)).tags
    assert [tag.raw for tag in tags] == ["30.000000", "123456789012345678901234567890", "1e999", "1, c"]


def test_a_value_that_also_stands_under_a_language_is_told_once() -> None:
    said = b'[{"Keys:Make-und-HK": "Apple", "Keys:Make": "Apple", "Keys:Title-deu": "Titel"}]'
    assert [tag.name for tag in read(answer(said)).tags] == ["Make", "Title-deu"]


def test_values_without_measure_are_bounded_and_counted() -> None:
    entries = b", ".join(b'"G:T%d": "%s"' % (number, b"x" * 5000) for number in range(1100))
    reading = read(answer(b"[{" + entries + b"}]"))
    assert (len(reading.tags), reading.left_out) == (1000, 100)
    assert max(len(tag.raw) for tag in reading.tags) <= 4096


VALUES = st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner), max_leaves=5)


@given(st.dictionaries(st.text(), VALUES | st.dictionaries(st.sampled_from(["val", "num"]), VALUES)))
def test_no_answer_breaks_the_reading(entries: dict[str, object]) -> None:
    import json  # noqa: PLC0415

    read(answer(json.dumps([entries]).encode()))
