from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.custody import ACTOR
from evidence.links import CODE_LENGTH, code_hash, link_actor, new_code

LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"


def test_a_code_is_seven_groups_of_four_and_no_two_are_alike() -> None:
    codes = {new_code()[0] for _ in range(500)}
    assert len(codes) == 500
    for code in codes:
        assert [len(group) for group in code.split("-")] == [4] * 7
        assert set(code) <= {*LETTERS, "-"}


def test_a_code_has_more_than_128_random_bits() -> None:
    assert len(LETTERS) ** CODE_LENGTH > 2**128


def test_the_hash_is_sha_256_of_the_letters_alone() -> None:
    code, hashed = new_code()
    assert hashed == sha256(code.replace("-", "").lower().encode()).hexdigest()


@pytest.mark.parametrize(
    "typed", [str.lower, lambda c: c.replace("-", " "), lambda c: f" {c}\n", lambda c: c.replace("-", "")]
)
def test_a_code_may_be_typed_as_people_do(typed: Callable[[str], str]) -> None:
    code, hashed = new_code()
    assert code_hash(typed(code)) == hashed


@given(st.text(max_size=300))
def test_what_is_no_code_has_no_hash(text: str) -> None:
    letters = "".join(text.split()).replace("-", "").upper()
    is_code = len(letters) == CODE_LENGTH and set(letters) <= set(LETTERS)
    assert (code_hash(text) is not None) == is_code


def test_who_acts_through_a_link_is_a_pseudonym() -> None:
    assert ACTOR.fullmatch(link_actor("7kxm2pqr9bdfghjkmnpq"))
    assert link_actor("7kxm2pqr9bdfghjkmnpq") == "link:7kxm2pqr9bdf"
