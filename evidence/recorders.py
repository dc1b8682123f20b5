"""Recorders and their clocks: readings, and what the clock was off by at a shown time.

Nothing here changes a time that a file has: offset and true time stand beside it, with how they were had.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence.cases import DEFAULT_PATTERN, parse_case_number
from evidence.errors import IntegrityError, UsageError
from evidence.text import printable

_RECORDER = re.compile(r"RC-(\d{2,9})")
_TIME = re.compile(
    r"(\d{4})[-:](\d\d)[-:](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)([.,]\d{1,9})?)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_DAY_S = 86400


def recorder_label(number: int) -> str:
    """`RC-01` for 1."""
    return f"RC-{number:02d}"


def parse_recorder(text: str, pattern: str = DEFAULT_PATTERN) -> tuple[str, int]:
    """Case number and number of `<case number>/RC-01`; raises UsageError where it is not of that form."""
    case_text, slash, label = text.strip().rpartition("/")
    match = _RECORDER.fullmatch(label)
    if not slash or not match:
        raise UsageError(
            f"{text!r} does not name a recorder.", advice="Write <case number>/RC-01; vidne recorder list."
        )
    return parse_case_number(case_text, pattern), int(match[1])


@dataclass(frozen=True, slots=True)
class ShownTime:
    """A time as a clock or file shows it: its digits without a zone, and the zone as it was written."""

    digits: datetime
    zone: str

    def minus(self, seconds: float) -> str:
        """The time that many seconds earlier, in the same zone: `2026-03-14 22:17:05.120+01:00`."""
        moment = self.digits - timedelta(seconds=seconds)
        form = "milliseconds" if moment.microsecond else "seconds"
        return f"{moment.isoformat(' ', form)}{self.zone}"


def read_shown(text: str) -> ShownTime | None:
    """The time that `text` begins with, in ISO 8601 or EXIF's form; None where it is no time with a date."""
    match = _TIME.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    micros = round(float(f"0.{fraction[1:]}") * 1_000_000) if fraction else 0
    try:
        whole = datetime.fromisoformat(f"{year}-{month}-{day} {hour}:{minute}:{second or '00'}")
    except ValueError:
        return None
    return ShownTime(whole + timedelta(microseconds=min(micros, 999_999)), zone or "")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock showed when it was compared with a true time.

    Both are texts as they were given, both with a zone or neither; `uncertainty_s` is that of the comparison
    in seconds, None where nobody stated one.
    """

    shown: str
    true: str
    method: str = ""
    uncertainty_s: float | None = None
    read_by: str = ""
    read_at: str = ""

    @property
    def offset_s(self) -> float:
        """Shown minus true, in seconds: positive for a clock that is fast."""
        with _told_if_edited(self):
            return (_moment(self.shown) - _moment(self.true)).total_seconds()

    @property
    def at(self) -> datetime:
        """The digits that the clock showed."""
        with _told_if_edited(self):
            return _moment(self.shown).replace(tzinfo=None)


def check_reading(reading: Reading) -> None:
    """Raise UsageError for a reading of which no offset can be had."""
    moments = []
    for text in (reading.shown, reading.true):
        try:
            moments.append(_moment(text))
        except ValueError:
            raise UsageError(
                f"{printable(text)} is not a time.", advice='Write it as in "2026-03-14 22:17:05".'
            ) from None
    if (moments[0].tzinfo is None) != (moments[1].tzinfo is None):
        raise UsageError(
            "One of the two times has a zone, the other has none.", advice="Give both with it, or neither."
        )
    uncertainty = reading.uncertainty_s
    if uncertainty is not None and not (math.isfinite(uncertainty) and uncertainty >= 0):
        raise UsageError("The uncertainty is no number of seconds.", advice="Give 0 or more.")


@dataclass(frozen=True, slots=True)
class Offset:
    """What a clock was off by at a shown time, in seconds, and what that rests on.

    `basis` is `interpolated` or `nearest reading`; `nearest` are the reading or the two around the time.
    `drift_s_per_day` is that between the two, None for one; `distance_s` the shown time's from the nearest.
    """

    offset_s: float
    uncertainty_s: float | None
    basis: str
    nearest: tuple[Reading, ...]
    drift_s_per_day: float | None
    distance_s: float


def offset_at(readings: Sequence[Reading], shown: datetime) -> Offset | None:
    """The offset at the shown time (digits, no zone); None without readings.

    Between two readings at t1 and t2, with w = (t - t1) / (t2 - t1):

        offset = (1 - w) o1 + w o2        u = sqrt(((1 - w) u1)^2 + (w u2)^2)

    u is the law of propagation for uncorrelated inputs (JCGM 100:2008, 5.1.2, equation 10), at the coverage
    that u1 and u2 have. It holds for a clock that drifted evenly and was not set in between, which nobody
    can tell from two readings: it does not cover the contrary. Outside of the readings the nearest one's
    offset stands as it was read; nothing is extrapolated.
    """
    if not readings:
        return None
    ordered = sorted(readings, key=lambda reading: reading.at)
    before = [reading for reading in ordered if reading.at <= shown]
    after = [reading for reading in ordered if reading.at > shown]
    if before and after:
        return _between(before[-1], after[0], shown)
    nearest = before[-1] if before else after[0]
    distance = abs((shown - nearest.at).total_seconds())
    return Offset(nearest.offset_s, nearest.uncertainty_s, "nearest reading", (nearest,), None, distance)


def _between(first: Reading, second: Reading, shown: datetime) -> Offset:
    span = (second.at - first.at).total_seconds()
    w = (shown - first.at).total_seconds() / span
    uncertainty = None
    if first.uncertainty_s is not None and second.uncertainty_s is not None:
        uncertainty = math.hypot((1 - w) * first.uncertainty_s, w * second.uncertainty_s)
    return Offset(
        offset_s=(1 - w) * first.offset_s + w * second.offset_s,
        uncertainty_s=uncertainty,
        basis="interpolated",
        nearest=(first, second),
        drift_s_per_day=(second.offset_s - first.offset_s) * _DAY_S / span,
        distance_s=min(w, 1 - w) * span,
    )


@contextmanager
def _told_if_edited(reading: Reading) -> Iterator[None]:
    """What was taken in has passed `check_reading`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"A clock's reading of {printable(reading.shown)} at {printable(reading.true)} gives no offset:"
            " somebody edited it.",
            advice="vidne verify case tells what was edited.",
        ) from error


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.strip())
