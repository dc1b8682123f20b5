"""Sketches of many exhibits against one of a file: which packets they share, which frames are alike.

Both go over all of them, a million marks in about a second: no index finds a hash that differs in some bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcode.likeness import ALIKE, BITS, RECORD
from transcode.proof import SAMPLED_BYTES

_WORDS = BITS // 64
_SURE = 8  # packets in common that tell by themselves; of short clips half of them do, and at least two


@dataclass(frozen=True, slots=True)
class Shared:
    """So many of the packets sampled of a file are among those sampled of an exhibit; each counts once."""

    count: int
    of_file: int
    of_exhibit: int

    @property
    def tells(self) -> bool:
        """Whether it is more than two clips of nothing have in common."""
        half = 2 * self.count >= min(self.of_file, self.of_exhibit)
        return self.count >= _SURE or (self.count >= 2 and half)


@dataclass(frozen=True, slots=True)
class Alike:
    """So many distinct frames of a file are like some of an exhibit.

    The nearest differs in `bits` of `of_bits`, from one at `time_s` of the exhibit.
    """

    frames: int
    of_file: int
    bits: int
    time_s: float
    of_bits: int = BITS


def shared(sampled: bytes, sketches: Sequence[bytes]) -> Mapping[int, Shared]:
    """Which of the sketches have packets of the sketch `sampled`, by place."""
    ours = np.unique(_packets(sampled))
    joined, starts = _joined(sketches, SAMPLED_BYTES)
    theirs = _packets(joined)
    found: dict[int, set[int]] = {}
    for at in np.flatnonzero(np.isin(theirs, ours)):
        place = int(np.searchsorted(starts, at, side="right")) - 1
        found.setdefault(place, set()).add(int(theirs[at]))
    return {
        place: Shared(len(common), len(ours), len(np.unique(_packets(sketches[place]))))
        for place, common in found.items()
    }


def alike(looks: bytes, sketches: Sequence[bytes]) -> Mapping[int, Alike]:
    """Which of the sketches have frames like those of the sketch `looks`, by place."""
    ours = _bits(np.frombuffer(looks, RECORD))
    joined, starts = _joined(sketches, RECORD.itemsize)
    records = np.frombuffer(joined, RECORD)
    theirs = np.ascontiguousarray(_bits(records).T)
    found: dict[int, list[tuple[int, int]]] = {}
    for frame in ours:
        apart = np.zeros(len(records), np.uint16)
        for word, own in zip(theirs, frame, strict=True):
            apart += np.bitwise_count(word ^ own)
        near = np.flatnonzero(apart <= ALIKE)
        places = np.searchsorted(starts, near, side="right") - 1
        best: dict[int, tuple[int, int]] = {}
        for place, at in zip(places.tolist(), near.tolist(), strict=True):
            best[place] = min(best.get(place, (BITS, 0)), (int(apart[at]), at))
        for place, nearest in best.items():
            found.setdefault(place, []).append(nearest)
    told = {}
    for place, pairs in found.items():
        bits, at = min(pairs)
        told[place] = Alike(len(pairs), len(ours), bits, int(records["ms"][at]) / 1000)
    return told


def _joined(sketches: Sequence[bytes], size: int) -> tuple[bytes, NDArray[np.int64]]:
    """All of them in one, and the number of the first item of each."""
    lengths = np.array([len(items) // size for items in sketches], np.int64)
    return b"".join(sketches), np.cumsum(lengths) - lengths


def _packets(sampled: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(sampled, np.uint64)


def _bits(records: NDArray[np.void]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(records["bits"]).view(np.uint64).reshape(-1, _WORDS)
