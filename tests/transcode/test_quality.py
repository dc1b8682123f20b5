"""Quality is numbers with their method, and advice to a shop; it passes no judgement and claims no class."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from evidence.jsontypes import JsonObject
from tests.transcode.conftest import H264, Maker, slowed
from transcode.model import StageReport
from transcode.picture import Picture
from transcode.quality import Combing, Observed, density_class, measures, problems, still_measures
from transcode.summary import Run, Summary
from transcode.timeline import timeline
from transcode.values import objects

PICTURE = Picture(
    index=2,
    codec="h264",
    coded=(704, 288),
    width=704,
    height=288,
    pixel_format="yuv420p",
    tick=Fraction(1, 1000),
    packets=100,
    discarded=0,
    sar=Fraction(6, 11),
    interlaced=False,
    transfer="",
    matrix="",
    full_range=False,
    nominal_rate=Fraction(25),
    bit_rate=None,
    promised_s=4.0,
)
SEEN = Observed(
    picture=PICTURE,
    timeline=timeline([number / 25 for number in range(100)], 0.001),
    summary=Summary(dark=0.1, bright=0.1, moving=None, black=(), frozen=(), cuts=()),
    sharpest=123.456,
    combing=None,
    size=1_000_000,
    flagged="progressive",
)


def named(seen: Observed) -> dict[str, JsonObject]:
    """The measures of what was seen, by their names."""
    listed = objects([*measures(seen)])
    found = {str(measure["name"]): measure for measure in listed}
    assert len(found) == len(listed)
    return found


def codes(seen: Observed) -> list[str]:
    return [problem.code for problem in problems(seen)]


def gapped(*missing: int) -> Observed:
    return replace(SEEN, timeline=timeline([n / 25 for n in range(100) if n not in missing], 0.001))


def exposed(*, dark: float = 0.0, bright: float = 0.0) -> dict[str, JsonObject]:
    return named(replace(SEEN, summary=replace(SEEN.summary, dark=dark, bright=bright)))


@pytest.mark.parametrize(
    "seen",
    [
        SEEN,
        replace(SEEN, combing=Combing(3, 4, 5), sharpest=None),
        replace(SEEN, timeline=timeline([], 0.001)),
        replace(SEEN, timeline=timeline([1.0], 0.001)),
        replace(SEEN, timeline=timeline([1.0, 1.0], 0.001), picture=replace(PICTURE, nominal_rate=None)),
    ],
)
def test_every_measure_has_its_unit_and_the_version_of_its_method(seen: Observed) -> None:
    for measure in named(seen).values():
        assert measure["stream"] == 2
        assert isinstance(measure["advice"], str)
        assert all(measure[key] for key in ("name", "unit", "method", "version"))
    assert json.loads(json.dumps([*measures(seen)], allow_nan=False)) == measures(seen)


def test_nothing_passes_or_fails() -> None:
    text = json.dumps([*measures(SEEN)]).lower()
    assert not any(word in text for word in ("pass", "fail", "good", "bad", "score"))


def test_the_coded_size_and_the_one_shown_are_told_apart() -> None:
    found = named(SEEN)
    assert (found["coded size"]["value"], found["shown size"]["value"]) == ("704x288", "384x288")


def test_a_bit_rate_that_is_not_stated_is_that_of_the_whole_file_and_says_so() -> None:
    found = named(SEEN)
    assert found["bit rate"]["value"] == 2_000_000  # a megabyte in four seconds
    assert "file size over duration" in str(found["bit rate"]["version"])
    assert found["bits per pixel and frame (h264)"]["value"] == round(2_000_000 / 25 / (704 * 288), 4)
    stated = named(replace(SEEN, picture=replace(PICTURE, bit_rate=500_000)))["bit rate"]
    assert (stated["value"], stated["version"]) == (500_000, "as stated for the stream")


def test_nominal_and_measured_rate_stand_side_by_side() -> None:
    found = named(replace(SEEN, picture=replace(PICTURE, nominal_rate=Fraction(30))))
    assert (found["nominal rate"]["value"], found["measured rate"]["value"]) == (30, 25)


def test_dropped_frames_are_a_problem_and_bring_advice() -> None:
    seen = gapped(30, 31, 60)
    measure = named(seen)["gaps over 1.5 x median"]
    assert measure["value"] == 2
    assert "loses frames" in str(measure["advice"])
    assert named(seen)["longest gap"]["value"] == 0.12
    [problem] = problems(seen)
    assert (problem.code, "2 gaps" in problem.text, "1.160 s" in problem.text) == (
        "dropped-frames",
        True,
        True,
    )


def test_of_a_variable_rate_no_gap_is_counted() -> None:
    seen = replace(SEEN, timeline=timeline([n * 0.04 + (n % 3) * 0.01 for n in range(99)], 0.001))
    measure = named(seen)["gaps over 1.5 x median"]
    assert (measure["value"], measure["advice"]) == (None, "The rate is not constant.")
    assert codes(seen) == []


def test_times_that_run_backwards_are_a_problem() -> None:
    times = [number / 25 for number in range(100)]
    times[10], times[11] = times[11], times[10]
    assert codes(replace(SEEN, timeline=timeline(times, 0.001))) == ["times-backwards"]


@pytest.mark.parametrize(
    ("name", "side"), [("share of luma <= 16", "dark"), ("share of luma >= 235", "bright")]
)
def test_exposure_brings_advice_above_a_quarter_only(name: str, side: str) -> None:
    assert exposed(**{side: 0.25})[name]["advice"] == ""
    assert exposed(**{side: 0.2501})[name]["advice"] != ""
    assert exposed(**{side: 0.2501})[name]["value"] == 0.2501


@pytest.mark.parametrize(("end_s", "told"), [(1.97, []), (1.99, ["black"])])
def test_a_clip_is_called_black_from_half_of_its_time_on(end_s: float, told: list[str]) -> None:
    assert codes(replace(SEEN, summary=replace(SEEN.summary, black=(Run(0.0, end_s),)))) == told


def test_black_and_frozen_runs_are_given_with_their_times() -> None:
    runs = (Run(0.5, 1.0), Run(2.0, 2.25))
    found = named(replace(SEEN, summary=replace(SEEN.summary, black=runs, frozen=runs[:1])))
    assert (found["black"]["value"], found["black"]["runs_s"]) == (0.75, [[0.5, 1.0], [2.0, 2.25]])
    [frozen] = [measure for name, measure in found.items() if name.startswith("static or frozen")]
    assert (frozen["value"], frozen["runs"]) == (0.5, 1)


@pytest.mark.parametrize(("combing", "advised"), [(Combing(60, 30, 10), True), (Combing(30, 60, 10), False)])
def test_the_flag_and_the_combing_that_was_measured_are_two_measures(
    combing: Combing, *, advised: bool
) -> None:
    found = named(replace(SEEN, flagged="tt", combing=combing))
    assert found["interlaced flag"]["value"] == "tt"
    assert str(found["interlaced, measured"]["value"]).startswith("of 100 frames ")
    assert bool(found["interlaced, measured"]["advice"]) is advised
    assert "interlaced, measured" not in named(SEEN)


def test_sharpness_is_said_to_rank_frames_of_one_clip_only() -> None:
    measure = named(SEEN)["sharpness of the sharpest keyframe"]
    assert measure["value"] == 123.5
    assert "nothing beside another camera's" in str(measure["advice"])


def test_no_density_class_is_claimed() -> None:
    assert density_class()["class"] is None
    assert "no length is marked" in str(density_class()["text"])


def test_of_a_still_size_and_exposure_are_measured() -> None:
    histogram = [0] * 256
    histogram[16], histogram[17], histogram[235] = 30, 60, 10
    found = {str(measure["name"]): measure for measure in objects(still_measures((1200, 1600), histogram))}
    assert found["shown size"]["value"] == "1200x1600"
    assert (found["share of luma <= 16"]["value"], found["share of luma >= 235"]["value"]) == (0.3, 0.1)
    assert found["share of luma <= 16"]["advice"] != ""


def test_of_a_still_without_samples_no_exposure_is_told() -> None:
    assert [m["name"] for m in objects(still_measures((10, 10), [0] * 256))] == ["shown size"]


def measured(report: StageReport) -> dict[str, JsonObject]:
    section = report.sections["quality"]
    assert isinstance(section, dict)
    return {str(measure["name"]): measure for measure in objects(section["measures"])}


# Luma 240 is over the limit where 235 is white, and under it where 255 is.
@pytest.mark.parametrize(("full", "bright"), [(0, 1), (1, 0)])
def test_exposure_is_measured_by_the_range_that_the_stream_states(
    film: Maker, tmp_path: Path, full: int, bright: int
) -> None:
    options = (*H264, "-bsf:v", f"h264_metadata=video_full_range_flag={full}")
    light = ("-f", "lavfi", "-i", "color=black:s=160x120:d=1,format=yuv420p,geq=240:128:128")
    found = measured(slowed(film("light.mp4", *options, of=light), tmp_path / "work"))
    assert found["share of luma >= 235"]["value"] == bright


def test_a_whole_clip_is_measured(clip: Path, tmp_path: Path) -> None:
    found = measured(slowed(clip, tmp_path / "work"))
    assert (found["frames"]["value"], found["measured rate"]["value"]) == (50, 25.0)
    assert (found["coded size"]["value"], found["shown size"]["value"]) == ("320x240", "320x240")
    assert found["gaps over 1.5 x median"]["value"] == 0
    assert found["interlaced flag"]["value"] == "progressive"
    assert found["black"]["runs_s"] == []
    sharpest = found["sharpness of the sharpest keyframe"]["value"]
    assert isinstance(sharpest, float)
    assert sharpest > 0
