"""Moving an archive from the folder to S3: copied, read back, recorded; only then do the rows name S3.

Each exhibit's copies are noted in the transaction of their `object.relocated` event, so a move that was
killed goes on behind the last one. The folder is left as it is.
"""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from apps.lock import try_worker_lock
from apps.lock_proof import try_lock
from apps.wiring import Application
from evidence.catalogue.exhibits import first_name, get_exhibit
from evidence.catalogue.objects import ObjectRow
from evidence.catalogue.relocation import (
    Relocation,
    begin_relocation,
    finish_relocation,
    last_relocation,
    next_unmoved,
    note_moved,
    renumbered_since,
    unmoved_bytes,
)
from evidence.clock import timestamp
from evidence.errors import ConflictError, IntegrityError, SettingsError, UnavailableError, VidneError
from evidence.ports import NewObject
from evidence.setting_checks import check_store_url
from hashing.digests import Progress, sha256_file
from ingest import events
from ingest.custody import record
from ingest.filing import Pending, put_all, retag
from retention.folder import VERSION, FolderStore
from retention.keys import LEDGER
from retention.s3 import S3Store

_BATCH = 200  # objects of the log that are put together


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did in this run, and which exhibits could not be moved (why, by their name)."""

    objects: int = 0
    log_objects: int = 0
    failures: tuple[str, ...] = ()
    is_finished: bool = False


class Mover:
    """Moves what the folder store holds to the S3 store at `target`, under the settings' key."""

    def __init__(self, app: Application, target: str) -> None:
        """Raises SettingsError where the settings name no folder, or `target` no bucket that locks."""
        check_store_url(target, "The store to move to")
        if app.settings.store_url or not isinstance(app.store, FolderStore):
            raise SettingsError(
                "Only the objects of a folder can be moved.",
                advice="Leave VIDNE_STORE_URL empty, and name the new store with --to.",
            )
        self._app = app
        self._source = app.store
        self._target: S3Store = app.store_at(target)
        self._url = target
        try_lock(app, self._target)

    def size(self) -> int:
        """How many bytes of exhibits are left to be moved."""
        with self._app.catalogue.read() as connection:
            return unmoved_bytes(connection)

    def run(self, progress: Progress) -> Moved:
        """Move all; raises ConflictError where a worker runs. After an error it can be called again."""
        with try_worker_lock(self._app.settings.worker_lock_path) as is_ours:
            if not is_ours:
                raise ConflictError(
                    "A worker runs on this data folder.",
                    advice="Stop vidne serve, and move the objects then.",
                )
            run = self._begun()
            moved = self._move_exhibits(run, progress)
            if moved.failures:
                return moved
            self._app.sequence_all()  # the log is moved with the entries of this move
            moved = replace(moved, log_objects=self._move_log(), is_finished=True)
            now = timestamp(self._app.clock())
            with self._app.catalogue.write() as connection:
                finish_relocation(connection, run, now)
            self._tag_again(run)
            return moved

    def _begun(self) -> Relocation:
        with self._app.catalogue.write() as connection:
            last = last_relocation(connection)
            if last is None or last.finished_at is not None:
                return begin_relocation(connection, self._url, timestamp(self._app.clock()))
        if last.target != self._url:
            raise ConflictError(
                f"A move to {last.target} was begun at {last.started_at}.", advice="Finish that one."
            )
        return last

    def _move_exhibits(self, run: Relocation, progress: Progress) -> Moved:
        count, after = 0, ""
        failures: list[str] = []
        while True:
            with self._app.catalogue.read() as connection:
                found = next_unmoved(connection, after)
            if found is None:
                return Moved(count, failures=tuple(failures))
            after, rows = found
            try:
                self._move(run, after, rows)
            except UnavailableError:
                raise  # the store is away: nothing is wrong with the exhibit
            except VidneError as error:
                failures.append(str(error))
                continue
            count += len(rows)
            for row in rows:
                progress(row.digests.size)

    def _move(self, run: Relocation, exhibit_id: str, rows: list[ObjectRow]) -> None:
        with self._app.catalogue.read() as connection:
            owner = get_exhibit(connection, exhibit_id)
            filename = first_name(connection, exhibit_id)
        pending = [Pending(row, self._checked(owner.name, row)) for row in rows]
        put = put_all(self._target, owner, pending, consume=False)
        now = timestamp(self._app.clock())
        event = events.relocated(run.id, owner, put, filename, self._app.actor, now)
        with self._app.catalogue.write() as connection:
            note_moved(connection, put.versions)
            record(connection, event)

    def _checked(self, exhibit: str, row: ObjectRow) -> Path:
        """The file, which has to be as it was filed: damage must not be locked into the new store."""
        path = self._source.local_path(row.key, row.version_id)
        if sha256_file(path) != row.digests.sha256:
            raise IntegrityError(
                f"{exhibit} {row.name}: its bytes are not those that were filed.",
                advice="Verify the exhibit, and restore the object from a backup.",
            )
        return path

    def _move_log(self) -> int:
        keys, count = self._source.list_keys(LEDGER), 0
        while batch := list(islice(keys, _BATCH)):
            files = [self._log_object(key) for key in batch]
            for file, there in zip(files, self._target.put(files), strict=True):
                with self._target.open(there.key, there.version_id) as stream:
                    if sha256_file(stream) != file.sha256:
                        raise IntegrityError(f"The store gave back other bytes of {there.key}.")
            count += len(batch)
        return count

    def _log_object(self, key: str) -> NewObject:
        path = self._source.local_path(key, VERSION)
        return NewObject(key, path, sha256_file(path), path.stat().st_size, locked=True)

    def _tag_again(self, run: Relocation) -> None:
        """A case that was renumbered meanwhile has its copies tagged as they were when they were made."""
        with self._app.catalogue.read() as connection:
            cases = renumbered_since(connection, run.started_at)
        for case in cases:
            retag(self._app.catalogue, self._target, case)
