"""An object's bytes as a stream that goes on where the connection broke."""

import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from minio.error import InvalidResponseError, ServerError
from urllib3.exceptions import HTTPError

from retention.s3_client import clear_errors, pauses

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3 import BaseHTTPResponse

_BROKEN = (HTTPError, OSError, InvalidResponseError, ServerError)


class ObjectStream(io.RawIOBase):
    """Reads in sequence; a version's bytes never change, so a second request gives the rest of them."""

    def __init__(self, key: str, get: "Callable[[int], BaseHTTPResponse]") -> None:
        """`get` asks for the bytes from an offset on, up to the end; `key` is for errors."""
        self._key = key
        self._get = get
        self._at = 0
        self._reply: BaseHTTPResponse | None = get(0)
        self._size = int(self._reply.headers["Content-Length"])

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """As io.RawIOBase; raises UnavailableError where the store gives no more after several tries."""
        view = memoryview(buffer).cast("B")[: self._size - self._at]
        if not view:
            return 0
        with clear_errors(self._key):
            data = self._read(len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read(self, count: int) -> bytes:
        waits = pauses()
        while True:
            try:
                if self._reply is None:
                    self._reply = self._get(self._at)
                data: bytes = self._reply.read(count)
                if data:
                    return data
                raise HTTPError(f"it ended at {self._at} of {self._size} bytes")
            except _BROKEN:
                self._drop()
                pause = next(waits, None)
                if pause is None:
                    raise
                time.sleep(pause)

    def close(self) -> None:
        """Drop the connection where it has bytes on the way, else give it back."""
        self._drop()
        super().close()

    def _drop(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.close()
            reply.release_conn()
