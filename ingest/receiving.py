"""One request that brings bytes of an upload: written, made durable by slices, counted under its token."""

import hashlib
import threading
from dataclasses import dataclass, replace
from datetime import timedelta

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.upload_chunks import Chunk
from evidence.catalogue.uploads import (
    EvictedError,
    Upload,
    UploadState,
    advance_upload,
    end_upload,
    finish_upload,
    get_upload,
)
from evidence.clock import Clock, timestamp
from evidence.errors import UsageError
from hashing.digests import same_digest
from ingest.upload_spool import BytesLostError, Slice, UploadSpool, UploadWriter


class ChecksumError(UsageError):
    """Bytes are not those that the sender's checksum is of; they were thrown away."""


class QuotaError(UsageError):
    """More than may be sent; `code` says of what: files, bytes, largest, length."""

    def __init__(self, code: str, what: str) -> None:
        """`what` says what the limit is."""
        super().__init__(what, advice="Ask whoever sent the link.")
        self.code = code


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a sender says of the bytes of one request: `algorithm` is sha1 or sha256, `digest` in hex."""

    algorithm: str
    digest: str


class Receiving:
    """Made by `Uploads.take`. `write` and `cut` in turn, beside them `settle` and `advance` of earlier ones.

    `received` bytes of the file are written, `durable` ones are counted. With a checksum none is to be
    counted before `verify`.
    """

    def __init__(
        self, catalogue: Catalogue, spool: UploadSpool, held: Upload, *, clock: Clock, kept: timedelta
    ) -> None:
        """`held` has the token under which this request goes on from its offset."""
        self.upload = held
        self.durable = self.received = held.offset
        self.expires_at = held.expires_at
        self.slice_size, self.slice_seconds = spool.slice_size, spool.slice_seconds
        self._catalogue = catalogue
        self._spool = spool
        self._clock = clock
        self._kept = kept
        self._writer: UploadWriter | None = None
        self._checksum: Checksum | None = None
        self._digest = hashlib.sha256()
        self._closing = threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether every byte of the file is durable."""
        return self.durable == self.upload.size

    def open(self, checksum: Checksum | None = None) -> None:
        """Get at the bytes; raises EvictedError, BusyError, BytesLostError, StorageFullError.

        Where bytes are gone that were durable, the upload is refused from then on.
        """
        self._checksum = checksum
        if checksum is not None:
            self._digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
        try:
            self._writer = self._spool.writer(self.upload, self._require_held)
        except BytesLostError as lost:
            with self._catalogue.write() as connection:
                now = timestamp(self._clock())
                end_upload(connection, self.upload.id, UploadState.REFUSED, now, reason=lost.what)
            raise

    def write(self, data: bytes) -> None:
        """Take the next bytes; raises QuotaError where the file would get longer than was declared."""
        if self.received + len(data) > self.upload.size:
            raise QuotaError("length", f"The file was declared to have {self.upload.size} bytes.")
        self._opened().write(data)
        if self._checksum is not None:
            self._digest.update(data)
        self.received += len(data)

    def cut(self) -> Slice | None:
        """See UploadWriter."""
        return self._opened().cut()

    def settle(self, part: Slice) -> Chunk | None:
        """See UploadWriter."""
        return self._opened().settle(part)

    def advance(self, part: Slice, chunk: Chunk | None) -> None:
        """Count a slice that was settled; raises EvictedError."""
        now = self._clock()
        expires = timestamp(now + self._kept)
        with self._catalogue.write() as connection:
            advance_upload(connection, self.upload, part.start, part.end, timestamp(now), expires, chunk)
        self.expires_at, self.durable = expires, part.end

    def verify(self) -> None:
        """Raise ChecksumError unless the bytes are those that the checksum is of."""
        wanted = self._checksum
        if wanted is not None and not same_digest(self._digest.hexdigest(), wanted.digest):
            what = "The bytes are not those that Upload-Checksum is of, and were thrown away."
            raise ChecksumError(what, advice="Send them again.")

    def flush(self) -> None:
        """Make durable and count what was written."""
        part = self.cut()
        if part is not None:
            self.advance(part, self.settle(part))

    def finish(self) -> None:
        """Say that the file ends here, however long it was declared to be; then it is complete."""
        self.flush()
        if not self.is_complete:
            with self._catalogue.write() as connection:
                finish_upload(connection, self.upload, self.durable, timestamp(self._clock()))
            self.upload = replace(self.upload, size=self.durable)

    def close(self) -> None:
        """Let go, once what is under way has ended; what was not counted is dropped."""
        with self._closing:
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _opened(self) -> UploadWriter:
        writer = self._writer
        if writer is None:
            raise EvictedError("The request that brought these bytes has ended.")
        return writer

    def _require_held(self) -> None:
        with self._catalogue.read() as connection:
            found = get_upload(connection, self.upload.id)
        if found is None or (found.token, found.state) != (self.upload.token, UploadState.RECEIVING):
            raise EvictedError("Another request goes on with this upload, or it has ended.")
