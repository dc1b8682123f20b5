"""Rows that somebody edited by hand are told of, and nothing of them passes for what was written."""

from pathlib import Path

import pytest

from evidence.catalogue.cases import get_case
from evidence.catalogue.sqlite import open_catalogue
from evidence.catalogue.types import json_value, one_of
from evidence.errors import IntegrityError
from evidence.exhibits import ExhibitState


def test_a_word_that_is_none_is_named_with_whose_it_is() -> None:
    assert one_of(ExhibitState, "sealed", "EX-0001") is ExhibitState.SEALED
    with pytest.raises(IntegrityError, match="'convicted' of EX-0001"):
        one_of(ExhibitState, "convicted", "EX-0001")


def test_a_text_that_is_no_json_is_told() -> None:
    assert json_value('{"a": 0.1}') == {"a": 0.1}
    with pytest.raises(IntegrityError, match="cannot be read"):
        json_value('{"a": 0.1')


def test_a_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    catalogue = open_catalogue(tmp_path / "catalogue.sqlite3")
    with catalogue.read() as connection, pytest.raises(IntegrityError, match="lost the number of the case"):
        get_case(connection, "nobody")
