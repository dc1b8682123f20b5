"""Whatever is appended, and whenever the power fails, the log extends every checkpoint that it gave out."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import NewEvent, SqlLedgerStore, add_events
from evidence.catalogue.sqlite import open_catalogue
from evidence.custody import LedgerEntry
from evidence.ports import NewObject, StoredObject
from hashing.entries import make_body, parse_entry
from hashing.merkle import leaf_hash, root_of, verify_consistency
from hashing.note_keys import Signer
from hashing.notes import Checkpoint, open_checkpoint
from hashing.publication import CHECKPOINTS, LedgerTree, Publisher, read_object
from hashing.sequencer import Sequencer
from retention.folder import FolderStore
from tests.hashing.cases import ORIGIN, event

SIGNER = Signer.generate(ORIGIN)
PREFIX = "ledger/"
# Events filed, entries in a batch, and when the power fails: before or after the commit, at which put.
STEPS = st.tuples(
    st.integers(0, 40), st.integers(1, 30), st.sampled_from(["", "before", "after"]), st.integers(0, 3)
)


class PowerCutError(Exception):
    """The program ends here."""


class CutLedger(SqlLedgerStore):
    """The real one, whose power fails around its next append."""

    cut = ""

    def append(self, entries: Sequence[LedgerEntry], frontier: Sequence[bytes], checkpoint: bytes) -> None:
        if self.cut == "before":
            raise PowerCutError
        super().append(entries, frontier, checkpoint)
        if self.cut == "after":
            raise PowerCutError


class CutStore(FolderStore):
    """The real one, whose power fails behind so many puts: 0 for never."""

    left = 0

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:
        stored = super().put(files, consume=consume)
        self.left -= 1
        if self.left == 0:
            raise PowerCutError
        return stored


def file_events(catalogue: Catalogue, first: int, count: int) -> None:
    with catalogue.write() as connection:
        for number in range(first, first + count):
            salt, body, body_hash = make_body({"n": number})
            filed = event(f"job-{number}:test.event", f"case{number % 3}")
            add_events(connection, [NewEvent(filed, salt, body, body_hash)])


def run(folder: Path, limit: int, cut: str, left: int) -> None:
    """One life of the program, up to where its power fails."""
    ledger = CutLedger(open_catalogue(folder / "catalogue.sqlite3"))
    store = CutStore(folder / "objects")
    ledger.cut, store.left = cut, left
    publisher = Publisher(ledger, store, SIGNER.verifier, prefix=PREFIX, work=folder / "work")
    try:
        while Sequencer(ledger, SIGNER).run_once(limit):
            publisher.run_once()
        publisher.run_once()
    except PowerCutError:
        return


def given_out(store: FolderStore) -> list[Checkpoint]:
    notes = [read_object(store, key) or b"" for key in store.list_keys(PREFIX + CHECKPOINTS)]
    found = [open_checkpoint(note, SIGNER.verifier) for note in notes]
    return sorted(found, key=lambda checkpoint: checkpoint.size)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=1, max_size=6))
def test_the_log_extends_every_checkpoint_whatever_was_appended_and_whenever_the_power_failed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    catalogue, store = open_catalogue(folder / "catalogue.sqlite3"), FolderStore(folder / "objects")
    filed, seen = 0, set[Checkpoint]()
    for count, limit, cut, left in steps:
        file_events(catalogue, filed, count)
        filed += count
        run(folder, limit, cut, left)
        seen.update(given_out(store))
    run(folder, 1000, "", 0)

    ledger = SqlLedgerStore(catalogue)
    entries = list(ledger.entries(0, ledger.size()))
    assert [parse_entry(raw).event_id for raw in entries] == [f"job-{n}:test.event" for n in range(filed)]
    published = given_out(store)
    assert seen <= set(published)
    if not filed:
        assert not published
        return
    newest = published[-1]
    assert (newest.size, newest.root) == (filed, root_of(map(leaf_hash, entries)))
    tree = LedgerTree(ledger, store, PREFIX).of_size(newest.size)
    for earlier in published:
        proof = tree.consistency_proof(earlier.size)
        assert verify_consistency(earlier.size, earlier.root, newest.size, newest.root, proof)
