"""The rule set: every number of the law has its source, its status and its day, or there is none."""

import re
from pathlib import Path

import pytest

from evidence.errors import IntegrityError, NotFoundError
from evidence.rules import read_rules, rule_set

GOOD = """
version = "2026-01-02.3"
act = { name = "An act", status = "read", as_of = 2026-01-02 }
[[rule]]
id = "kept"
number = "§ 1"
status = "read"
as_of = 2026-01-02
value = 30
unit = "days"
says = "So long."
"""


def test_the_set_that_comes_with_the_program_is_well_formed() -> None:
    found = rule_set()
    assert found.days("camera-owner-deletes") == 30
    assert found.rules["camera-owner-deletes"].status == "secondary"
    assert found.rules["erasure-limit"].value is None
    assert all(rule.number and rule.says for rule in found.rules.values())


def test_a_rule_without_days_gives_none() -> None:
    for name in ("no-consent", "publication-identity-known", "nothing"):
        with pytest.raises(NotFoundError):
            rule_set().days(name)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("version =", "# version =", "parts"),
        ('"2026-01-02.3"', '"3"', "version"),
        (
            'status = "read"\nas_of = 2026-01-02\nvalue',
            'status = "sure"\nas_of = 2026-01-02\nvalue',
            "status",
        ),
        ("value = 30", "value = -1", "value"),
        ("value = 30", 'value = "30"', "value"),
        ("value = 30\n", "", "fields"),
        ('unit = "days"', 'unit = "moons"', "unit"),
        ("as_of = 2026-01-02\nvalue", 'as_of = "2026"\nvalue', "day"),
        ('says = "So long."', "", "fields"),
        ('id = "kept"', 'id = "Kept 1"', "id"),
        (
            'status = "read"\nas_of = 2026-01-02\nvalue',
            'status = "unverified"\nas_of = 2026-01-02\nvalue',
            "nobody",
        ),
        ("[[rule]]", "[rule]", "list"),
        ("[[rule]]", "[[", "TOML"),
    ],
)
def test_a_malformed_set_is_refused_and_says_where(before: str, after: str, named: str) -> None:
    assert before in GOOD
    with pytest.raises(IntegrityError, match=named):
        read_rules(GOOD.replace(before, after))


def test_a_rule_stands_once() -> None:
    rule = GOOD[GOOD.index("[[rule]]") :]
    with pytest.raises(IntegrityError, match="twice"):
        read_rules(GOOD + rule)


def test_no_number_of_the_rules_stands_in_code_that_makes_requests() -> None:
    text = (Path(__file__).parents[2] / "ingest" / "footage_requests.py").read_text()
    assert not re.search(r"\b30\b", text)
