"""What can be seen in the frames: foreground, sharpness, exposure, a moving camera, frozen and black runs.

It works on small luma planes (at most 480 pixels wide) of limited range; it opens no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from transcode.frames import Frame, Plane
from transcode.likeness import SIDE
from transcode.summary import BRIGHT, DARK, RUN_S, Run, Summary

cv2.setNumThreads(1)

_WIDTH = 480  # of the planes that are looked at, at most
# The background model works on planes at most as wide as this: it found the same events as at 240 pixels.
_MODEL_WIDTH = 159
_HISTORY = 500  # looks, ten of which are a second as a rule
_SHADOW = 127  # MOG2's mark for a shadow; foreground is 255
# Darker than this share of the background is no shadow: dark clothes were taken for one at MOG2's own 0.5.
_SHADE = 0.7
FOREGROUND_SHARE = 0.01
_ALL_CHANGED = 0.7  # so much foreground at once is a cut or a switched light, not an object
_CUT_DIFFERENCE = 18.0
_MOTION_STEP_S = 0.4
_MOTION_SHARE = 0.006  # of the width
_SAMPLE_S = 0.25  # between frames that are measured where nothing happens
_BLACK_MEAN = 20.0
_BLACK_PEAK = 48
# Full range to limited (ITU-R BT.601-7, 2.5.3): 0 to 255 becomes 16 to 235.
_LIMITED = np.rint(16 + np.arange(256) * 219 / 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame shows.

    `foreground` is its share of the picture (0 to 1). `sharpness` is that of the small plane, inside the
    foreground where there is any; None where it was not measured: between events it is for some. `is_cut`
    says that a new scene begins.
    """

    foreground: float
    sharpness: float | None
    is_cut: bool


@dataclass(slots=True)
class _RunFinder:
    """Collects runs of frames for which something holds, of a least length."""

    least_s: float
    runs: list[Run] = field(default_factory=list)
    _start_s: float | None = None
    _end_s: float = 0.0

    def add(self, time_s: float, *, holds: bool, since_s: float | None = None) -> None:
        if holds:
            if self._start_s is None:
                self._start_s = time_s if since_s is None else since_s
            self._end_s = time_s
        else:
            self.close()

    def close(self) -> None:
        # Times are sums of rounded seconds.
        if self._start_s is not None and self._end_s - self._start_s >= self.least_s - 1e-6:
            self.runs.append(Run(self._start_s, self._end_s))
        self._start_s = None


class Analyser:
    """Looks at each frame that comes at full size, once, in order."""

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(
            history=_HISTORY, varThreshold=25, detectShadows=True
        )
        self._model.setShadowThreshold(_SHADE)
        self._histogram = np.zeros(256, np.float64)
        self._before: Frame | None = None
        self._before_s = 0.0
        self._tiny: Plane | None = None
        self._changes: list[float] = []
        self._black = _RunFinder(0.0)
        self._frozen = _RunFinder(RUN_S)
        self._cuts: list[float] = []
        self._motion = _Motion()
        self._sampled_s = -_SAMPLE_S

    def look(self, frame: Frame, time_s: float) -> Look:
        """Look at the next frame, which is shown at `time_s` seconds."""
        luma = frame.luma
        tiny = halved(luma, _MODEL_WIDTH)
        mask = np.asarray(self._model.apply(tiny), np.uint8)
        foreground = cv2.countNonZero(cv2.threshold(mask, _SHADOW, 255, cv2.THRESH_BINARY)[1]) / mask.size
        is_cut = self._see_change(frame, tiny, time_s)
        if is_cut or foreground > _ALL_CHANGED:
            # Learn the new scene at once, or all of it would stay foreground.
            self._model.apply(tiny, learningRate=1.0)
            foreground = 0.0
        self._see_black(tiny, time_s)
        self._motion.see(tiny, time_s)
        score = None
        present = foreground > FOREGROUND_SHARE
        if present or is_cut or not 0 <= time_s - self._sampled_s < _SAMPLE_S:
            self._sampled_s = time_s
            self._histogram += cv2.calcHist([luma], [0], None, [256], [0, 256]).reshape(-1)
            score = sharpness(luma, mask if present else None)
        self._before, self._before_s, self._tiny = frame, time_s, tiny
        return Look(foreground, score, is_cut)

    def summary(self) -> Summary:
        """What was seen, after the last frame."""
        self._black.close()
        self._frozen.close()
        total = float(self._histogram.sum()) or 1.0
        return Summary(
            dark=float(self._histogram[: DARK + 1].sum()) / total,
            bright=float(self._histogram[BRIGHT:].sum()) / total,
            moving=self._motion.share,
            black=tuple(self._black.runs),
            frozen=tuple(self._frozen.runs),
            cuts=tuple(self._cuts),
        )

    def _see_change(self, frame: Frame, tiny: Plane, time_s: float) -> bool:
        if self._before is None or self._tiny is None:
            return False
        change = cv2.norm(tiny, self._tiny, cv2.NORM_L1) / tiny.size
        same = change == 0 and cv2.norm(frame.full, self._before.full, cv2.NORM_INF) == 0
        self._frozen.add(time_s, holds=same, since_s=self._before_s)
        # A cut stands out from the frames before it; a shaking camera does not.
        usual = sum(self._changes) / len(self._changes) if self._changes else 0.0
        self._changes = [*self._changes[-7:], change]
        is_cut = change > _CUT_DIFFERENCE and change > 3 * usual
        if is_cut:
            self._cuts.append(time_s)
        return is_cut

    def _see_black(self, tiny: Plane, time_s: float) -> None:
        mean = cv2.mean(tiny)[0]
        is_black = mean <= _BLACK_MEAN and cv2.minMaxLoc(tiny)[1] <= _BLACK_PEAK
        self._black.add(time_s, holds=is_black)


