"""A ledger in memory behind the real port, whose rows a test can meddle with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence.custody import CaseTip, CustodyEvent, EventBody, LedgerEntry, PendingEvent
from hashing.entries import check_event, make_body


@dataclass
class MemoryLedger:
    """What the catalogue keeps of the ledger."""

    rows: list[LedgerEntry] = field(default_factory=list)
    inbox: list[PendingEvent] = field(default_factory=list)
    kept: dict[str, EventBody] = field(default_factory=dict)
    checkpoints: dict[int, bytes] = field(default_factory=dict)
    tree: tuple[bytes, ...] = ()
    filed: int = 0

    def file(self, event: CustodyEvent) -> None:
        check_event(event)
        if event.event_id in self.kept:
            return
        salt, body, body_hash = make_body(event.body)
        self.filed += 1
        self.inbox.append(
            PendingEvent(
                self.filed,
                event.event_id,
                event.type,
                event.at,
                event.actor,
                event.case,
                event.objects,
                body_hash,
            )
        )
        self.kept[event.event_id] = EventBody(event.event_id, salt, body)

    def pending(self, limit: int) -> Sequence[PendingEvent]:
        return self.inbox[:limit]

    def size(self) -> int:
        return len(self.rows)

    def case_tips(self, last: int) -> Mapping[str, CaseTip]:
        cases = {event.case for event in self.inbox if event.inbox_id <= last}
        tips = {entry.case: CaseTip(entry.case_seq, entry.leaf_hash) for entry in self.rows}
        return {case: tip for case, tip in tips.items() if case in cases}

    def frontier(self) -> tuple[bytes, ...]:
        return self.tree

    def append(
        self, entries: Sequence[LedgerEntry], frontier: Sequence[bytes], checkpoint: bytes | None
    ) -> None:
        placed = {entry.inbox_id for entry in entries}
        self.rows.extend(entries)
        self.inbox = [event for event in self.inbox if event.inbox_id not in placed]
        self.tree = tuple(frontier)
        if checkpoint is not None:
            self.checkpoints[len(self.rows)] = checkpoint

    def leaf_hashes(self, start: int, end: int) -> Iterator[bytes]:
        return iter([entry.leaf_hash for entry in self.rows[start:end]])

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        return iter([entry.entry for entry in self.rows[start:end]])

    def case_entries(self, case: str) -> Iterator[LedgerEntry]:
        return iter(sorted((e for e in self.rows if e.case == case), key=lambda entry: entry.case_seq))

    def pending_count(self, case: str | None = None) -> int:
        return sum(case is None or event.case == case for event in self.inbox)

    def index_of(self, event_id: str) -> int | None:
        return next((entry.index for entry in self.rows if entry.event_id == event_id), None)

    def body(self, event_id: str) -> EventBody | None:
        return self.kept.get(event_id)

    def bodies(self, event_ids: Sequence[str]) -> Mapping[str, EventBody]:
        return {event_id: self.kept[event_id] for event_id in event_ids if event_id in self.kept}

    def latest_checkpoint(self) -> bytes | None:
        return self.checkpoints[max(self.checkpoints)] if self.checkpoints else None

    def checkpoint(self, size: int) -> bytes | None:
        return self.checkpoints.get(size)
