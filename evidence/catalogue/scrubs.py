"""Scrubs: when each stored object was last read back, intact, by a verification of the archive."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from evidence.catalogue.tables import scrub, scrubbed_object, stored_object


@dataclass(frozen=True, slots=True)
class ScrubRun:
    """A scrub that was begun; `subset` is what it was asked to read, as it was written."""

    id: int
    subset: str
    started_at: str


def begin_scrub(connection: Connection, subset: str, now: str) -> ScrubRun:
    """Note that a scrub begins."""
    number = connection.execute(insert(scrub).values(subset=subset, started_at=now)).inserted_primary_key
    return ScrubRun(number[0] if number else 0, subset, now)


def unfinished_scrub(connection: Connection) -> ScrubRun | None:
    """The scrub that was begun last, where it did not come to its end."""
    row = connection.execute(select(scrub).order_by(scrub.c.id.desc()).limit(1)).one_or_none()
    return ScrubRun(row.id, row.subset, row.started_at) if row and row.finished_at is None else None


def finish_scrub(connection: Connection, run: ScrubRun, now: str) -> None:
    """Note that a scrub came to its end."""
    connection.execute(update(scrub).where(scrub.c.id == run.id).values(finished_at=now))


def note_intact(connection: Connection, keys: Sequence[str], now: str) -> None:
    """Note objects that were read and found intact, in place of their last reading."""
    connection.execute(delete(scrubbed_object).where(scrubbed_object.c.key.in_(keys)))
    connection.execute(insert(scrubbed_object), [{"key": key, "read_at": now} for key in keys])


def intact_since(connection: Connection, since: str) -> set[str]:
    """The keys of the objects that were read at `since` or later, and found intact."""
    rows = connection.execute(select(scrubbed_object.c.key).where(scrubbed_object.c.read_at >= since))
    return set(rows.scalars())


def read_bytes(connection: Connection, since: str) -> int:
    """The size of all objects together that were read at `since` or later."""
    statement = (
        select(func.sum(stored_object.c.size))
        .join(scrubbed_object, scrubbed_object.c.key == stored_object.c.key)
        .where(scrubbed_object.c.read_at >= since)
    )
    return int(connection.execute(statement).scalar_one() or 0)


def longest_unread(connection: Connection, wanted_bytes: int) -> set[str]:
    """Keys of the objects that nobody read for the longest, as many as reach `wanted_bytes`."""
    rows = connection.execute(
        select(stored_object.c.key, stored_object.c.size)
        .outerjoin(scrubbed_object, scrubbed_object.c.key == stored_object.c.key)
        .where(stored_object.c.state == "stored")
        .order_by(func.coalesce(scrubbed_object.c.read_at, ""), stored_object.c.id)
    )
    chosen: set[str] = set()
    total = 0
    for row in rows:
        if total >= wanted_bytes:
            break
        chosen.add(row.key)
        total += row.size
    return chosen


def stored_bytes(connection: Connection) -> int:
    """The size of all stored objects together."""
    statement = select(func.sum(stored_object.c.size)).where(stored_object.c.state == "stored")
    return int(connection.execute(statement).scalar_one() or 0)
