"""The ledger's rows: the inbox that stages write to, and the store that the sequencer works on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Row, bindparam, func, insert, select, text, update

from evidence.catalogue.bulk import insert_rows, is_among
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger_tables import ledger_body, ledger_checkpoint, ledger_entry, ledger_inbox
from evidence.custody import CaseTip, CustodyEvent, EventBody, EventObject, LedgerEntry, PendingEvent

_HASH = 32
_PAGE, _ROWS = 10_000, 1000
# Built once: to build a statement costs more than to run it.
UNSEQUENCED = text("ledger_inbox.sequenced = 0")  # as the partial index says it
_WAITING = (
    select(ledger_inbox.c.case_id).where(UNSEQUENCED, ledger_inbox.c.id <= bindparam("last")).distinct().cte()
)
_OF_CASE = ledger_entry.alias()
_LAST_OF_CASE = (
    select(_OF_CASE.c.position)
    .where(_OF_CASE.c.case_id == _WAITING.c.case_id)
    .order_by(_OF_CASE.c.case_seq.desc())
    .limit(1)
    .scalar_subquery()
)
_TIPS = select(ledger_entry.c.case_id, ledger_entry.c.case_seq, ledger_entry.c.leaf_hash).join(
    _WAITING, ledger_entry.c.position == _LAST_OF_CASE
)

# PostgreSQL takes both rows in one statement, a trip less to the server; as text, for the way through
# SQLAlchemy took a fifth of what an event costs its worker.
_EVENT_AND_BODY = """
    WITH its_body AS (
        INSERT INTO ledger_body (event_id, salt, body) VALUES (%(event_id)s::varchar, %(salt)s, %(body)s)
    )
    INSERT INTO ledger_inbox (event_id, type, at, actor, case_id, objects, body_hash)
    VALUES (%(event_id)s::varchar, %(type)s, %(at)s, %(actor)s, %(case_id)s, %(objects)s::json, %(body_hash)s)
"""
_BODIES = select(ledger_body).where(ledger_body.c.event_id.in_(bindparam("of_events", expanding=True)))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into the inbox, with its body and the hash that binds it."""

    event: CustodyEvent
    salt: bytes
    body: bytes
    body_hash: str


def add_events(connection: Connection, new: Sequence[NewEvent]) -> None:
    """Put events, one or more, into the inbox, in the transaction of the change that they speak of."""
    events = [{**event_values(item.event), "body_hash": item.body_hash} for item in new]
    bodies = [{"event_id": item.event.event_id, "salt": item.salt, "body": item.body} for item in new]
    if len(new) == 1 and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            _EVENT_AND_BODY, {**events[0], **bodies[0], "objects": json.dumps(events[0]["objects"])}
        )
        return
    insert_rows(connection, ledger_inbox, events)
    insert_rows(connection, ledger_body, bodies)


def event_values(event: CustodyEvent | PendingEvent) -> dict[str, object]:
    """An event's row in the inbox, but for the hash of its body."""
    return {
        "event_id": event.event_id,
        "type": event.type,
        "at": event.at,
        "actor": event.actor,
        "case_id": event.case,
        "objects": [
            {"exhibit": o.exhibit, "role": o.role, "sha256": o.sha256, "size": o.size} for o in event.objects
        ],
    }


def is_filed(connection: Connection, event_id: str) -> bool:
    """Whether an event of this id was put into the inbox before."""
    statement = select(ledger_inbox.c.id).where(ledger_inbox.c.event_id == event_id)
    return connection.execute(statement).first() is not None


def body_of(connection: Connection, event_id: str) -> bytes | None:
    """The body of an event in this transaction; None where there is none, or it was erased."""
    statement = select(ledger_body.c.body).where(ledger_body.c.event_id == event_id)
    return connection.execute(statement).scalar()


