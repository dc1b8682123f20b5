"""Publication of the log in the object store: tiles, bundles of entries, and each checkpoint, create-only.

The layout is that of C2SP tlog-tiles, but for the checkpoint: objects are never replaced, so each lies under
`checkpoint/<size>`. What is published is enough to verify the whole log without the catalogue.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from evidence.errors import IntegrityError
from evidence.ports import LedgerStore, NewObject, ObjectStore
from hashing.merkle import EMPTY_ROOT, HASH_SIZE, perfect_root
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, open_checkpoint
from hashing.tiles import WIDTH, Tile, TiledTree, added, tile_at

CHECKPOINTS, SUCCESSIONS, TIMESTAMPS, _COSIGNATURES = "checkpoint/", "key/", "timestamp/", "cosignature/"
_LENGTH = 2  # bytes of an entry's length in a bundle, the most significant first


def checkpoint_path(size: int) -> str:
    """Where the checkpoint over `size` entries is published."""
    return f"{CHECKPOINTS}{size}"


def succession_path(size: int) -> str:
    """Where the note is published by which another key followed after the tree of `size` entries."""
    return f"{SUCCESSIONS}{size}"


def timestamp_path(size: int, authority: str) -> str:
    """Where the stamp of `authority` (its URL) over the checkpoint of `size` entries is published."""
    return f"{TIMESTAMPS}{size}/{authority_id(authority)}.tsr"


def authority_id(authority: str) -> str:
    """What names of files call an authority: the beginning of the SHA-256 of its URL."""
    return sha256(authority.encode()).hexdigest()[:16]


def revocation_list_path(digest: str) -> str:
    """Where a revocation list with that SHA-256 is published, for every stamp that it was fetched for."""
    return f"{TIMESTAMPS}crl/{digest}.crl"


def cosignature_path(size: int, key_id: str) -> str:
    """Where a witness's signature line on the checkpoint over `size` entries is published."""
    return f"{_COSIGNATURES}{size}/{key_id}"


def newest_cosigned(store: ObjectStore, prefix: str, key_id: str) -> int:
    """The most entries for which the store has a checkpoint's cosignature by that key; 0 for none."""
    begin = prefix + _COSIGNATURES
    form = re.compile(re.escape(begin) + "([1-9][0-9]{0,15})/" + re.escape(key_id), re.ASCII)
    return max((int(found[1]) for found in map(form.fullmatch, store.list_keys(begin)) if found), default=0)


def locked_keys(store: ObjectStore, prefix: str) -> Iterator[str]:
    """Keys of the published log that have to stay: they show all of it, and each anchor of others.

    Tiles of the newest published size, its checkpoint, and those that were stamped or cosigned. Earlier
    partial tiles and checkpoints are part of these by now.
    """
    size = max(published_sizes(store, prefix), default=0)
    for tile in added(0, size):
        yield prefix + tile.path
        if not tile.level:
            yield prefix + tile.bundle_path
    sizes = {size} if size else set()
    for begin in (prefix + TIMESTAMPS, prefix + _COSIGNATURES):
        for key in store.list_keys(begin):
            yield key
            anchored = key.removeprefix(begin).partition("/")[0]
            if anchored.isascii() and anchored.isdecimal():
                sizes.add(int(anchored))
    yield from (prefix + checkpoint_path(size) for size in sorted(sizes))


def published_sizes(store: ObjectStore, prefix: str) -> list[int]:
    """Over how many entries each published checkpoint is, as its key says."""
    begin = prefix + CHECKPOINTS
    names = (key.removeprefix(begin) for key in store.list_keys(begin))
    return [int(name) for name in names if name.isascii() and name.isdecimal()]


def read_object(store: ObjectStore, key: str) -> bytes | None:
    """All bytes of the current version under `key`, or None."""
    there = store.stat(key)
    return store.read_range(key, there.version_id, 0, there.size) if there else None


def put_objects(store: ObjectStore, prefix: str, work: Path, contents: Mapping[str, bytes]) -> None:
    """Publish each of `contents` under `prefix` and its path; files on their way lie in `work`."""
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ledger-", dir=work) as folder:
        store.put(list(_files(Path(folder), prefix, contents)), consume=True)