class _Motion:
    """Whether the picture moves as a whole: phase correlation of frames some tenths of a second apart."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._last_s = 0.0
        self._window: NDArray[np.float32] | None = None
        self._still: Sequence[float] = (0.0, 0.0)
        self._moved = 0
        self._samples = 0

    @property
    def share(self) -> float | None:
        """The share of samples that moved; None before the first."""
        return self._moved / self._samples if self._samples else None

    def see(self, tiny: Plane, time_s: float) -> None:
        if self._last is not None and 0 <= time_s - self._last_s < _MOTION_STEP_S:
            return
        now = tiny.astype(np.float32)
        if min(tiny.shape) < 16:
            return
        if self._window is None:
            self._window = cv2.createHanningWindow(tiny.shape[::-1], cv2.CV_32F).astype(np.float32)
            # OpenCV finds half a pixel between equal pictures of some sizes.
            self._still = cv2.phaseCorrelate(self._window, self._window)[0]
        if self._last is not None and cv2.meanStdDev(tiny)[1][0][0] > 2:
            (dx, dy), _response = cv2.phaseCorrelate(self._last, now, self._window)
            moved = max(abs(dx - self._still[0]), abs(dy - self._still[1]))
            self._moved += moved > _MOTION_SHARE * tiny.shape[1]
            self._samples += 1
        self._last, self._last_s = now, time_s


def sharpness(luma: Plane, mask: Plane | None = None) -> float:
    """Variance of the Laplacian after a Gaussian of sigma 1, of the part that `mask` (smaller, 255) marks.

    It ranks frames of one clip; noise raises it, so that it is no measure of a camera.
    """
    if mask is not None:
        high, wide = luma.shape
        x, y, w, h = cv2.boundingRect(cv2.threshold(mask, _SHADOW, 255, cv2.THRESH_BINARY)[1])
        across, down = wide / mask.shape[1], high / mask.shape[0]
        luma = luma[int(y * down) : int((y + h) * down), int(x * across) : int((x + w) * across)]
    if min(luma.shape) < 3:
        return 0.0
    edges = cv2.Laplacian(cv2.GaussianBlur(luma, (5, 5), 1), cv2.CV_16S)
    return float(cv2.meanStdDev(edges)[1][0][0]) ** 2


def small_luma(full: Plane, width: int, height: int, *, is_full_range: bool) -> Plane:
    """The small plane of limited range of a frame, `full` as in Frame."""
    luma = halved(full[: width * height].reshape(height, width), _WIDTH)
    return np.asarray(cv2.LUT(luma, _LIMITED), np.uint8) if is_full_range else luma


def squared(luma: Plane) -> Plane:
    """The plane as likeness.look takes it."""
    return np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def halved(luma: Plane, width: int) -> Plane:
    """The plane halved, by area, until it is at most `width` wide; an odd line at its edge is left out."""
    while luma.shape[1] > width and luma.shape[0] >= 2:
        high, wide = luma.shape[0] // 2, luma.shape[1] // 2
        even = luma[: 2 * high, : 2 * wide]  # OpenCV is ten times as fast at whole factors
        luma = np.asarray(cv2.resize(even, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    return luma
