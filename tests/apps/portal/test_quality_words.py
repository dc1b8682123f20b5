"""What a shop is told of its cameras: transcode's own measures, each with its number, and advice."""

from pathlib import Path

import pytest

from apps.portal.quality_words import quality_words
from evidence.jsontypes import JsonObject
from samples.generator import clip
from transcode.inspect import inspect
from transcode.slow import slow


def section(*measures: tuple[str, object, str]) -> JsonObject:
    listed = [{"name": name, "value": value, "advice": advice} for name, value, advice in measures]
    return {"quality": {"measures": listed}}  # type: ignore[dict-item]


def test_size_and_rate_are_always_told_and_advice_where_there_is_some() -> None:
    told = quality_words(
        section(
            ("shown size", "1920x1080", ""),
            ("measured rate", 12.5, ""),
            ("share of luma <= 16", 0.61, "night"),
            ("share of luma >= 235", 0.02, ""),
            ("gaps over 1.5 x median", 3, "frames are lost"),
            ("sharpness of the sharpest keyframe", 100.0, "It ranks frames of this clip."),
        ),
        "da",
    )
    assert [item["code"] for item in told] == ["size", "rate", "dark", "gaps"]
    assert told[0]["text"] == "Billedet er 1920 × 1080 pixels."  # noqa: RUF001
    assert told[1]["text"] == "Optageren gemmer 12,5 billeder i sekundet."
    assert told[2]["text"] == "61 % af billedet er næsten sort."
    assert [bool(item["advice"]) for item in told] == [False, False, True, True]


def test_both_languages_tell_the_same() -> None:
    measured = section(
        ("shown size", "640x480", ""), ("interlaced, measured", "of 9 frames ...", "progressive")
    )
    for language in ("da", "en", "fr"):
        assert [item["code"] for item in quality_words(measured, language, is_partial=True)] == [
            "size",
            "interlaced",
            "partial",
        ]


def test_nothing_measured_is_nothing_told() -> None:
    assert quality_words({}, "da") == []
    assert quality_words(section(("measured rate", None, "")), "da") == []


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_names_are_those_that_transcode_gives(tmp_path: Path, language: str) -> None:
    source = clip(tmp_path / "clip.mp4", seconds=1)
    made = tmp_path / "made"
    made.mkdir()
    sections = inspect(source, made, "clip.mp4").sections
    sections = sections | slow(source, made, sections).sections
    assert [item["code"] for item in quality_words(sections, language)][:2] == ["size", "rate"]
