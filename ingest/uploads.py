"""Uploads through links: begun within what the link grants, gone on with, ended; one request at a time.

How far an upload is stands in the catalogue, and moves only over bytes that are durable, only by the request
that has the upload's token. Nothing here waits for what is done with a file later.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from evidence.cases import new_id
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.link_submissions import get_link_submission
from evidence.catalogue.uploads import (
    Upload,
    UploadState,
    add_upload,
    declared,
    end_unbegun,
    end_upload,
    find_upload,
    get_upload,
    take_upload,
)
from evidence.clock import Clock, timestamp
from evidence.errors import ConflictError, LinkError, UnavailableError, UsageError
from evidence.links import Grant
from evidence.text import human_size
from ingest.receiving import QuotaError, Receiving
from ingest.upload_filing import Filer
from ingest.upload_spool import UploadSpool
from ingest.upload_sweep import UploadSweep

LONGEST_NAME = 4096  # bytes, relative path included
_UNBEGUN = timedelta(minutes=2)  # what is older and has no byte was made by a request whose reply was lost
_PAUSE_S = 0.1


class EndedError(ConflictError):
    """The submission has ended: its sender said that all is sent."""


class OffsetError(ConflictError):
    """The upload is at another offset."""


class GoneError(ConflictError):
    """The upload has ended without being received."""


class ReceivedError(ConflictError):
    """The upload was received: it is evidence, and its sender can no longer take it back."""


class Uploads:
    """The uploads of one installation, as its portal works on them; all of it blocks."""

    def __init__(
        self,
        catalogue: Catalogue,
        spool: UploadSpool,
        filer: Filer,
        sweep: UploadSweep,
        *,
        clock: Clock,
        kept: timedelta,
        largest: int,
        home: str = "",
    ) -> None:
        """`kept` is how long an unfinished upload waits for its sender, `largest` the most bytes of one file.

        `home` names the data folder where the spool is this machine's own and others share the catalogue.
        """
        self._catalogue = catalogue
        self._clock = clock
        self._kept = kept
        self._largest = largest
        self._home = home
        self.spool = spool
        self.filer = filer
        self.sweep = sweep

    def create(self, grant: Grant, submission_id: str, name: bytes, size: int) -> Upload:
        """A new upload of `size` bytes. Its bytes get their place with the first of them.

        Raises LinkError for a submission of another link, EndedError for one that has ended, QuotaError,
        UsageError for a name that cannot be one, StorageFullError where it would not fit.
        """
        _check_name(name)
        if size > self._largest:
            raise QuotaError("largest", f"One file may have {human_size(self._largest)}.")
        self.spool.look_for_room(size)
        moment = self._clock()
        now = timestamp(moment)
        with self._catalogue.write() as connection:
            found = get_link_submission(connection, submission_id, lock=True)
            if found is None or found.link_id != grant.link_id:
                raise LinkError
            if found.ended_at is not None:
                raise EndedError("This submission has ended.", advice="Begin another one.")
            refused = _over_quota(grant, *declared(connection, submission_id), size)
            if refused and end_unbegun(connection, submission_id, timestamp(moment - _UNBEGUN), now):
                refused = _over_quota(grant, *declared(connection, submission_id), size)
            if refused:
                raise refused
            new = Upload(
                id=new_id(),
                submission_id=submission_id,
                link_id=grant.link_id,
                name=name,
                size=size,
                offset=0,
                token=0,
                state=UploadState.RECEIVING if size else UploadState.COMPLETE,
                reason="",
                changed_at=now,
                expires_at=timestamp(moment + self._kept),
                home=self._home,
                browser_sha256=None,
                sha256=None,
                ordinal=None,
            )
            add_upload(connection, new, now)
        return new

    def find(self, grant: Grant, upload_id: str) -> Upload:
        """An upload of this link; raises NotFoundError, GoneError."""
        with self._catalogue.read() as connection:
            found = find_upload(connection, upload_id, grant.link_id)
        if not (found.state.is_open or found.state.is_received):
            raise GoneError(f"This upload has ended: {found.state}.", advice="Begin it anew.")
        return found

    def take(self, grant: Grant, upload_id: str, offset: int) -> Receiving:
        """Go on with an upload from `offset`; whoever went on with it before is evicted.

        Raises NotFoundError, GoneError, OffsetError, ReceivedError, and UnavailableError where its bytes lie
        on another machine.
        """
        found = self.find(grant, upload_id)
        if found.home not in ("", self._home):
            raise UnavailableError("This upload was begun on another machine.", advice="Try again later.")
        if offset != found.offset:
            raise OffsetError(f"The upload is at byte {found.offset}.", advice="Go on from there.")
        if found.state.is_received:
            raise ReceivedError("This upload has been received whole.")
        now = self._clock()
        with self._catalogue.write() as connection:
            expires = timestamp(now + self._kept)
            token = take_upload(connection, upload_id, offset, timestamp(now), expires)
        if token is None:
            raise OffsetError("Another request has gone on with the upload.", advice="Ask how far it is.")
        held = replace(found, token=token, expires_at=expires)
        return Receiving(self._catalogue, self.spool, held, clock=self._clock, kept=self._kept)

    @contextmanager
    def receiving(self, grant: Grant, upload_id: str, offset: int) -> Iterator[Receiving]:
        """As `take`, for who reads the bytes in a thread; what was written is durable after the block.

        What came before an error is kept, too. Raises as `take` and `Receiving` do.
        """
        taken = self.take(grant, upload_id, offset)
        try:
            taken.open()
            try:
                yield taken
            finally:
                taken.flush()
        finally:
            taken.close()

    def terminate(self, grant: Grant, upload_id: str) -> None:
        """Throw away an unfinished upload for its sender; raises NotFoundError, GoneError, ReceivedError."""
        found = self.find(grant, upload_id)
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            if not end_upload(connection, found.id, UploadState.TERMINATED, now, reason="by its sender"):
                raise ReceivedError("This upload has been received whole, and stays.")
        self.spool.remove(found.id)

    def file(self, upload_id: str) -> bool:
        """See Filer.file; the submission is completed with its last file, if it has ended."""
        filed = self.filer.file(upload_id)
        self.sweep.complete_ended()
        return filed

    def see_filed(self, upload_id: str, seconds: float) -> None:
        """`file`; where a sweep has the upload in hand, that is waited for, at most so many `seconds`."""
        until = time.monotonic() + seconds
        while not self.file(upload_id) and self._is_complete(upload_id) and time.monotonic() < until:
            time.sleep(_PAUSE_S)

    def _is_complete(self, upload_id: str) -> bool:
        """Whether it waits to be filed."""
        with self._catalogue.read() as connection:
            found = get_upload(connection, upload_id)
        return found is not None and found.state is UploadState.COMPLETE


def _check_name(name: bytes) -> None:
    last = name.rpartition(b"/")[2]
    if b"\0" in name or last in (b"", b".", b"..") or len(name) > LONGEST_NAME:
        raise UsageError("This is not the name of a file.", advice="Give the name that it has.")


def _over_quota(grant: Grant, files: int, size: int, new: int) -> QuotaError | None:
    if files >= grant.max_files:
        return QuotaError("files", f"One submission may have {grant.max_files} files.")
    if size + new > grant.max_bytes:
        return QuotaError("bytes", f"One submission may have {human_size(grant.max_bytes)}.")
    return None
