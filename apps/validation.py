"""Method validation: a reference set through all stages, what was found held against what is expected.

The report names every tool with version and binary digest, so that it can be said later what has changed
(ISO/IEC 17025:2017, 7.2.2; ENFSI-BPM-DI-01).
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata as packages
from pathlib import Path

from apps.wiring import Application
from evidence.cases import new_id
from evidence.clock import timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import IntegrityError, UsageError, VidneError
from evidence.exhibits import ExhibitState
from evidence.jsontypes import Json, JsonObject
from evidence.text import printable
from hashing import canonical
from hashing.digests import digest_file
from hashing.entries import body_matches
from ingest.custody import record
from transcode import tools
from transcode.facts import facts, holds
from transcode.stages import run_stages

EVENT = "method.validated"
EXPECTATIONS = "expectations.json"
_PROGRAMS = ("ffmpeg", "ffprobe", "exiftool", "bwrap")
_PACKAGES = ("vidne", "opencv-python-headless", "numpy", "pillow", "exifread", "ffmpeg-python", "c2pa-python")
Expected = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Compared:
    """One expected fact of one file, and what was found; no value where the file could not be processed."""

    file: str
    fact: str
    expected: str
    found: tuple[str, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """A whole run: the tools it was made with, the files by SHA-256, every comparison."""

    tools: dict[str, str]
    files: dict[str, str]
    compared: tuple[Compared, ...]

    @property
    def failed(self) -> tuple[Compared, ...]:
        """The expectations that do not hold."""
        return tuple(one for one in self.compared if not one.holds)

    def as_json(self) -> JsonObject:
        """The report, in texts and whole numbers only, as the ledger's bodies have them."""
        compared: list[Json] = [
            {"file": c.file, "fact": c.fact, "expected": c.expected, "found": [*c.found], "holds": c.holds}
            for c in self.compared
        ]
        files: list[Json] = [{"file": name, "sha256": digest} for name, digest in self.files.items()]
        return {
            "v": 1,
            "tools": {**self.tools},
            "files": files,
            "compared": compared,
            "expected": len(self.compared),
            "failed": len(self.failed),
        }


def read_expectations(folder: Path) -> Expected:
    """Facts by file name from the folder's expectations.json: `{"v": 1, "files": {name: {fact: value}}}`.

    Raises UsageError where there is none, it is not of that form, or it names a file that is not there.
    """
    path = folder / EXPECTATIONS
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        files = {
            str(name): {str(fact): str(value) for fact, value in wanted.items()}
            for name, wanted in document["files"].items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path} does not say what is expected: {error}.",
            advice='It has the form {"v": 1, "files": {"clip.mp4": {"state": "processed", "frames": "50"}}}.',
        ) from error
    missing = [name for name in files if not (folder / name).is_file()]
    if missing or not any(files.values()):
        what = f"{missing[0]} is not in {folder}" if missing else f"{path} expects nothing"
        raise UsageError(f"{printable(what)}.", advice="Put the files and what is expected of them there.")
    return files


def validate(references: Sequence[tuple[Path, Expected]], progress: Callable[[str], None]) -> Validation:
    """Run every expected file of each folder through all stages; `progress` gets each name.

    Of several folders a file's name has the folder's before it: two may hold files of one name.
    """
    compared: list[Compared] = []
    digests: dict[str, str] = {}
    for folder, expected in references:
        for name, wanted in expected.items():
            shown = name if len(references) == 1 else str(folder / name)
            progress(shown)
            digests[shown] = digest_file(folder / name).sha256
            found = _found(folder / name)
            compared += [
                Compared(shown, fact, value, tuple(values), holds(fact, value, values))
                for fact, value in wanted.items()
                for values in (found.get(fact, []),)
            ]
    return Validation(tool_versions(), digests, tuple(compared))


def _found(source: Path) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory(prefix="vidne-validate-") as work:
        try:
            return facts(*run_stages(source, Path(work)))
        except VidneError as error:
            return {"state": [ExhibitState.QUARANTINED], "error": [str(error)]}


def tool_versions() -> dict[str, str]:
    """Each program with version and SHA-256 of its binary, each Python package with its version."""
    found = {}
    for name in _PROGRAMS:
        tool = tools.identify(name)
        found[name] = f"{tool.version}, SHA-256 {tool.sha256}"
    return found | {name: packages.version(name) for name in _PACKAGES}


def file_report(app: Application, validation: Validation) -> bytes:
    """Put the report into the ledger, which signs it; returns the report's bytes."""
    report = validation.as_json()
    raw = canonical.encode(report)
    now = timestamp(app.clock())
    event = CustodyEvent(
        event_id=f"{new_id()}:{EVENT}",
        type=EVENT,
        at=now,
        actor=app.actor,
        case="",
        objects=(EventObject("", "validation-report", sha256(raw).hexdigest(), len(raw)),),
        body=report,
    )
    with app.catalogue.write() as connection:
        record(connection, event)
    return raw


def last_validation(app: Application) -> tuple[str, JsonObject] | None:
    """When the last validation was filed (RFC 3339), and its report; None where there is none.

    Raises IntegrityError where the report that is kept is not the one that the ledger's entry binds.
    """
    filed = list(_filed(app))
    if not filed:
        return None
    at, event_id, bound = filed[-1]
    body = app.ledger.body(event_id)
    if body is None or body.body is None or not body_matches(body, bound):
        raise IntegrityError(
            f"The report of the validation at {at} is not the one in the ledger.",
            advice="Find out who changed it, and run vidne validate again.",
        )
    report = json.loads(body.body)
    return at, report if isinstance(report, dict) else {}


def _filed(app: Application) -> Iterator[tuple[str, str, str]]:
    """When, event id and hash of the body of each validation, in order."""
    for entry in app.ledger.case_entries(""):
        said = json.loads(entry.entry)
        if said["type"] == EVENT:
            yield said["at"], entry.event_id, said["body_hash"]
    for event in app.ledger.pending(1_000_000):
        if event.type == EVENT:
            yield event.at, event.event_id, event.body_hash


def changed_tools(report: JsonObject) -> list[str]:
    """A sentence for each tool that is not the one of the report."""
    then, now = report.get("tools"), tool_versions()
    before = then if isinstance(then, dict) else {}
    return [
        f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
