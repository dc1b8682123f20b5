"""The published log: enough by itself, put once, never over what another history published."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.errors import IntegrityError, StorageFullError
from evidence.ports import NewObject, StoredObject
from hashing.merkle import Frontier, leaf_hash, root_of, verify_inclusion
from hashing.notes import Signer, open_checkpoint
from hashing.publication import LedgerTree, Publisher, entries_in
from hashing.sequencer import Sequencer
from retention.folder import FolderStore
from tests.hashing.cases import ORIGIN, event
from tests.hashing.memory_ledger import MemoryLedger

SIGNER = Signer.generate(ORIGIN)
PREFIX = "ledger/"


def grow(ledger: MemoryLedger, count: int) -> None:
    for _ in range(count):
        ledger.file(event(f"job-{ledger.filed}:test.event", f"case{ledger.filed % 3}"))
    Sequencer(ledger, SIGNER).run_all()


def publisher(ledger: MemoryLedger, store: FolderStore, folder: Path) -> Publisher:
    return Publisher(ledger, store, SIGNER.verifier, prefix=PREFIX, work=folder / "work")


def read(store: FolderStore, path: str) -> bytes:
    with store.open(PREFIX + path, "0") as stream:
        return stream.read()


def test_what_is_published_is_enough_to_verify_the_log_without_its_rows(tmp_path: Path) -> None:
    ledger, store = MemoryLedger(), FolderStore(tmp_path / "objects")
    grow(ledger, 600)
    assert publisher(ledger, store, tmp_path).run_once() == 600
    entries = [
        entry
        for path in ("000", "001", "002.p/88")
        for entry in entries_in(read(store, f"tile/entries/{path}"))
    ]
    assert entries == list(ledger.entries(0, 600))
    checkpoint = open_checkpoint(read(store, "checkpoint/600"), SIGNER.verifier)
    assert checkpoint.root == root_of(map(leaf_hash, entries))
    tree = LedgerTree(MemoryLedger(), store, PREFIX).of_size(600)
    proof = tree.inclusion_proof(300)
    assert verify_inclusion(leaf_hash(entries[300]), 300, 600, proof, checkpoint.root)


def test_publishing_again_puts_only_what_is_new(tmp_path: Path) -> None:
    ledger, store = MemoryLedger(), FolderStore(tmp_path / "objects")
    grow(ledger, 300)
    first = publisher(ledger, store, tmp_path)
    assert (first.run_once(), first.run_once()) == (300, 0)
    before = set(store.list_keys(PREFIX))
    grow(ledger, 2)
    assert publisher(ledger, store, tmp_path).run_once() == 2, (
        "another process finds where the last one ended"
    )
    assert {key.removeprefix(PREFIX) for key in set(store.list_keys(PREFIX)) - before} == {
        "tile/0/001.p/46",
        "tile/entries/001.p/46",
        "checkpoint/302",
    }


def test_before_anything_is_published_the_tree_is_made_of_the_rows(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    grow(ledger, 700)
    tree = LedgerTree(ledger, FolderStore(tmp_path / "objects"), PREFIX).of_size(700)
    assert tree.root() == root_of(ledger.leaf_hashes(0, 700))


def test_a_ledger_that_lacks_a_row_cannot_be_published(tmp_path: Path) -> None:
    ledger, store = MemoryLedger(), FolderStore(tmp_path / "objects")
    grow(ledger, 10)
    del ledger.rows[4]
    with pytest.raises(IntegrityError, match="lacks 1 of the entries 0 to 9"):
        publisher(ledger, store, tmp_path).run_once()
    assert list(store.list_keys(PREFIX)) == []


def test_a_tree_other_than_the_one_signed_is_not_published(tmp_path: Path) -> None:
    ledger, store = MemoryLedger(), FolderStore(tmp_path / "objects")
    grow(ledger, 10)
    ledger.rows[4] = replace(ledger.rows[4], leaf_hash=leaf_hash(b"forged"))
    with pytest.raises(IntegrityError, match="not the tree that was signed"):
        publisher(ledger, store, tmp_path).run_once()
    assert list(store.list_keys(PREFIX)) == []


def cut(ledger: MemoryLedger, size: int) -> None:
    """What somebody does who rolls the catalogue back to an older backup."""
    del ledger.rows[size:]
    for beyond in [key for key in ledger.checkpoints if key > size]:
        del ledger.checkpoints[beyond]
    frontier = Frontier()
    for leaf in ledger.leaf_hashes(0, size):
        frontier.append(leaf)
    ledger.tree = frontier.hashes


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (0, "it ends at 5 entries, and 10 were published"),
        (5, "another tree of 10 entries was published"),
        (7, "its first 10 entries are not those that were published"),
    ],
)
def test_a_ledger_that_was_rolled_back_cannot_publish_another_history(
    tmp_path: Path, more: int, said: str
) -> None:
    ledger, store = MemoryLedger(), FolderStore(tmp_path / "objects")
    grow(ledger, 5)
    grow(ledger, 5)
    publisher(ledger, store, tmp_path).run_once()
    before = set(store.list_keys(PREFIX))
    cut(ledger, 5)
    grow(ledger, more)
    with pytest.raises(IntegrityError, match=said):
        publisher(ledger, store, tmp_path).run_once()
    assert set(store.list_keys(PREFIX)) == before


class FullStore(FolderStore):
    """A store on a disk that is full after so many objects."""

    room = 0

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:
        stored = super().put(files[: self.room], consume=consume)
        if self.room < len(files):
            self.room = 0
            raise StorageFullError("The disk is full.")
        self.room -= len(files)
        return stored


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 6)), min_size=1, max_size=6))
def test_whatever_the_disk_takes_and_when_each_published_checkpoint_has_its_tree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    ledger, store = MemoryLedger(), FullStore(folder / "objects")
    for count, room in steps:
        grow(ledger, count)
        store.room = room
        try:
            publisher(ledger, store, folder).run_once()
        except StorageFullError:
            assert store.room == 0
    store.room = 1000
    publisher(ledger, store, folder).run_once()
    published = [int(key.rpartition("/")[2]) for key in store.list_keys(f"{PREFIX}checkpoint/")]
    assert bool(ledger.rows) == bool(published)
    for size in published:
        checkpoint = open_checkpoint(read(store, f"checkpoint/{size}"), SIGNER.verifier)
        assert LedgerTree(MemoryLedger(), store, PREFIX).of_size(size).root() == checkpoint.root


def test_a_bundle_that_is_cut_is_told() -> None:
    with pytest.raises(IntegrityError, match="cut short"):
        list(entries_in(b"\x00\x05abcd"))
