"""What a frame is recognised by: near for what is the same picture, far for another, nothing for none."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from transcode.frames import Plane
from transcode.likeness import ALIKE, BITS, RECORD, SIDE, Looks, distance, look, of_still


def shapes(seed: int, size: int = 480) -> Plane:
    """A picture of some large shapes, `size` a side."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12), np.uint8)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def seen(plane: Plane) -> bytes:
    return look(np.asarray(cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8))


def test_another_size_brightness_and_contrast_are_the_same_picture() -> None:
    paler = (100 + 0.5 * shapes(1).astype(np.float32)).astype(np.uint8)
    assert distance(seen(shapes(1)), seen(shapes(1, 960))) <= ALIKE / 4
    assert distance(seen(shapes(1)), seen(paler)) <= ALIKE / 4


def test_a_cropped_picture_is_near() -> None:
    assert distance(seen(shapes(1)), seen(shapes(1)[8:-8, 8:-8])) <= ALIKE


@pytest.mark.parametrize("change", [np.fliplr, np.flipud, np.rot90], ids=["mirrored", "flipped", "turned"])
def test_a_mirrored_or_turned_picture_is_another(change: Callable[[Plane], Plane]) -> None:
    assert distance(seen(shapes(1)), seen(np.ascontiguousarray(change(shapes(1))))) > ALIKE


def test_pictures_of_other_things_differ_in_about_half_of_the_bits() -> None:
    apart = [distance(seen(shapes(one)), seen(shapes(other))) for one in range(8) for other in range(one)]
    assert min(apart) > ALIKE
    assert abs(np.mean(apart) - BITS / 2) < 16


def test_what_has_no_structure_has_no_look() -> None:
    noise = np.random.default_rng(1).integers(16, 20, (SIDE, SIDE)).astype(np.uint8)
    assert look(np.full((SIDE, SIDE), 16, np.uint8)) == b""
    assert look(noise) == b""


def test_a_still_camera_gives_one_look_and_a_cut_another() -> None:
    looks = Looks()
    for number in range(40):
        if looks.wants(number / 10):
            looks.add(np.asarray(cv2.resize(shapes(1 + number // 20), (SIDE, SIDE)), np.uint8), number / 10)
    records = np.frombuffer(looks.sketch(), RECORD)
    assert records["ms"].tolist() == [0, 2100]


def test_a_long_moving_clip_keeps_a_bounded_number_of_looks_over_its_whole_length() -> None:
    looks, noise = Looks(), np.random.default_rng(1)
    for number in range(20_000):
        if looks.wants(number / 4):
            looks.add(noise.integers(0, 256, (SIDE, SIDE), np.uint8), number / 4)
    times = np.frombuffer(looks.sketch(), RECORD)["ms"]
    assert 4000 <= len(times) <= 8192
    assert (times[0], times[-1] > 4_990_000) == (0, True)


def test_a_time_that_runs_backwards_does_not_end_the_looking() -> None:
    looks = Looks()
    looks.add(np.asarray(cv2.resize(shapes(1), (SIDE, SIDE)), np.uint8), 1000.0)
    assert looks.wants(0.0)
    assert not looks.wants(1000.1)


def test_an_answer_of_the_wrong_size_is_no_still() -> None:
    assert of_still(b"1234").looks == b""