class SqlLedgerStore:
    """evidence.ports.LedgerStore over the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        """`catalogue` is the one that the stages write to."""
        self._catalogue = catalogue

    def pending(self, limit: int) -> Sequence[PendingEvent]:
        """See LedgerStore."""
        statement = select(ledger_inbox).where(UNSEQUENCED).order_by(ledger_inbox.c.id).limit(limit)
        with self._catalogue.read() as connection:
            return [pending_event(row) for row in connection.execute(statement)]

    def size(self) -> int:
        """See LedgerStore."""
        with self._catalogue.read() as connection:
            last = connection.execute(select(func.max(ledger_entry.c.position))).scalar()
            return 0 if last is None else int(last) + 1

    def case_tips(self, last: int) -> Mapping[str, CaseTip]:
        """See LedgerStore."""
        with self._catalogue.read() as connection:
            rows = connection.execute(_TIPS, {"last": last})
            return {row.case_id: CaseTip(row.case_seq, row.leaf_hash) for row in rows}

    def frontier(self) -> tuple[bytes, ...]:
        """See LedgerStore."""
        statement = select(ledger_checkpoint.c.frontier).order_by(ledger_checkpoint.c.size.desc()).limit(1)
        with self._catalogue.read() as connection:
            packed: bytes = connection.execute(statement).scalar() or b""
            return tuple(packed[i : i + _HASH] for i in range(0, len(packed), _HASH))

    def append(self, entries: Sequence[LedgerEntry], frontier: Sequence[bytes], checkpoint: bytes) -> None:
        """See LedgerStore."""
        with self._catalogue.write() as connection:
            insert_rows(connection, ledger_entry, [entry_values(entry) for entry in entries])
            taken = is_among(connection, ledger_inbox.c.id, "taken")
            connection.execute(
                update(ledger_inbox).where(taken).values(sequenced=1),
                {"taken": [entry.inbox_id for entry in entries]},
            )
            connection.execute(
                insert(ledger_checkpoint).values(
                    size=entries[-1].index + 1, frontier=b"".join(frontier), note=checkpoint
                )
            )

    def leaf_hashes(self, start: int, end: int) -> Iterator[bytes]:
        """See LedgerStore."""
        return self._column(ledger_entry.c.leaf_hash, start, end)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """See LedgerStore."""
        return self._column(ledger_entry.c.entry, start, end)

    def _column(self, column: Column[bytes], start: int, end: int) -> Iterator[bytes]:
        for first in range(start, end, _PAGE):
            statement = (
                select(column)
                .where(ledger_entry.c.position >= first, ledger_entry.c.position < min(end, first + _PAGE))
                .order_by(ledger_entry.c.position)
            )
            with self._catalogue.read() as connection:
                yield from connection.execute(statement).scalars().all()

    def case_entries(self, case: str) -> Iterator[LedgerEntry]:
        """See LedgerStore."""
        statement = (
            select(ledger_entry).where(ledger_entry.c.case_id == case).order_by(ledger_entry.c.case_seq)
        )
        with self._catalogue.read() as connection:
            for rows in connection.execute(statement).partitions(_ROWS):
                yield from map(_entry, rows)

    def entry_of(self, event_id: str) -> LedgerEntry | None:
        """The entry of an event, or None as long as it has no place."""
        statement = select(ledger_entry).where(ledger_entry.c.event_id == event_id)
        with self._catalogue.read() as connection:
            row = connection.execute(statement).one_or_none()
            return _entry(row) if row else None

    def pending_count(self, case: str | None = None) -> int:
        """See LedgerStore."""
        statement = select(func.count()).select_from(ledger_inbox).where(UNSEQUENCED)
        if case is not None:
            statement = statement.where(ledger_inbox.c.case_id == case)
        with self._catalogue.read() as connection:
            return connection.execute(statement).scalar_one()

    def index_of(self, event_id: str) -> int | None:
        """See LedgerStore."""
        statement = select(ledger_entry.c.position).where(ledger_entry.c.event_id == event_id)
        with self._catalogue.read() as connection:
            return connection.execute(statement).scalar()

    def body(self, event_id: str) -> EventBody | None:
        """See LedgerStore."""
        statement = select(ledger_body).where(ledger_body.c.event_id == event_id)
        with self._catalogue.read() as connection:
            row = connection.execute(statement).one_or_none()
            return EventBody(row.event_id, row.salt, row.body) if row else None

    def bodies(self, event_ids: Sequence[str]) -> Mapping[str, EventBody]:
        """See LedgerStore."""
        with self._catalogue.read() as connection:
            rows = connection.execute(_BODIES, {"of_events": event_ids})
            return {row.event_id: EventBody(row.event_id, row.salt, row.body) for row in rows}

    def latest_checkpoint(self) -> bytes | None:
        """See LedgerStore."""
        statement = select(ledger_checkpoint.c.note).order_by(ledger_checkpoint.c.size.desc()).limit(1)
        with self._catalogue.read() as connection:
            return connection.execute(statement).scalar()

    def checkpoint(self, size: int) -> bytes | None:
        """See LedgerStore."""
        statement = select(ledger_checkpoint.c.note).where(ledger_checkpoint.c.size == size)
        with self._catalogue.read() as connection:
            return connection.execute(statement).scalar()


def pending_event(row: Row[*tuple[object, ...]]) -> PendingEvent:
    """A row of the inbox."""
    objects = tuple(
        EventObject(str(o["exhibit"]), str(o["role"]), str(o["sha256"]), int(o["size"])) for o in row.objects
    )
    return PendingEvent(
        row.id, row.event_id, row.type, row.at, row.actor, row.case_id, objects, row.body_hash
    )


def _entry(row: Row[*tuple[object, ...]]) -> LedgerEntry:
    return LedgerEntry(
        row.position, row.inbox_id, row.event_id, row.case_id, row.case_seq, row.entry, row.leaf_hash
    )


def entry_values(entry: LedgerEntry) -> dict[str, object]:
    """An entry's row."""
    return {
        "position": entry.index,
        "inbox_id": entry.inbox_id,
        "event_id": entry.event_id,
        "case_id": entry.case,
        "case_seq": entry.case_seq,
        "entry": entry.entry,
        "leaf_hash": entry.leaf_hash,
    }
