"""Where the bytes of uploads lie before they are filed: the port (see upload_folder.py, upload_store.py).

Whoever writes has the upload's token, and a stale request can neither write over the bytes of the one that
evicted it, nor cut them off.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import BinaryIO, Protocol

from evidence.catalogue.upload_chunks import Chunk
from evidence.catalogue.uploads import Upload
from evidence.errors import IntegrityError, StorageFullError, UnavailableError, UnreadableError

WHAT = "The upload cannot go on"


class BytesLostError(IntegrityError):
    """Bytes that were durable are not there any more."""


class BusyError(UnavailableError):
    """Somebody else has the upload's bytes in hand."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `start` to `end` (not included) of an upload: written, and not durable yet.

    What goes into a store lies in the file `scratch` until then, and has the digest `sha256`.
    """

    start: int
    end: int
    sha256: str = ""
    scratch: Path = Path()


class UploadWriter(Protocol):
    """One request's way into the spool: `write` and `cut` in turn; `settle` may go on beside them.

    They raise StorageFullError where there is no room, UnavailableError and UnreadableError.
    """

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        ...

    def cut(self) -> Slice | None:
        """What was written since the last cut; None where that is nothing."""
        ...

    def settle(self, part: Slice) -> Chunk | None:
        """Make a slice durable; where it lies, if that is an object of its own."""
        ...

    def close(self) -> None:
        """Let go of the upload; waits for what is under way. What was not settled is dropped."""
        ...


class UploadSpool(Protocol):
    """Where uploads lie. `slice_size` bytes, or `slice_seconds`, are the most that a cut power loses."""

    slice_size: int
    slice_seconds: float

    def look_for_room(self, size: int) -> None:
        """Raise StorageFullError where a file of `size` bytes would not fit, as far as that can be known."""
        ...

    def writer(self, held: Upload, still_held: Callable[[], None]) -> UploadWriter:
        """Go on with an upload at its offset; what lies behind that is cut off.

        `still_held` raises EvictedError where the upload is no longer held. Raises BytesLostError, BusyError.
        """
        ...

    def finished(self, upload: Upload) -> AbstractContextManager[BinaryIO]:
        """The bytes of a complete upload, all of them; inside the block nobody else files it.

        Raises BytesLostError, BusyError, UnavailableError.
        """
        ...

    def place(self, upload_id: str) -> None:
        """Have the bytes lie, durably, where the job `seal` looks for them: under `filed_name`."""
        ...

    def filed_name(self, upload_id: str) -> str:
        """What an exhibit's `spool` says of bytes that came by an upload."""
        ...

    def release(self, upload_id: str, *, wanted: bool) -> None:
        """Once it is filed; the bytes go where no exhibit wants them."""
        ...

    def remove(self, upload_id: str) -> None:
        """Remove the bytes of an upload that has ended."""
        ...

    def leftovers(self, *, thorough: bool) -> Sequence[str]:
        """Uploads that have bytes here, and may have ended; all that can be found where it is `thorough`."""
        ...


@contextmanager
def clear_errors(what: str) -> Iterator[None]:
    """The disk's errors as ours; `what` begins the message."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise StorageFullError(f"{what}: the disk is full.", advice="Make room on that disk.") from error
        raise UnreadableError(f"{what}: {error.strerror}.", advice="See to that disk.") from error
