"""What frames show, as hashes that stay nearly the same when one is encoded again, scaled or cut a little.

After C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1: the
low frequencies of the discrete cosine transform, each told as above or below their median; here 16 x 16 of
them, of 64 x 64 samples of luma. Two frames that have nothing in common differ in half of the bits.
"""

from dataclasses import dataclass, field

import numpy as np

from evidence.marks import Marks
from transcode.frames import Plane

SIDE = 64  # of the planes that are hashed, in samples
BITS = 256
# Of 165,000 pairs of frames of unrelated real clips none was nearer than 90 bits (docs/media.md).
ALIKE = 64
RECORD = np.dtype([("bits", np.uint8, BITS // 8), ("ms", ">i4")])  # a look in a sketch
_KEPT = 16  # of the frequencies, in each direction
_FLAT = 4.0  # a standard deviation of luma below which only noise is left
_SAME = 16  # bits, within which a look is that of the last one
_STEP_S = 0.25  # between frames that are hashed
_CEILING = 8192  # looks of one picture

_COSINES = np.cos(np.pi * np.arange(_KEPT)[:, None] * (2 * np.arange(SIDE)[None] + 1) / (2 * SIDE)).astype(
    np.float32
)


def look(plane: Plane) -> bytes:
    """The hash of a plane of SIDE x SIDE samples of luma; empty where it has no structure."""
    samples = plane.astype(np.float32)
    if samples.std() < _FLAT:
        return b""
    found = (_COSINES @ samples @ _COSINES.T).ravel()
    found[0] = 0  # the mean is no structure
    return np.packbits(found > np.median(found[1:])).tobytes()


def distance(one: bytes, other: bytes) -> int:
    """In how many bits two hashes differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@dataclass(slots=True)
class Looks:
    """The looks of one picture as its frames come; one that hardly differs from the last is left out.

    When there are too many, every second goes, and fewer are taken from there on.
    """

    _step_s: float = _STEP_S
    _next_s: float = float("-inf")
    _found: list[tuple[bytes, int]] = field(default_factory=list)

    def wants(self, time_s: float) -> bool:
        """Whether a frame of this time is to be hashed; times may begin anew."""
        return not self._next_s - self._step_s <= time_s < self._next_s

    def add(self, plane: Plane, time_s: float) -> None:
        """The next frame that is wanted."""
        self._next_s = time_s + self._step_s
        bits = look(plane)
        if not bits or (self._found and distance(bits, self._found[-1][0]) <= _SAME):
            return
        self._found.append((bits, max(-(2**31), min(round(1000 * time_s), 2**31 - 1))))
        if len(self._found) > _CEILING:
            self._found, self._step_s = self._found[::2], 2 * self._step_s

    def sketch(self) -> bytes:
        """All of them, a RECORD each."""
        return b"".join(bits + ms.to_bytes(4, signed=True) for bits, ms in self._found)


def of_still(square: bytes) -> Marks:
    """The look of a still by its SIDE x SIDE samples of luma, line by line; none where they are not that."""
    looks = Looks()
    if len(square) == SIDE**2:
        looks.add(np.frombuffer(square, np.uint8).reshape(SIDE, SIDE), 0.0)
    return Marks("still", looks=looks.sketch())
