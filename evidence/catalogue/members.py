"""Members of archives: which submitted file stood in which archive, where and under what path."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select

from evidence.cases import exhibit_label
from evidence.catalogue.intake import Submission
from evidence.catalogue.tables import exhibit, member, submission, submitted_file
from evidence.exhibits import Source


@dataclass(frozen=True, slots=True)
class Member:
    """A file that stood in an archive: `label` and `sha256` are of the exhibit that it is.

    `place` counts from 0 in the archive's directory; `path` is as the archive has it.
    """

    archive_label: str
    archive_sha256: str
    place: int
    path: bytes
    label: str
    sha256: str
    exhibit_id: str
    submission_id: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """The submission that first brought an archive by itself, and the name that it had there."""

    submission: Submission
    name: bytes


def add_member(
    connection: Connection, archive_id: str, place: int, path: bytes, submission_id: str, ordinal: int
) -> None:
    """Note that a submitted file stood in the archive; a second one of the same place is an error."""
    connection.execute(
        insert(member).values(
            archive_id=archive_id, place=place, path=path, submission_id=submission_id, ordinal=ordinal
        )
    )


def received_places(connection: Connection, archive_id: str) -> frozenset[int]:
    """The places in the archive's directory whose members were received already."""
    return frozenset(
        connection.execute(select(member.c.place).where(member.c.archive_id == archive_id)).scalars()
    )


def first_arrival(connection: Connection, archive_id: str) -> Arrival | None:
    """How the archive first came in by itself; None for one that only ever stood in another archive."""
    row = connection.execute(
        select(submission, submitted_file.c.name)
        .join(submitted_file, submitted_file.c.submission_id == submission.c.id)
        .outerjoin(member, _is_that_file())
        .where(submitted_file.c.exhibit_id == archive_id, member.c.archive_id.is_(None))
        .order_by(submitted_file.c.received_at, submitted_file.c.ordinal)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    found = Submission(row.id, row.case_id, Source(row.source), row.actor, row.clock_shown, row.clock_true)
    return Arrival(found, row.name)


def members_of(connection: Connection, archive_id: str) -> list[Member]:
    """What was taken out of an archive, in the order of its directory."""
    rows = connection.execute(_members().where(member.c.archive_id == archive_id).order_by(member.c.place))
    return [_member(row) for row in rows]


def memberships(connection: Connection, exhibit_ids: Sequence[str]) -> list[Member]:
    """Where these exhibits stood in archives."""
    rows = connection.execute(
        _members()
        .where(submitted_file.c.exhibit_id.in_(exhibit_ids))
        .order_by(submitted_file.c.received_at, member.c.place)
    )
    return [_member(row) for row in rows]


def members_in(connection: Connection, submission_id: str) -> list[Member]:
    """What was taken out of the archives that a submission brought."""
    rows = connection.execute(
        _members()
        .where(member.c.submission_id == submission_id)
        .order_by(member.c.archive_id, member.c.place)
    )
    return [_member(row) for row in rows]


_archive = exhibit.alias("archive")


def _members() -> Select[*tuple[object, ...]]:
    return (
        select(
            member,
            submitted_file.c.exhibit_id,
            exhibit.c.number,
            exhibit.c.sha256,
            _archive.c.number.label("archive_number"),
            _archive.c.sha256.label("archive_sha256"),
        )
        .join(submitted_file, _is_that_file())
        .join(exhibit, exhibit.c.id == submitted_file.c.exhibit_id)
        .join(_archive, _archive.c.id == member.c.archive_id)
    )


def _is_that_file() -> ColumnElement[bool]:
    return (member.c.submission_id == submitted_file.c.submission_id) & (
        member.c.ordinal == submitted_file.c.ordinal
    )


def _member(row: Row[*tuple[object, ...]]) -> Member:
    return Member(
        archive_label=exhibit_label(row.archive_number),
        archive_sha256=row.archive_sha256,
        place=row.place,
        path=row.path,
        label=exhibit_label(row.number),
        sha256=row.sha256,
        exhibit_id=row.exhibit_id,
        submission_id=row.submission_id,
        ordinal=row.ordinal,
    )
