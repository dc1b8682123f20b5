"""The service declaration: what law.md asks of it stands in both languages, and a version never changes."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.errors import IntegrityError, NotFoundError
from evidence.rules import rule_set
from ingest import declaration as module
from ingest.declaration import current_version, declaration, languages

# What it has to say, by a word of each language.
SAID = {
    "da": ["112", "114", "originalen", "vurdering", "bevis", "efterforskning", "vidne", "forsvareren", "819",
           "særligt stærk", "rimelig grund", "lover ikke", "samtykke", "Dataansvarlig",
           "Databeskyttelsesrådgiver", "Datatilsynet", "dele", "slettet"],
    "en": ["112", "114", "original", "assess", "evidence", "investigation", "witness", "defence", "819",
           "particularly strong", "reasonable suspicion", "do not promise", "consent", "controller",
           "protection officer", "Datatilsynet", "share", "deleted"],
}  # fmt: skip


def text_of(language: str, **names: str) -> str:
    found = declaration(current_version(), language, **names)
    parts = [text for part in found.sections for text in (part.heading, *part.paragraphs, *part.points)]
    return "\n".join([found.title, *parts])


@pytest.mark.parametrize("language", ["da", "en"])
def test_it_says_what_it_has_to(language: str) -> None:
    text = text_of(language)
    for word in SAID[language]:
        assert word in text, word
    assert "{" not in text


def test_both_languages_have_the_same_parts() -> None:
    shapes = [
        [(bool(part.heading), len(part.paragraphs), len(part.points)) for part in found.sections]
        for found in (declaration(current_version(), name) for name in ("da", "en"))
    ]
    assert shapes[0] == shapes[1]
    assert sum(points for _, _, points in shapes[0]) == 2, "both branches of publication"


def test_controller_and_dpo_stand_in_it() -> None:
    text = text_of("da", controller="Testkredsen", dpo="dpo@example.org")
    assert "Testkredsen" in text
    assert "dpo@example.org" in text


def test_its_numbers_are_those_of_the_rule_set_that_it_names() -> None:
    versions = (Path(module.__file__).with_name("declarations") / "versions.toml").read_text()
    assert f'rules = "{rule_set().version}"' in versions
    months = rule_set().rules["publication-identity-known"].value
    assert months == 18
    assert "1 år og 6 måneder" in text_of("da")
    assert "1 year and 6 months" in text_of("en")


def test_the_digest_is_that_of_the_file() -> None:
    found = declaration("1", "da")
    raw = (Path(module.__file__).with_name("declarations") / "1.da.txt").read_bytes()
    assert found.sha256 == sha256(raw).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", found.sha256)


def test_version_1_is_what_it_was_when_it_was_published() -> None:
    assert declaration("1", "da").sha256.startswith("a3595b5021bb")
    assert declaration("1", "en").sha256.startswith("48cde6337d0c")


def test_an_edited_file_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(module.__file__).with_name("declarations")
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "1.da.txt").write_bytes((folder / "1.da.txt").read_bytes() + b"And more.\n")
    monkeypatch.setattr(module, "_FOLDER", tmp_path)
    with pytest.raises(IntegrityError):
        declaration("1", "da")


@pytest.mark.parametrize(
    ("version", "language"), [("0", "da"), ("1", "fr"), ("../1", "da"), ("1", "../1.da")]
)
def test_what_was_never_published_is_not_there(version: str, language: str) -> None:
    with pytest.raises(NotFoundError):
        declaration(version, language)


def test_the_current_version_is_in_danish_and_english() -> None:
    assert languages() == ("da", "en")
