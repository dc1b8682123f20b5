"""Taking in a submission: receive every path, wait for the worker, say what became of each."""

import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

import click

from apps.cli.meter import Meter, meter
from apps.supervisor import Supervisor
from apps.wiring import Application
from evidence.cases import parse_case_number
from evidence.catalogue.cases import find_case
from evidence.catalogue.exhibits import Exhibit, submitted_exhibits
from evidence.catalogue.intake import Progress, progress_of, waiting_for
from evidence.catalogue.members import Member, members_in
from evidence.errors import InterruptionError, StorageFullError, UnavailableError, UnreadableError, VidneError
from evidence.exhibits import ExhibitState, Source
from evidence.jsontypes import Json, JsonObject
from evidence.text import name_from_bytes, printable
from ingest.paths import files_below
from ingest.receive import Intaker, Received
from ingest.room import require_room

_POLL_S, _SLOWEST_POLL_S = 0.02, 2.0
_TROUBLED = (ExhibitState.REFUSED, ExhibitState.UNPLAYABLE, ExhibitState.QUARANTINED)
_LONGEST_NAME = 4096  # as PATH_MAX has it
SOME_TROUBLED, SOME_UNREADABLE = 3, 4


@dataclass
class Outcome:
    """What became of a submission's paths."""

    submission: str
    received: list[Received] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    exhibits: list[Exhibit] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def exit_code(self, *, waited: bool) -> int:
        """As the design has it: 4 outweighs 3; quarantine counts even without --wait."""
        if self.failures:
            return SOME_UNREADABLE
        troubled = _TROUBLED if waited else (ExhibitState.QUARANTINED,)
        return SOME_TROUBLED if any(e.state in troubled for e in self.exhibits) else 0

    def as_json(self) -> JsonObject:
        """What --json prints."""
        by_id = {exhibit.id: exhibit for exhibit in self.exhibits}
        files: list[Json] = [_file_json(item, by_id[item.exhibit_id]) for item in self.received]
        failures: list[Json] = [
            {"filename": printable(name, limit=_LONGEST_NAME), "error": error}
            for name, error in self.failures.items()
        ]
        members: list[Json] = [_member_json(item, by_id[item.exhibit_id]) for item in self.members]
        return {"submission": self.submission, "files": files, "members": members, "failures": failures}


def begin(
    app: Application,
    number: str,
    source: Source,
    clock_shown: str | None = None,
    clock_true: str | None = None,
    *,
    urgent: bool = False,
) -> Intaker:
    """A submission to the open case `number`; raises UsageError, NotFoundError, ConflictError."""
    app.require_store()
    with app.catalogue.read() as connection:
        case = find_case(connection, parse_case_number(number, app.settings.case_pattern))
    return Intaker(
        app.catalogue,
        app.settings.spool_path,
        case,
        source=source,
        actor=app.actor,
        clock=app.clock,
        clock_shown=clock_shown,
        clock_true=clock_true,
        home=app.home,
        urgent=urgent,
    )


def submit(
    app: Application, supervisor: Supervisor, intaker: Intaker, paths: tuple[Path, ...], *, wait: bool
) -> Outcome:
    """Receive every path, wait for the worker, and say what became of each; the demo does the same."""
    outcome = Outcome(intaker.submission_id)
    try:
        with meter() as shown:
            _receive_all(intaker, paths, outcome, shown)
            intaker.complete(outcome.failures)
            _await(app, supervisor, outcome, shown, wait=wait)
    except KeyboardInterrupt:
        raise _interrupted(outcome) from None
    return outcome


def _interrupted(outcome: Outcome) -> InterruptionError:
    if not outcome.received:
        return InterruptionError("Interrupted before any file was received.", advice="Submit it again.")
    lost = f" NOT RECEIVED: {', '.join(map(printable, outcome.failures))}." if outcome.failures else ""
    return InterruptionError(
        f"Interrupted. {len(outcome.received)} files were received and are safe.{lost}",
        advice="Submit the same paths again for the rest: what the case has is recognised. What was received"
        " is processed while a worker runs: vidne serve.",
    )


