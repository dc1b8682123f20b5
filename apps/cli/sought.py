"""What a search is told on the command line: digests, times and places, as people write them."""

import math
import re

from evidence.catalogue.search import Near
from evidence.errors import UsageError
from evidence.recorders import read_shown

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_RADIUS_M, _WIDEST_M = 500.0, 100_000.0


def parse_digest(text: str) -> str:
    """A SHA-256 in lower case, or empty; raises UsageError."""
    digest = text.strip().lower()
    if digest and not re.fullmatch("[0-9a-f]{64}", digest):
        raise UsageError(f"{text!r} is no SHA-256.", advice="It has 64 digits, 0-9 and a-f.")
    return digest


def parse_bound(text: str | None, *, end: bool) -> str:
    """A time as the catalogue has it, or empty; a day alone is its beginning, or its end. UsageError."""
    if text is None:
        return ""
    is_day = _DAY.fullmatch(text.strip())
    shown = read_shown(f"{text.strip()} {'23:59:59' if end else '00:00:00'}" if is_day else text)
    if shown is None:
        raise UsageError(f"{text!r} is no time.", advice="Write 2026-03-01, or 2026-03-01 12:00.")
    return shown.digits.isoformat(timespec="seconds")


def parse_near(text: str | None) -> Near | None:
    """`55.676,12.568,300`: signed degrees and metres; raises UsageError."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 2:
        numbers.append(_RADIUS_M)
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise UsageError(
            f"{text!r} is no place.", advice="Write 55.676,12.568 or 55.676,12.568,300 (metres)."
        )
    near = Near(*numbers)
    if abs(near.latitude) > 90 or abs(near.longitude) > 180:
        raise UsageError(
            f"{text!r} is not on the map.", advice="Latitude comes first, in degrees: 55.676,12.568"
        )
    if not 0 < near.radius_m <= _WIDEST_M:
        raise UsageError(f"The radius is {near.radius_m:g} m.", advice="Give more than 0 and up to 100000.")
    return near
