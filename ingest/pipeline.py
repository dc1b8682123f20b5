"""The pipeline: runs one leased job, and closes it with one transaction that files all that it made."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import (
    Exhibit,
    first_names,
    get_exhibit,
    get_sections,
    mark_sealed,
    put_problems,
    put_sections,
    set_state,
)
from evidence.catalogue.jobs import (
    ATTEMPT_LIMIT,
    Lease,
    LeaseLostError,
    Stage,
    finish_job,
    get_lease,
    postpone_job,
    quarantine_job,
)
from evidence.catalogue.objects import mark_stored
from evidence.clock import Clock, timestamp
from evidence.errors import VidneError
from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from evidence.ports import ObjectStore
from evidence.text import printable
from ingest import events
from ingest.custody import record
from ingest.filing import Pending, Stored, manifest_row, original_row, rendition_rows, store_all
from ingest.receive import original_name, spool_file
from retention.keys import original_key
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.model import StageReport

log = logging.getLogger(__name__)

# What made a rendition stands in its key: bumped when a stage makes something else of the same original.
RECIPES = {Stage.SEAL: "seal-1", Stage.INSPECT: "inspect-1", Stage.FAST: "fast-1", Stage.SLOW: "slow-1"}


@dataclass(frozen=True, slots=True)
class _Result:
    """What a stage leaves to be filed in its closing transaction."""

    report: StageReport
    stored: Stored | None = None


class Pipeline:
    """Everything a worker does to an exhibit, stage by stage."""

    def __init__(
        self, catalogue: Catalogue, store: ObjectStore, *, spool: Path, work: Path, clock: Clock
    ) -> None:
        """`spool` holds received files, `work` is scratch space of this machine."""
        self._catalogue = catalogue
        self._store = store
        self._spool = spool
        self._work = work
        self._clock = clock

    def run(self, job_id: int, token: int) -> None:
        """Run one job; a late or repeated message does nothing, an error puts the job off."""
        try:
            with self._catalogue.read() as connection:
                lease = get_lease(connection, job_id, token)
                owner = get_exhibit(connection, lease.exhibit_id)
        except LeaseLostError as lost:
            log.info("%s", lost)
            return
        try:
            with self._work_folder(lease) as work:
                result = self._seal(owner) if lease.stage is Stage.SEAL else self._media(lease, owner, work)
                self._close(lease, owner, result)
        except LeaseLostError as lost:
            log.info("%s", lost)
        except Exception as error:  # noqa: BLE001 - a job's edge: whatever it was is recorded with the job
            self._put_off(lease, owner, error)

    @contextmanager
    def _work_folder(self, lease: Lease) -> Iterator[Path]:
        folder = self._work / f"{lease.job_id}-{lease.token}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _seal(self, owner: Exhibit) -> _Result:
        spooled = spool_file(self._spool, owner.spool)
        pending = (Pending(original_row(owner), spooled),)
        stored = store_all(self._catalogue, self._store, owner, Stage.SEAL, pending)
        return _Result(StageReport(sections={}, state=ExhibitState.SEALED), stored)

    def _media(self, lease: Lease, owner: Exhibit, work: Path) -> _Result:
        with self._catalogue.read() as connection:
            sections = get_sections(connection, owner.id)
            name = original_name(first_names(connection, [owner.id])[owner.id])
        source = self._original(owner, work)
        made = work / "made"
        made.mkdir()
        stages: dict[Stage, Callable[[], StageReport]] = {
            Stage.INSPECT: lambda: inspect(source, made, name),
            Stage.FAST: lambda: fast(source, made, sections),
            Stage.SLOW: lambda: _slow(source, made, sections),
        }
        report = stages[lease.stage]()
        if lease.stage is Stage.SLOW and report.state is None:
            raise VidneError(f"The slow stage did not say what became of {owner.name}.")
        if not report.made:
            return _Result(report)
        recipe = RECIPES[lease.stage]
        pending = rendition_rows(owner, recipe, report.made)
        pending.append(manifest_row(owner, recipe, lease.stage, pending, work))
        return _Result(report, store_all(self._catalogue, self._store, owner, lease.stage, pending))

    def _original(self, owner: Exhibit, work: Path) -> Path:
        key = original_key(owner.case_id, owner.number, owner.digests.sha256)
        stored = self._store.stat(key)
        version = stored.version_id if stored else ""
        local = self._store.local_path(key, version)
        if local is not None:
            return local
        fetched = work / "original"
        with self._store.open(key, version) as stream, fetched.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        return fetched

    def _close(self, lease: Lease, owner: Exhibit, result: _Result) -> None:
        now = timestamp(self._clock())
        state = result.report.state
        is_last = lease.stage is not Stage.SEAL and state is not None
        with self._catalogue.write() as connection:
            finish_job(connection, lease, now, is_last=is_last)
            if result.stored:
                mark_stored(connection, result.stored.versions, now)
                filename = first_names(connection, [owner.id])[owner.id]
                record(connection, events.stored(lease, owner, result.stored, filename, now))
            self._file_report(connection, lease, owner, result.report)
            record(connection, events.stage_done(lease, owner, result.report, now))
        if lease.stage is Stage.SEAL and owner.spool:
            (self._spool / owner.spool).unlink(missing_ok=True)

    @staticmethod
    def _file_report(connection: Connection, lease: Lease, owner: Exhibit, report: StageReport) -> None:
        put_sections(connection, owner.id, lease.stage, report.sections)
        put_problems(connection, owner.id, lease.stage, report.problems)
        if report.state is ExhibitState.SEALED:
            mark_sealed(connection, owner.id)
        elif report.state is not None:
            set_state(connection, owner.id, report.state, report.reason)

    def _put_off(self, lease: Lease, owner: Exhibit, error: Exception) -> None:
        """Try a failed job again later, or quarantine it after too many attempts."""
        text = printable(str(error) if isinstance(error, VidneError) else repr(error), limit=2000)
        log.warning("%s of %s failed (attempt %d): %s", lease.stage, owner.name, lease.attempts, text)
        log.debug("the error", exc_info=error)
        moment = self._clock()
        now = timestamp(moment)
        try:
            with self._catalogue.write() as connection:
                if lease.attempts < ATTEMPT_LIMIT:
                    later = timestamp(moment + timedelta(seconds=2 ** (lease.attempts - 1)))
                    postpone_job(connection, lease, now, later, text)
                    return
                quarantine_job(connection, lease, now, text)
                reason = f"The job {lease.stage} failed {lease.attempts} times: {text}"
                set_state(connection, owner.id, ExhibitState.QUARANTINED, reason)
                record(connection, events.quarantined(lease, owner, reason, now))
        except LeaseLostError as lost:
            log.info("%s", lost)


def _slow(source: Path, work: Path, sections: JsonObject) -> StageReport:
    from transcode.slow import slow  # noqa: PLC0415 - OpenCV loads slowly, and the fast lane needs none of it

    return slow(source, work, sections)
