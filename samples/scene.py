"""A street scene drawn with numpy: a fixed background, walking figures, a clock, sensor noise.

Frames are planar 8-bit YUV 4:2:0, limited range, one flat array each: luma (h, w), then U and V (h/2, w/2).
Nothing here depends on a font or a clock, so the same arguments draw the same bytes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

# Rows of three pixels, top to bottom, one bit each.
_GLYPHS = {
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 2, 2, 2),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
    "-": (0, 0, 7, 0, 0),
    ":": (0, 2, 0, 2, 0),
    " ": (0, 0, 0, 0, 0),
}
_START = datetime(2026, 3, 14, 22, 17, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Figure:
    """Someone who crosses the picture from `enters` to `leaves` (seconds), to the right or to the left.

    `lightness` is luma, `tint` the two chroma values; `height` is a share of the picture's height.
    """

    enters: float
    leaves: float
    rightwards: bool = True
    lightness: int = 60
    tint: tuple[int, int] = (110, 150)
    height: float = 0.4


class Scene:
    """Draws frames of `width` x `height` pixels (both even); `pan` moves the camera, in pixels a second."""

    def __init__(
        self, width: int, height: int, *, seed: int, figures: tuple[Figure, ...], pan: float = 0.0
    ) -> None:
        self.width, self.height, self.figures, self.pan = width, height, figures, pan
        # RandomState's streams are frozen for good; default_rng's are not.
        self._random = np.random.RandomState(seed)
        self._luma, self._u, self._v = self._draw_background()
        self._noise = [
            self._random.randint(-3, 4, (height, width)).astype(np.int8).view(np.uint8) for _ in range(5)
        ]

    def frame(self, time_s: float) -> Plane:
        """The picture at `time_s` seconds as one flat array of width * height * 3 / 2 bytes."""
        shift = round(self.pan * time_s) // 2 * 2
        luma = np.roll(self._luma, -shift, axis=1)
        u, v = np.roll(self._u, -shift // 2, axis=1), np.roll(self._v, -shift // 2, axis=1)
        for figure in self.figures:
            self._draw_figure(luma, u, v, figure, time_s)
        # All levels lie in 20..230, so that adding -3..3 modulo 256 is adding it.
        luma += self._noise[round(time_s * 1000) // 7 % len(self._noise)]
        self._draw_clock(luma, time_s)
        return np.concatenate((luma.ravel(), u.ravel(), v.ravel()))

    def _draw_background(self) -> tuple[Plane, Plane, Plane]:
        height, width = self.height, self.width
        column = np.linspace(150, 90, height).astype(np.uint8)
        luma = np.repeat(column[:, None], width, axis=1)
        u = np.full((height // 2, width // 2), 128, np.uint8)
        v = u.copy()
        for _ in range(24):  # house fronts, windows, parked things
            x, y = self._random.randint(0, width), self._random.randint(0, int(height * 0.8))
            w, h = self._random.randint(8, max(9, width // 6)), self._random.randint(8, max(9, height // 4))
            luma[y : y + h, x : x + w] = self._random.randint(50, 200)
            tint = self._random.randint(108, 149, 2)
            u[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] = tint[0]
            v[y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] = tint[1]
        return luma, u, v

    def _draw_figure(self, luma: Plane, u: Plane, v: Plane, figure: Figure, time_s: float) -> None:
        if not figure.enters <= time_s < figure.leaves:
            return
        progress = (time_s - figure.enters) / (figure.leaves - figure.enters)
        if not figure.rightwards:
            progress = 1 - progress
        tall = int(self.height * figure.height)
        wide = max(4, tall // 3)
        left = int(progress * (self.width + wide)) - wide
        top = int(self.height * 0.95) - tall
        stride = int(abs((time_s * 2) % 1 - 0.5) * wide)
        parts = (  # x, y, width, height, lightness
            (left + wide // 3, top, wide // 3, tall // 6, 180),  # head
            (left, top + tall // 6, wide, tall // 2, figure.lightness),  # trunk
            (left + wide // 4 - stride // 2, top + tall * 2 // 3, wide // 5, tall // 3, 35),  # legs
            (left + wide // 2 + stride // 2, top + tall * 2 // 3, wide // 5, tall // 3, 35),
        )
        for x, y, w, h, lightness in parts:
            x0, x1 = max(x, 0), max(x + w, 0)
            luma[y : y + h, x0:x1] = lightness
            if lightness == figure.lightness:
                u[y // 2 : (y + h) // 2, x0 // 2 : x1 // 2] = figure.tint[0]
                v[y // 2 : (y + h) // 2, x0 // 2 : x1 // 2] = figure.tint[1]

    def _draw_clock(self, luma: Plane, time_s: float) -> None:
        text = (_START + timedelta(seconds=time_s)).strftime("%Y-%m-%d %H:%M:%S")
        scale = max(1, self.width // 213)
        cells = np.zeros((7, 4 * len(text) + 1), np.uint8)
        for place, char in enumerate(text):
            for row, bits in enumerate(_GLYPHS[char]):
                cells[row + 1, 4 * place + 1 : 4 * place + 4] = [bits >> 2 & 1, bits >> 1 & 1, bits & 1]
        label = np.kron(np.where(cells, 225, 24).astype(np.uint8), np.ones((scale, scale), np.uint8))
        shown = luma[scale : scale + label.shape[0], scale : scale + label.shape[1]]
        shown[...] = label[: shown.shape[0], : shown.shape[1]]
