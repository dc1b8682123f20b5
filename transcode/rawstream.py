"""Streams without a container, or behind a recorder's private header: where they begin, and what reads them.

ffmpeg finds most of them by itself; this is asked where it does not. Nothing is cut out of the file: the
demuxer is told how many bytes to pass over.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import UnreadableError
from evidence.jsontypes import JsonObject

_SEARCHED = 8 * 1024**2  # private headers and indexes ahead of the footage are smaller
_NEAR = 4096  # what belongs together stands within so many bytes
_FRAMES = 3  # JPEG pictures right behind each other, before they are called a stream: previews come in pairs
_NEXT_JPEG = b"\xff\xd9\xff\xd8\xff"
_TS, _TS_RUN = 188, 5


@dataclass(frozen=True, slots=True)
class Opening:
    """ffmpeg's demuxer for the stream, and at which byte it begins."""

    demuxer: str
    skip: int = 0

    @property
    def options(self) -> JsonObject:
        """What stands before the input."""
        return {"f": self.demuxer, **({"skip_initial_bytes": self.skip} if self.skip else {})}

    @property
    def assumption(self) -> str:
        """What is taken for granted, as a sentence; empty where nothing is."""
        if not self.skip:
            return ""
        return f"Its first {self.skip} bytes are a private header; the rest is read as {self.demuxer}."


def is_motion_jpeg(path: Path) -> bool:
    """Whether JPEG pictures follow each other without anything between, as a raw MJPEG stream has them.

    A photo with previews (CIPA DC-007, multi-picture format) says so in its head, and is none.
    """
    head = _head(path)
    return b"MPF\x00" not in head[: 64 * 1024] and head.count(_NEXT_JPEG) >= _FRAMES


def find(path: Path) -> Opening | None:
    """The stream that begins first in the file's first 8 MiB, or None; raises UnreadableError."""
    head = _head(path)
    found = [
        Opening(demuxer, place)
        for demuxer, beginning, holds in _BEGINNINGS
        if (place := _first(head, beginning, holds)) is not None
    ]
    return min(found, key=lambda opening: opening.skip, default=None)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_SEARCHED)
    except OSError as error:
        raise UnreadableError(
            f"The file cannot be read: {error.strerror}.", advice="Check the disk."
        ) from error


def _first(head: bytes, beginning: re.Pattern[bytes], holds: Callable[[bytes, int], bool]) -> int | None:
    return next((match.start() for match in beginning.finditer(head) if holds(head, match.start())), None)


def _near(mark: bytes) -> Callable[[bytes, int], bool]:
    """Whether `mark` stands soon behind."""
    return lambda head, place: head.find(mark, place + 4, place + _NEAR) >= 0


def _has_picture_set(head: bytes, place: int) -> bool:
    return re.search(rb"\x00\x00\x01[\x28\x48\x68]", head[place + 4 : place + _NEAR]) is not None


def _is_pack(head: bytes, place: int) -> bool:
    """Whether the next start code stands right behind the pack header, MPEG-2's or MPEG-1's."""
    header = head[place : place + 14]
    if len(header) < 14:
        return False
    length = 14 + (header[13] & 7) if header[4] >> 6 == 1 else 12
    return head.startswith(b"\x00\x00\x01", place + length)


def _is_transport(head: bytes, place: int) -> bool:
    return all(head[place + run * _TS : place + run * _TS + 1] == b"\x47" for run in range(_TS_RUN))


# Start codes: ITU-T H.264 7.4.1, H.265 7.4.2.2, ISO/IEC 13818-1 2.5.3.4 (pack), 13818-2 6.2.1 (sequence),
# 14496-2 6.2.1; a parameter set counts only where the next one follows.
_BEGINNINGS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes, int], bool]], ...] = (
    ("dhav", re.compile(rb"DHAV[\xfd\xfc\xf0\xf1]", re.DOTALL), _near(b"dhav")),
    ("mpeg", re.compile(rb"\x00\x00\x01\xba", re.DOTALL), _is_pack),
    ("mpegts", re.compile(rb"\x47(?=.{187}\x47.{187}\x47)", re.DOTALL), _is_transport),
    ("h264", re.compile(rb"\x00?\x00\x00\x01[\x27\x47\x67]", re.DOTALL), _has_picture_set),
    ("hevc", re.compile(rb"\x00?\x00\x00\x01\x40\x01", re.DOTALL), _near(b"\x00\x00\x01\x42\x01")),
    ("mpegvideo", re.compile(rb"\x00\x00\x01\xb3[^\x00]", re.DOTALL), _near(b"\x00\x00\x01\x00")),
    ("m4v", re.compile(rb"\x00\x00\x01[\xb0\x20-\x2f]", re.DOTALL), _near(b"\x00\x00\x01\xb6")),
    (
        "mjpeg",
        re.compile(rb"\xff\xd8\xff[\xdb\xe0\xc0\xc4]", re.DOTALL),
        lambda head, place: head.count(_NEXT_JPEG, place) >= _FRAMES,
    ),
)
