"""What the frames of a clip showed, as numbers: the outcome of the analysis, without the means to make it."""

from dataclasses import dataclass

DARK, BRIGHT = 16, 235
RUN_S = 2.0  # from when on an unchanged picture is called static or frozen
_MOVING_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of frames, from the first one's time to the last one's, in seconds."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Summary:
    """What the whole clip showed.

    `dark` and `bright` are shares (0 to 1) of luma samples <= 16 and >= 235; `moving` is the share of motion
    samples in which the picture as a whole moved, None where there were too few.
    """

    dark: float
    bright: float
    moving: float | None
    black: tuple[Run, ...]
    frozen: tuple[Run, ...]
    cuts: tuple[float, ...]

    @property
    def camera(self) -> str:
        """`moving` or `fixed`."""
        return "moving" if self.moving is not None and self.moving > _MOVING_SHARE else "fixed"
