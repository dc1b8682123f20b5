"""Real footage in another form: what was encoded again is found as similar, and nothing else is."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.program import CASE, Program

FOOTAGE = os.environ.get("VIDNE_FOOTAGE", "")
pytestmark = pytest.mark.skipif(not FOOTAGE, reason="VIDNE_FOOTAGE names no folder of real footage")

CLIPS = ("cctv/video.avi", "dashcam/karma.mp4", "phone/fire2.mp4", "phone/hlg10-color-test.mp4")
PHOTOS = ("photo/DSC00001.JPG", "photo/heic-iphone7.heic")
SENT_ON = (
    "-vf",
    "scale=640:-2",
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "35",
    "-pix_fmt",
    "yuv420p",
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("similar") / "data")
    program.open_case()
    program.run("submit", *(Path(FOOTAGE) / name for name in (*CLIPS, *PHOTOS)), "--case", CASE, "--wait")
    return program


def similar(program: Program, path: Path) -> list[str]:
    """The exhibits that a file is only similar to; it is identified as none."""
    [one] = program.run("identify", path, "--json", check=5).json
    assert {match["how"] for match in one["matches"]} <= {"similar"}
    return [match["exhibit"].rpartition("-")[2] for match in one["matches"]]


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_that_went_through_a_messenger_is_similar_to_its_original_alone(
    archive: Program, tmp_path: Path, name: str
) -> None:
    sent = tmp_path / "sent.mp4"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(Path(FOOTAGE) / name),
        "-map",
        "0:V:0",
        *SENT_ON,
        "-an",
        str(sent),
    ]
    subprocess.run(command, check=True)
    assert similar(archive, sent) == [f"{CLIPS.index(name) + 1:04d}"]


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_that_was_made_smaller_is_similar_to_its_original_alone(
    archive: Program, tmp_path: Path, name: str
) -> None:
    exhibit = f"{(*CLIPS, *PHOTOS).index(name) + 1:04d}"
    archive.run("exhibit", "fetch", f"{CASE}/EX-{exhibit}", "--working", "-o", tmp_path)
    [copy] = tmp_path.iterdir()
    sent = tmp_path / "sent.jpg"
    command = ["ffmpeg", "-v", "error", "-i", str(copy), "-vf", "scale=iw/2:-2", "-q:v", "12", str(sent)]
    subprocess.run(command, check=True)
    assert similar(archive, sent) == [exhibit]


def test_footage_of_something_else_is_similar_to_none(archive: Program) -> None:
    assert similar(archive, Path(FOOTAGE) / "reference" / "bikes.mp4") == []
