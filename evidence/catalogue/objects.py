"""Stored objects: the row says `storing` before the put, `stored` after the read-back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from evidence.catalogue.exhibits import lock_exhibit
from evidence.catalogue.tables import exhibit, stored_object
from evidence.catalogue.types import one_of
from evidence.exhibits import Digests, Role
from evidence.jsontypes import JsonObject

# Built once: to build a statement costs more than to run it.
_TAKE_BACK = delete(stored_object).where(
    stored_object.c.key == bindparam("of_key"), stored_object.c.state == "storing"
)
_ANNOUNCE = insert(stored_object)
_ORIGINAL = select(stored_object.c.key, stored_object.c.version_id).where(
    stored_object.c.exhibit_id == bindparam("of_id"),
    stored_object.c.role == Role.ORIGINAL,
    stored_object.c.state == "stored",
)
_STORED = (
    update(stored_object)
    .where(stored_object.c.key == bindparam("of_key"))
    .values(state="stored", version_id=bindparam("version"), stored_at=bindparam("now"))
)
_CURRENT = (
    select(stored_object)
    .where(
        stored_object.c.exhibit_id.in_(bindparam("of_exhibits", expanding=True)),
        stored_object.c.state == "stored",
    )
    .order_by(stored_object.c.id)
)
_ASKED = 500  # exhibits at a time


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object of an exhibit; `parent` is `original` or the name of another object, None for the original.

    `version_id` is empty until the object is stored.
    """

    role: Role
    name: str
    key: str
    digests: Digests
    parent: str | None = None
    tool: JsonObject | None = None
    args: tuple[str, ...] = ()
    detail: JsonObject | None = None
    version_id: str = ""
    stage: str = ""


def some_stored(connection: Connection, count: int = 3) -> list[str]:
    """Keys of objects that were stored: the last ones, and the first."""
    stored = select(stored_object.c.key).where(stored_object.c.state == "stored").limit(count)
    last, first = stored.order_by(stored_object.c.id.desc()), stored.order_by(stored_object.c.id)
    return list(
        dict.fromkeys(key for chosen in (last, first) for key in connection.execute(chosen).scalars())
    )


def announce_objects(connection: Connection, exhibit_id: str, stage: str, rows: Sequence[ObjectRow]) -> None:
    """Say what is about to be put; what an earlier, unfinished run announced is taken back.

    An object that such a run left behind is found again under the same key when its bytes are the same.
    """
    if rows:
        lock_exhibit(connection, exhibit_id)  # a late holder may announce the same at this moment
        connection.execute(_TAKE_BACK, [{"of_key": row.key} for row in rows])
        connection.execute(
            _ANNOUNCE,
            [
                {
                    "exhibit_id": exhibit_id,
                    "stage": stage,
                    "role": row.role,
                    "name": row.name,
                    "key": row.key,
                    "state": "storing",
                    "size": row.digests.size,
                    "sha256": row.digests.sha256,
                    "blake3": row.digests.blake3,
                    "piece_size": row.digests.piece_size,
                    "pieces_blake3": list(row.digests.pieces_blake3),
                    "parent": row.parent,
                    "tool": row.tool,
                    "args": list(row.args),
                    "detail": row.detail,
                }
                for row in rows
            ],
        )


def mark_stored(connection: Connection, versions: Mapping[str, str], now: str) -> None:
    """The objects under these keys were put, read back and compared; `versions` maps key to version id."""
    if versions:
        rows = [{"of_key": key, "version": version, "now": now} for key, version in versions.items()]
        connection.execute(_STORED, rows)


def current_objects(connection: Connection, exhibit_id: str) -> list[ObjectRow]:
    """The stored objects of an exhibit, in the order in which they were filed."""
    return [object_of(row) for row in connection.execute(_CURRENT, {"of_exhibits": [exhibit_id]})]


def objects_by_exhibit(connection: Connection, exhibit_ids: Sequence[str]) -> dict[str, list[ObjectRow]]:
    """As `current_objects`, of many exhibits."""
    found: dict[str, list[ObjectRow]] = {exhibit_id: [] for exhibit_id in exhibit_ids}
    for first in range(0, len(exhibit_ids), _ASKED):
        some = exhibit_ids[first : first + _ASKED]
        for row in connection.execute(_CURRENT, {"of_exhibits": some}):
            found[row.exhibit_id].append(object_of(row))
    return found


def stored_original(connection: Connection, exhibit_id: str) -> tuple[str, str] | None:
    """(key, version id) of the sealed original of an exhibit; None where it is not sealed."""
    row = connection.execute(_ORIGINAL, {"of_id": exhibit_id}).one_or_none()
    return None if row is None else (row.key, row.version_id)


def unfinished_keys(connection: Connection) -> list[str]:
    """Keys that were announced and not finished: a job in hand, or one that was cut short."""
    return list(
        connection.execute(select(stored_object.c.key).where(stored_object.c.state == "storing")).scalars()
    )


def case_keys(connection: Connection, case_id: str) -> list[tuple[str, str]]:
    """(key, version id) of every stored object of a case."""
    rows = connection.execute(
        select(stored_object.c.key, stored_object.c.version_id)
        .join(exhibit, exhibit.c.id == stored_object.c.exhibit_id)
        .where(exhibit.c.case_id == case_id, stored_object.c.state == "stored")
    )
    return [(row.key, row.version_id) for row in rows]


def object_of(row: Row[*tuple[object, ...]]) -> ObjectRow:
    """A row of stored_object."""
    return ObjectRow(
        role=one_of(Role, row.role, f"the object {row.key}"),
        name=row.name,
        key=row.key,
        digests=Digests(row.size, row.sha256, row.blake3, row.piece_size, tuple(row.pieces_blake3)),
        parent=row.parent,
        tool=row.tool,
        args=tuple(row.args or ()),
        detail=row.detail,
        version_id=row.version_id,
        stage=row.stage,
    )
