"""Receiving files: spool, digests made on the way, durable before anything is said, then one transaction."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from evidence.cases import exhibit_label, new_id
from evidence.catalogue.cases import Case, get_case, lock_case, require_open
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.intake import Intake, Submission, add_file, add_submission, complete_submission
from evidence.clock import Clock, timestamp
from evidence.errors import UnreadableError
from evidence.exhibits import Digests, Source
from evidence.files import fsync_folder, make_durable_folders
from evidence.text import human_size, name_bytes, name_from_bytes, printable
from ingest import events
from ingest.custody import record
from ingest.paths import open_regular, readable
from ingest.room import full_disk_said, require_room
from ingest.spool import fill, new_spool_file

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
        home: str = "",
        urgent: bool = False,
    ) -> None:
        """Begin a submission to an open case; raises ConflictError for a closed one.

        `home` and `urgent` as for `evidence.catalogue.intake.add_file`.
        """
        require_open(case)
        self._catalogue = catalogue
        self._spool = spool
        self._clock = clock
        self._submission = Submission(new_id(), case.id, source, actor, clock_shown, clock_true)
        self._home, self._urgent = home, urgent
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
        shown = f"{printable(str(path))} was not received"
        with open_regular(path) as stream, full_disk_said(shown):
            before = os.fstat(stream.fileno())
            require_room(
                self._spool,
                before.st_size,
                f"{printable(str(path))} ({human_size(before.st_size)}) was not received",
            )
            with new_spool_file(self._catalogue, self._spool) as spooled:
                digests = fill(spooled, _unchanged(stream, path, before.st_size, progress))
                if _version(before) != _version(os.fstat(stream.fileno())) or digests.size != before.st_size:
                    raise _changed(path)
                fsync_folder(self._spool)
                intake = self._file(name, digests, spooled.path)
        if not intake.wants_spool:
            spooled.path.unlink(missing_ok=True)
        return Received(name, intake.exhibit_id, exhibit_label(intake.number), digests, intake.is_new)

    def complete(self, failures: dict[str, str]) -> None:
        """Close the submission; `failures` names the paths that could not be received, and why."""
        if not self._count:
            return
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            complete_submission(connection, self._submission.id, now)
            record(connection, events.completed(self._submission, self._count, list(failures.items()), now))

    def _file(self, name: str, digests: Digests, spooled: Path) -> Intake:
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            if not self._count:
                lock_case(connection, self._submission.case_id)
                require_open(get_case(connection, self._submission.case_id))  # it may just have been closed
                add_submission(connection, self._submission, now)
            intake = add_file(
                connection,
                self._submission,
                name=name_bytes(name),
                digests=digests,
                spool=spooled.name,
                now=now,
                home=self._home,
                urgent=self._urgent,
            )
            actor = self._submission.actor
            record(
                connection, events.received(self._submission, name_bytes(name), digests, intake, actor, now)
            )
        self._count += 1
        return intake


def _unchanged(
    stream: BinaryIO, path: Path, size: int, progress: Progress | None
) -> Iterator[bytes | memoryview]:
    """The file's bytes; raises UnreadableError once there are more than `size`.

    A file may grow faster than it is read.
    """
    read = 0
    for chunk in readable(stream, path):
        read += len(chunk)
        if read > size:
            raise _changed(path)
        yield chunk
        if progress:
            progress(len(chunk))


def _version(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _changed(path: Path) -> UnreadableError:
    return UnreadableError(
        f"{printable(str(path))} changed while it was read.",
        advice="Wait until nothing writes to it, and submit it again.",
    )


def original_name(name: bytes) -> str:
    """The last part of a submitted name."""
    return Path(name_from_bytes(name)).name
