"""docs/media.md prints the decision as it stands in the code."""

import re
from pathlib import Path

import pytest

from transcode import decision, normalise, probe, sniff

PAGE = (Path(__file__).parents[2] / "docs" / "media.md").read_text(encoding="utf-8")


def section(title: str) -> list[tuple[str, ...]]:
    """The rows of the table below a heading, without its head."""
    text = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in row) for row in rows[2:]]


@pytest.mark.parametrize(
    ("title", "rules"),
    [
        ("Pictures: the first rule that applies decides", decision.PICTURES),
        ("Sound", decision.SOUNDS),
        ("Anything else", decision.OTHERS),
    ],
)
def test_the_page_has_every_rule_in_its_order(title: str, rules: tuple[decision.Rule, ...]) -> None:
    words = {
        decision.Method.LEAVE_OUT: "left out",
        decision.Method.ENCODE: "encode",
        decision.Method.COPY: "copy",
    }
    assert section(title) == [(rule.name, words[rule.method], rule.reason) for rule in rules]


def test_the_page_has_every_exact_copy() -> None:
    rows = {(name, label) for name, _, label in section("Exact copies beside the working copy")}
    assert {(rewrap.name, rewrap.label) for rewrap in decision.REWRAPS} <= rows


def test_the_page_has_every_reason_for_which_nothing_is_shown() -> None:
    told = {text for _, text in section("Refused, or not playable")}
    refused = {
        sentence
        for kind, sentence in sniff._SENTENCES.items()
        if kind in (sniff.Kind.PLAYLIST, sniff.Kind.TEXT, sniff.Kind.DOCUMENT, sniff.Kind.PROGRAM)
    }
    unplayable = {sentence for _, sentence in probe._REASONS} | {normalise._NOTHING}
    assert refused | unplayable <= told
    assert all(re.fullmatch(r"[A-Z].*\.", text) for text in told)
