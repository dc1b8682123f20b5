"""Moves of all objects to another store: what is there already, and the moment at which the rows change."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Row, delete, exists, func, insert, select, update

from evidence.cases import new_id
from evidence.catalogue.engine import Connection
from evidence.catalogue.objects import ObjectRow, object_of
from evidence.catalogue.tables import case_number, relocated_object, relocation, stored_object

_IS_MOVED = exists().where(relocated_object.c.key == stored_object.c.key)
_STORED = stored_object.c.state != "storing"


@dataclass(frozen=True, slots=True)
class Relocation:
    """A move to the store at the URL `target`; `finished_at` is None while the rows name the old one."""

    id: str
    target: str
    started_at: str
    finished_at: str | None


def last_relocation(connection: Connection) -> Relocation | None:
    """The move that was begun last."""
    row = connection.execute(
        select(relocation).order_by(relocation.c.started_at.desc()).limit(1)
    ).one_or_none()
    return _relocation(row) if row else None


def begin_relocation(connection: Connection, target: str, now: str) -> Relocation:
    """A new move."""
    row = connection.execute(
        insert(relocation).values(id=new_id(), target=target, started_at=now).returning(relocation)
    ).one()
    return _relocation(row)


def unmoved_bytes(connection: Connection) -> int:
    """How many bytes are not in the new store yet."""
    statement = select(func.sum(stored_object.c.size)).where(_STORED, ~_IS_MOVED)
    return connection.execute(statement).scalar() or 0


def next_unmoved(connection: Connection, after: str) -> tuple[str, list[ObjectRow]] | None:
    """The next exhibit's id behind `after` with objects that are not in the new store, and those."""
    owner = connection.execute(
        select(func.min(stored_object.c.exhibit_id)).where(
            _STORED, ~_IS_MOVED, stored_object.c.exhibit_id > after
        )
    ).scalar()
    if owner is None:
        return None
    rows = connection.execute(
        select(stored_object)
        .where(_STORED, ~_IS_MOVED, stored_object.c.exhibit_id == owner)
        .order_by(stored_object.c.id)
    )
    return owner, [object_of(row) for row in rows]


def note_moved(connection: Connection, versions: Mapping[str, str]) -> None:
    """The objects under these keys are in the new store, read back and compared."""
    rows = [{"key": key, "version_id": version} for key, version in versions.items()]
    connection.execute(insert(relocated_object), rows)


def finish_relocation(connection: Connection, found: Relocation, now: str) -> None:
    """From here on the rows name the new store's versions."""
    moved = select(relocated_object.c.version_id).where(relocated_object.c.key == stored_object.c.key)
    connection.execute(update(stored_object).where(_IS_MOVED).values(version_id=moved.scalar_subquery()))
    connection.execute(delete(relocated_object))
    connection.execute(update(relocation).where(relocation.c.id == found.id).values(finished_at=now))


def renumbered_since(connection: Connection, at: str) -> list[str]:
    """Ids of the cases whose number in use was given at `at` or later."""
    statement = select(case_number.c.case_id).where(case_number.c.until.is_(None), case_number.c.since >= at)
    return list(connection.execute(statement).scalars())


def _relocation(row: Row[*tuple[object, ...]]) -> Relocation:
    return Relocation(row.id, row.target, row.started_at, row.finished_at)
