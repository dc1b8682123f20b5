"""Object keys: where things lie, and nothing from outside in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import VidneError
from retention.keys import case_prefix, original_key, rendition_key

DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


def test_an_original_lies_under_its_digest() -> None:
    assert original_key("b2c3d4", 7, DIGEST) == f"cases/b2c3d4/exhibits/EX-0007/original/{DIGEST}"


def test_a_rendition_lies_under_what_made_it_and_its_own_digest() -> None:
    key = rendition_key("b2c3d4", 7, "fast-1", DIGEST, "working.mp4")
    assert key == f"cases/b2c3d4/exhibits/EX-0007/renditions/fast-1/{DIGEST}/working.mp4"


def test_every_key_of_a_case_begins_with_the_prefix_of_the_case() -> None:
    prefix = case_prefix("b2c3d4")
    assert original_key("b2c3d4", 1, DIGEST).startswith(prefix)
    assert rendition_key("b2c3d4", 1, "fast-1", DIGEST, "working.mp4").startswith(prefix)
    assert not original_key("b2c3d45", 1, DIGEST).startswith(prefix)


def test_another_recipe_makes_another_key_so_that_nothing_is_replaced() -> None:
    keys = {rendition_key("b2c3d4", 1, recipe, DIGEST, "working.mp4") for recipe in ("fast-1", "fast-2")}
    assert len(keys) == 2


@pytest.mark.parametrize("part", ["..", ".", "", "a/../b", "a b", "é", "a\0b", "a\nb", "a\\b", "~", "a%2fb"])
@pytest.mark.parametrize("place", ["case", "recipe", "digest", "name"])
def test_no_part_can_lead_out_of_its_place(part: str, place: str) -> None:
    parts = {"case": "b2c3d4", "recipe": "fast-1", "digest": DIGEST, "name": "working.mp4"} | {place: part}
    with pytest.raises(VidneError):
        rendition_key(parts["case"], 1, parts["recipe"], parts["digest"], parts["name"])


@given(st.text(max_size=30))
def test_whatever_the_name_a_key_is_plain_ascii_without_steps_upwards_or_there_is_none(name: str) -> None:
    try:
        key = rendition_key("b2c3d4", 1, "fast-1", DIGEST, name)
    except VidneError:
        return
    assert key.isascii()
    assert not {"", ".", ".."} & set(key.split("/"))
    assert key.startswith(f"cases/b2c3d4/exhibits/EX-0001/renditions/fast-1/{DIGEST}/")
