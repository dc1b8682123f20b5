"""A timeline tells a constant rate from a variable one, and frames that a recorder dropped from both."""

import pytest

from transcode.timeline import Timeline, timeline

TICK = 1 / 90_000


def at_25(*numbers: int) -> Timeline:
    """The timeline of some of the frames of a clip at 25 frames a second."""
    return timeline([number / 25 for number in numbers], TICK)


def test_a_constant_rate_is_measured_from_first_frame_to_last() -> None:
    line = at_25(*range(50))
    assert (line.frames, line.is_constant, line.steady) == (50, True, True)
    assert line.rate == pytest.approx(25)
    assert (line.first_s, line.last_s, line.span_s) == pytest.approx((0, 1.96, 1.96))
    assert (line.least_gap_s, line.median_gap_s, line.worst_gap_s) == pytest.approx((0.04, 0.04, 0.04))
    assert (line.dropped, line.backwards) == ((), 0)


def test_a_late_start_changes_neither_rate_nor_gaps() -> None:
    line = timeline([7.5 + number / 25 for number in range(50)], TICK)
    assert line.first_s == 7.5
    assert line.rate == pytest.approx(25)
    assert line.is_constant is True


def test_times_rounded_to_milliseconds_are_still_a_constant_rate() -> None:
    line = timeline([round(number / 29.97, 3) for number in range(300)], 0.001)
    assert (line.is_constant, line.dropped) == (True, ())
    assert line.rate == pytest.approx(29.97, rel=1e-4)


def test_a_coarse_tick_of_the_container_is_no_change_of_rate() -> None:
    # 24 frames a second in a clock of 100 ticks: gaps of 40 and 50 ms.
    line = timeline([round(number / 24, 2) for number in range(100)], 0.01)
    assert (line.is_constant, line.dropped) == (True, ())


def test_of_a_variable_rate_no_gap_is_called_dropped_frames() -> None:
    gaps = [0.02, 0.05, 0.08] * 20
    line = timeline([sum(gaps[:number]) for number in range(len(gaps) + 1)], TICK)
    assert (line.is_constant, line.steady, line.dropped) == (False, False, ())
    assert (line.least_gap_s, line.median_gap_s, line.worst_gap_s) == pytest.approx((0.02, 0.05, 0.08))
    assert line.rate == pytest.approx(20)
    assert line.as_json()["gaps_over_1_5_medians"] is None


def test_long_gaps_in_a_steady_rate_are_told_by_the_time_before_them() -> None:
    line = at_25(*(number for number in range(100) if number not in {31, 70, 71, 72}))
    assert (line.is_constant, line.steady) == (False, True)
    assert line.dropped == pytest.approx((30 / 25, 69 / 25))
    assert line.worst_gap_s == pytest.approx(0.16)
    assert line.as_json()["gaps_over_1_5_medians"] == [1.2, 2.76]


def test_a_gap_of_less_than_half_a_frame_more_is_not_called_dropped() -> None:
    times = [number / 25 for number in range(50)]
    line = timeline([*times[:25], *(time_s + 0.019 for time_s in times[25:])], TICK)
    assert (line.is_constant, line.steady, line.dropped) == (False, True, ())
    assert line.worst_gap_s == pytest.approx(0.059)


def test_a_rate_so_high_that_its_gaps_are_like_the_clocks_own_error_hides_no_long_gap() -> None:
    times = [number / 1000 for number in range(500) if number not in range(100, 110)]
    line = timeline(times, 0.001)
    assert line.dropped == pytest.approx((0.099,))


def test_times_that_run_backwards_are_counted_and_the_rest_is_judged_in_order() -> None:
    line = at_25(0, 1, 2, 4, 3, 5, 6, 8, 7, 9)
    assert line.backwards == 2
    assert (line.frames, line.is_constant, line.dropped) == (10, True, ())
    assert (line.first_s, line.last_s) == pytest.approx((0, 0.36))
    assert line.as_json()["times_running_backwards"] == 2


def test_equal_times_are_not_called_backwards() -> None:
    line = at_25(0, 1, 1, 2, 3)
    assert (line.backwards, line.least_gap_s) == (0, 0)


def test_frames_that_are_all_at_one_moment_have_no_rate() -> None:
    line = timeline([0.5] * 5, TICK)
    assert (line.rate, line.span_s, line.steady, line.dropped) == (None, 0, False, ())
    assert line.as_json()["rate"] is None


def test_of_two_frames_the_rate_is_told_and_not_whether_it_is_constant() -> None:
    line = at_25(0, 1)
    assert line.rate == pytest.approx(25)
    assert (line.is_constant, line.steady, line.dropped) == (None, False, ())


def test_one_frame_has_a_time_and_no_rate() -> None:
    assert timeline([3.2], TICK).as_json() == {
        "frames": 1,
        "first_s": 3.2,
        "last_s": 3.2,
        "rate": None,
        "least_gap_s": 0,
        "median_gap_s": 0,
        "worst_gap_s": 0,
        "rate_is_constant": None,
        "gaps_over_1_5_medians": None,
        "times_running_backwards": 0,
    }


def test_no_frame_at_all_is_a_timeline_of_none() -> None:
    line = timeline([], TICK)
    assert (line.frames, line.rate, line.span_s, line.is_constant, line.backwards) == (0, None, 0, None, 0)


def test_of_very_many_gaps_a_hundred_are_listed_and_all_are_counted() -> None:
    line = at_25(*(number for number in range(4000) if number % 20))
    assert len(line.dropped) == 199
    listed = line.as_json()["gaps_over_1_5_medians"]
    assert isinstance(listed, list)
    assert len(listed) == 100
