import pytest

from evidence.cases import (
    REFERENCE,
    ExhibitName,
    exhibit_label,
    new_id,
    parse_case_number,
    parse_reference,
    reference,
)
from evidence.errors import UsageError


def test_a_case_number_has_the_form_of_a_journalnummer() -> None:
    assert parse_case_number(" 0100-10293-00001-26 ") == "0100-10293-00001-26"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0100",
        "0100-10293-00001-2",
        "0100-10293-00001-26x",
        "../../etc",
        "\u0660\u0661\u0660\u0660-10293-00001-26",
    ],
)
def test_anything_else_is_refused_with_the_form_that_is_expected(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_case_number(text)
    assert "dddd-ddddd-ddddd-dd" in refused.value.advice


def test_the_pattern_is_a_setting() -> None:
    assert parse_case_number("K-2026/7", "a-dddd/d") == "K-2026/7"


def test_an_exhibit_is_named_by_case_and_label() -> None:
    name = ExhibitName.parse("0100-10293-00001-26/EX-0042")
    assert (name.case_number, name.number) == ("0100-10293-00001-26", 42)
    assert str(name) == "0100-10293-00001-26/EX-0042"


@pytest.mark.parametrize("text", ["EX-0001", "0100-10293-00001-26/0001", "0100-10293-00001-26/EX-1"])
def test_other_names_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        ExhibitName.parse(text)
    assert "/EX-0001" in refused.value.advice


def test_labels_sort_as_numbers_do_up_to_ten_thousand() -> None:
    assert [exhibit_label(n) for n in (1, 42, 12345)] == ["EX-0001", "EX-0042", "EX-12345"]


def test_ids_are_random_and_say_nothing() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(i) == 20 and not set(i) & set("aeiou01l") for i in ids)


def test_a_reference_is_the_beginning_of_an_id_in_groups_to_be_read_aloud() -> None:
    assert reference("7kxm2pqr9bdfghjk3456") == "7KXM-2PQR-9BDF"
    assert all(REFERENCE.fullmatch(reference(new_id())) for _ in range(50))


@pytest.mark.parametrize("text", ["7KXM-2PQR-9BDF", " 7kxm 2pqr 9bdf", "7kxm2pqr9bdf"])
def test_a_reference_is_taken_as_people_type_it(text: str) -> None:
    assert parse_reference(text) == "7kxm2pqr9bdf"


@pytest.mark.parametrize("text", ["", "7KXM-2PQR", "7KXM-2PQR-9BDE", "0100-10293-00001-26", "7kxm2pqr9bd%"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a reference"):
        parse_reference(text)
