"""What is changed in a copy of a recording with parameter sets in its packets (MPEG-TS, annex B) is told."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.exhibits import Role
from tests.transcode.conftest import H264, Maker, hastened, made
from transcode.reproof import StoredCopy, prove_again
from transcode.tools import identify

Pair = tuple[Path, Path]


@pytest.fixture(scope="module", params=["clip.ts", "clip.264"])
def pair(request: pytest.FixtureRequest, film: Maker, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """An original whose packets change their form on the way into MP4, and its remuxed working copy."""
    original = film(str(request.param), *H264)
    return original, made(hastened(original, tmp_path_factory.mktemp("pair")), Role.WORKING)["working.mp4"]


def told(original: Path, copy: Path, work: Path) -> tuple[str, str]:
    """The verdict and the difference of a copy that is proved again."""
    work.mkdir()
    stored = StoredCopy("working.mp4", copy, is_encoded=False, tool_sha256=identify("ffmpeg").sha256)
    [found] = prove_again(original, [stored], work)
    return found.verdict, found.difference


def rewritten(*options: str, before: tuple[str, ...] = ()) -> Callable[[Path, Path], None]:
    def change(copy: Path, target: Path) -> None:
        command = ["ffmpeg", "-v", "error", *before, "-i", str(copy), "-c", "copy", *options, str(target)]
        subprocess.run(command, check=True)

    return change


def _places(copy: Path) -> list[tuple[int, int]]:
    """Where each packet of the picture lies in the file, and its size."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pos,size"]
    done = subprocess.run([*command, "-of", "csv=p=0", str(copy)], check=True, capture_output=True, text=True)
    return [
        (int(at), int(size)) for size, at in (line.rstrip(",").split(",") for line in done.stdout.split())
    ]


def packet_of_another_place(copy: Path, target: Path) -> None:
    """One packet's bytes stand where another of the same length was; its own are as they were."""
    data = bytearray(copy.read_bytes())
    places = _places(copy)
    length = min(size for _, size in places[1:])
    # Of the later packet as much as the earlier one has room for.
    one, other = places[3][0], places[9][0]
    data[one + 5 : one + length] = data[other + 5 : other + length]
    target.write_bytes(data)


def profile_in_the_header(copy: Path, target: Path) -> None:
    """A byte of the stored SPS is another: its constraint flags, which change no picture."""
    data = bytearray(copy.read_bytes())
    at = data.index(b"avcC") + 4 + 8  # ISO/IEC 14496-15, 5.3.3.1.2: configuration, then the first SPS
    assert data[at] & 31 == 7
    data[at + 2] ^= 0x08
    target.write_bytes(data)


@pytest.mark.parametrize(
    "tamper",
    [
        rewritten("-bsf:v", "h264_metadata=sample_aspect_ratio=2/1"),
        profile_in_the_header,
        rewritten("-bsf:v", "filter_units=remove_types=6"),
        rewritten(before=("-ss", "0.5")),
        packet_of_another_place,
        rewritten("-frames:v", "49"),
    ],
    ids=["sps", "sps-flags", "sei-removed", "edit-list", "packet-swapped", "cut"],
)
def test_a_change_of_the_copy_is_told(
    pair: Pair, tmp_path: Path, tamper: Callable[[Path, Path], None]
) -> None:
    original, copy = pair
    tampered = tmp_path / "working.mp4"
    tamper(copy, tampered)
    assert tampered.read_bytes() != copy.read_bytes()
    verdict, difference = told(original, tampered, tmp_path / "again")
    assert verdict == ""
    assert difference


def test_a_copy_that_nobody_touched_holds(pair: Pair, tmp_path: Path) -> None:
    verdict, difference = told(*pair, tmp_path / "again")
    assert (verdict.partition(",")[0], difference) == ("packets identical", "")
