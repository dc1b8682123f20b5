"""What is seen in frames: a passage, cuts, black and frozen stretches, light, sharpness, a moving camera."""

import cv2
import numpy as np
import pytest

from samples.scene import Figure, Scene
from transcode.analysis import FOREGROUND_SHARE, Analyser, Look, halved, sharpness, small_luma
from transcode.frames import Frame, Plane
from transcode.summary import Run, Summary

RATE = 25
WIDTH, HEIGHT = 320, 176


def grey(level: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Plane:
    return np.full(shape, level, np.uint8)


def noise(seed: int, spread: int = 40, middle: int = 120) -> Plane:
    """A picture of its own for every seed."""
    random = np.random.RandomState(seed)
    blocks = random.randint(middle - spread, middle + spread, (11, 20)).astype(np.uint8)
    return np.kron(blocks, np.ones((16, 16), np.uint8))


def analysed(lumas: list[Plane], fulls: list[Plane] | None = None) -> tuple[list[Look], Summary]:
    """What is seen in frames `1 / RATE` apart."""
    analyser, looks = Analyser(), []
    for n, (luma, full) in enumerate(zip(lumas, fulls or lumas, strict=True)):
        looks.append(analyser.look(Frame(n, full.reshape(-1), luma), n / RATE))
    return looks, analyser.summary()


def acted(seconds: float, *figures: Figure, pan: float = 0.0) -> list[Plane]:
    """The luma of a scene."""
    scene = Scene(WIDTH, HEIGHT, seed=1, figures=figures, pan=pan)
    size = WIDTH * HEIGHT
    return [scene.frame(n / RATE)[:size].reshape(HEIGHT, WIDTH) for n in range(round(seconds * RATE))]


def test_someone_who_passes_is_foreground_and_an_empty_scene_has_none() -> None:
    looks, summary = analysed(acted(6, Figure(2.0, 4.0)))
    present = [n / RATE for n, look in enumerate(looks) if look.foreground > FOREGROUND_SHARE]
    assert all(2.0 <= time_s < 4.0 for time_s in present)
    assert len(present) > 0.7 * 2 * RATE
    assert (summary.camera, summary.cuts) == ("fixed", ())


def test_someone_dark_against_a_lighter_wall_is_not_taken_for_a_shadow() -> None:
    looks, _ = analysed(acted(4, Figure(1.5, 3.5, lightness=70)))
    # Head, trunk and legs are 2 % of the picture, the trunk 1.4 %.
    assert max(look.foreground for look in looks) > 0.018


def test_light_that_is_switched_on_is_no_object() -> None:
    # A change of 15 is too little for a cut.
    looks, summary = analysed([noise(1)] * 60 + [noise(1) + np.uint8(15)] * 40)
    assert summary.cuts == ()
    assert all(look.foreground <= FOREGROUND_SHARE for look in looks)


def test_a_cut_is_told_at_its_frame_and_once() -> None:
    looks, summary = analysed([noise(1)] * 30 + [noise(2)] * 30 + [noise(3)] * 30)
    assert [n for n, look in enumerate(looks) if look.is_cut] == [30, 60]
    assert summary.cuts == pytest.approx((30 / RATE, 60 / RATE))
    # The new scene is learned at once: it is not foreground for seconds.
    assert all(look.foreground == 0 for look in looks)


def test_a_camera_that_shakes_makes_no_cuts() -> None:
    looks, summary = analysed([noise(n) for n in range(40)])
    assert [n for n, look in enumerate(looks) if look.is_cut and n > 4] == []
    assert len(summary.cuts) <= 1


@pytest.mark.parametrize(("pan", "camera"), [(0.0, "fixed"), (60.0, "moving"), (-60.0, "moving")])
def test_a_camera_that_pans_is_moving_and_one_that_does_not_is_fixed(pan: float, camera: str) -> None:
    _, summary = analysed(acted(5, Figure(1.0, 4.0), pan=pan))
    assert summary.camera == camera


@pytest.mark.parametrize("frames", [1, 5])
def test_of_too_few_frames_the_motion_is_not_known_and_the_camera_called_fixed(frames: int) -> None:
    _, summary = analysed([noise(1)] * frames)
    assert (summary.moving, summary.camera) == (None, "fixed")


def test_a_black_stretch_is_told_from_its_first_frame_to_its_last() -> None:
    _, summary = analysed([noise(1)] * 20 + [grey(16)] * 30 + [noise(1)] * 20 + [grey(18)] * 5)
    assert summary.black == (Run(20 / RATE, 49 / RATE), Run(70 / RATE, 74 / RATE))


def test_night_with_a_lamp_is_not_black() -> None:
    night = grey(18)
    night[80:90, 100:110] = 200
    _, summary = analysed([night] * 20)
    assert summary.black == ()


def test_identical_frames_for_two_seconds_are_frozen_and_less_are_not() -> None:
    def moving(count: int) -> list[Plane]:
        return [noise(1) + np.uint8(n % 2) for n in range(count)]

    _, long = analysed(moving(20) + [noise(5)] * 51 + moving(20))
    assert long.frozen == (Run(20 / RATE, 70 / RATE),)
    _, short = analysed(moving(20) + [noise(5)] * 50 + moving(20))
    assert short.frozen == ()


def test_frames_that_last_to_the_end_are_frozen_too() -> None:
    _, summary = analysed([noise(1)] + [noise(5)] * 60)
    assert summary.frozen == (Run(1 / RATE, 60 / RATE),)


def test_one_changed_sample_of_the_small_plane_is_no_freeze() -> None:
    frames = [noise(5).copy() for _ in range(60)]
    for n, frame in enumerate(frames):
        frame[0, n] ^= 1
    assert analysed(frames)[1].frozen == ()


def test_what_only_the_full_frame_shows_is_no_freeze() -> None:
    fulls = [noise(5).copy() for _ in range(90)]
    for n, frame in enumerate(fulls):
        frame[3, 3] = n
    assert analysed([noise(5)] * 90, fulls)[1].frozen == ()
    assert analysed([noise(5)] * 90)[1].frozen == (Run(0.0, 89 / RATE),)


def test_light_is_the_share_of_samples_at_either_end() -> None:
    half = grey(100)
    half[: HEIGHT // 2] = 16
    half[HEIGHT // 2 : HEIGHT * 3 // 4] = 235
    _, summary = analysed([half] * 30)
    assert (summary.dark, summary.bright) == pytest.approx((0.5, 0.25))
    _, just_inside = analysed([grey(17), grey(234)])
    assert (just_inside.dark, just_inside.bright) == (0, 0)


def test_of_no_frames_nothing_is_told() -> None:
    assert Analyser().summary() == Summary(0.0, 0.0, None, (), (), ())


def test_sharpness_is_measured_in_events_and_now_and_then_between_them() -> None:
    looks, _ = analysed(acted(4, Figure(1.0, 3.0)))
    measured = {n for n, look in enumerate(looks) if look.sharpness is not None}
    assert {n for n, look in enumerate(looks) if look.foreground > FOREGROUND_SHARE} <= measured
    # For the sharpest of a moving camera a few a second are enough.
    assert 3 <= len([n for n in measured if n < RATE]) < RATE


def test_a_sharper_picture_has_the_higher_sharpness() -> None:
    sharp = noise(1)
    blurred = [np.asarray(cv2.GaussianBlur(sharp, (0, 0), sigma), np.uint8) for sigma in (1, 2, 4)]
    scores = [sharpness(plane) for plane in (sharp, *blurred)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 10 * scores[-1] > 0
    assert sharpness(grey(90)) == 0


def test_sharpness_is_that_inside_the_foreground() -> None:
    picture = grey(100)
    picture[:, : WIDTH // 2] = noise(1)[:, : WIDTH // 2]
    mask = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    left, right = mask.copy(), mask.copy()
    left[20:60, 10:70] = 255
    right[20:60, 100:150] = 255
    assert sharpness(picture, left) > 10
    assert sharpness(picture, right) == 0
    # A shadow (127) is no foreground.
    right[20:60, 10:70] = 127
    assert sharpness(picture, right) == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (40, 2)])
def test_what_is_too_small_for_edges_has_no_sharpness(shape: tuple[int, int]) -> None:
    assert sharpness(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)) == 0


@pytest.mark.parametrize(
    ("shape", "small"),
    [((270, 480), (67, 120)), ((80, 159), (80, 159)), ((4, 2000), (1, 500)), ((1, 480), (1, 480))],
)
def test_planes_are_halved_until_they_are_narrow(shape: tuple[int, int], small: tuple[int, int]) -> None:
    assert halved(grey(77, shape), 159).shape == small
    assert set(np.unique(halved(grey(77, shape), 159))) == {77}


@pytest.mark.parametrize(
    ("size", "small"), [((1920, 1080), (480, 270)), ((640, 271), (320, 135)), ((480, 9), (480, 9))]
)
def test_the_small_plane_is_the_luma_at_most_480_wide(size: tuple[int, int], small: tuple[int, int]) -> None:
    full = np.full(size[0] * size[1] * 3 // 2, 9, np.uint8)
    full[: size[0] * size[1]] = 77
    plane = small_luma(full, *size, is_full_range=False)
    assert plane.shape == small[::-1]
    assert set(np.unique(plane)) == {77}


def test_the_small_plane_of_full_range_is_made_limited() -> None:
    full = np.zeros(6, np.uint8)
    full[:4] = (0, 255, 128, 1)
    assert small_luma(full, 2, 2, is_full_range=True).tolist() == [[16, 235], [126, 17]]


def test_the_tiniest_picture_is_looked_at() -> None:
    looks, summary = analysed([grey(n, (4, 4)) for n in range(60, 70)])
    assert len(looks) == 10
    assert summary.moving is None