def _files(folder: Path, prefix: str, contents: Mapping[str, bytes]) -> Iterator[NewObject]:
    for number, (path, raw) in enumerate(contents.items()):
        source = folder / str(number)
        source.write_bytes(raw)
        yield NewObject(prefix + path, source, sha256(raw).hexdigest(), len(raw), locked=True)


class LedgerTree:
    """A ledger's tree: its tiles as they are published, else made of the ledger's rows."""

    def __init__(self, ledger: LedgerStore, store: ObjectStore, prefix: str) -> None:
        """`prefix` is what the log's keys begin with; it ends in a slash."""
        self._ledger = ledger
        self._store = store
        self._prefix = prefix

    def of_size(self, size: int) -> TiledTree:
        """The tree of the first `size` entries; reading it raises IntegrityError where rows are missing."""
        return TiledTree(size, self.read)

    def read(self, tile: Tile) -> bytes:
        """The hashes of a tile."""
        there = self._store.stat(self._prefix + tile.path)
        if there:
            return self._store.read_range(there.key, there.version_id, 0, tile.width * HASH_SIZE)
        return self.make(tile, {})

    def make(self, tile: Tile, made: Mapping[Tile, bytes]) -> bytes:
        """The hashes of a tile, made of the full tiles below it; at level 0 of the ledger's rows.

        `made` are tiles that are not published yet.
        """
        first, behind = tile.index * WIDTH, tile.index * WIDTH + tile.width
        if tile.level:
            below = (Tile(tile.level - 1, index, WIDTH) for index in range(first, behind))
            return b"".join(perfect_root(made.get(part) or self.read(part)) for part in below)
        hashes = list(self._ledger.leaf_hashes(first, behind))
        if len(hashes) != tile.width:
            raise IntegrityError(
                f"The ledger lacks {tile.width - len(hashes)} of the entries {first} to {behind - 1}.",
                advice="Find out who removed them, and restore the catalogue from a backup.",
            )
        return b"".join(hashes)


class Publisher:
    """Publishes what was signed and is not in the store yet; one at a time, as the sequencer."""

    def __init__(
        self, ledger: LedgerStore, store: ObjectStore, verifier: Verifier, *, prefix: str, work: Path
    ) -> None:
        """`prefix` as for LedgerTree; files on their way into the store lie in `work` for a moment."""
        self._ledger = ledger
        self._store = store
        self._verifier = verifier
        self._prefix = prefix
        self._work = work
        self._tree = LedgerTree(ledger, store, prefix)
        self._published: Checkpoint | None = None
        self._has_keys = False

    def require_whole(self) -> None:
        """As the function of that name, until something was published from here."""
        if self._published is None:
            require_whole(self._ledger, self._store, self._prefix)

    def run_once(self) -> int:
        """Publish up to the newest checkpoint; how many entries are new there.

        Raises IntegrityError, and publishes nothing, where the tree is not the one that was signed, or does
        not extend what is published; VidneError where the store does not take it: the next call puts what is
        missing.
        """
        note = self._ledger.latest_checkpoint()
        if note is None:
            return 0
        self._publish_keys()
        checkpoint = open_checkpoint(note, self._verifier)
        published = self._published or self._last_published()
        new = checkpoint.size - published.size
        if new < 0:
            raise _rewritten(f"it ends at {checkpoint.size} entries, and {published.size} were published")
        if new > 0:
            self._publish(checkpoint, note, published)
        elif checkpoint != published:
            raise _rewritten(f"another tree of {published.size} entries was published")
        self._published = checkpoint
        return new

    def _last_published(self) -> Checkpoint:
        """The checkpoint over the most entries that the store has."""
        found = newest_published(self._store, self._prefix, self._verifier)
        return found[0] if found else Checkpoint(self._verifier.name, 0, EMPTY_ROOT)

    def _publish_keys(self) -> None:
        """The successions, before any checkpoint by the keys that followed."""
        if self._has_keys:
            return
        notes = {succession_path(former.size): former.note for former in self._verifier.former}
        if missing := {p: raw for p, raw in notes.items() if self._store.stat(self._prefix + p) is None}:
            self._put(missing)
        self._has_keys = True

    def _publish(self, checkpoint: Checkpoint, note: bytes, published: Checkpoint) -> None:
        made: dict[Tile, bytes] = {}
        for tile in added(published.size, checkpoint.size):
            made[tile] = self._tree.make(tile, made)
        tree = TiledTree(checkpoint.size, lambda tile: made.get(tile) or self._tree.read(tile))
        if tree.root() != checkpoint.root:
            raise _rewritten(f"its {checkpoint.size} entries are not the tree that was signed")
        if tree.root(0, published.size) != published.root:
            raise _rewritten(f"its first {published.size} entries are not those that were published")
        tiles = {tile.path: raw for tile, raw in made.items()}
        self._put({**tiles, **{tile.bundle_path: self._bundle(tile) for tile in made if not tile.level}})
        # Last: where a checkpoint is, all that it speaks of is.
        self._put({checkpoint_path(checkpoint.size): note})

    def _bundle(self, tile: Tile) -> bytes:
        entries = self._ledger.entries(tile.index * WIDTH, tile.index * WIDTH + tile.width)
        return b"".join(len(entry).to_bytes(_LENGTH, "big") + entry for entry in entries)

    def _put(self, contents: Mapping[str, bytes]) -> None:
        put_objects(self._store, self._prefix, self._work, contents)


