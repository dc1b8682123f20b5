"""A stored copy is held against its original once more, and every way of meddling with it is told."""

import struct
import subprocess
from pathlib import Path

import pytest

from evidence.exhibits import Role
from tests.transcode.conftest import B_FRAMES, PICTURES, SOUND, Maker, hastened, made, slowed
from transcode.inspect import inspect
from transcode.reproof import Reproved, StoredCopy, prove_again
from transcode.tools import identify

X264_OTHER = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "1")


def again(original: Path, copy: Path, work: Path, *, name: str = "", is_encoded: bool = False) -> Reproved:
    work.mkdir()
    stored = StoredCopy(name or copy.name, copy, is_encoded, identify("ffmpeg").sha256)
    [told] = prove_again(original, [stored], work)
    return told


def changed(copy: Path, target: Path, *options: str) -> Path:
    """The copy written anew by ffmpeg, with something changed and the rest as it was."""
    command = ["ffmpeg", "-v", "error", "-y", *options, str(target)]
    subprocess.run([part if part != "COPY" else str(copy) for part in command], check=True)
    return target


@pytest.fixture(scope="module")
def rewrapped(film: Maker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An original and its remuxed working copy."""
    original = film("clip.mkv", *B_FRAMES, "-c:a", "aac", of=(*PICTURES, *SOUND))
    work = tmp_path_factory.mktemp("rewrapped")
    return original, made(hastened(original, work), Role.WORKING)["working.mp4"]


def test_a_rewrap_that_nobody_touched_holds_packet_by_packet_and_frame_by_frame(
    rewrapped: tuple[Path, Path], tmp_path: Path
) -> None:
    told = again(*rewrapped, tmp_path / "again")
    assert told == Reproved("working.mp4", verdict="packets identical, 50 decoded frames identical")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        # its first second is hidden by an edit list, though no packet is gone
        (("-ss", "0.5", "-i", "COPY", "-map", "0", "-c", "copy"), "would not be shown"),
        (("-i", "COPY", "-map", "0:v", "-c", "copy"), "1 streams instead of 2"),
        (("-i", "COPY", "-map", "0", "-c", "copy", "-t", "1"), "packets"),
        (("-i", "COPY", "-map", "0", "-c", "copy", "-bsf:v", "filter_units=remove_types=6"), "differs"),
        (
            ("-i", "COPY", "-map", "0", "-c", "copy", "-bsf:v", "h264_metadata=sample_aspect_ratio=2/1"),
            "differs",
        ),
        (("-itsscale", "1.5", "-i", "COPY", "-map", "0", "-c", "copy"), "away from their time"),
        (("-i", "COPY", "-map", "0", "-c:a", "copy", *X264_OTHER), "differs"),
    ],
    ids=["edit-list", "no-sound", "cut", "sei-removed", "parameter-set", "slower", "re-encoded"],
)
def test_a_rewrap_that_was_meddled_with_is_told(
    rewrapped: tuple[Path, Path], tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    original, copy = rewrapped
    tampered = changed(copy, tmp_path / "working.mp4", *options)
    told = again(original, tampered, tmp_path / "again")
    assert not told.verdict
    assert says in told.difference


def test_a_rewrap_that_was_turned_is_told(rewrapped: tuple[Path, Path], tmp_path: Path) -> None:
    original, copy = rewrapped
    data = bytearray(copy.read_bytes())
    matrix = data.index(b"tkhd") + 44  # ISO/IEC 14496-12 8.3.2, version 0
    data[matrix : matrix + 20] = struct.pack(">5i", 0, 1 << 16, 0, -(1 << 16), 0)
    tampered = tmp_path / "working.mp4"
    tampered.write_bytes(data)
    assert "It is turned by 90 degrees" in again(original, tampered, tmp_path / "again").difference


def _swap_two_packets(data: bytes, sizes: list[tuple[int, int]]) -> bytes:
    (one, length), (other, other_length) = sizes
    assert length == other_length
    swapped = bytearray(data)
    swapped[one : one + length], swapped[other : other + length] = (
        data[other : other + length],
        data[one : one + length],
    )
    return bytes(swapped)


def test_two_packets_that_changed_places_are_told(rewrapped: tuple[Path, Path], tmp_path: Path) -> None:
    original, copy = rewrapped
    listed = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "packet=pos,size",
         "-of", "csv=p=0", str(copy)],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    packets = [(int(pos), int(size)) for size, pos in (line.rstrip(",").split(",") for line in listed)]
    data = copy.read_bytes()
    pair = next(
        [one, other]
        for at, one in enumerate(packets)
        for other in packets[at + 1 :]
        if one[1] == other[1] and data[one[0] :][: one[1]] != data[other[0] :][: one[1]]
    )
    tampered = tmp_path / "working.mp4"
    tampered.write_bytes(_swap_two_packets(data, pair))
    told = again(original, tampered, tmp_path / "again")
    assert "differs" in told.difference


@pytest.fixture(scope="module")
def encoded(film: Maker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An original of MPEG-4 part 2 and its encoded working copy."""
    original = film("old.avi", "-c:v", "mpeg4", "-q:v", "3")
    return original, made(slowed(original, tmp_path_factory.mktemp("encoded")), Role.WORKING)["working.mp4"]


def test_an_encoded_copy_holds_by_frames_times_and_likeness(
    encoded: tuple[Path, Path], tmp_path: Path
) -> None:
    told = again(*encoded, tmp_path / "again", is_encoded=True)
    assert told.verdict.startswith("derived from the original, 50 frames, SSIM 0.9")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-i", "COPY", *X264_OTHER, "-vf", "negate"), "not alike"),
        (("-i", "COPY", "-c", "copy", "-t", "1"), "frames"),
        (("-i", "COPY", "-c", "copy", "-bsf:v", "setts=ts=TS*2"), "other times"),
        (("-f", "lavfi", "-i", "sine", "-t", "1"), "no pictures"),
    ],
    ids=["other-pictures", "cut", "slower", "no-picture"],
)
def test_an_encoded_copy_that_was_meddled_with_is_told(
    encoded: tuple[Path, Path], tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    original, copy = encoded
    tampered = changed(copy, tmp_path / "working.mp4", *options)
    told = again(original, tampered, tmp_path / "again", is_encoded=True)
    assert not told.verdict
    assert says in told.difference


def test_a_still_is_made_once_more_and_compared(film: Maker, tmp_path: Path) -> None:
    original = film("photo.jpg", "-frames:v", "1")
    work = tmp_path / "made"
    copy = next(iter(made(hastened(original, work), Role.WORKING).values()))
    work = tmp_path / "inspected"
    work.mkdir()
    assert inspect(original, work, "").state is None
    tool = _tool_of_stills()
    again_in, other_in = tmp_path / "again", tmp_path / "other"
    again_in.mkdir()
    other_in.mkdir()
    [same] = prove_again(
        original, [StoredCopy(copy.name, copy, is_encoded=False, tool_sha256=tool)], again_in
    )
    assert "it has the same bytes" in same.verdict
    copy.write_bytes(copy.read_bytes() + b"\x00")
    [other] = prove_again(
        original, [StoredCopy(copy.name, copy, is_encoded=False, tool_sha256=tool)], other_in
    )
    assert other.difference == "Made once more, it has other bytes."


def _tool_of_stills() -> str:
    from transcode import stills  # noqa: PLC0415

    return stills.tool("JPEG").sha256
