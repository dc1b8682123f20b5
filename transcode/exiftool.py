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
_OUTPUT_LIMIT = 8 * 1024**2
_TAGS_LIMIT = 1000
_SAID_LIMIT = 10
_VALUE_LIMIT = 4096
_COMMON = ("-config", "", "-j", "-a", "-api", "LargeFileSupport=1", "-api", f"LimitLongValues={_VALUE_LIMIT}")
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


def read(source: Path) -> Reading:
    """Read the metadata of the file at `source`, without the tracks inside. Raises SandboxError.

    A crash, a time-out or an answer of another form is told by `failed`, never raised.
    """
    command = ["-G1:4", "-l", "--System:All", "--ExifTool:ExifToolVersion"]
    return checked(run(source, command, LIMITS, _OUTPUT_LIMIT))


def run(source: Path, options: Sequence[str], limits: Limits, output_limit: int) -> Finished:
    """Run exiftool on `source` with JSON output; raises SandboxError, ToolMissingError."""
    argv = ["exiftool", *arguments(options)]
    return sandbox.run(Command(argv, inputs={"src": source}, limits=limits), stdout_limit=output_limit)


def arguments(options: Sequence[str]) -> tuple[str, ...]:
    """The whole command line, without the program, as a rendition's record has it."""
    return (*_COMMON, *options, sandbox.SOURCE)


def answer(finished: Finished) -> dict[str, Json] | str:
    """The file's object in what exiftool printed, numbers as written; else why there is none.

    It ends with 1 for a file that it does not know, and still answers.
    """
    if finished.stopped or finished.returncode not in (0, 1):
        return finished.explain()
    try:
        # Numbers stay as they are written: 30.000000 is not 30, and a serial number is no float.
        text = finished.stdout.decode("utf-8", "replace")
        found = json.loads(text, strict=False, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return "Its answer cannot be read."
    is_one = isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict)
    return found[0] if is_one else "It gave no answer."


def checked(finished: Finished) -> Reading:
    """The answer as a Reading: only texts, bounded in number and length."""
    found = answer(finished)
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
