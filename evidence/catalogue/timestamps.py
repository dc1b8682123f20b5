"""Time stamps over the ledger's checkpoints: asked for, put off, kept."""

from dataclasses import dataclass

from sqlalchemy import Row, func, insert, select, update

from evidence.catalogue.engine import Connection
from evidence.catalogue.ledger_tables import ledger_checkpoint, ledger_entry, ledger_timestamp
from evidence.custody import KeptStamp

RECORD_PREFIX = "time-stamp:"  # of the ids of events that record a stamp


@dataclass(frozen=True, slots=True)
class Stamping:
    """A row: a stamp asked for, over the checkpoint `note` of `size` entries.

    Times are texts of the record; `response`, `gen_time` and `expires` are None until it is stamped.
    """

    size: int
    authority: str
    note: bytes
    asked_at: str
    attempts: int
    next_try: str
    error: str
    response: bytes | None
    gen_time: str | None
    expires: str | None


_ROWS = select(ledger_timestamp, ledger_checkpoint.c.note).join(ledger_checkpoint)


def last_asked(connection: Connection, authority: str) -> Stamping | None:
    """What `authority` was last asked for."""
    statement = (
        _ROWS.where(ledger_timestamp.c.authority == authority)
        .order_by(ledger_timestamp.c.size.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return _stamping(row) if row else None


def newest_size(connection: Connection) -> int:
    """How many entries the newest checkpoint is over."""
    return connection.execute(select(func.max(ledger_checkpoint.c.size))).scalar() or 0


def has_news(connection: Connection, size: int) -> bool:
    """Whether behind the first `size` entries there is one that does not record a stamp itself."""
    statement = (
        select(ledger_entry.c.position)
        .where(
            ledger_entry.c.position >= size,
            ledger_entry.c.event_id.not_like(f"{RECORD_PREFIX}%"),
        )
        .limit(1)
    )
    return connection.execute(statement).one_or_none() is not None


def last_news(connection: Connection) -> int:
    """Where the last entry stands that does not record a stamp itself; -1 where there is none."""
    statement = select(func.max(ledger_entry.c.position)).where(
        ledger_entry.c.event_id.not_like(f"{RECORD_PREFIX}%")
    )
    found = connection.execute(statement).scalar()
    return -1 if found is None else found


def ask(connection: Connection, size: int, authority: str, now: str) -> None:
    """Note, before it is asked, that `authority` is to stamp the checkpoint over `size` entries.

    Nothing changes where that is noted already: a command and the worker may ask at once.
    """
    columns = ledger_timestamp.c
    known = select(columns.size).where(columns.size == size, columns.authority == authority)
    if connection.execute(known).first() is not None:
        return
    values = {"size": size, "authority": authority, "state": "pending", "asked_at": now, "next_try": now}
    connection.execute(insert(ledger_timestamp).values(values))


def put_off(connection: Connection, size: int, authority: str, *, error: str, next_try: str) -> None:
    """Note that there was no good answer, and when to try again; nothing where another one got it."""
    connection.execute(
        update(ledger_timestamp)
        .where(
            ledger_timestamp.c.size == size,
            ledger_timestamp.c.authority == authority,
            ledger_timestamp.c.state == "pending",
        )
        .values(attempts=ledger_timestamp.c.attempts + 1, error=error, next_try=next_try)
    )


def keep(
    connection: Connection,
    size: int,
    authority: str,
    *,
    response: bytes,
    chain: bytes,
    gen_time: str,
    expires: str,
) -> bool:
    """Keep a verified response; False where there is one already."""
    kept = connection.execute(
        update(ledger_timestamp)
        .where(
            ledger_timestamp.c.size == size,
            ledger_timestamp.c.authority == authority,
            ledger_timestamp.c.state == "pending",
        )
        .values(state="stamped", response=response, chain=chain, gen_time=gen_time, expires=expires, error="")
    )
    return kept.rowcount == 1


def unpublished(connection: Connection) -> list[Stamping]:
    """Stamps that do not lie in the object store yet."""
    statement = _ROWS.where(ledger_timestamp.c.state == "stamped", ledger_timestamp.c.published == 0)
    return [_stamping(row) for row in connection.execute(statement)]


def set_published(connection: Connection, size: int, authority: str) -> None:
    """Note that the stamp lies in the object store."""
    connection.execute(
        update(ledger_timestamp)
        .where(ledger_timestamp.c.size == size, ledger_timestamp.c.authority == authority)
        .values(published=1)
    )


def kept_stamps(connection: Connection) -> list[KeptStamp]:
    """Every stamp asked for, by size, as a verification takes them."""
    columns = ledger_timestamp.c
    statement = select(
        columns.size, columns.authority, columns.response, columns.error, columns.chain, columns.expires
    )
    rows = connection.execute(statement.order_by(columns.size, columns.authority))
    return [
        KeptStamp(row.size, row.authority, row.response, row.error, row.chain or b"", row.expires or "")
        for row in rows
    ]


def _stamping(row: Row[*tuple[object, ...]]) -> Stamping:
    return Stamping(
        row.size,
        row.authority,
        row.note,
        row.asked_at,
        row.attempts,
        row.next_try,
        row.error,
        row.response,
        row.gen_time,
        row.expires,
    )