def require_whole(ledger: LedgerStore, store: ObjectStore, prefix: str) -> None:
    """Raise IntegrityError where more of a log was published than the ledger has: nothing may be signed then.

    By whose key does not matter: one from an old backup must not sign beside a later one.
    """
    published = max(published_sizes(store, prefix), default=0)
    size = ledger.size()  # read last: it only grows
    if size < published:
        raise IntegrityError(
            f"The ledger has {size} entries, and {published} were published. Nothing is signed.",
            advice="The catalogue was lost, or is older: vidne rebuild brings back what the store has.",
        )


def _rewritten(how: str) -> IntegrityError:
    return IntegrityError(
        f"The ledger is not as it was: {how}. Nothing was published.",
        advice="Run `vidne verify` on it, find out who changed it, and restore it from a backup.",
    )


def published_entries(store: ObjectStore, prefix: str, start: int, size: int) -> Iterator[bytes]:
    """Entries start..size-1 of the log as it is published over `size` entries.

    Raises IntegrityError where a bundle is missing or has another number of entries than its tile.
    """
    for index in range(start // WIDTH, -(-size // WIDTH)):
        tile = tile_at(0, index, size)
        raw = read_object(store, prefix + tile.bundle_path)
        found = list(entries_in(raw or b""))
        if len(found) != tile.width:
            raise IntegrityError(
                f"{prefix}{tile.bundle_path} has {len(found)} entries, not {tile.width}.",
                advice="Look in the store for an earlier version of it, below what lies over it.",
            )
        yield from found[max(0, start - index * WIDTH) :]


def newest_published(store: ObjectStore, prefix: str, verifier: Verifier) -> tuple[Checkpoint, bytes] | None:
    """The checkpoint over the most entries that the store has, and its note; raises NoteError."""
    size = max(published_sizes(store, prefix), default=0)
    if not size:
        return None
    note = read_object(store, prefix + checkpoint_path(size))
    if note is None:
        raise IntegrityError(
            f"{prefix}{checkpoint_path(size)} was there, and is gone.",
            advice="Find out who deletes from the store.",
        )
    return open_checkpoint(note, verifier), note


def entries_in(bundle: bytes) -> Iterator[bytes]:
    """The entries of a bundle; raises IntegrityError where it is cut."""
    at = 0
    while at < len(bundle):
        end = at + _LENGTH + int.from_bytes(bundle[at : at + _LENGTH], "big")
        if end > len(bundle):
            raise IntegrityError("A bundle of entries is cut short.")
        yield bundle[at + _LENGTH : end]
        at = end
