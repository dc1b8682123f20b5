"""Every fact that the ground truth of the real footage states, held against what the stages found.

Where the table does not say what the file has, CORRECTED says it, with the evidence.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence.exhibits import ExhibitState
from transcode.stages import run_stages

FOOTAGE = os.environ.get("VIDNE_FOOTAGE", "")
pytestmark = pytest.mark.skipif(not FOOTAGE, reason="VIDNE_FOOTAGE names no folder of real footage")

# What a row says beside facts of its file; size, digest and verdict are held against it in test_footage.py.
NOT_FACTS = {"file", "kind", "source", "licence", "sha256", "size", "expected", "also_acceptable", "reason"}
# How other tools fared; how they disagree is seen in the columns themselves.
NOT_FACTS |= {"decode_ffmpeg5.1.9", "tools_disagree"}
NOTHING = ("", "-", "n/a", "none", "no")


@dataclass(frozen=True)
class Found:
    """What the stages found of a file."""

    sections: Mapping[str, Any]
    state: ExhibitState

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.sections["metadata"] or {"values": [], "capture_times": [], "positions": [], "device": []}

    @property
    def pictures(self) -> list[dict[str, Any]]:
        return [stream for stream in self.sections["streams"] if stream["is_picture"]]

    @property
    def is_still(self) -> bool:
        return bool(self.sections["media"]["kind"] == "still")

    def value(self, source: str) -> list[str]:
        """Each value of a place, such as `exiftool GPS:GPSAltitude`."""
        return [value["value"] for value in self.metadata["values"] if value["source"] == source]

    def measure(self, name: str) -> Any:
        measures = self.sections.get("quality", {}).get("measures", [])
        return next((one["value"] for one in measures if one["name"] == name), None)


def table() -> dict[str, dict[str, str]]:
    if not FOOTAGE:
        return {}
    with (Path(FOOTAGE) / "footage.tsv").open(newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream, delimiter="\t")}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """`found(file)`: what all stages found of a file, each file once."""
    known: dict[str, Found] = {}

    def find(file: str) -> Found:
        if file not in known:
            work = tmp_path_factory.mktemp("stages")
            known[file] = Found(*run_stages(Path(FOOTAGE) / file, work))
        return known[file]

    return find


def container(cell: str, found: Found) -> None:
    ffprobe, *others = cell.split(" / ")
    said = dict(part.split(": ", 1) for part in others if part.startswith("exiftool: "))
    if said["exiftool"] == "Unknown file type":
        assert found.value("exiftool File:MIMEType") == []
    else:
        assert found.value("exiftool File:MIMEType") == [said["exiftool"]]
    if ffprobe == "unreadable by ffprobe":
        assert found.is_still or found.state is ExhibitState.UNPLAYABLE
    elif not found.is_still:
        assert found.sections["media"]["container"] == ffprobe


def codecs(kind: str) -> Callable[[str, Found], None]:
    def compare(cell: str, found: Found) -> None:
        known = [stream["codec"] for stream in found.sections["streams"] if stream["type"] == kind]
        named = cell.partition(" / ")[0]
        expected = [] if named in NOTHING else named.split("+")
        if not found.is_still:  # a still's codec follows from its format
            assert known == expected

    return compare


def coded(cell: str, found: Found) -> None:
    size = re.search(r"(\d+)x(\d+)", cell)
    assert size
    first = found.sections["media"] if found.is_still else found.pictures[0]
    if found.is_still and found.value("exiftool File:ImageWidth"):
        place = "exiftool File:Image"
        assert [*found.value(f"{place}Width"), *found.value(f"{place}Height")] == [size[1], size[2]]
    assert (first["width"], first["height"]) == (int(size[1]), int(size[2]))


def displayed(cell: str, found: Found) -> None:
    shown = found.measure("shown size")
    if found.state is ExhibitState.UNPLAYABLE:  # nothing decodes, so nothing is shown
        assert shown is None
    else:
        assert shown == cell.partition(" ")[0]
    orientation = re.search(r"EXIF orientation (\d)", cell)
    if orientation:
        turns = [one["value"] for one in found.metadata["rotation"]]
        exif = found.value("exiftool IFD0:Orientation")
        assert exif[:1] == [orientation[1]]
        assert len(turns) >= 1


def rotation(cell: str, found: Found) -> None:
    turned = found.pictures[0]["rotation"] if found.pictures else 0
    assert turned == (-int(cell or 0)) % 360  # the table counts against the clock, as ffprobe does


def rate(cell: str, found: Found) -> None:
    match = re.match(r"avg (\S+) r (\S+)", cell)
    assert match
    assert (found.pictures[0]["avg_frame_rate"], found.pictures[0]["r_frame_rate"]) == match.groups()


def cadence(cell: str, found: Found) -> None:
    lines = found.sections.get("timeline", [])
    if cell in NOTHING:
        assert lines == [] or lines[0]["frames"] == 0 or "frame rate is not known" in str(found.sections)
        return
    kind, least, middle, most = re.match(  # type: ignore[union-attr]  # a cell of another form must fail
        r"(\w+) \(gap min (\d+) / median ([\d.]+) / max (\d+) ms", cell
    ).groups()
    assert lines[0]["rate_is_constant"] is (kind == "CFR")
    gaps = [lines[0][name] * 1000 for name in ("least_gap_s", "median_gap_s", "worst_gap_s")]
    assert gaps == pytest.approx([float(least), float(middle), float(most)], abs=1)


def duration(cell: str, found: Found) -> None:
    header = re.match(r"header (\S+) /", cell)
    assert header
    known = found.sections["media"]["duration_s"]
    assert known is None if header[1] == "-" else known == pytest.approx(float(header[1]), abs=1e-6)


def frames(cell: str, found: Found) -> None:
    stored, decoded = (int(count) for count in re.findall(r"\d+", cell))
    assert found.pictures[0]["packets"]["count"] == stored
    lines = found.sections.get("timeline", [])
    assert (lines[0]["frames"] if lines else 0) == decoded


def scan(cell: str, found: Found) -> None:
    order = found.pictures[0].get("field_order", "progressive") if found.pictures else "progressive"
    fields = {"TFF": ("tt", "tb"), "BFF": ("bb", "bt")}
    expected = next((orders for word, orders in fields.items() if word in cell), ("progressive", "unknown"))
    assert order in expected


def light(cell: str, found: Found) -> None:
    first = found.pictures[0] if found.pictures else {}
    transfer, form = first.get("color_transfer", ""), first.get("pix_fmt", "")
    gain = [value for value in found.metadata["values"] if "hdrgm" in value["source"]]
    assert (transfer == "arib-std-b67") is ("HLG" in cell)
    assert (transfer == "smpte2084") is ("PQ" in cell)
    assert ("10" in form) is ("10-bit" in cell)
    assert bool(gain) is ("gain map" in cell)


def capture_time(cell: str, found: Found) -> None:
    times = found.metadata["capture_times"]
    dated = [time for time in times if re.search(r"\d{4}[-:]\d\d[-:]\d\d", time["value"])]
    if cell in NOTHING:
        assert [time for time in dated if time["source"] != "file name"] == []
        return
    for entry in cell.split("; "):
        place, value = entry.split("=", 1)
        if place == "mediainfo recorded":  # a third reader's wording of what exiftool gives too
            digits = "".join(re.findall(r"\d", value))[:14]
            assert any("".join(re.findall(r"\d", time["value"])).startswith(digits) for time in times)
        elif place.startswith("Pillow "):
            assert ("Pillow", place.removeprefix("Pillow "), value) in sources(times)
        elif place == "ffprobe creation_time":
            assert ("format tags", place.split()[1], value) in sources(times)
        else:
            assert (f"exiftool {place}", place.split(":")[1], value) in sources(times)


def sources(times: list[dict[str, str]]) -> set[tuple[str, str, str]]:
    return {(time["source"], time["name"], time["value"]) for time in times}


def gps(cell: str, found: Found) -> None:
    places, tracks = found.metadata["positions"], found.metadata.get("tracks", [])
    if cell in NOTHING:
        assert (places, tracks) == ([], [])
        return
    for entry in cell.split("; "):
        track = re.fullmatch(r"embedded track: (\d+) fixes, first (\S+) (\S+) (.+)", entry)
        tag = re.fullmatch(r"\[(\w+)\] (\w+) : (.+)", entry)
        if track:
            assert (tracks[0]["fixes"], tracks[0]["first"]["time"]) == (int(track[1]), track[4])
            assert near(tracks[0]["first"], track[2], track[3])
        elif tag:
            group, name, value = tag.groups()
            known = found.value(f"exiftool {group}:{name}")
            numbers = [float(number) for number in value.split()]
            assert any([float(part) for part in one.split()] == pytest.approx(numbers) for one in known)
            if name in ("GPSPosition", "GPSCoordinates"):
                assert any(near(place, *value.split()[:2]) for place in places)
        else:
            name, value = entry.removeprefix("ffprobe ").split("=")
            assert entry.startswith("ffprobe ")
            assert any(place["verbatim"] == value and name in place["source"] for place in places)


def near(place: Mapping[str, Any], latitude: str, longitude: str) -> bool:
    return (place["latitude"], place["longitude"]) == pytest.approx(
        (float(latitude), float(longitude)), abs=1e-6
    )


def maker(cell: str, found: Found) -> None:
    device = {(one["source"], one["value"]) for one in found.metadata["device"]}
    if cell in NOTHING:
        assert [one for one in found.metadata["device"] if one["what"] in ("make", "model")] == []
        return
    for entry in cell.split("; "):
        place, value = entry.split("=", 1)
        assert (f"exiftool {place}", value) in device


def c2pa(cell: str, found: Found) -> None:
    section = found.sections["signatures"]["c2pa"]
    if cell in NOTHING:
        if found.state is ExhibitState.UNPLAYABLE and section["state"] == "not checked":
            assert "cannot read it" in section["text"] or "not looked into" in section["text"]
        elif section["state"] == "not checked":
            assert "not looked into" in section["text"]
        else:
            assert section["state"] == "absent"
        return
    match = re.fullmatch(r"yes: (\w+); issuer (.+) (\S+); \[(.*)\]", cell)
    assert match
    assert section["state"] == {"Valid": "valid, signer not trusted", "Invalid": "invalid"}[match[1]]
    assert (section["issuer"], section["time"]) == (match[2], match[3])
    # The table has a code again for each ingredient.
    assert {one["code"] for one in section["failure"]} == set(re.findall(r"'([^']+)'", match[4]))


COMPARED: dict[str, Callable[[str, Found], None]] = {
    "container": container,
    "video_codec": codecs("video"),
    "audio": codecs("audio"),
    "wh_coded": coded,
    "wh_displayed": displayed,
    "rotation_tag": rotation,
    "fps": rate,
    "vfr_cfr": cadence,
    "duration_s": duration,
    "frames": frames,
    "interlaced": scan,
    "hdr": light,
    "capture_time": capture_time,
    "gps": gps,
    "make_model": maker,
    "c2pa": c2pa,
}
# File and column -> what the file really has, and how one can see that.
CORRECTED: dict[tuple[str, str], tuple[str, str]] = {
    ("dashcam/karma.mp4", "gps"): (
        "embedded track: 47 fixes, first 33.1253688 -117.3310668 2017:04:17 19:27:57.52602",
        "it has up to four fixes a sample; exiftool without -a tells the last of each, so the table has 12",
    ),
    ("photo/sample_MP.heic", "capture_time"): (
        "Pillow EXIF DateTime=2020:10:21 12:26:37; Pillow EXIF DateTimeOriginal=2020:10:21 12:26:18",
        "both stand in its EXIF item from byte 28727 on, which exiftool and exifread do not read",
    ),
    ("hostile/payload_in_all_known_metadata.jpg", "make_model"): (
        "; ".join(
            f"{place}=<script>alert(1)</script>"
            for place in ("IFD0:Make", "IFD0:Model", "IFD0:Software", "XMP-tiff:Make", "XMP-tiff:Model")
        ),
        "the table's cell ends after 200 characters, in the middle of a name",
    ),
    ("reference/fixture-raw.mts", "make_model"): (
        "H264:Make=Panasonic",
        "its H.264 user data (MDPM, tag 0xe0) has the maker 259, which the table left out",
    ),
}
# Files that are kept and not opened: no fact is read from them, which the state's reason tells.
NOT_OPENED = {"broken/hello.mp4", "hostile/lottapixel.jpg", "hostile/png_decompression_dos.png"}
# An empty cell says that the column has no meaning for the file, not that the fact is absent.
SILENT = ("",)


def facts() -> Iterator[tuple[str, str]]:
    for file, row in table().items():
        yield from ((file, column) for column in row if column in COMPARED and row[column] not in SILENT)


def test_every_column_of_the_table_is_compared_or_is_no_fact() -> None:
    for row in table().values():
        assert set(row) == set(COMPARED) | NOT_FACTS


def test_every_correction_names_a_fact_of_the_table() -> None:
    assert set(CORRECTED) <= set(facts())
    assert set(table()) >= NOT_OPENED


@pytest.mark.parametrize("file", sorted(NOT_OPENED))
def test_what_is_not_opened_is_refused_as_expected(found: Callable[[str], Found], file: str) -> None:
    assert found(file).state is ExhibitState.REFUSED
    assert table()[file]["expected"] == "refuse with a clear error"


@pytest.mark.parametrize(("file", "column"), [one for one in facts() if one[0] not in NOT_OPENED])
def test_each_fact_is_found(found: Callable[[str], Found], file: str, column: str) -> None:
    cell, _evidence = CORRECTED.get((file, column), (table()[file][column], ""))
    COMPARED[column](cell, found(file))
