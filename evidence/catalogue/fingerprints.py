"""Fingerprints by which a file is recognised that is not byte for byte an exhibit: packets, first piece."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, insert, select

from evidence.catalogue.exhibits import Exhibit, get_exhibit
from evidence.catalogue.tables import exhibit, fingerprint, stored_object

# Built once: to build a statement costs more than to run it.
_DROP = delete(fingerprint).where(
    fingerprint.c.exhibit_id == bindparam("of_id"), fingerprint.c.mark == bindparam("of_mark")
)
_PUT = insert(fingerprint)


class Mark(StrEnum):
    """What a fingerprint is of: a picture's packets in order, or the first whole piece of the original."""

    PACKETS = "packets"
    PIECE = "piece"


def put_marks(connection: Connection, exhibit_id: str, mark: Mark, values: Iterable[tuple[str, str]]) -> None:
    """Note fingerprints of an exhibit in place of earlier ones: (what each is of, the value)."""
    connection.execute(_DROP, {"of_id": exhibit_id, "of_mark": mark})
    rows = [
        {"mark": mark, "value": value, "exhibit_id": exhibit_id, "part": part}
        for part, value in dict(values).items()
    ]
    if rows:
        connection.execute(_PUT, rows)


def exhibits_with_mark(connection: Connection, mark: Mark, value: str) -> list[tuple[Exhibit, str]]:
    """The exhibits, of any case, that have this fingerprint, each with the part that it is of."""
    rows = connection.execute(
        select(fingerprint.c.exhibit_id, fingerprint.c.part)
        .where(fingerprint.c.mark == mark, fingerprint.c.value == value)
        .order_by(fingerprint.c.exhibit_id, fingerprint.c.part)
    ).all()
    return [(get_exhibit(connection, row.exhibit_id), row.part) for row in rows]


def exhibits_with_object(connection: Connection, sha256: str) -> list[tuple[Exhibit, str]]:
    """The exhibits of which some object has these bytes, each with the object's name; `original` first."""
    originals = connection.execute(select(exhibit.c.id).where(exhibit.c.sha256 == sha256)).scalars().all()
    made = connection.execute(
        select(stored_object.c.exhibit_id, stored_object.c.name)
        .where(stored_object.c.sha256 == sha256, stored_object.c.state == "stored")
        .order_by(stored_object.c.id)
    ).all()
    found = {(of, "original"): None for of in originals} | {(row.exhibit_id, row.name): None for row in made}
    return [(get_exhibit(connection, of), name) for of, name in found]