def _receive_all(intaker: Intaker, paths: tuple[Path, ...], outcome: Outcome, shown: Meter) -> None:
    files: list[tuple[Path, str]] = []
    for path in paths:
        found = list(files_below(path))
        files += found
        if not found:
            outcome.failures[str(path)] = f"{printable(str(path))} is a folder that holds no files."
    shown.begin("receiving", sum(_size(path) for path, _ in files))
    for path, name in files:
        try:
            received = intaker.receive(path, name, shown.advance)
        except (UnreadableError, StorageFullError) as error:
            outcome.failures[str(path)] = str(error)
            continue
        outcome.received.append(received)
        shown.note(f"{len(outcome.received)} of {len(files)} files")


def _short_of_room(app: Application) -> list[str]:
    """A sentence where no job begins for want of room: on a full disk the catalogue cannot say it."""
    try:
        require_room(app.settings.data, 0, "Nothing is processed")
    except StorageFullError as error:
        return [str(error)]
    return []


def _size(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0  # receiving it says why
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _await(app: Application, supervisor: Supervisor, outcome: Outcome, shown: Meter, *, wait: bool) -> None:
    if not outcome.received:
        return
    begun, pause = False, _POLL_S
    told: set[str] = set()
    while True:
        try:
            progress, reasons = _look(app, outcome, wait=wait)
        except UnavailableError as error:  # what was received is safe: the server is waited for
            _tell_once([str(error)], told)
            time.sleep(_SLOWEST_POLL_S)
            continue
        done = progress.final if wait else progress.sealed
        if done == progress.exhibits:
            return
        _tell_once([*reasons, *_short_of_room(app)], told)
        if not begun:
            shown.begin(
                "processing" if wait else "sealing", progress.jobs if wait else progress.exhibits, "jobs"
            )
            begun = True
        shown.reach(progress.ended if wait else progress.sealed)
        shown.note(f"{done} of {progress.exhibits} exhibits")
        if supervisor.gave_up:
            raise VidneError(
                supervisor.gave_up,
                advice="What was received is safe; it goes on when a worker runs: vidne serve.",
            )
        time.sleep(pause)
        pause = min(1.05 * pause, _SLOWEST_POLL_S)  # a long wait need not be watched as closely


def _look(app: Application, outcome: Outcome, *, wait: bool) -> tuple[Progress, list[str]]:
    """How far it is, and why some of it is put off; at the end `outcome` has what became of it."""
    with app.catalogue.read() as connection:
        progress = progress_of(connection, outcome.submission)
        if (progress.final if wait else progress.sealed) == progress.exhibits:
            outcome.exhibits = submitted_exhibits(connection, outcome.submission)
            outcome.members = members_in(connection, outcome.submission)
            return progress, []
        return progress, waiting_for(connection, outcome.submission)


def _tell_once(reasons: list[str], told: set[str]) -> None:
    for reason in reasons:
        if reason not in told:
            click.echo(f"vidne: put off and tried again: {printable(reason, limit=2000)}", err=True)
            told.add(reason)


def _file_json(item: Received, exhibit: Exhibit) -> JsonObject:
    return {
        "exhibit": exhibit.name,
        "state": exhibit.state,
        "reason": exhibit.reason,
        "filename": printable(item.name, limit=_LONGEST_NAME),
        "sha256": item.digests.sha256,
        "blake3": item.digests.blake3,
        "size": item.digests.size,
        "further_submission": not item.is_new,
    }


def _member_json(item: Member, exhibit: Exhibit) -> JsonObject:
    return {
        "exhibit": exhibit.name,
        "state": exhibit.state,
        "reason": exhibit.reason,
        "archive": f"{exhibit.case_number}/{item.archive_label}",
        "path": printable(name_from_bytes(item.path), limit=_LONGEST_NAME),
        "sha256": item.sha256,
        "size": exhibit.digests.size,
    }
