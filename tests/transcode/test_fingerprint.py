"""The packets of an original as marks, and that they are found in a rewrap of it."""

import subprocess
from pathlib import Path

import pytest

from tests.transcode.conftest import B_FRAMES, PICTURES, Maker, hastened
from transcode.fingerprint import kept_packets, picture_packets
from transcode.inspect import inspect
from transcode.model import StageReport

HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")
INTERLACED = (*B_FRAMES, "-flags", "+ilme+ildct", "-x264-params", "tff=1")
# Each is encoded, not rewrapped: for other reasons each, and out of other containers.
ENCODED = [
    pytest.param("old.avi", ("-c:v", "mpeg4", "-q:v", "3"), "mp4", id="MPEG-4 ASP"),
    pytest.param("recorder.avi", ("-c:v", "mjpeg", "-q:v", "3"), "mkv", id="Motion JPEG"),
    pytest.param("air.ts", HEVC, "mp4", id="HEVC from MPEG-TS"),
    pytest.param("air-h264.ts", INTERLACED, "mp4", id="interlaced H.264 from MPEG-TS"),
    pytest.param("fields.mp4", INTERLACED, "ts", id="interlaced H.264 to MPEG-TS"),
]


def rewrapped(source: Path, target: Path, *before: str) -> Path:
    command = ["ffmpeg", "-v", "error", "-nostdin", *before, "-i", str(source), "-map", "0:v", "-c", "copy"]
    subprocess.run([*command, str(target)], check=True)
    return target


def names(source: Path, work: Path) -> set[str | None]:
    """What the packets of a file are called in all forms."""
    for folder in (work, work / "inspected", work / "packets"):
        folder.mkdir()
    sections = inspect(source, work / "inspected", "").sections
    return {one.packets for one in picture_packets(source, work / "packets", sections)}


def of_packets(report: StageReport) -> list[tuple[str, str | None, bytes | None]]:
    return [(one.part, one.packets, one.sampled) for one in report.marks]


@pytest.mark.parametrize(("name", "options", "target"), ENCODED)
def test_what_is_encoded_has_marks_that_a_rewrap_has_too(
    film: Maker, tmp_path: Path, name: str, options: tuple[str, ...], target: str
) -> None:
    source = film(name, *options, of=PICTURES)
    [mark] = hastened(source, tmp_path / "work").marks
    assert mark.packets in names(rewrapped(source, tmp_path / f"rewrapped.{target}"), tmp_path / "again")


def test_marks_that_are_made_later_are_those_of_the_stage(clip: Path, film: Maker, tmp_path: Path) -> None:
    for number, source in enumerate((clip, film("air.ts", *HEVC))):
        work, later = tmp_path / f"work-{number}", tmp_path / f"later-{number}"
        report = hastened(source, work)
        later.mkdir()
        sections = inspect(source, later, "").sections
        has_proof = {0} if source == clip else set()
        found = kept_packets(source, later, sections, has_proof)
        assert [(one.part, one.packets, one.sampled) for one in found] == of_packets(report)


def test_an_excerpt_has_a_part_of_the_sampled_packets(film: Maker, tmp_path: Path) -> None:
    source = film("recorder.avi", "-c:v", "mjpeg", "-q:v", "3")
    [whole] = hastened(source, tmp_path / "work").marks
    [part] = hastened(rewrapped(source, tmp_path / "part.avi", "-ss", "1"), tmp_path / "part").marks
    assert whole.sampled
    assert part.sampled
    assert len(part.sampled) < len(whole.sampled)
    assert whole.sampled.endswith(part.sampled)
    assert part.packets != whole.packets
