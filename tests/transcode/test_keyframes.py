"""Keyframes lie inside what happens, not just at the ends, and thin out evenly where there are many."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from evidence.exhibits import Role
from samples.scene import Figure, Scene
from tests.transcode.conftest import H264, Maker, slowed
from transcode.analysis import Analyser, Look
from transcode.frames import Frame
from transcode.keyframes import CEILING, Kept, Keyframes, Seen
from transcode.summary import Summary

RATE = 25
WIDTH, HEIGHT = 320, 176
NOTHING = Look(0.0, 1.0, is_cut=False)


def seen(index: int, look: Look) -> Seen:
    """A hand-made frame: each is a grey of its own, so that no two show the same."""
    luma = np.full((4, 8), index * 7 % 256, np.uint8)
    return Seen(Frame(index, np.full(48, index % 256, np.uint8), luma), index / RATE, look)


def chosen(
    folder: Path, frames: Iterable[Seen], camera: str = "fixed", ceiling: int = CEILING
) -> tuple[list[Kept], bool]:
    """What is kept of hand-made frames; the bytes kept must be those of the frame."""
    keyframes = Keyframes(folder / "frames", 48, ceiling=ceiling)
    for one in frames:
        keyframes.add(one)
    kept, left_out = keyframes.finish(camera)
    assert all(keyframes.frame(one) == bytes([one.index % 256] * 48) for one in kept)
    keyframes.close()
    return kept, left_out


def reasons(kept: Sequence[Kept]) -> dict[int, tuple[str, ...]]:
    return {one.index: one.reasons for one in kept}


def passage(start: int, length: int, *, sharpest: int, largest: int) -> list[Seen]:
    """Someone passes: foreground in `length` frames from number `start`."""
    return [
        seen(n, Look(0.2 if n == largest else 0.05, 9.0 if n == sharpest else 2.0, is_cut=False))
        for n in range(start, start + length)
    ]


def quiet(start: int, length: int) -> list[Seen]:
    return [seen(n, NOTHING) for n in range(start, start + length)]


def busy(passages: int) -> list[Seen]:
    """So many passages, of 5 frames each, 45 frames apart."""
    return [
        one
        for n in range(0, 50 * passages, 50)
        for one in (*passage(n, 5, sharpest=n + 1, largest=n + 2), *quiet(n + 5, 45))
    ]


def test_of_an_event_the_first_largest_sharpest_and_last_are_kept(tmp_path: Path) -> None:
    frames = [*quiet(0, 50), *passage(50, 20, sharpest=55, largest=61), *quiet(70, 50)]
    kept, left_out = chosen(tmp_path, frames)
    assert reasons(kept) == {
        0: ("first frame",),
        50: ("event: first",),
        55: ("event: sharpest",),
        61: ("event: largest",),
        69: ("event: last",),
        119: ("last frame",),
    }
    assert not left_out


def test_foreground_in_one_frame_alone_is_no_event(tmp_path: Path) -> None:
    frames = [*quiet(0, 50), *passage(50, 1, sharpest=50, largest=50), *quiet(51, 50)]
    assert reasons(chosen(tmp_path, frames)[0]) == {0: ("first frame",), 100: ("last frame",)}


def test_a_short_pause_does_not_end_an_event_and_a_long_one_does(tmp_path: Path) -> None:
    one = [*passage(0, 10, sharpest=3, largest=4), *quiet(10, 5), *passage(15, 10, sharpest=99, largest=99)]
    (tmp_path / "one").mkdir()
    assert {k.group for k in chosen(tmp_path / "one", one)[0] if k.group >= 0} == {0}
    two = [*passage(0, 10, sharpest=3, largest=4), *quiet(10, 50), *passage(60, 10, sharpest=63, largest=64)]
    assert {k.group for k in chosen(tmp_path, two)[0] if k.group >= 0} == {0, 1}


def test_an_event_that_lasts_to_the_end_is_kept(tmp_path: Path) -> None:
    kept = reasons(chosen(tmp_path, [*quiet(0, 30), *passage(30, 9, sharpest=33, largest=35)])[0])
    assert list(kept) == [0, 30, 33, 35, 38]
    assert set(kept[38]) == {"event: last", "last frame"}


def test_frames_of_an_event_that_show_the_same_are_kept_once_with_all_reasons(tmp_path: Path) -> None:
    still = np.full((4, 8), 90, np.uint8)
    look = Look(0.1, 2.0, is_cut=False)
    same = [Seen(Frame(n, np.full(48, n, np.uint8), still), n / RATE, look) for n in range(10, 20)]
    kept = reasons(chosen(tmp_path, [*quiet(0, 10), *same, *quiet(20, 30)])[0])
    assert kept[10] == ("event: sharpest", "event: largest", "event: first", "event: last")
    assert list(kept) == [0, 10, 49]


@pytest.mark.parametrize("passages", [60, 300, 1000])
def test_at_the_ceiling_passages_are_thinned_out_evenly_and_it_is_said(tmp_path: Path, passages: int) -> None:
    kept, left_out = chosen(tmp_path, busy(passages), ceiling=100)
    assert left_out
    assert 50 <= len(kept) <= 100
    assert len({one.index for one in kept}) == len(kept)
    groups = sorted({one.group for one in kept if one.group >= 0})
    steps = {later - earlier for earlier, later in pairwise(groups)}
    assert len(steps) == 1
    assert groups[0] == 0
    assert groups[-1] + steps.pop() >= passages
    # What stays of a passage is its sharpest, if only one can.
    assert all(any("sharpest" in r for r in k.reasons) for k in kept if k.rank == 0 and k.group >= 0)


def test_below_the_ceiling_nothing_is_said(tmp_path: Path) -> None:
    kept, left_out = chosen(tmp_path, busy(20), ceiling=100)
    assert (len(kept), left_out) == (20 * 4 + 1, False)  # the first frame of all begins a passage


def test_of_a_moving_camera_scene_cuts_and_the_sharpest_of_each_two_seconds_are_kept(tmp_path: Path) -> None:
    sharp = {10, 77, 120}
    frames = [seen(n, Look(0.5, 9.0 if n in sharp else 2.0, is_cut=n == 61)) for n in range(150)]
    kept, left_out = chosen(tmp_path, frames, "moving")
    assert reasons(kept) == {
        0: ("first frame",),
        10: ("sharpest of 2 s",),
        61: ("scene cut",),
        77: ("sharpest of 2 s",),
        120: ("sharpest of 2 s",),
        149: ("last frame",),
    }
    assert not left_out


def watched(folder: Path, scene: Scene, seconds: float) -> tuple[list[Kept], Summary]:
    """What is kept of a scene, of which every third frame is looked at, as from the decoder."""
    analyser = Analyser()
    keyframes = Keyframes(folder / "frames", WIDTH * HEIGHT * 3 // 2)
    for n in range(0, round(seconds * RATE), 3):
        full = scene.frame(n / RATE)
        frame = Frame(n, full, full[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH))
        keyframes.add(Seen(frame, n / RATE, analyser.look(frame, n / RATE)))
    summary = analyser.summary()
    kept, _ = keyframes.finish(summary.camera)
    keyframes.close()
    return kept, summary


def test_each_passage_before_a_fixed_camera_has_frames_inside_it(tmp_path: Path) -> None:
    passages = ((3.0, 5.0), (7.5, 10.0))
    figures = (Figure(*passages[0]), Figure(*passages[1], rightwards=False, lightness=200))
    kept, summary = watched(tmp_path, Scene(WIDTH, HEIGHT, seed=1, figures=figures), 13)
    assert summary.camera == "fixed"
    assert (kept[0].reasons, kept[-1].reasons) == (("first frame",), ("last frame",))
    for start, end in passages:
        inside = [one for one in kept if start <= one.time_s < end]
        said = {reason for one in inside for reason in one.reasons}
        assert said == {"event: first", "event: largest", "event: sharpest", "event: last"}
        assert inside[0].time_s < start + 0.7
        assert inside[-1].time_s > end - 0.7
    # Nobody is seen outside the passages, so nothing is kept there either.
    assert all(any(start <= one.time_s < end for start, end in passages) for one in kept[1:-1])


def test_of_an_empty_scene_only_the_first_and_the_last_frame_are_kept(tmp_path: Path) -> None:
    kept, summary = watched(tmp_path, Scene(WIDTH, HEIGHT, seed=2, figures=()), 6)
    assert reasons(kept) == {0: ("first frame",), 147: ("last frame",)}
    assert (summary.camera, summary.frozen, summary.cuts, summary.black) == ("fixed", (), (), ())


@pytest.mark.parametrize("height", [176, 180, 240])
def test_a_fixed_camera_is_not_called_moving_whatever_the_size(tmp_path: Path, height: int) -> None:
    analyser, scene = Analyser(), Scene(WIDTH, height, seed=2, figures=())
    for n in range(100):
        full = scene.frame(n / RATE)
        analyser.look(Frame(n, full, full[: WIDTH * height].reshape(height, WIDTH)), n / RATE)
    assert analyser.summary().moving == 0


def test_a_panning_scene_is_moving_and_has_a_frame_of_each_two_seconds(tmp_path: Path) -> None:
    kept, summary = watched(tmp_path, Scene(WIDTH, HEIGHT, seed=3, figures=(), pan=60), 8)
    assert summary.camera == "moving"
    sharpest = [one.time_s for one in kept if "sharpest of 2 s" in one.reasons]
    assert [int(time_s // 2) for time_s in sharpest] == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_clip_of_hardly_any_frames_gives_its_first_and_last(
    film: Maker, tmp_path: Path, count: int
) -> None:
    report = slowed(film(f"short-{count}.mp4", *H264, "-frames:v", str(count)), tmp_path / "work")
    frames = [one.detail["frame"] for one in report.made if one.role is Role.KEYFRAME]
    assert frames == sorted({0, count - 1})
    assert len([one for one in report.made if one.role is Role.CONTACT_SHEET]) == 1
