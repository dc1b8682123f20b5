"""The pipeline: runs one leased job, and closes it with one transaction that files all that it made."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from evidence.catalogue.captures import put_captures
from evidence.catalogue.cases import get_case, lock_case
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import (
    Exhibit,
    first_name,
    get_exhibit,
    get_sections,
    mark_sealed,
    put_problems,
    put_sections,
    set_state,
)
from evidence.catalogue.fingerprints import put_pictures
from evidence.catalogue.jobs import ATTEMPT_LIMIT, Stage
from evidence.catalogue.leases import (
    Lease,
    LeaseLostError,
    finish_job,
    get_lease,
    postpone_job,
    quarantine_job,
)
from evidence.catalogue.objects import mark_stored, stored_original
from evidence.clock import Clock, timestamp
from evidence.errors import (
    IntegrityError,
    NotFoundError,
    StorageFullError,
    UnavailableError,
    UnreadableError,
    VidneError,
)
from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from evidence.ports import ObjectStore
from evidence.text import printable
from hashing.digests import sha256_file
from ingest import events
from ingest.custody import record
from ingest.filing import Pending, Stored, manifest_row, original_row, rendition_rows, store_all, tag
from ingest.receive import original_name
from ingest.room import require_room
from ingest.sealing import forget_received, received_file
from ingest.unpack import Unpacker, is_zip
from retention.local_file import local_file
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.model import StageReport

log = logging.getLogger(__name__)

# What made a rendition stands in its key: bumped when a stage makes something else of the same original.
RECIPES = {Stage.SEAL: "seal-1", Stage.INSPECT: "inspect-1", Stage.FAST: "fast-1", Stage.SLOW: "slow-1"}

_PAUSE = timedelta(seconds=5)  # before something is tried again that is nobody's fault
_PATIENCE_S = 1.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Task:
    """A leased job, and what the catalogue says of its exhibit when it begins."""

    lease: Lease
    owner: Exhibit
    filename: bytes  # under which it first arrived
    sections: JsonObject
    original: tuple[str, str] | None  # key and version id, once it is sealed


@dataclass(frozen=True, slots=True)
class _Result:
    """What a stage leaves to be filed in its closing transaction."""

    report: StageReport
    stored: Stored | None = None


class Pipeline:
    """Everything a worker does to an exhibit, stage by stage."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: ObjectStore,
        *,
        spool: Path,
        work: Path,
        clock: Clock,
        home: str = "",
    ) -> None:
        """`spool` holds received files, `work` is scratch space of this machine.

        `home` names the data folder where several work on one catalogue.
        """
        self._catalogue = catalogue
        self._store = store
        self._spool = spool
        self._work = work
        self._clock = clock
        self._home = home

    def run(self, job_id: int, token: int) -> None:
        """Run one job; a late or repeated message does nothing, an error puts the job off."""
        try:
            task = _patiently(lambda: self._leased(job_id, token))
            error = self._try(task)
            if error:
                _patiently(lambda: self._put_off(task.lease, task.owner, error))
        except LeaseLostError as lost:
            log.info("%s", lost)

    def _try(self, task: _Task) -> Exception | None:
        """Do the job and close it; returns what it failed of. Raises LeaseLostError for a late holder."""
        try:
            with self._work_folder(task.lease) as work:
                is_seal = task.lease.stage is Stage.SEAL
                self._close(task, self._seal(task.owner, work) if is_seal else self._media(task, work))
        except LeaseLostError:
            raise
        except Exception as error:  # noqa: BLE001 - a job's edge: whatever it was is recorded with the job
            return error
        return None

    def _leased(self, job_id: int, token: int) -> _Task:
        with self._catalogue.read() as connection:
            lease = get_lease(connection, job_id, token)
            owner = get_exhibit(connection, lease.exhibit_id)
            return _Task(
                lease,
                owner,
                first_name(connection, owner.id),
                get_sections(connection, owner.id),
                stored_original(connection, owner.id),
            )

    @contextmanager
    def _work_folder(self, lease: Lease) -> Iterator[Path]:
        folder = self._work / f"{lease.job_id}-{lease.token}"
        try:
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                raise LeaseLostError(f"Job {lease.job_id} is being done already.") from None
            with _gone_at_the_end(folder):
                yield folder
        except (StorageFullError, LeaseLostError):
            raise
        except Exception:
            # On a full disk anything may fail in any way: that comes first, and says nothing of the file.
            require_room(self._work.parent, 0, f"The job {lease.stage} was stopped")
            raise

    def _seal(self, owner: Exhibit, work: Path) -> _Result:
        received = received_file(self._catalogue, self._store, self._spool, owner, work)
        pending = (Pending(original_row(owner), received),)
        stored = store_all(self._catalogue, self._store, owner, Stage.SEAL, pending)
        return _Result(StageReport(sections={}, state=ExhibitState.SEALED), stored)

    def _media(self, task: _Task, work: Path) -> _Result:
        lease, owner = task.lease, task.owner
        require_room(self._work.parent, 2 * owner.digests.size, f"The job {lease.stage} was not begun")
        source = self._original(task, work)
        made = work / "made"
        made.mkdir()
        stages: dict[Stage, Callable[[], StageReport]] = {
            Stage.INSPECT: lambda: self._inspect(task, source, work),
            Stage.FAST: lambda: fast(source, made, task.sections),
            Stage.SLOW: lambda: _slow(source, made, task.sections),
        }
        report = stages[lease.stage]()
        if lease.stage is Stage.SLOW and report.state is None:
            raise VidneError(f"The slow stage did not say what became of {owner.name}.")
        # What a tool could not write for want of room must not pass for damage of the file.
        require_room(self._work.parent, 0, f"What the job {lease.stage} found was not filed")
        if not report.made:
            return _Result(report)
        recipe = RECIPES[lease.stage]
        pending = rendition_rows(owner, recipe, report.made)
        pending.append(manifest_row(owner, recipe, lease.stage, pending, work))
        return _Result(report, store_all(self._catalogue, self._store, owner, lease.stage, pending))

    def _inspect(self, task: _Task, source: Path, work: Path) -> StageReport:
        found = inspect(source, work / "made", original_name(task.filename))
        if not is_zip(found):
            return found
        unpacker = Unpacker(self._catalogue, self._spool, self._clock, self._home)
        return unpacker.run(task.lease, task.owner, source, work, found)

    def _original(self, task: _Task, work: Path) -> Path:
        """The sealed original as a file: the version that was filed, whatever lies over it by now."""
        if task.original is None:
            raise NotFoundError(f"The exhibit {task.owner.name} has no sealed original.")
        key, version_id = task.original
        copy = work / "original"
        found = local_file(self._store, key, version_id, copy)
        if found == copy and sha256_file(found) != task.owner.digests.sha256:
            raise IntegrityError(
                f"The store gave other bytes than the original of {task.owner.name}.",
                advice="Run vidne verify exhibit on it.",
            )
        return found

    def _close(self, task: _Task, result: _Result) -> None:
        lease, owner = task.lease, task.owner
        tagged = owner.case_number
        # Renumbered while the job ran: whoever did that could not see these objects.
        while True:
            attempt = partial(self._try_to_close, task, result, tagged)
            # Hours of work must not be lost to a server that restarts: the token makes this safe to repeat.
            number = _patiently(attempt, (UnavailableError,))
            if number == tagged:
                break
            tagged = number
            if result.stored:
                tag(self._store, result.stored.versions, tagged)
        if lease.stage is Stage.SEAL and owner.spool:
            forget_received(self._catalogue, self._store, self._spool, owner)

    def _try_to_close(self, task: _Task, result: _Result, tagged: str) -> str:
        """Close the job unless the case has another number than `tagged` by now; returns the number."""
        lease, owner = task.lease, task.owner
        now = timestamp(self._clock())
        state = result.report.state
        is_last = lease.stage is not Stage.SEAL and state is not None
        with self._catalogue.write() as connection:
            lock_case(connection, owner.case_id)  # the number holds until the commit
            number = get_case(connection, owner.case_id).number
            if number != tagged:
                return number
            finish_job(connection, lease, now, is_last=is_last)
            done = [events.stage_done(lease, owner, result.report, now)]
            if result.stored:
                mark_stored(connection, result.stored.versions, now)
                done.insert(0, events.stored(lease, owner, result.stored, task.filename, now))
            self._file_report(connection, task, result.report)
            record(connection, *done)
        return number

    @staticmethod
    def _file_report(connection: Connection, task: _Task, report: StageReport) -> None:
        lease, owner = task.lease, task.owner
        put_sections(connection, owner.id, lease.stage, report.sections)
        put_problems(connection, owner.id, lease.stage, report.problems)
        put_pictures(connection, owner.id, report.marks)
        if "metadata" in report.sections:
            put_captures(connection, owner.id, report.sections["metadata"])
        if report.state is ExhibitState.SEALED:
            mark_sealed(connection, owner.id)
        elif report.state is not None:
            set_state(connection, owner.id, report.state, report.reason)

    def _put_off(self, lease: Lease, owner: Exhibit, error: Exception) -> None:
        """Try a failed job again later, or quarantine it after too many attempts.

        A full disk or a server that is away counts against no job: it is waited for as long as it takes.
        """
        text = printable(str(error) if isinstance(error, VidneError) else repr(error), limit=2000)
        log.warning("%s of %s failed (attempt %d): %s", lease.stage, owner.name, lease.attempts, text)
        log.debug("the error", exc_info=error)
        moment = self._clock()
        now = timestamp(moment)
        blameless = isinstance(error, StorageFullError | UnavailableError)
        pause = _PAUSE if blameless else timedelta(seconds=2 ** (lease.attempts - 1))
        with self._catalogue.write() as connection:
            if blameless or lease.attempts < ATTEMPT_LIMIT:
                postpone_job(connection, lease, now, timestamp(moment + pause), text, blameless=blameless)
                return
            quarantine_job(connection, lease, now, text)
            reason = f"The job {lease.stage} failed {lease.attempts} times: {text}"
            set_state(connection, owner.id, ExhibitState.QUARANTINED, reason)
            record(connection, events.quarantined(lease, owner, reason, now))


@contextmanager
def _gone_at_the_end(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _patiently(
    action: Callable[[], T], passing: tuple[type[VidneError], ...] = (StorageFullError, UnreadableError)
) -> T:
    """Do it as soon as the catalogue can be used: a job that was not given back would be held for ever."""
    while True:
        try:
            return action()
        except passing as error:
            log.warning("%s", error)
            time.sleep(_PATIENCE_S)


def _slow(source: Path, work: Path, sections: JsonObject) -> StageReport:
    from transcode.slow import slow  # noqa: PLC0415 - OpenCV loads slowly, and the fast lane needs none of it

    return slow(source, work, sections)
