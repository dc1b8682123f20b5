"""Footage for the tests of transcode/: made once a session, by ffmpeg from its own test pictures."""

import json
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from transcode import normalise
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.model import StageReport
from transcode.probe import probe
from transcode.slow import slow

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`film(name, *output options, of=inputs)`: a file of that name, made by one ffmpeg command."""
    folder = tmp_path_factory.mktemp("film")
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *options: str, of: tuple[str, ...] = PICTURES) -> Path:
        key = (name, *options, *of)
        if key not in made:
            path = Path(tempfile.mkdtemp(dir=folder)) / name
            command = [
                "ffmpeg",
                "-v",
                "error",
                "-nostdin",
                "-y",
                *of,
                "-fflags",
                "+bitexact",
                *options,
                str(path),
            ]
            subprocess.run(command, check=True, capture_output=True)
            made[key] = path
        return made[key]

    return make


PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=r=8000:d=2")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "1")
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "1")


@pytest.fixture(scope="session")
def clip(film: Maker) -> Path:
    """Two seconds of H.264 with B-frames in MP4, and AAC."""
    return film("clip.mp4", *B_FRAMES, "-c:a", "aac", of=(*PICTURES, *SOUND))


def planned(source: Path) -> JsonObject:
    """The plan for a file, as its probe has it."""
    return normalise.plan(probe(source))


def hastened(source: Path, work: Path) -> StageReport:
    """Inspect and fast stage of a file, in an own folder `work`."""
    work.mkdir(exist_ok=True)
    return fast(source, work, inspect(source, work, source.name).sections)


def slowed(source: Path, work: Path) -> StageReport:
    """All stages of a file, one after the other as a worker does them; the report is the slow one's."""
    folders = [work / name for name in ("inspect", "fast", "slow")]
    for folder in folders:
        folder.mkdir(parents=True)
    inspected = inspect(source, folders[0], source.name)
    hurried = fast(source, folders[1], inspected.sections)
    assert (inspected.state, hurried.state) == (None, None), inspected.reason + hurried.reason
    report = slow(source, folders[2], {**inspected.sections, **hurried.sections})
    told = [report.sections, [one.detail for one in report.made]]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return report


def derivation(report: StageReport) -> JsonObject:
    """The section that tells what became of it."""
    section = report.sections["derivation"]
    assert isinstance(section, dict)
    return section


def made(report: StageReport, role: Role) -> dict[str, Path]:
    """The files of a role that a stage made, by name."""
    return {one.name: one.path for one in report.made if one.role is role}


def boxes(data: bytes) -> list[str]:
    """The types of the top-level boxes of an MP4, in order."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append(kind.decode("latin-1"))
        at += size or len(data)
    return found


# The matrices of ISO/IEC 14496-12, 8.3.2: as stored, turned by 90 degrees clockwise, upside down mirrored.
PLAIN, TURNED, FLIPPED = (
    struct.pack(">9i", *(cell << 16 for cell in cells), 0, 0, 0x40000000)
    for cells in ((1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 0), (1, 0, 0, 0, -1, 0))
)


def shown_as(source: Path, matrix: bytes, target: Path) -> Path:
    """A copy of an MP4 or MOV, `target`, whose first track is to be shown by another matrix."""
    data = source.read_bytes()
    at = data.index(PLAIN, data.index(b"tkhd"))
    target.write_bytes(data[:at] + matrix + data[at + 36 :])
    return target


def without_intra_frames(source: Path, target: Path) -> Path:
    """A copy of an H.264 MP4, `target`, with zeros in the slices of each picture that begins anew."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"]
    command += ["-show_entries", "packet=flags,pos,size", str(source)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    data = bytearray(source.read_bytes())
    for line in listed:
        size, at, flags = line.split(",")[:3]
        begin, end = int(at), int(at) + int(size)
        while "K" in flags and begin < end:
            length = int.from_bytes(data[begin : begin + 4], "big")
            if data[begin + 4] & 31 == 5:  # a slice of an IDR picture (ISO/IEC 14496-10, 7.4.1)
                data[begin + 5 : begin + 4 + length] = bytes(length - 1)
            begin += 4 + length
    target.write_bytes(data)
    return target
