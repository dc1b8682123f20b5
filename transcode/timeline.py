"""When the frames of a clip are shown: its real rate, whether it is constant, gaps, times gone backwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from evidence.jsontypes import Json, JsonObject

# Two gaps closer than this are the same rate: milliseconds of a container, jitter of a phone's clock.
_SAME_GAP_S = 0.002
_MOSTLY = 0.9
_DROPPED = 1.5  # times the median gap
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Timeline:
    """Of `frames` shown frames; times and gaps in seconds, `rate` in frames a second.

    `is_constant` is None with fewer than three frames. `steady` tells that nearly all gaps are the same, so
    that a long one means frames dropped by the recorder; `dropped` are the times before such gaps.
    """

    frames: int
    first_s: float
    last_s: float
    least_gap_s: float
    median_gap_s: float
    worst_gap_s: float
    is_constant: bool | None
    steady: bool
    dropped: tuple[float, ...]
    backwards: int

    @property
    def span_s(self) -> float:
        """From the first frame to the last."""
        return self.last_s - self.first_s

    @property
    def rate(self) -> float | None:
        """Measured; None where there is no span."""
        return (self.frames - 1) / self.span_s if self.span_s > 0 else None

    def as_json(self) -> JsonObject:
        """For the section `timeline`."""
        dropped: list[Json] = [round(time_s, 6) for time_s in self.dropped[:_LISTED]]
        return {
            "frames": self.frames,
            "first_s": round(self.first_s, 6),
            "last_s": round(self.last_s, 6),
            "rate": None if self.rate is None else round(self.rate, 4),
            "least_gap_s": round(self.least_gap_s, 6),
            "median_gap_s": round(self.median_gap_s, 6),
            "worst_gap_s": round(self.worst_gap_s, 6),
            "rate_is_constant": self.is_constant,
            "gaps_over_1_5_medians": dropped if self.steady else None,
            "times_running_backwards": self.backwards,
        }


def timeline(times: Sequence[float], tick_s: float) -> Timeline:
    """Judge the times of the frames in the order in which they were decoded; `tick_s` is one unit of them."""
    ordered = sorted(times)
    gaps = [later - earlier for earlier, later in pairwise(ordered)]
    usual = median(gaps) if gaps else 0.0
    same = max(_SAME_GAP_S, tick_s) * 1.001
    close = sum(abs(gap - usual) <= same for gap in gaps)
    steady = len(gaps) > 1 and usual > 0 and close >= _MOSTLY * len(gaps)
    return Timeline(
        frames=len(ordered),
        first_s=ordered[0] if ordered else 0.0,
        last_s=ordered[-1] if ordered else 0.0,
        least_gap_s=min(gaps, default=0.0),
        median_gap_s=usual,
        worst_gap_s=max(gaps, default=0.0),
        is_constant=close == len(gaps) if len(gaps) > 1 else None,
        steady=steady,
        dropped=tuple(
            time_s
            for time_s, gap in zip(ordered, gaps, strict=False)
            if steady and gap > max(_DROPPED * usual, usual + same)
        ),
        backwards=sum(later < earlier for earlier, later in pairwise(times)),
    )
