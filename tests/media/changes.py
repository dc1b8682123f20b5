"""What is done to a clip after ffmpeg wrote it: turned, cut, robbed of its index, replaced."""

import struct
import subprocess
from pathlib import Path

from tests.media.cell import Change
from tests.transcode.conftest import shown_as


def _matrix(*cells: int) -> bytes:
    """A display matrix of ISO/IEC 14496-12, 8.3.2."""
    return struct.pack(">9i", *(cell << 16 for cell in cells), 0, 0, 0x40000000)


_QUARTER, _HALF, _BACK = _matrix(0, 1, 0, -1, 0, 0), _matrix(-1, 0, 0, 0, -1, 0), _matrix(0, -1, 0, 1, 0, 0)
_MIRRORED = _matrix(-1, 0, 0, 0, 1, 0)


def _shown_by(matrix: bytes) -> Change:
    def change(path: Path) -> None:
        straight = path.with_name(f"straight-{path.name}")
        path.rename(straight)
        shown_as(straight, matrix, path)

    return change


turned, upside_down, turned_back = _shown_by(_QUARTER), _shown_by(_HALF), _shown_by(_BACK)
mirrored = _shown_by(_MIRRORED)


def cut(share: float) -> Change:
    """Only the first `share` of the file is left."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return change


def without_index(path: Path) -> None:
    """Recording was stopped before the moov box was written."""
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])


def shorter_edit(path: Path) -> None:
    """The edit list of the first track ends after half a second."""
    data = path.read_bytes()
    at = data.index(b"elst") + 12
    path.write_bytes(data[:at] + (500).to_bytes(4, "big") + data[at + 4 :])


def zeroed(path: Path) -> None:
    """All media data of an MP4 are zeros."""
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    end = data.rindex(b"moov") - 4 if data.rindex(b"moov") > start else len(data)
    path.write_bytes(data[:start] + bytes(end - start) + data[end:])


def behind_a_header(path: Path) -> None:
    """A recorder's private header stands before the stream."""
    path.write_bytes(b"RECORDER" + bytes(range(200)) * 5 + path.read_bytes())


def amid(share: float, unit: int = 1) -> Change:
    """Recording was begun in the middle: the first `share` is gone, in whole packets of `unit` bytes."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[int(len(data) * share) // unit * unit :])

    return change


def damaged(path: Path) -> None:
    """Every 997th byte of the second half is another one."""
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) - 4096, 997):
        data[at] ^= 0xFF
    path.write_bytes(data)


def replaced(content: bytes) -> Change:
    """The file has other content than its name says."""

    def change(path: Path) -> None:
        path.write_bytes(content)

    return change


def trimmed(path: Path) -> None:
    """Shared from 0.6 s on, as a phone does it: an edit list hides what is before."""
    whole = path.with_name(f"whole-{path.name}")
    path.rename(whole)
    command = ["ffmpeg", "-v", "error", "-ss", "0.6", "-i", str(whole), "-c", "copy", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
