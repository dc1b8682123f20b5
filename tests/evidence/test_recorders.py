"""A recorder's clock: offset, drift and uncertainty by hand-worked numbers; the shown time stays as it is."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import UsageError
from evidence.recorders import Reading, check_reading, offset_at, parse_recorder, read_shown

MARCH_1 = Reading("2026-03-01 12:00:10", "2026-03-01 12:00:00", "speaking clock", 1.0)
MARCH_11 = Reading("2026-03-11 12:00:30", "2026-03-11 12:00:00", "GPS", 2.0)


def at(text: str) -> datetime:
    shown = read_shown(text)
    assert shown is not None
    return shown.digits


def test_a_fast_clock_has_a_positive_offset() -> None:
    assert MARCH_1.offset_s == 10
    assert Reading("2026-03-01 11:59:57", "2026-03-01 12:00:00").offset_s == -3
    assert Reading("2026-03-01 13:00:10+01:00", "2026-03-01 12:00:00Z").offset_s == 10


def test_one_reading_stands_as_it_was_read_however_far_away() -> None:
    offset = offset_at([MARCH_1], at("2026-04-01 12:00:10"))
    assert offset is not None
    assert (offset.offset_s, offset.uncertainty_s, offset.basis) == (10, 1.0, "nearest reading")
    assert offset.drift_s_per_day is None
    assert offset.distance_s == 31 * 86400


def test_between_two_readings_the_drift_is_linear_and_the_uncertainty_is_combined() -> None:
    middle = MARCH_1.at + (MARCH_11.at - MARCH_1.at) / 2
    offset = offset_at([MARCH_11, MARCH_1], middle)
    assert offset is not None
    assert offset.basis == "interpolated"
    assert offset.nearest == (MARCH_1, MARCH_11)
    assert offset.offset_s == pytest.approx(20)
    assert offset.uncertainty_s == pytest.approx((0.5**2 * 1 + 0.5**2 * 4) ** 0.5)
    assert offset.drift_s_per_day == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize(("shown", "expected"), [("2026-02-20 00:00:00", 10), ("2026-03-20 00:00:00", 30)])
def test_outside_of_the_readings_nothing_is_extrapolated(shown: str, expected: float) -> None:
    offset = offset_at([MARCH_1, MARCH_11], at(shown))
    assert offset is not None
    assert (offset.offset_s, offset.basis) == (expected, "nearest reading")


def test_an_uncertainty_that_nobody_stated_is_not_invented() -> None:
    offset = offset_at(
        [MARCH_1, Reading("2026-03-11 12:00:30", "2026-03-11 12:00:00")], at("2026-03-05 12:00")
    )
    assert offset is not None
    assert offset.uncertainty_s is None
    assert offset_at([], at("2026-03-05 12:00")) is None


@given(st.floats(0, 1), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.floats(0, 100), st.floats(0, 100))
def test_an_interpolated_offset_lies_between_its_readings(
    w: float, first: float, second: float, u1: float, u2: float
) -> None:
    start, end = datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-02-01")
    readings = [
        Reading(str(moment), str(moment - timedelta(seconds=offset)), "", u)
        for moment, offset, u in ((start, first, u1), (end, second, u2))
    ]
    found = offset_at(readings, start + (end - start) * w)
    assert found is not None
    assert min(first, second) - 1e-3 <= found.offset_s <= max(first, second) + 1e-3
    assert found.uncertainty_s is not None
    assert found.uncertainty_s <= max(u1, u2) + 1e-9


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("2026-03-14T22:17:05.250000Z", "2026-03-14 22:16:55.250Z"),
        ("2026:03:14 22:17:05", "2026-03-14 22:16:55"),
        ("2026-03-14 22:17:05+01:00", "2026-03-14 22:16:55+01:00"),
        ("2026-03-14 22:17", "2026-03-14 22:16:50"),
    ],
)
def test_a_shown_time_keeps_its_zone_as_written(text: str, later: str) -> None:
    shown = read_shown(text)
    assert shown is not None
    assert shown.minus(10) == later


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 00:00:00", "0000:00:00 00:00:00", "22:17:05"])
def test_what_is_no_time_with_a_date_is_none(text: str) -> None:
    assert read_shown(text) is None


@pytest.mark.parametrize(
    "reading",
    [
        Reading("now", "2026-03-01 12:00:00"),
        Reading("2026-03-01 12:00:00", "2026-03-01 12:00:00Z"),
        Reading("2026-03-01 12:00:00", "2026-03-01 12:00:00", "", -1),
        Reading("2026-03-01 12:00:00", "2026-03-01 12:00:00", "", float("nan")),
    ],
)
def test_a_reading_of_which_no_offset_can_be_had_is_refused(reading: Reading) -> None:
    with pytest.raises(UsageError):
        check_reading(reading)


def test_a_recorder_is_named_by_case_and_number() -> None:
    assert parse_recorder("0100-10293-00001-26/RC-07") == ("0100-10293-00001-26", 7)
    for text in ("RC-01", "0100-10293-00001-26/EX-0001", ""):
        with pytest.raises(UsageError):
            parse_recorder(text)
