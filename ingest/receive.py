"""Receiving files: spool, digests made on the way, durable before anything is said, then one transaction."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import BinaryIO

from evidence.cases import exhibit_label, new_id
from evidence.catalogue.cases import Case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import is_spooled
from evidence.catalogue.intake import Intake, Submission, add_file, add_submission, complete_submission
from evidence.clock import Clock, timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import ConflictError, StorageFullError, UnreadableError
from evidence.exhibits import Digests, Role, Source
from evidence.jsontypes import Json
from evidence.text import base64_text, human_size, name_bytes, name_from_bytes, printable
from hashing.digests import Digester, chunks
from ingest.custody import record
from retention.folder import fsync_folder, make_durable_folders

_NAMED = 1000  # of the paths that could not be received, so that the body stays readable
_RESERVE = 16 << 20  # left free for the catalogue, so that a full spool cannot stop the record

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file: its exhibit, and whether the case had the same bytes already."""

    name: str
    exhibit_id: str
    label: str
    digests: Digests
    is_new: bool


class Intaker:
    """One submission being received: files in, exhibits out."""

    def __init__(
        self,
        catalogue: Catalogue,
        spool: Path,
        case: Case,
        *,
        source: Source,
        actor: str,
        clock: Clock,
        clock_shown: str | None = None,
        clock_true: str | None = None,
    ) -> None:
        """Begin a submission to an open case; raises ConflictError for a closed one."""
        if case.closed_at:
            raise ConflictError(
                f"Case {case.number} is closed since {case.closed_at}.",
                advice="Submit to an open case.",
            )
        self._catalogue = catalogue
        self._spool = spool
        self._clock = clock
        self._submission = Submission(new_id(), case.id, source, actor, clock_shown, clock_true)
        self._count = 0
        make_durable_folders(spool)

    @property
    def submission_id(self) -> str:
        """The random id of this submission."""
        return self._submission.id

    def receive(self, path: Path, name: str, progress: Progress | None = None) -> Received:
        """Take in the file at `path`, known as `name` (with its relative path).

        Raises UnreadableError for what cannot be read whole, StorageFullError where there is no room; the
        files received before stay received.
        """
        with _open_regular(path) as stream:
            before = os.fstat(stream.fileno())
            self._require_room(before.st_size, path)
            with _spool_file(self._spool) as spooled:
                digests = _copy(stream, spooled, path, progress)
                _refuse_changed(before, os.fstat(stream.fileno()), digests, path)
                fsync_folder(self._spool)
                intake = self._file(name, digests, spooled.path)
        if not intake.wants_spool:
            spooled.path.unlink()
        return Received(name, intake.exhibit_id, exhibit_label(intake.number), digests, intake.is_new)

    def complete(self, failures: dict[str, str]) -> None:
        """Close the submission; `failures` names the paths that could not be received, and why."""
        if not self._count:
            return
        now = timestamp(self._clock())
        missed: list[Json] = [{"name": printable(n), "reason": r} for n, r in failures.items()]
        with self._catalogue.write() as connection:
            complete_submission(connection, self._submission.id, now)
            record(
                connection,
                CustodyEvent(
                    event_id=f"{self._submission.id}:submission.completed",
                    type="submission.completed",
                    at=now,
                    actor=self._submission.actor,
                    case=self._submission.case_id,
                    body={
                        "submission": self._submission.id,
                        "files": self._count,
                        "not_received": missed[:_NAMED],
                        "not_received_count": len(failures),
                    },
                ),
            )

    def _require_room(self, size: int, path: Path) -> None:
        room = os.statvfs(self._spool)
        free = room.f_bavail * room.f_frsize
        if free < size + _RESERVE:
            raise StorageFullError(
                f"{printable(str(path))} ({human_size(size)}) was not received:"
                f" {human_size(free)} are free in {self._spool}.",
                advice="Make room on that disk, or name another data folder, and submit it again.",
            )

    def _file(self, name: str, digests: Digests, spooled: Path) -> Intake:
        now = timestamp(self._clock())
        ordinal = self._count + 1
        with self._catalogue.write() as connection:
            if not self._count:
                add_submission(connection, self._submission, now)
            intake = add_file(
                connection,
                self._submission,
                ordinal,
                name=name_bytes(name),
                digests=digests,
                spool=spooled.name,
                now=now,
            )
            record(connection, self._received_event(ordinal, name, digests, intake, now))
        self._count = ordinal
        return intake

    def _received_event(
        self, ordinal: int, name: str, digests: Digests, intake: Intake, now: str
    ) -> CustodyEvent:
        submission = self._submission
        return CustodyEvent(
            event_id=f"{submission.id}-{ordinal}:file.received",
            type="file.received",
            at=now,
            actor=submission.actor,
            case=submission.case_id,
            objects=(EventObject(exhibit_label(intake.number), Role.ORIGINAL, digests.sha256, digests.size),),
            body={
                "submission": submission.id,
                "source": submission.source,
                "ordinal": ordinal,
                "filename": printable(name, limit=4096),
                "filename_b64": base64_text(name_bytes(name)),
                "blake3": digests.blake3,
                "further_submission": not intake.is_new,
                "clock_shown": submission.clock_shown,
                "clock_true": submission.clock_true,
            },
        )


