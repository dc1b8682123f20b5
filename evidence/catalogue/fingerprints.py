"""Marks by which a file is recognised that is not byte for byte an exhibit.

A fingerprint is equal or not and is looked up; the sketches of all exhibits are compared with one of a file.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select

from evidence.catalogue.exhibits import Exhibit, get_exhibit
from evidence.catalogue.tables import exhibit, fingerprint, section, sketch, stored_object
from evidence.exhibits import ExhibitState
from evidence.marks import Marks

# Built once: to build a statement costs more than to run it.
_DROP = delete(fingerprint).where(
    fingerprint.c.exhibit_id == bindparam("of_id"), fingerprint.c.mark == bindparam("of_mark")
)
_PUT = insert(fingerprint)
_DROP_SKETCHES = delete(sketch).where(
    sketch.c.exhibit_id == bindparam("of_id"), sketch.c.kind == bindparam("of_kind")
)
_PUT_SKETCH = insert(sketch)
_AT_ONCE = 1000  # sketches that are held in memory


class Mark(StrEnum):
    """What a fingerprint is of: a picture's packets in order, or so many first bytes of the original.

    PIECE is the first whole piece; a HEAD has their number as its part (hashing.digests.HEADS).
    """

    PACKETS = "packets"
    PIECE = "piece"
    HEAD = "head"


class Kind(StrEnum):
    """What a sketch is of: some of a picture's packets, or what it shows."""

    SAMPLED = "packets"
    LOOKS = "looks"


class Sketch(NamedTuple):
    """A sketch of an exhibit's part."""

    exhibit_id: str
    part: str
    marks: bytes


def put_marks(connection: Connection, exhibit_id: str, mark: Mark, values: Iterable[tuple[str, str]]) -> None:
    """Note fingerprints of an exhibit in place of earlier ones: (what each is of, the value)."""
    connection.execute(_DROP, {"of_id": exhibit_id, "of_mark": mark})
    rows = [
        {"mark": mark, "value": value, "exhibit_id": exhibit_id, "part": part}
        for part, value in dict(values).items()
    ]
    if rows:
        connection.execute(_PUT, rows)


def put_pictures(connection: Connection, exhibit_id: str, marks: Iterable[Marks]) -> None:
    """Note the marks of an exhibit's pictures in place of earlier ones of their kinds."""
    by_part = {one.part: one for one in marks}
    packets = [(part, one.packets) for part, one in by_part.items() if one.packets is not None]
    if packets:
        put_marks(connection, exhibit_id, Mark.PACKETS, packets)
    sampled = {part: one.sampled for part, one in by_part.items() if one.sampled is not None}
    looks = {part: one.looks for part, one in by_part.items() if one.looks is not None}
    for kind, items in ((Kind.SAMPLED, sampled), (Kind.LOOKS, looks)):
        if items:
            rows = [{"kind": kind, "exhibit_id": exhibit_id, "part": p, "marks": i} for p, i in items.items()]
            connection.execute(_DROP_SKETCHES, {"of_id": exhibit_id, "of_kind": kind})
            connection.execute(_PUT_SKETCH, rows)


def exhibits_with_mark(connection: Connection, mark: Mark, value: str) -> list[tuple[Exhibit, str]]:
    """The exhibits, of any case, that have this fingerprint, each with the part that it is of."""
    rows = connection.execute(
        select(fingerprint.c.exhibit_id, fingerprint.c.part)
        .where(fingerprint.c.mark == mark, fingerprint.c.value == value)
        .order_by(fingerprint.c.exhibit_id, fingerprint.c.part)
    ).all()
    return [(get_exhibit(connection, row.exhibit_id), row.part) for row in rows]


def sketches(connection: Connection, kind: Kind) -> Iterator[list[Sketch]]:
    """All sketches of a kind that have anything in them, of every case, some at a time."""
    statement = select(sketch.c.exhibit_id, sketch.c.part, sketch.c.marks).where(
        sketch.c.kind == kind, sketch.c.marks != b""
    )
    for rows in connection.execute(statement).partitions(_AT_ONCE):
        yield [Sketch(*row) for row in rows]


def without_sketch(connection: Connection, kind: Kind, *, processed: bool = False) -> list[str]:
    """The ids of exhibits without a sketch of this kind that have pictures or, unless `processed`, may have.

    They came before sketches were made, or their stages are not done yet.
    """
    kinds = ("video",) if kind is Kind.SAMPLED else ("video", "still")
    media = section.c.value["kind"].as_string()
    shows = select(section.c.exhibit_id).where(section.c.name == "media", media.in_(kinds))
    done = select(sketch.c.exhibit_id).where(sketch.c.kind == kind)
    ended = exhibit.c.state.in_((ExhibitState.PROCESSED, ExhibitState.PARTIAL)) & exhibit.c.id.in_(shows)
    waiting = exhibit.c.state.in_((ExhibitState.RECEIVED, ExhibitState.SEALED))
    return _ids(connection, (ended if processed else ended | waiting) & exhibit.c.id.not_in(done))


def without_head(connection: Connection, least: int) -> list[str]:
    """The ids of exhibits of at least so many bytes of which no first bytes are known."""
    known = select(fingerprint.c.exhibit_id).where(fingerprint.c.mark == Mark.HEAD)
    return _ids(connection, (exhibit.c.size >= least) & exhibit.c.id.not_in(known))


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


def _ids(connection: Connection, condition: ColumnElement[bool]) -> list[str]:
    statement = select(exhibit.c.id).where(condition).order_by(exhibit.c.case_id, exhibit.c.number)
    return [*connection.execute(statement).scalars()]
