"""Rounds over what the store locks: which objects, and how far the last round came."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, insert, select, update

from evidence.catalogue.engine import Connection
from evidence.catalogue.tables import retention_round, stored_object
from evidence.exhibits import Role


@dataclass(frozen=True, slots=True)
class RetentionRound:
    """One walk over all locked objects; `finished_at` is None while it goes on, or where it was stopped.

    `last_object` is the number of the last row that was done, `failed` how many could not be extended.
    """

    id: int
    started_at: str
    finished_at: str | None
    last_object: int
    extended: int
    failed: int


@dataclass(frozen=True, slots=True)
class LockedObject:
    """An object that is to be kept; `row` is its number in the catalogue."""

    row: int
    key: str
    version_id: str


def last_round(connection: Connection) -> RetentionRound | None:
    """The round that goes on, or else the one that ended last."""
    row = connection.execute(
        select(retention_round).order_by(retention_round.c.id.desc()).limit(1)
    ).one_or_none()
    return _round(row) if row else None


def begin_round(connection: Connection, now: str) -> RetentionRound:
    """A new round."""
    row = connection.execute(insert(retention_round).values(started_at=now).returning(retention_round)).one()
    return _round(row)


def note_progress(connection: Connection, found: RetentionRound) -> None:
    """Write down how far the round came, and when it ended."""
    connection.execute(
        update(retention_round)
        .where(retention_round.c.id == found.id)
        .values(
            finished_at=found.finished_at,
            last_object=found.last_object,
            extended=found.extended,
            failed=found.failed,
        )
    )


def locked_objects(
    connection: Connection, roles: Sequence[Role], *, after: int, limit: int
) -> list[LockedObject]:
    """Up to `limit` stored objects of these roles behind row `after`, in the order of their rows.

    All exhibits are to be kept: none can be disposed of yet.
    """
    rows = connection.execute(
        select(stored_object.c.id, stored_object.c.key, stored_object.c.version_id)
        .where(
            stored_object.c.id > after,
            stored_object.c.role.in_(roles),
            stored_object.c.state != "storing",
        )
        .order_by(stored_object.c.id)
        .limit(limit)
    )
    return [LockedObject(row.id, row.key, row.version_id) for row in rows]


def _round(row: Row[*tuple[object, ...]]) -> RetentionRound:
    return RetentionRound(row.id, row.started_at, row.finished_at, row.last_object, row.extended, row.failed)
