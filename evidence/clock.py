"""Time as the record writes it: UTC, RFC 3339, microseconds."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The wall clock of this machine, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """`2026-11-23T03:34:44.123456Z`; the same length always, so that texts sort as times do."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be recorded")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
