"""The sweep over uploads: files what a kill left, ends what nobody came back for, completes submissions."""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import is_spooled
from evidence.catalogue.intake import complete_submission
from evidence.catalogue.link_submissions import end_link_submission, get_link_submission
from evidence.catalogue.upload_ends import begun_submission, ended_submissions, outcomes, quiet_submissions
from evidence.catalogue.uploads import (
    UploadState,
    complete_uploads,
    end_upload,
    get_upload,
    overdue_uploads,
)
from evidence.clock import Clock, timestamp
from evidence.errors import VidneError
from evidence.text import name_from_bytes
from ingest import events
from ingest.custody import record
from ingest.upload_filing import Filer
from ingest.upload_spool import UploadSpool

log = logging.getLogger(__name__)

_QUIET = timedelta(days=1)  # after which a submission has ended whose sender did not say so
_WATCHED_S = 6 * 3600.0  # how long something has to be overdue before our eyes
_JUMP_S = 60.0
_THOROUGH_S = 3600.0
Item = TypeVar("Item", bound=Hashable)


class Watch:
    """What is overdue, and was for hours while we looked on: a clock that jumped ends nothing.

    A jump is where the wall clock and the monotonic one do not go together; all hours then begin anew.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, seconds: float = _WATCHED_S) -> None:
        """`seconds` is how long."""
        self._monotonic = monotonic
        self._seconds = seconds
        self._last: tuple[datetime, float] | None = None
        self._since: dict[Hashable, float] = {}

    def due(self, now: datetime, overdue: Iterable[Item]) -> list[Item]:
        """Those that were overdue at each look for long enough; `now` is what the wall clock shows."""
        moment = self._monotonic()
        if self._last is not None:
            passed = (now - self._last[0]).total_seconds()
            jump = passed - (moment - self._last[1])
            if abs(jump) > _JUMP_S:
                log.warning("the clock jumped by %.0f s: no upload is ended by it", jump)
                self._since.clear()
        self._last = now, moment
        found = list(overdue)
        self._since = {item: self._since.get(item, moment) for item in found}
        return [item for item in found if moment - self._since[item] >= self._seconds]


class UploadSweep:
    """What is to be done with uploads now and then; any number of processes may do it."""

    def __init__(
        self,
        catalogue: Catalogue,
        spool: UploadSpool,
        filer: Filer,
        *,
        clock: Clock,
        home: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`home` as for ingest.uploads.Uploads; one is kept for as long as the process lives."""
        self._catalogue = catalogue
        self._spool = spool
        self._filer = filer
        self._clock = clock
        self._home = home
        self._monotonic = monotonic
        self._overdue, self._quiet = Watch(monotonic), Watch(monotonic)
        self._thorough: float | None = None
        self._complete_before: set[str] | None = None

    def run_once(self) -> int:
        """Do what is due; how much was done. What fails is told, and stops nothing else.

        Raises UnavailableError, UnreadableError where the catalogue is away.
        """
        return self._file() + self._expire() + self._end() + self.complete_ended() + self._remove()

    def _file(self) -> int:
        """File what is complete, and was at the last look: else somebody may just be doing it."""
        with self._catalogue.read() as connection:
            found = complete_uploads(connection, self._home)
        before, self._complete_before = self._complete_before, set(found)
        return self._each([item for item in found if before is None or item in before], self._filer.file)

    def _expire(self) -> int:
        """End unfinished uploads whose time ran out."""
        now = self._clock()
        with self._catalogue.read() as connection:
            found = overdue_uploads(connection, self._home, timestamp(now))
        return self._each(self._overdue.due(now, found), self._expire_one)

    def _expire_one(self, item: tuple[str, int]) -> bool:
        upload_id, token = item
        with self._catalogue.write() as connection:
            now = timestamp(self._clock())
            # By its token: whoever came back for it meanwhile was given another one.
            expired = end_upload(
                connection, upload_id, UploadState.EXPIRED, now, reason="its time ran out", token=token
            )
        if expired:
            self._spool.remove(upload_id)
        return expired

    def _remove(self) -> int:
        """Remove the bytes of what has ended, or is sealed, where whoever ended it could not."""
        moment = self._monotonic()
        thorough = self._thorough is None or moment - self._thorough >= _THOROUGH_S
        found = self._spool.leftovers(thorough=thorough)
        if thorough:
            self._thorough = moment
        return self._each(found, self._remove_one)

    def _remove_one(self, upload_id: str) -> bool:
        with self._catalogue.read() as connection:
            upload = get_upload(connection, upload_id)
            # Without a row (an older catalogue was restored) and where some are lost, the rest is kept.
            if upload is None or upload.state.is_open or upload.state is UploadState.REFUSED:
                return False
            if is_spooled(connection, self._spool.filed_name(upload_id)):
                return False
        self._spool.remove(upload_id)
        return True

    def _end(self) -> int:
        """End submissions whose senders went away."""
        now = self._clock()
        with self._catalogue.read() as connection:
            found = quiet_submissions(connection, timestamp(now - _QUIET))
        return self._each(self._quiet.due(now, found), self._end_one)

    def _end_one(self, submission_id: str) -> bool:
        moment = self._clock()
        with self._catalogue.write() as connection:
            get_link_submission(connection, submission_id, lock=True)
            if submission_id not in quiet_submissions(connection, timestamp(moment - _QUIET)):
                return False
            end_link_submission(connection, submission_id, timestamp(moment))
        return True

    def complete_ended(self) -> int:
        """Complete submissions that have ended and whose files were all dealt with; how many."""
        with self._catalogue.read() as connection:
            found = ended_submissions(connection)
        return self._each(found, self._complete_one)

    def _complete_one(self, submission_id: str) -> bool:
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            get_link_submission(connection, submission_id, lock=True)
            if submission_id not in ended_submissions(connection):
                return False  # another sweep was first
            owner = begun_submission(connection, submission_id)
            if owner is None:
                return False
            ended = outcomes(connection, submission_id)
            missed = [
                (name_from_bytes(name), f"{state}: {reason}")
                for name, state, reason in ended
                if state != UploadState.FILED
            ]
            complete_submission(connection, submission_id, now)
            record(connection, events.completed(owner, len(ended) - len(missed), missed, now))
        return True

    def _each(self, items: Sequence[Item], action: Callable[[Item], bool]) -> int:
        count = 0
        for item in items:
            try:
                count += action(item)
            except VidneError as error:
                log.warning("an upload was passed over: %s", error)
        return count
