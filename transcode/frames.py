"""Raw frames out of one running ffmpeg: the time of every frame, and one in a few of them at full size.

The graph writes three pipes: a line of text for every frame, the frames at full size, and a line for each of
those. They are read together, so that ffmpeg never waits for the one that is not being read.
"""

import fcntl
import os
import re
import select
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

PIPE_SIZE = 1024**2
_STAMP = re.compile(rb"^frame:(\d+)\s+pts:(-?\d+|NOPTS)\s", re.MULTILINE)
_LINES_KEPT = 4096
NUMBERED = 2**21  # more than any clip's frames: what is added to their numbers is a multiple of it


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at full size: `index` counts all shown frames from 0.

    `full` is one flat array of planar YUV 4:2:0, `luma` (h, w) its brightness in a small plane, of limited
    range.
    """

    index: int
    full: Plane
    luma: Plane


class Stamp(NamedTuple):
    """A line of the `metadata` filter: a frame's number in its graph, and its timestamp if it has one.

    Numbers begin anew where ffmpeg builds its graph anew, as it does when the picture changes its size.
    """

    number: int
    pts: int | None


class _Sink(Protocol):
    """One end that ffmpeg writes to."""

    fd: int

    def read(self) -> bool:
        """Take what is there; False at its end."""
        ...


@dataclass(slots=True)
class Stamps:
    """Timestamps as the `metadata` filter prints them, a line a frame."""

    fd: int
    values: list[Stamp] = field(default_factory=list)
    _rest: bytes = b""

    def read(self) -> bool:
        """Take the lines that are there; False at the end."""
        chunk = os.read(self.fd, 65536)
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()[-_LINES_KEPT:]
        for line in lines:
            self.values.extend(stamps_in(line))
        return bool(chunk)


def stamps_in(printed: bytes) -> list[Stamp]:
    """What the `metadata` filter printed."""
    return [
        Stamp(int(number), None if pts == b"NOPTS" else int(pts)) for number, pts in _STAMP.findall(printed)
    ]


@dataclass(slots=True)
class Pictures:
    """Frames of `size` bytes each, as they come; what is left over at the end is no frame."""

    fd: int
    size: int
    frames: deque[Plane] = field(default_factory=deque)

    def read(self) -> bool:
        """Take the next frame, once some of it is there; False at the end.

        The rest of a frame that was begun is waited for: ffmpeg writes nothing else before it.
        """
        frame = np.empty(self.size, np.uint8)
        filled = 0
        while filled < self.size:
            count = os.readv(self.fd, [frame[filled:].data])
            if not count:
                return False
            filled += count
        self.frames.append(frame)
        return True


def widen(fd: int) -> None:
    """Let a pipe hold a mebibyte, which halves the cost of passing frames; the kernel may refuse it."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except PermissionError:
        return  # the user's pipes are many already: slower, and as good


def read_frames(
    stamps: Stamps, full: Pictures, full_stamps: Stamps, *others: Stamps
) -> Iterator[tuple[int, Plane]]:
    """The frames at full size in order, each with its number among all that are shown.

    Of the timestamps of full frames the last bits are the number, see NUMBERED. `stamps` keeps those of all
    frames, and has them up to each one that is given; `others` are read along and left to the caller.
    """
    first, last = 0, -1  # where the present part begins, and its last number
    for _ in _drain([stamps, full_stamps, full, *others]):
        while full.frames and full_stamps.values:
            number = (full_stamps.values[0].pts or 0) % NUMBERED
            begins = _next_part(stamps.values, first + last + 1) if number <= last else first
            if begins + number >= len(stamps.values):
                break  # its line has not come yet
            full_stamps.values.pop(0)
            first, last = begins, number
            yield first + number, full.frames.popleft()


def _next_part(stamps: Sequence[Stamp], at: int) -> int:
    """Where numbers begin anew."""
    while at < len(stamps) and stamps[at].number:
        at += 1
    return at


def _drain(sinks: Sequence[_Sink]) -> Iterator[None]:
    """Read all until each has ended; yields after every round."""
    poll = select.poll()
    by_fd = {sink.fd: sink for sink in sinks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while by_fd:
        for fd, _event in poll.poll():
            if not by_fd[fd].read():
                poll.unregister(fd)
                del by_fd[fd]
        yield
