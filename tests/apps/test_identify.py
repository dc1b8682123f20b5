"""What a file is recognised by, and that nothing is recognised that is not there."""

import os
import subprocess
from pathlib import Path

import pytest

from samples.generator import clip
from tests.system.program import CASE, Program

MIB = 1024**2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identify")


@pytest.fixture(scope="module")
def archive(folder: Path) -> Program:
    """Two clips, one of them larger than two pieces, and 9 MiB that are no video."""
    program = Program(folder / "data")
    program.open_case()
    clip(folder / "clip.mp4", seconds=2)
    wrapped = ("-map", "0:v", "-c", "copy", "-f", "mpegts")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", folder / "clip.mp4", *wrapped, folder / "air.ts"], check=True
    )
    (folder / "large.bin").write_bytes(os.urandom(9 * MIB))
    names = ("clip.mp4", "air.ts", "large.bin")
    program.run("submit", *(folder / name for name in names), "--case", CASE, "--wait", check=3)
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


@pytest.mark.parametrize("target", ["mkv", "mov"])
def test_a_rewrap_is_known_by_its_packets(
    archive: Program, folder: Path, tmp_path: Path, target: str
) -> None:
    rewrapped = tmp_path / f"rewrapped.{target}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "clip.mp4", "-c", "copy", rewrapped], check=True)
    assert ("EX-0001", "packets") in told(archive, rewrapped)


def test_a_rewrap_of_a_transport_stream_is_known(archive: Program, folder: Path, tmp_path: Path) -> None:
    rewrapped = tmp_path / "rewrapped.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "air.ts", "-c", "copy", rewrapped], check=True)
    assert ("EX-0002", "packets") in told(archive, rewrapped)


def test_a_clip_that_was_encoded_again_is_not_known(archive: Program, folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "clip.mp4", "-crf", "40", again], check=True)
    assert told(archive, again, check=5) == []


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
