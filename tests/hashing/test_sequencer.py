from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.custody import LedgerEntry
from evidence.errors import IntegrityError
from hashing.merkle import leaf_hash, root_of
from hashing.notes import NoteError, Signer, open_checkpoint
from hashing.sequencer import Sequencer
from tests.hashing.cases import ORIGIN, event
from tests.hashing.memory_ledger import MemoryLedger

SIGNER = Signer.generate(ORIGIN)


def filled(*cases: str) -> MemoryLedger:
    ledger = MemoryLedger()
    for number, case in enumerate(cases):
        ledger.file(event(f"job-{number}:test.event", case))
    return ledger


def test_nothing_waiting_signs_nothing() -> None:
    ledger = MemoryLedger()
    assert Sequencer(ledger, SIGNER).run_once() == 0
    assert ledger.latest_checkpoint() is None


def test_events_get_their_places_in_log_and_case() -> None:
    ledger = filled("a", "b", "a", "", "b", "a")
    assert Sequencer(ledger, SIGNER).run_once() == 6
    places = [(entry.index, entry.case, entry.case_seq) for entry in ledger.rows]
    assert places == [(0, "a", 1), (1, "b", 1), (2, "a", 2), (3, "", 1), (4, "b", 2), (5, "a", 3)]
    assert all(entry.leaf_hash == leaf_hash(entry.entry) for entry in ledger.rows)


def test_each_batch_signs_the_new_size() -> None:
    ledger = filled(*"abcde")
    sequencer = Sequencer(ledger, SIGNER)
    assert [sequencer.run_once(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sorted(ledger.checkpoints) == [2, 4, 5]
    for size, note in ledger.checkpoints.items():
        checkpoint = open_checkpoint(note, SIGNER.verifier)
        assert checkpoint.size == size
        assert checkpoint.root == root_of(entry.leaf_hash for entry in ledger.rows[:size])


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 7))
def test_how_the_batches_fall_changes_no_byte(cases: list[str], limit: int) -> None:
    at_once = filled(*cases)
    in_parts = replace_bodies(filled(*cases), at_once)
    Sequencer(at_once, SIGNER).run_all()
    sequencer = Sequencer(in_parts, SIGNER)
    while sequencer.run_once(limit):
        pass
    assert [entry.entry for entry in in_parts.rows] == [entry.entry for entry in at_once.rows]
    assert in_parts.latest_checkpoint() == at_once.latest_checkpoint()
    assert in_parts.tree == at_once.tree


def replace_bodies(ledger: MemoryLedger, other: MemoryLedger) -> MemoryLedger:
    """The same inbox, salts included."""
    ledger.inbox = list(other.inbox)
    return ledger


class PowerCutError(Exception):
    """The program ends here."""


@dataclass
class CutLedger(MemoryLedger):
    """A ledger whose power fails around its next append: before, or after it was committed."""

    cut: str = ""

    def append(
        self, entries: Sequence[LedgerEntry], frontier: Sequence[bytes], checkpoint: bytes | None
    ) -> None:
        moment, self.cut = self.cut, ""
        if moment == "before":
            raise PowerCutError
        super().append(entries, frontier, checkpoint)
        if moment == "after":
            raise PowerCutError


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_the_commit_neither_loses_nor_repeats_an_entry(moment: str) -> None:
    ledger = CutLedger()
    for number in range(5):
        ledger.file(event(f"job-{number}:test.event", "a"))
    Sequencer(ledger, SIGNER).run_once(limit=2)
    ledger.cut = moment
    with pytest.raises(PowerCutError):
        Sequencer(ledger, SIGNER).run_once()
    Sequencer(ledger, SIGNER).run_all()
    assert [(entry.index, entry.case_seq) for entry in ledger.rows] == [(n, n + 1) for n in range(5)]
    assert len({entry.event_id for entry in ledger.rows}) == 5


def test_an_event_that_was_committed_late_with_a_low_number_is_taken() -> None:
    ledger = filled("a", "a", "a")
    late = ledger.inbox.pop(0)
    Sequencer(ledger, SIGNER).run_all()
    ledger.inbox.append(late)
    assert Sequencer(ledger, SIGNER).run_all() == 1
    assert ledger.rows[-1].event_id == late.event_id


def grown() -> MemoryLedger:
    """A signed ledger of three entries, with one more event waiting."""
    ledger = filled("a", "b", "a")
    Sequencer(ledger, SIGNER).run_all()
    ledger.file(event("late:test.event", "a"))
    return ledger


def refused(ledger: MemoryLedger, signer: Signer = SIGNER) -> str:
    before = list(ledger.rows)
    with pytest.raises(IntegrityError) as caught:
        Sequencer(ledger, signer).run_once()
    assert ledger.rows == before
    assert len(ledger.inbox) == 1
    return str(caught.value)


def test_nothing_is_appended_to_a_ledger_whose_tail_was_deleted() -> None:
    ledger = grown()
    ledger.rows.pop()
    assert "Nothing was appended" in refused(ledger)


def test_nothing_is_appended_to_a_tree_that_was_replaced() -> None:
    ledger = grown()
    ledger.tree = (bytes(32), *ledger.tree[1:])
    assert "root" in refused(ledger)
    ledger.tree = ()
    assert "no frontier" in refused(ledger)


def test_nothing_is_appended_where_the_checkpoint_is_gone() -> None:
    ledger = grown()
    ledger.checkpoints.clear()
    assert "no checkpoint" in refused(ledger)


def test_nothing_is_appended_under_another_key() -> None:
    with pytest.raises(NoteError):
        Sequencer(grown(), Signer.generate(ORIGIN)).run_once()


def test_an_emptied_ledger_that_was_signed_is_refused() -> None:
    ledger = grown()
    ledger.rows.clear()
    ledger.tree = ()
    refused(ledger)


def test_an_event_without_a_form_stops_the_batch_and_is_named() -> None:
    ledger = grown()
    ledger.inbox[0] = replace(ledger.inbox[0], actor="Jens Hansen")
    said = refused(ledger)
    assert "'actor'" in said
    assert "late:test.event" in said
