"""Raw frames out of one running ffmpeg: every frame small, one in a few at full size, each with its time.

The graph writes four pipes: small luma planes, full frames, and for each of them a line of text with the
timestamp. They are read together, so that ffmpeg never waits for the one that is not being read.
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
    """A decoded frame: `index` counts shown frames from 0, `pts` is in ticks of the stream's time base.

    `luma` is the small plane (h, w); `full` the whole frame as one flat array of planar YUV 4:2:0, or None.
    """

    index: int
    pts: int | None
    luma: Plane
    full: Plane | None


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
    values: deque[Stamp] = field(default_factory=deque)
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
    _open: Plane | None = None
    _filled: int = 0

    def read(self) -> bool:
        """Take what is there of the present frame; False at the end."""
        if self._open is None:
            self._open = np.empty(self.size, np.uint8)
        count = os.readv(self.fd, [self._open[self._filled :].data])
        self._filled += count
        if self._filled == self.size:
            self.frames.append(self._open)
            self._open, self._filled = None, 0
        return count > 0


def widen(fd: int) -> None:
    """Let a pipe hold a mebibyte, which halves the cost of passing frames; the kernel may refuse it."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except PermissionError:
        return  # the user's pipes are many already: slower, and as good


def read_frames(
    small: Pictures, small_stamps: Stamps, full: Pictures, full_stamps: Stamps, width: int, *others: Stamps
) -> Iterator[Frame]:
    """The frames in order; a full frame joins the small one that has its number (times may come twice).

    `width` is that of the small planes; of timestamps of full frames the last bits are the number, see
    NUMBERED. `others` are read along and left to the caller.
    """
    sinks: list[_Sink] = [small, small_stamps, full, full_stamps, *others]
    index = 0
    for ended in _drain(sinks):
        while small.frames and small_stamps.values:
            waiting = bool(full.frames and full_stamps.values)
            if not waiting and not ended:
                break  # whether this one comes at full size is not known yet
            number, pts = small_stamps.values.popleft()
            luma = small.frames.popleft()
            whole = None
            if waiting and (full_stamps.values[0].pts or 0) % NUMBERED == number:
                full_stamps.values.popleft()
                whole = full.frames.popleft()
            yield Frame(index, pts, luma.reshape(-1, width), whole)
            index += 1


def _drain(sinks: Sequence[_Sink]) -> Iterator[bool]:
    """Read all until each has ended; yields after every round, True at last."""
    poll = select.poll()
    by_fd = {sink.fd: sink for sink in sinks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while by_fd:
        for fd, _event in poll.poll():
            if not by_fd[fd].read():
                poll.unregister(fd)
                del by_fd[fd]
        yield not by_fd
