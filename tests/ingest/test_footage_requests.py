"""The countdown of a request: from what the business knows, else from the days of the rule set."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from evidence.catalogue.links import FootageRequest
from evidence.errors import UsageError
from evidence.rules import rule_set
from ingest.footage_requests import hours_left, moment_of, new_request

ZONE = ZoneInfo("Europe/Copenhagen")
ASKED = {
    "business": "Torvets Kiosk",
    "place": "Torvet 1",
    "camera": "indgang",
    "wanted_from": "2026-11-20 22:00",
    "wanted_until": "2026-11-20 23:00",
    "legal_basis": "retsplejelovens § 804",
    "order_reference": "",
    "keeps_days": None,
    "overwritten_at": None,
}


def asked(**changed: object) -> FootageRequest:
    return new_request(**{**ASKED, **changed}, zone=ZONE, rules=rule_set())  # type: ignore[arg-type]


def test_the_law_s_days_count_from_the_first_minute_that_is_wanted() -> None:
    made = asked()
    assert made.overwritten_at == "2026-12-20T21:00:00.000000Z"
    assert made.rules_version == rule_set().version
    assert made.wanted_from == "2026-11-20 22:00", "as it was given: the recorder shows it so"


def test_what_the_business_knows_wins() -> None:
    assert asked(keeps_days=7).overwritten_at == "2026-11-27T21:00:00.000000Z"
    assert asked(overwritten_at="2026-11-25 08:00").overwritten_at == "2026-11-25T07:00:00.000000Z"
    assert asked(overwritten_at="2026-11-25T08:00:00Z").overwritten_at == "2026-11-25T08:00:00.000000Z"


def test_days_are_of_24_hours_also_where_the_clocks_are_set() -> None:
    made = asked(wanted_from="2026-10-24 12:00", wanted_until="2026-10-24 13:00", keeps_days=2)
    assert made.overwritten_at == "2026-10-26T10:00:00.000000Z"


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    assert moment_of("2026-10-25 02:30", ZONE) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 12, 20, 20, 59, tzinfo=UTC), 0),
        (datetime(2026, 12, 20, 20, 0, tzinfo=UTC), 1),
        (datetime(2026, 12, 18, 21, 0, tzinfo=UTC), 48),
        (datetime(2027, 1, 1, tzinfo=UTC), 0),
    ],
)
def test_hours_left_are_whole_and_never_below_none(now: datetime, hours: int) -> None:
    assert hours_left(asked(), now) == hours


@pytest.mark.parametrize(
    "changed",
    [
        {"keeps_days": 7, "overwritten_at": "2026-11-25 08:00"},
        {"keeps_days": 0},
        {"wanted_from": ""},
        {"wanted_from": "yesterday"},
        {"wanted_until": "2026-11-20 22:00"},
        {"overwritten_at": "soon"},
        {"business": " "},
        {"place": ""},
        {"camera": ""},
        {"legal_basis": ""},
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        asked(**changed)
