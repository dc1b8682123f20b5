"""The service declaration: what the public is shown before it sends, in versions that stay as they were.

It is shown, not accepted: the police do not rest on consent. Custody names the version that was shown.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from evidence.errors import IntegrityError, NotFoundError

_FOLDER = Path(__file__).with_name("declarations")
_DEFAULTS = ("controller", "dpo")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (empty for what comes first), its paragraphs, and the points of a list behind them."""

    heading: str
    paragraphs: tuple[str, ...]
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """One version in one language; `sha256` is that of its file, before names were put in."""

    version: str
    language: str
    sha256: str
    title: str
    sections: tuple[Section, ...]


def current_version() -> str:
    """The version that is shown now: the last one."""
    return next(reversed(_versions()))


def languages(version: str | None = None) -> tuple[str, ...]:
    """The languages of a version (of the current one); raises NotFoundError."""
    return tuple(_digests(version or current_version()))


def declaration(version: str, language: str, *, controller: str = "", dpo: str = "") -> Declaration:
    """The text as it is shown: `controller` and `dpo` stand in it, or what the text says without them.

    Raises NotFoundError where there is none of that version and language, IntegrityError for an edited file.
    """
    expected = _digests(version).get(language)
    if expected is None:
        raise NotFoundError(f"Version {version} of the service declaration is not in {language!r}.")
    raw = (_FOLDER / f"{version}.{language}.txt").read_bytes()
    if sha256(raw).hexdigest() != expected:
        raise IntegrityError(
            f"Version {version} of the service declaration ({language}) is not as it was published.",
            advice="Install the program anew; another wording is another version.",
        )
    title, names, sections = _parse(raw.decode("utf-8"))
    names |= {name: text for name, text in (("controller", controller), ("dpo", dpo)) if text}
    return Declaration(version, language, expected, title, tuple(_filled(part, names) for part in sections))


@cache
def _versions() -> dict[str, dict[str, str]]:
    """Digests by version and language, oldest version first."""
    listed = tomllib.loads((_FOLDER / "versions.toml").read_text(encoding="utf-8"))["version"]
    return {str(item["name"]): dict(item["sha256"]) for item in listed}


def _digests(version: str) -> dict[str, str]:
    known = _versions().get(version)
    if known is None:
        raise NotFoundError(f"There is no version {version!r} of the service declaration.")
    return known


def _parse(text: str) -> tuple[str, dict[str, str], list[Section]]:
    """Title, what stands for names that nobody set, and sections: `## heading`, paragraphs, `- points`."""
    title, *lines = text.splitlines()
    names: dict[str, str] = {}
    sections: list[tuple[str, list[str], list[str]]] = [("", [], [])]
    for line in filter(None, lines):
        name, _, value = line.partition(": ")
        if name in _DEFAULTS:
            names[name] = value
        elif line.startswith("## "):
            sections.append((line[3:], [], []))
        else:
            _, paragraphs, points = sections[-1]
            (points if line.startswith("- ") else paragraphs).append(line.removeprefix("- "))
    return title.removeprefix("# "), names, [Section(h, tuple(p), tuple(points)) for h, p, points in sections]


def _filled(part: Section, names: dict[str, str]) -> Section:
    def fill(texts: tuple[str, ...]) -> tuple[str, ...]:
        for name, value in names.items():
            texts = tuple(text.replace(f"{{{name}}}", value) for text in texts)
        return texts

    return Section(part.heading, fill(part.paragraphs), fill(part.points))
