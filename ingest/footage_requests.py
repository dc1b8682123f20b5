"""Requests to businesses: which camera, what time, on what legal basis, and how long the recording lasts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from evidence.catalogue.links import FootageRequest
from evidence.clock import timestamp
from evidence.errors import UsageError
from evidence.recorders import read_shown
from evidence.rules import RuleSet
from evidence.text import printable

_RULE = "camera-owner-deletes"


def new_request(
    *,
    business: str,
    place: str,
    camera: str,
    wanted_from: str,
    wanted_until: str,
    legal_basis: str,
    order_reference: str,
    keeps_days: int | None,
    overwritten_at: str | None,
    zone: ZoneInfo,
    rules: RuleSet,
) -> FootageRequest:
    """A request; the first of what is wanted is overwritten `keeps_days` after it was recorded.

    `overwritten_at` names the moment itself, where the business knows it. Where neither is known, the days
    count after which the law has the owner of a camera delete. Times without a zone are of `zone`. Raises
    UsageError.
    """
    if keeps_days is not None and overwritten_at is not None:
        raise UsageError("Give --keeps-days or --overwritten-at, not both.")
    if keeps_days is not None and keeps_days < 1:
        raise UsageError(f"A recorder keeps nothing for {keeps_days} days.", advice="Give 1 or more.")
    for name, text in (
        ("business", business),
        ("place", place),
        ("camera", camera),
        ("legal basis", legal_basis),
    ):
        if not text.strip():
            raise UsageError(
                f"The request says nothing of the {name}.", advice="A business needs to know it."
            )
    begins, ends = moment_of(wanted_from, zone), moment_of(wanted_until, zone)
    if begins >= ends:
        raise UsageError("What is wanted ends before it begins.", advice="See --from and --until.")
    kept = rules.days(_RULE) if keeps_days is None else keeps_days
    lost = moment_of(overwritten_at, zone) if overwritten_at else begins + timedelta(days=kept)
    return FootageRequest(
        business=business.strip(),
        place=place.strip(),
        camera=camera.strip(),
        wanted_from=wanted_from.strip(),
        wanted_until=wanted_until.strip(),
        legal_basis=legal_basis.strip(),
        order_reference=order_reference.strip(),
        overwritten_at=timestamp(lost),
        rules_version=rules.version,
    )


def hours_left(asked: FootageRequest, now: datetime) -> int | None:
    """Whole hours until the recording is overwritten, 0 where it may be gone; None where nobody knows."""
    if asked.overwritten_at is None:
        return None
    left = datetime.fromisoformat(asked.overwritten_at) - now
    return max(0, int(left.total_seconds() // 3600))


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """A time as a person writes it, in UTC; without a zone of its own it is of `zone`. Raises UsageError.

    Of an hour that comes twice the first counts: then less time is left, not more.
    """
    shown = read_shown(text)
    if shown is None:
        raise UsageError(f"{printable(text)!r} is not a time.", advice='Write it as in "2026-03-14 22:17".')
    if not shown.zone:
        return shown.digits.replace(tzinfo=zone).astimezone(UTC)
    return datetime.fromisoformat(f"{shown.digits.isoformat()}{shown.zone}").astimezone(UTC)
