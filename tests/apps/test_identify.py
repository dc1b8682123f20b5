"""What a file is recognised by, and that nothing is recognised that is not there."""

import os
import subprocess
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageFilter

from samples.generator import clip
from tests.system.program import CASE, Program

KIB, MIB = 1024, 1024**2
FILES = (
    "clip.mp4",
    "air.ts",
    "large.bin",
    "old.avi",
    "recorder.avi",
    "air-hevc.ts",
    "photo.jpg",
    "small.bin",
)


def ffmpeg(*args: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *args], check=True)


def picture(path: Path, seed: int) -> Path:
    """A still that shows some large shapes, others for each seed."""
    small = Image.frombytes("RGB", (16, 12), Random(seed).randbytes(3 * 16 * 12))
    small.resize((1280, 960), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(8)).save(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identify")


@pytest.fixture(scope="module")
def archive(folder: Path) -> Program:
    """One clip in two containers, three that are encoded, a still, and two files that are no footage."""
    program = Program(folder / "data")
    program.open_case()
    clip(folder / "clip.mp4", seconds=2)
    ffmpeg("-i", folder / "clip.mp4", "-map", "0:v", "-c", "copy", "-f", "mpegts", folder / "air.ts")
    (folder / "large.bin").write_bytes(os.urandom(9 * MIB))
    shown = ("-f", "lavfi", "-i", "mandelbrot=s=320x240:r=25", "-t", "4")
    ffmpeg(*shown, "-c:v", "mpeg4", "-q:v", "3", folder / "old.avi")
    ffmpeg(*shown, "-vf", "hflip", "-c:v", "mjpeg", "-q:v", "4", folder / "recorder.avi")
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")
    ffmpeg(*shown, "-vf", "transpose", *hevc, folder / "air-hevc.ts")
    picture(folder / "photo.jpg", 1)
    (folder / "small.bin").write_bytes(os.urandom(300 * KIB))
    program.run("submit", *(folder / name for name in FILES), "--case", CASE, "--wait", check=3)
    return program


def told(program: Program, path: Path, check: int = 0) -> list[tuple[str, str]]:
    [one] = program.run("identify", path, "--json", check=check).json
    return [(match["exhibit"].rpartition("/")[2], match["how"]) for match in one["matches"]]


def test_an_original_is_known_by_its_bytes(archive: Program, folder: Path) -> None:
    assert told(archive, folder / "clip.mp4") == [("EX-0001", "bytes")]


def test_a_working_copy_is_known_and_named_as_such(archive: Program, tmp_path: Path) -> None:
    archive.run("exhibit", "fetch", f"{CASE}/EX-0001", "--working", "-o", tmp_path)
    [copy] = tmp_path.iterdir()
    done = archive.run("identify", copy)
    assert f"{CASE}/EX-0001, its rendition working.mp4" in done.out


REWRAPS = [
    ("clip.mp4", "mkv", "EX-0001"),
    ("clip.mp4", "mov", "EX-0001"),
    ("clip.mp4", "h264", "EX-0001"),
    ("air.ts", "mp4", "EX-0002"),
    ("old.avi", "mp4", "EX-0004"),
    ("recorder.avi", "mkv", "EX-0005"),
    ("air-hevc.ts", "mp4", "EX-0006"),
]


@pytest.mark.parametrize(("original", "target", "exhibit"), REWRAPS)
def test_a_rewrap_is_known_by_its_packets(
    archive: Program, folder: Path, tmp_path: Path, original: str, target: str, exhibit: str
) -> None:
    rewrapped = tmp_path / f"rewrapped.{target}"
    ffmpeg("-i", folder / original, "-c", "copy", rewrapped)
    assert (exhibit, "packets") in told(archive, rewrapped)


@pytest.mark.parametrize(("original", "exhibit"), [("old.avi", "EX-0004"), ("recorder.avi", "EX-0005")])
def test_what_was_cut_out_without_encoding_is_known_as_an_excerpt(
    archive: Program, folder: Path, tmp_path: Path, original: str, exhibit: str
) -> None:
    excerpt = tmp_path / "excerpt.mkv"
    ffmpeg("-ss", "0.5", "-i", folder / original, "-c", "copy", "-t", "3", excerpt)
    assert (exhibit, "excerpt") in told(archive, excerpt)
    assert "an excerpt: " in archive.run("identify", excerpt).out


SENT_ON = ("-vf", "scale=-2:180", "-c:v", "libx264", "-crf", "35", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize(
    ("original", "exhibit"), [("clip.mp4", "EX-0001"), ("old.avi", "EX-0004"), ("air-hevc.ts", "EX-0006")]
)
def test_a_clip_that_was_encoded_again_is_similar_and_not_identified(
    archive: Program, folder: Path, tmp_path: Path, original: str, exhibit: str
) -> None:
    again = tmp_path / "again.mp4"
    ffmpeg("-i", folder / original, *SENT_ON, again)
    found = told(archive, again, check=5)
    assert (exhibit, "similar") in found
    assert {how for _, how in found} == {"similar"}
    done = archive.run("identify", again, check=5)
    assert "similar, not identical" in done.out
    assert "identified as no exhibit" in done.out


def test_how_similar_it_is_stands_in_numbers(archive: Program, folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    ffmpeg("-i", folder / "old.avi", *SENT_ON, again)
    [one] = archive.run("identify", again, "--json", check=5).json
    [match] = one["matches"]
    assert 0 < match["frames"] <= match["of_frames"]
    assert 0 <= match["bits"] <= 64 < match["of_bits"] == 256


def test_a_still_out_of_a_clip_is_similar_to_it(archive: Program, folder: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.jpg"
    ffmpeg("-ss", "1", "-i", folder / "old.avi", "-frames:v", "1", "-q:v", "9", still)
    assert told(archive, still, check=5) == [("EX-0004", "similar")]


def test_a_still_that_was_sent_on_and_cropped_is_similar(
    archive: Program, folder: Path, tmp_path: Path
) -> None:
    sent = tmp_path / "sent.jpg"
    with Image.open(folder / "photo.jpg") as shown:
        shown.crop((20, 15, 1260, 945)).resize((640, 480)).save(sent, quality=40)
    assert told(archive, sent, check=5) == [("EX-0007", "similar")]


def test_another_still_is_similar_to_none(archive: Program, tmp_path: Path) -> None:
    assert told(archive, picture(tmp_path / "other.jpg", 2), check=5) == []


def test_a_black_clip_is_like_no_other_and_says_why(archive: Program, tmp_path: Path) -> None:
    black = tmp_path / "black.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x240:r=25:d=2", "-pix_fmt", "yuv420p", black)
    done = archive.run("identify", black, check=5)
    assert "of no exhibit here" in done.out
    assert "dark or plain" in done.out


@pytest.mark.parametrize("size", [5 * KIB, 100 * KIB, 299 * KIB])
def test_a_small_file_that_was_cut_is_known_to_the_byte(
    archive: Program, folder: Path, tmp_path: Path, size: int
) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes((folder / "small.bin").read_bytes()[:size])
    assert told(archive, cut) == [("EX-0008", "pieces")]
    said = f"cut short: its {size} bytes are the first of its original's {300 * KIB}"
    assert said in archive.run("identify", cut).out


def test_the_beginning_of_a_large_file_is_known(archive: Program, folder: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes((folder / "large.bin").read_bytes()[: 2 * MIB])
    assert told(archive, cut) == [("EX-0003", "pieces")]


def test_what_only_begins_alike_is_not_known(archive: Program, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes((folder / "small.bin").read_bytes()[: 100 * KIB] + os.urandom(100 * KIB))
    assert told(archive, other, check=5) == []


def test_a_small_file_that_was_cut_is_known_in_a_package(
    archive: Program, folder: Path, tmp_path: Path
) -> None:
    archive.run("export", CASE, "-o", tmp_path / "package")
    cut = tmp_path / "cut.bin"
    cut.write_bytes((folder / "small.bin").read_bytes()[: 100 * KIB])
    [one] = archive.run("identify", cut, "--package", tmp_path / "package", "--json").json
    [match] = one["matches"]
    assert match["exhibit"].startswith("data/EX-0008")
    assert (match["how"], "as it lies in the package" in match["what"]) == ("pieces", True)
    assert "rewraps, excerpts, similar ones are not found" in one["untold"]


def test_exhibits_without_marks_are_told_and_can_be_given_theirs(folder: Path, tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    names = ("old.avi", "photo.jpg", "small.bin")
    program.run("submit", *(folder / name for name in names), "--case", CASE, "--wait", check=3)
    program.execute("DELETE FROM fingerprint")
    program.execute("DELETE FROM sketch")
    again, rewrapped, cut = (tmp_path / name for name in ("again.mp4", "rewrapped.mp4", "cut.bin"))
    ffmpeg("-i", folder / "old.avi", *SENT_ON, again)
    ffmpeg("-i", folder / "old.avi", "-c", "copy", rewrapped)
    cut.write_bytes((folder / "small.bin").read_bytes()[: 100 * KIB])
    [one] = program.run("identify", again, "--json", check=5).json
    assert one["matches"] == []
    for number, what in ((3, "its first bytes"), (1, "some of its packets"), (2, "what it shows")):
        assert f"{number} exhibits could not be looked through for {what}" in one["untold"]
    assert "3 exhibits were marked, 0 could not be" in program.run("identify", "--learn").err
    assert told(program, again, check=5) == [("EX-0001", "similar")]
    assert told(program, rewrapped) == [("EX-0001", "packets")]
    assert told(program, cut) == [("EX-0003", "pieces")]
    assert "0 exhibits were marked" in program.run("identify", "--learn").err


def test_a_download_that_was_cut_is_known_by_its_pieces(
    archive: Program, folder: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes((folder / "large.bin").read_bytes()[: 6 * MIB])
    assert told(archive, cut) == [("EX-0003", "pieces")]
    assert f"cut short: {6 * MIB} of its original's {9 * MIB} bytes" in archive.run("identify", cut).out


def test_a_changed_copy_is_known_and_the_place_is_told(
    archive: Program, folder: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.bin"
    raw = bytearray((folder / "large.bin").read_bytes())
    raw[5 * MIB] ^= 1
    changed.write_bytes(raw)
    assert f"changed: the same as its original up to byte {4 * MIB}" in archive.run("identify", changed).out


def test_a_stranger_is_of_no_exhibit_and_says_so(archive: Program, tmp_path: Path) -> None:
    stranger = tmp_path / "note.txt"
    stranger.write_text("Seen at nine.\n")
    done = archive.run("identify", stranger, check=5)
    assert "of no exhibit here" in done.out


def test_what_cannot_be_read_takes_no_other_file_along(
    archive: Program, folder: Path, tmp_path: Path
) -> None:
    done = archive.run("identify", tmp_path / "absent", folder / "clip.mp4", check=4)
    assert "EX-0001" in done.out
    assert "not a file that can be read" in done.err