def files_below(path: Path) -> Iterator[tuple[Path, str]]:
    """The files that `path` stands for, in order: (path, name with the folder's own name in front).

    Links inside a folder are not followed, so that an export cannot pull in files from elsewhere; they are
    given as they are, and receiving them says why they are not taken.
    """
    if not path.is_dir():
        yield path, path.name
        return
    top = path.resolve()

    def refuse(error: OSError) -> None:
        raise UnreadableError(
            f"The folder {printable(str(error.filename))} cannot be read: {error.strerror}.",
            advice="See to its permissions and submit it again.",
        ) from error

    for folder, folders, names in os.walk(top, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            found = Path(folder) / name
            yield found, str(Path(top.name) / found.relative_to(top))


def _open_regular(path: Path) -> BinaryIO:
    try:
        # Non-blocking: opening a pipe in a seized folder must not wait for a writer that never comes.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise UnreadableError(
            f"{printable(str(path))} cannot be read: {error.strerror}.",
            advice="See to the path and its permissions, and submit it again.",
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UnreadableError(
            f"{printable(str(path))} is not a regular file.", advice="Submit files, or folders of files."
        )
    return os.fdopen(handle, "rb", buffering=0)


@dataclass(frozen=True, slots=True)
class _Spooled:
    path: Path
    handle: int


@contextmanager
def _spool_file(spool: Path) -> Iterator[_Spooled]:
    """A new file in the spool, locked while it is being received; gone again if that fails."""
    path = spool / new_id()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield _Spooled(path, handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def sweep_spool(catalogue: Catalogue, spool: Path) -> list[str]:
    """Remove what a killed program left half received, or sealed and not removed; returns the names."""
    swept = []
    for path in sorted(spool.iterdir()) if spool.is_dir() else []:
        with path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody is receiving it
            # Only now: until the lock was free, its row may not have been written.
            with catalogue.read() as connection:
                wanted = is_spooled(connection, path.name)
            if not wanted:
                path.unlink(missing_ok=True)
                swept.append(path.name)
    return swept


def _copy(stream: BinaryIO, spooled: _Spooled, path: Path, progress: Progress | None) -> Digests:
    """Copy to the spool, hashing what is read; durable when it returns."""
    digester = Digester()
    try:
        for chunk in _readable(stream, path):
            digester.update(chunk)
            _write_all(spooled.handle, chunk)
            if progress:
                progress(len(chunk))
        os.fsync(spooled.handle)
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise StorageFullError(
                f"{printable(str(path))} was not received: the disk of {spooled.path.parent} is full.",
                advice="Make room and submit it again.",
            ) from error
        raise
    return digester.finish()


def _readable(stream: BinaryIO, path: Path) -> Iterator[memoryview]:
    parts = chunks(stream)
    while True:
        try:
            chunk = next(parts, None)
        except OSError as error:
            raise UnreadableError(
                f"{printable(str(path))} could not be read to its end: {error.strerror}.",
                advice="Image the medium with a tool that goes on after errors, and submit the image.",
            ) from error
        if chunk is None:
            return
        yield chunk


def _write_all(handle: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(handle, chunk) :]


def _refuse_changed(before: os.stat_result, after: os.stat_result, digests: Digests, path: Path) -> None:
    if (before.st_size, before.st_mtime_ns) != (
        after.st_size,
        after.st_mtime_ns,
    ) or digests.size != after.st_size:
        raise UnreadableError(
            f"{printable(str(path))} changed while it was read.",
            advice="Wait until nothing writes to it, and submit it again.",
        )


def spool_file(spool: Path, name: str | None) -> Path:
    """The spool file of an exhibit that is not sealed; raises UnreadableError where it is gone."""
    if name is None or not (spool / name).is_file():
        raise UnreadableError(
            f"The received file {name} is not in {spool}.",
            advice="Submit the same file to the same case again: it takes the place of the lost one.",
        )
    return spool / name


def original_name(name: bytes) -> str:
    """The last part of a submitted name."""
    return Path(name_from_bytes(name)).name
