"""Which frames are kept, decided while they are decoded: at most a few are held, the rest lie in one file.

A fixed camera is told by events, a moving one by scene cuts and the sharpest frame of each two seconds. Which
of them it is turns out at the end, so both lists are kept until then.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import cv2

from transcode.analysis import FOREGROUND_SHARE, Look
from transcode.frames import Frame, Plane

CEILING = 200
EVENT_FRAMES = 2  # so many in a row, over the share, begin an event: mostly a tenth of a second apart
_PAUSE_S = 0.5  # so long without foreground ends one
_WINDOW_S = 2.0
_DUPLICATE = 1.0  # mean difference of small luma under which two frames of an event show the same


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame with its time and what was seen in it."""

    frame: Frame
    time_s: float
    look: Look

    @property
    def sharpness(self) -> float:
        """Of the small plane; 0 where it was not measured."""
        return self.look.sharpness or 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A chosen frame: `group` numbers its event or window, `rank` its importance there (0 is the best).

    `slot` says where in the file it lies.
    """

    index: int
    time_s: float
    reasons: tuple[str, ...]
    sharpness: float
    group: int
    rank: int
    slot: int


class FrameFile:
    """Frames of equal size in one file; a slot is used again when its frame is dropped."""

    def __init__(self, path: Path, frame_size: int) -> None:
        """`path` is made, and must not exist yet; `frame_size` is in bytes."""
        self._file: BinaryIO = path.open("xb+", buffering=0)
        self._size = frame_size
        self._free: list[int] = []
        self._used = 0

    def put(self, frame: Plane) -> int:
        """Store a frame and return its slot."""
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._used = self._used, self._used + 1
        written = os.pwrite(self._file.fileno(), frame.data, slot * self._size)
        while written < self._size:  # a disk that becomes full takes a part, and raises at the next
            written += os.pwrite(self._file.fileno(), frame.data[written:], slot * self._size + written)
        return slot

    def get(self, slot: int) -> bytes:
        """The frame in a slot."""
        return os.pread(self._file.fileno(), self._size, slot * self._size)

    def drop(self, slot: int) -> None:
        """Let a slot be used again."""
        self._free.append(slot)

    def close(self) -> None:
        """Release the file."""
        self._file.close()


@dataclass(slots=True)
class Shortlist:
    """At most `ceiling` frames; when it is full, it thins out over the whole clip rather than at its end.

    First the less important frames of each group go, then every second group, and so on.
    """

    file: FrameFile
    ceiling: int
    kept: list[Kept] = field(default_factory=list)
    level: int = 0

    def add(self, seen: Seen, reasons: tuple[str, ...], *, group: int, rank: int) -> None:
        """Keep a frame, if the list is still as fine as that."""
        if not self._wants(group, rank):
            return
        slot = self.file.put(seen.frame.full)
        self.kept.append(Kept(seen.frame.index, seen.time_s, reasons, seen.sharpness, group, rank, slot))
        while len(self.kept) > self.ceiling:
            self.level += 1
            for entry in self.kept:
                if not self._wants(entry.group, entry.rank):
                    self.file.drop(entry.slot)
            self.kept = [entry for entry in self.kept if self._wants(entry.group, entry.rank)]

    def _wants(self, group: int, rank: int) -> bool:
        if self.level <= 2:
            return rank < (4, 2, 1)[self.level]
        return rank == 0 and group % 2 ** (self.level - 2) == 0


@dataclass(slots=True)
class Events:
    """For a fixed camera: of each event the sharpest, the largest, the first and the last frame."""

    shortlist: Shortlist
    count: int = 0
    _streak: int = 0
    _confirmed: bool = False
    _quiet_since_s: float | None = None
    _sharpest: Seen | None = None
    _largest: Seen | None = None
    _first: Seen | None = None
    _last: Seen | None = None

    def add(self, seen: Seen) -> None:
        """The next frame."""
        if seen.look.foreground > FOREGROUND_SHARE:
            self._streak += 1
            self._confirmed = self._confirmed or self._streak >= EVENT_FRAMES
            self._quiet_since_s = None
            self._take(seen)
            return
        self._streak = 0
        if not self._confirmed:
            self._clear()
        elif self._quiet_since_s is None:
            self._quiet_since_s = seen.time_s
        if self._quiet_since_s is not None and not 0 <= seen.time_s - self._quiet_since_s < _PAUSE_S:
            self.close()

    def close(self) -> None:
        """The event is over, or the clip is."""
        if self._confirmed:
            self._keep()
            self.count += 1
        self._clear()

    def _take(self, seen: Seen) -> None:
        self._first = self._first or seen
        self._last = seen
        if self._largest is None or seen.look.foreground > self._largest.look.foreground:
            self._largest = seen
        if self._sharpest is None or seen.sharpness > self._sharpest.sharpness:
            self._sharpest = seen

    def _keep(self) -> None:
        chosen: list[tuple[Seen, list[str]]] = []
        named = (
            ("sharpest", self._sharpest),
            ("largest", self._largest),
            ("first", self._first),
            ("last", self._last),
        )
        for name, seen in named:
            if seen is None:
                continue
            same = next((reasons for other, reasons in chosen if _show_the_same(other, seen)), None)
            if same is None:
                chosen.append((seen, [f"event: {name}"]))
            else:
                same.append(f"event: {name}")
        for rank, (seen, reasons) in enumerate(chosen):
            self.shortlist.add(seen, tuple(reasons), group=self.count, rank=rank)

    def _clear(self) -> None:
        self._sharpest = self._largest = self._first = self._last = None
        self._confirmed, self._streak, self._quiet_since_s = False, 0, None


@dataclass(slots=True)
class Windows:
    """For a moving camera: scene cuts, and the sharpest frame of each two seconds."""

    shortlist: Shortlist
    _number: int = 0
    _best: Seen | None = None

    def add(self, seen: Seen) -> None:
        """The next frame."""
        number = int(max(seen.time_s, 0.0) // _WINDOW_S)
        if number != self._number:
            self.close()
            self._number = number
        if seen.look.is_cut:
            self.shortlist.add(seen, ("scene cut",), group=number, rank=1)
        if self._best is None or seen.sharpness > self._best.sharpness:
            self._best = seen

    def close(self) -> None:
        """The window is over, or the clip is."""
        if self._best is not None:
            self.shortlist.add(self._best, ("sharpest of 2 s",), group=self._number, rank=0)
        self._best = None


class Keyframes:
    """Chooses frames as they come; `finish` says which."""

    def __init__(self, path: Path, frame_size: int, *, ceiling: int = CEILING) -> None:
        """Frames of `frame_size` bytes are kept in the new file `path`, one after another."""
        self.path = path
        self._file = FrameFile(path, frame_size)
        # Two places are for the first and the last frame.
        self.events = Events(Shortlist(self._file, ceiling - 2))
        self._windows = Windows(Shortlist(self._file, ceiling - 2))
        self._first: Kept | None = None
        self._last: Seen | None = None

    def add(self, seen: Seen) -> None:
        """The next frame."""
        self.events.add(seen)
        self._windows.add(seen)
        if self._first is None:
            self._first = self._ends(seen, "first frame")
        self._last = seen

    def finish(self, camera: str) -> tuple[list[Kept], bool]:
        """The frames of a `fixed` or `moving` camera in order, each once; and whether some were left out."""
        self.events.close()
        self._windows.close()
        chosen = self.events.shortlist if camera == "fixed" else self._windows.shortlist
        ends = [self._first] if self._first else []
        if self._last is not None:
            ends.append(self._ends(self._last, "last frame"))
        merged: dict[int, Kept] = {}
        for kept in sorted([*ends, *chosen.kept], key=lambda entry: entry.index):
            known = merged.get(kept.index)
            reasons = (*known.reasons, *kept.reasons) if known else kept.reasons
            merged[kept.index] = replace(kept, reasons=tuple(dict.fromkeys(reasons)))
        return list(merged.values()), chosen.level > 0

    def frame(self, kept: Kept) -> bytes:
        """A kept frame's bytes."""
        return self._file.get(kept.slot)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _ends(self, seen: Seen, reason: str) -> Kept:
        slot = self._file.put(seen.frame.full)
        return Kept(seen.frame.index, seen.time_s, (reason,), seen.sharpness, -1, 0, slot)


def _show_the_same(one: Seen, other: Seen) -> bool:
    if one.frame.index == other.frame.index:
        return True
    difference = float(cv2.norm(one.frame.luma, other.frame.luma, cv2.NORM_L1))
    return one.frame.luma.shape == other.frame.luma.shape and difference / one.frame.luma.size < _DUPLICATE
