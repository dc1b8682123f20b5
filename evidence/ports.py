"""Ports: what the program needs of its surroundings, each with an embedded implementation and a grown one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from evidence.custody import CaseTip, EventBody, LedgerEntry, PendingEvent


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Where an object lies: `version_id` is `0` in a folder, the server's id in S3."""

    key: str
    version_id: str
    size: int


@dataclass(frozen=True, slots=True)
class NewObject:
    """A file that is to be stored under `key`, and what is known of its bytes.

    `locked` asks the store to keep it from being deleted for the days that the settings say.
    """

    key: str
    source: Path
    sha256: str
    size: int
    locked: bool = False


class ObjectStore(Protocol):
    """Create-only object storage.

    Keys are ASCII, relative, `/`-separated. Every failure is a VidneError: StorageFullError where there is no
    room, NotFoundError for an absent object, ObjectExistsError where other bytes have the key.
    """

    @property
    def is_worm(self) -> bool:
        """Whether the store itself, not only this program, refuses to delete and overwrite."""
        ...

    @property
    def bucket(self) -> str:
        """The bucket's name; empty for a folder."""
        ...

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:
        """Store files, all of them durable when it returns, in their order.

        Putting the same bytes again gives the object that is there. `consume` lets the store take the files
        themselves where that saves a copy; they may be gone after. After an error some may be stored.
        """
        ...

    def open(self, key: str, version_id: str) -> BinaryIO:
        """The object's bytes, to be read in sequence and closed."""
        ...

    def read_range(self, key: str, version_id: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; fewer only at the end."""
        ...

    def local_path(self, key: str, version_id: str) -> Path | None:
        """A path that holds the object's bytes on this machine, or None where it has to be fetched."""
        ...

    def stat(self, key: str) -> StoredObject | None:
        """The current version under `key`, or None."""
        ...

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Every key that begins with `prefix`, in order."""
        ...

    def set_tags(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """Replace the object's tags: the one thing about it that may change."""
        ...

    def get_tags(self, key: str, version_id: str) -> dict[str, str]:
        """The object's tags."""
        ...

    def retain(self, key: str, version_id: str, until: datetime) -> None:
        """Have the object kept until then at least (seconds count); a longer retention stays as it is."""
        ...

    def retained_until(self, key: str, version_id: str) -> datetime | None:
        """Until when the object cannot be deleted; None where nothing retains it."""
        ...

    def set_hold(self, key: str, version_id: str, *, held: bool) -> None:
        """Put a legal hold on the object, or lift it; beside its retention, and without an end."""
        ...

    def is_held(self, key: str, version_id: str) -> bool:
        """Whether a legal hold lies on the object."""
        ...

    def list_overlaid(self, prefix: str) -> Iterator[str]:
        """Keys that begin with `prefix` and have a delete marker, or more than one version.

        Objects are created once, so somebody else was at work there.
        """
        ...

    def delete(self, key: str, version_id: str) -> None:
        """Delete what was put for a while: an object of an upload that has ended, or is an exhibit by now.

        Raises VidneError for any other key, and where the store keeps it; an absent one is gone already.
        """
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what puts left that began before then and were cut short; how many there were."""
        ...


class LedgerStore(Protocol):
    """Where the ledger's rows lie. One sequencer writes; anyone reads."""

    def pending(self, limit: int) -> Sequence[PendingEvent]:
        """Up to `limit` events without a place, in inbox order; late commits with low ids are among them."""
        ...

    def size(self) -> int:
        """How many entries have a place."""
        ...

    def case_tips(self, last: int) -> Mapping[str, CaseTip]:
        """The ends of the chains of the cases that have a waiting event up to inbox id `last`.

        A case without entries is left out.
        """
        ...

    def frontier(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees of the tree of `size()` leaves, largest first, 32 bytes each."""
        ...

    def append(self, entries: Sequence[LedgerEntry], frontier: Sequence[bytes], checkpoint: bytes) -> None:
        """One transaction: entries, the new frontier, and the signed checkpoint over the new size."""
        ...

    def leaf_hashes(self, start: int, end: int) -> Iterator[bytes]:
        """Leaf hashes of entries start..end-1, in order."""
        ...

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of entries start..end-1, in order."""
        ...

    def case_entries(self, case: str) -> Iterator[LedgerEntry]:
        """The entries of a case in chain order."""
        ...

    def pending_count(self, case: str | None = None) -> int:
        """How many events wait for a place, of one case or of all."""
        ...

    def index_of(self, event_id: str) -> int | None:
        """The place of the entry of that event, or None where it has none."""
        ...

    def body(self, event_id: str) -> EventBody | None:
        """The body of an event, or None where the event is unknown."""
        ...

    def bodies(self, event_ids: Sequence[str]) -> Mapping[str, EventBody]:
        """The bodies of up to a thousand events, those that are there."""
        ...

    def latest_checkpoint(self) -> bytes | None:
        """The newest signed checkpoint, as it was signed."""
        ...

    def checkpoint(self, size: int) -> bytes | None:
        """The checkpoint over exactly `size` entries."""
        ...
