"""exiftool as a reader beside ffprobe and exifread: every value as it stands in the file, with its place.

It runs in the sandbox without configuration; what it prints is bounded and checked here. Order of values and
groups are exiftool's (families 1 and 4: `QuickTime:CreateDate`, and a copy's number where a tag comes again).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence.jsontypes import Json
from transcode import sandbox
from transcode.child import Finished
from transcode.sandbox import Command, Limits

LIMITS = Limits(cpu_s=60, wall_s=120, file_bytes=1024**2)
OUTPUT_LIMIT = 8 * 1024**2
# What is asked for: every value, without the tracks inside.
VALUES = ("-G1:4", "-l", "--System:All", "--ExifTool:ExifToolVersion")
_TAGS_LIMIT = 1000
_SAID_LIMIT = 10
_VALUE_LIMIT = 4096
_COMMON = ("-j", "-a", "-api", "LargeFileSupport=1", "-api", f"LimitLongValues={_VALUE_LIMIT}")
# `Make-und-HK`: the same value under a language and country.
_LANGUAGE = re.compile(r"-(?:[a-z]{3}|[a-z]{2,3}-[A-Z]{2})\Z")


@dataclass(frozen=True, slots=True)
class Tag:
    """One value: `raw` as the file has it, `printed` as exiftool words it where that differs, else empty."""

    group: str
    name: str
    raw: str
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What exiftool read; `failed` is a sentence where it gave no answer.

    `said` are its own warnings; `left_out` counts values beyond the limit.
    """

    tags: tuple[Tag, ...] = ()
    said: tuple[str, ...] = ()
    left_out: int = 0
    failed: str = ""

    def first(self, *names: str) -> str:
        """The raw value of the first tag that has one of these names, or an empty text."""
        return next((tag.raw for tag in self.tags if tag.name in names), "")


# The file's object in what exiftool printed, numbers as written; or a sentence that says why there is none.
Answer = dict[str, Json] | str
_UNREADABLE = "Its answer cannot be read."
_NOTHING = "It gave no answer."


def read(source: Path) -> Reading:
    """Read the metadata of the file at `source`, without the tracks inside. Raises SandboxError.

    A crash, a time-out or an answer of another form is told by `failed`, never raised.
    """
    [found] = run(source, [VALUES], LIMITS, OUTPUT_LIMIT)
    return reading(found)


def run(
    source: Path, requests: Sequence[Sequence[str]], limits: Limits, output_limit: int
) -> tuple[Answer, ...]:
    """Start exiftool once on `source`; an answer to each request. Raises SandboxError, ToolMissingError."""
    argv = ["exiftool", *arguments(requests)]
    finished = sandbox.run(Command(argv, inputs={"src": source}, limits=limits), stdout_limit=output_limit)
    return answers(finished, len(requests))


def arguments(requests: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The whole command line, without the program, as a rendition's record has it."""
    first, *others = requests
    further = [part for request in others for part in ("-execute", *request)]
    return ("-config", "", *first, *further, "-common_args", *_COMMON, sandbox.SOURCE)


def answers(finished: Finished, count: int) -> tuple[Answer, ...]:
    """The answers to `count` requests; after a bad end there is none, as it holds them back till then.

    It ends with 1 for a file that it does not know, and still answers.
    """
    if finished.stopped or finished.returncode not in (0, 1):
        return (finished.explain(),) * count
    found = _printed(finished.stdout.decode("utf-8", "replace"))
    if len(found) > count:
        return (_UNREADABLE,) * count
    return (*found, *[_NOTHING] * (count - len(found)))


def _printed(text: str) -> list[Answer]:
    # Numbers stay as they are written: 30.000000 is not 30, and a serial number is no float.
    decoder = json.JSONDecoder(strict=False, parse_float=str, parse_int=str, parse_constant=str)
    found: list[Answer] = []
    text = text.lstrip()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return [*found, _UNREADABLE]
        is_one = isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)
        found.append(value[0] if is_one else _NOTHING)
        text = text[end:].lstrip()
    return found


def reading(found: Answer) -> Reading:
    """The answer as a Reading: only texts, bounded in number and length."""
    if isinstance(found, str):
        return Reading(failed=found)
    found.pop("SourceFile", None)
    said = [_text(value)[:_VALUE_LIMIT] for key, value in found.items() if _is_said(key)]
    tags = [tag for key, value in found.items() if not _is_said(key) for tag in (_tag(key, value),)]
    plain = {(tag.group, tag.name, tag.raw) for tag in tags}
    # A value under a language is left out where it stands without one too.
    kept = [
        tag
        for tag in tags
        if (name := _LANGUAGE.sub("", tag.name)) == tag.name or (tag.group, name, tag.raw) not in plain
    ]
    return Reading(
        tags=tuple(kept[:_TAGS_LIMIT]),
        # That there may be a track in it needs no saying: gps.py looks for it.
        said=tuple(dict.fromkeys(line for line in said if "ExtractEmbedded" not in line))[:_SAID_LIMIT],
        left_out=max(0, len(kept) - _TAGS_LIMIT),
    )


def _is_said(key: str) -> bool:
    return key.rpartition(":")[2] in ("Warning", "Error")


def _tag(key: str, value: Json) -> Tag:
    *groups, name = key.split(":")
    group = ":".join(part for part in groups if not re.fullmatch(r"Copy\d{1,9}", part))
    printed = _text(value)
    raw = _plain(value["num"]) if isinstance(value, dict) and "num" in value else printed
    return Tag(group[:100], name[:100], raw[:_VALUE_LIMIT], "" if raw == printed else printed[:_VALUE_LIMIT])


def _text(value: Json) -> str:
    return _plain(value.get("val")) if isinstance(value, dict) else _plain(value)


def _plain(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(entry) if not isinstance(entry, list | dict) else "" for entry in value)
    return value if isinstance(value, str) else "" if value is None else str(value)
