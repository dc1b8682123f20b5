"""The sequencer: it alone gives events their place in the log and in their case.

One may run at a time (the worker's lock sees to that). It keeps nothing between batches, so that a crash
at any moment leaves either all of a batch with its checkpoint, or nothing of it.
"""

from collections.abc import Sequence

from evidence.custody import CaseTip, LedgerEntry, PendingEvent
from evidence.errors import IntegrityError
from evidence.ports import LedgerStore
from hashing.entries import NO_ENTRY, entry_bytes
from hashing.merkle import Frontier, leaf_hash
from hashing.note_keys import Signer, Verifier
from hashing.notes import Checkpoint, open_checkpoint, sign_checkpoint

BATCH = 1000


class Sequencer:
    """Takes events from the inbox into the ledger of `signer.name`, signing each new size."""

    def __init__(self, store: LedgerStore, signer: Signer, verifier: Verifier | None = None) -> None:
        """`verifier` has the keys before that of `signer`, where there were any."""
        self._store = store
        self._signer = signer
        self._verifier = verifier or signer.verifier

    def run_once(self, limit: int = BATCH) -> int:
        """Sequence up to `limit` waiting events in one transaction; how many there were.

        Raises IntegrityError, and appends nothing, where the stored tree is not the one last signed.
        """
        events = self._store.pending(limit)
        if not events:
            return 0
        frontier = self._signed_frontier()
        entries = self._place(events, frontier)
        checkpoint = Checkpoint(self._signer.name, frontier.size, frontier.root())
        self._store.append(entries, frontier.hashes, sign_checkpoint(checkpoint, self._signer))
        return len(entries)

    def run_all(self) -> int:
        """Sequence until nothing waits; how many there were."""
        total = 0
        while count := self.run_once():
            total += count
        return total

    def last_signed(self) -> Checkpoint:
        """The newest checkpoint, of size 0 before the first; raises IntegrityError as `run_once` does."""
        frontier = self._signed_frontier()
        return Checkpoint(self._signer.name, frontier.size, frontier.root())

    def _signed_frontier(self) -> Frontier:
        """The frontier to append to, once it is shown to be what the last checkpoint signed."""
        size, note = self._store.size(), self._store.latest_checkpoint()
        if size == 0 and note is None:
            return Frontier()
        if note is None:
            raise _not_as_signed(f"it has {size} entries and no checkpoint")
        signed = open_checkpoint(note, self._verifier)
        try:
            frontier = Frontier(size, self._store.frontier())
        except ValueError as error:
            raise _not_as_signed(str(error)) from error
        if (signed.size, signed.root) != (size, frontier.root()):
            raise _not_as_signed(
                f"{signed.size} entries were signed, {size} are there, or their root differs"
            )
        return frontier

    def _place(self, events: Sequence[PendingEvent], frontier: Frontier) -> list[LedgerEntry]:
        tips = {**self._store.case_tips(max(event.inbox_id for event in events))}
        entries = []
        for event in events:
            tip = tips.get(event.case, CaseTip(0, b""))
            entry = self._entry(event, tip, frontier.size)
            frontier.append(entry.leaf_hash)
            tips[event.case] = CaseTip(entry.case_seq, entry.leaf_hash)
            entries.append(entry)
        return entries

    def _entry(self, event: PendingEvent, tip: CaseTip, index: int) -> LedgerEntry:
        case_seq = tip.case_seq + 1
        case_prev = tip.leaf_hash.hex() if tip.case_seq else NO_ENTRY
        raw = entry_bytes(event, log=self._signer.name, case_seq=case_seq, case_prev=case_prev)
        return LedgerEntry(
            index=index,
            inbox_id=event.inbox_id,
            event_id=event.event_id,
            case=event.case,
            case_seq=case_seq,
            entry=raw,
            leaf_hash=leaf_hash(raw),
        )


def _not_as_signed(how: str) -> IntegrityError:
    return IntegrityError(
        f"The ledger is not as it was last signed: {how}. Nothing was appended.",
        advice="Run `vidne verify` on it, find out who changed it, and restore it from a backup.",
    )
