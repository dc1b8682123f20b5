"""Cases and their numbers."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, bindparam, exc, insert, select, update

from evidence.cases import new_id
from evidence.catalogue.tables import case, case_number
from evidence.catalogue.types import EDITED
from evidence.errors import ConflictError, IntegrityError, NotFoundError


@dataclass(frozen=True, slots=True)
class Case:
    """A case under the number that is in use."""

    id: str
    number: str
    opened_at: str
    closed_at: str | None
    exhibits: int


def _cases() -> Select[str, str, str, str | None, int]:
    return (
        select(case.c.id, case_number.c.number, case.c.opened_at, case.c.closed_at, case.c.exhibits)
        .join(case_number, case_number.c.case_id == case.c.id)
        .where(case_number.c.until.is_(None))
    )


# Built once: they are asked at each job's end, and at each intake.
_BY_ID = _cases().where(case.c.id == bindparam("of_id"))
_LOCK = select(case.c.id).where(case.c.id == bindparam("of_id")).with_for_update(key_share=True)


def open_case(connection: Connection, number: str, now: str) -> Case:
    """A new case under `number`; raises ConflictError where the number is in use."""
    _refuse_taken(connection, number)
    case_id = new_id()
    connection.execute(insert(case).values(id=case_id, opened_at=now))
    _give_number(connection, case_id, number, now)
    return Case(case_id, number, now, None, 0)


def find_case(connection: Connection, number: str) -> Case:
    """The case that has this number now; raises NotFoundError, naming the new number of a renumbered case."""
    row = connection.execute(_cases().where(case_number.c.number == number)).one_or_none()
    if row:
        return _case(row)
    former = connection.execute(
        select(case_number.c.case_id)
        .where(case_number.c.number == number)
        .order_by(case_number.c.until.desc())
        .limit(1)
    ).scalar()
    if former:
        current = get_case(connection, former)
        raise NotFoundError(f"Case {number} was renumbered.", advice=f"Its number is now {current.number}.")
    raise NotFoundError(
        f"There is no case {number} here.",
        advice=f"Look at vidne case list; a new one is opened with: vidne case open {number}",
    )


def get_case(connection: Connection, case_id: str) -> Case:
    """The case with this id, under the number that it has now.

    Raises IntegrityError where the catalogue has no such case, or none of its numbers is in use.
    """
    row = connection.execute(_BY_ID, {"of_id": case_id}).one_or_none()
    if row is None:
        raise IntegrityError(
            f"The catalogue has lost the number of the case with the id {case_id}.", advice=EDITED
        )
    return _case(row)


def lock_case(connection: Connection, case_id: str) -> None:
    """Keep others from adding to the case, or closing it, until this transaction ends."""
    connection.execute(_LOCK, {"of_id": case_id})


def require_open(found: Case) -> None:
    """Raise ConflictError for a closed case."""
    if found.closed_at:
        raise ConflictError(
            f"Case {found.number} is closed since {found.closed_at}.", advice="Submit to an open case."
        )


def list_cases(connection: Connection) -> list[Case]:
    """Every case, by number."""
    return [_case(row) for row in connection.execute(_cases().order_by(case_number.c.number))]


def close_case(connection: Connection, found: Case, now: str) -> None:
    """Close an open case; raises ConflictError where it is closed."""
    if found.closed_at:
        raise ConflictError(f"Case {found.number} is closed since {found.closed_at}.")
    is_open = (case.c.id == found.id) & case.c.closed_at.is_(None)
    if connection.execute(update(case).where(is_open).values(closed_at=now)).rowcount != 1:
        raise ConflictError(f"Case {found.number} has just been closed.")


def renumber_case(connection: Connection, found: Case, number: str, now: str) -> None:
    """Give the case another number; the old one stays as a dated alias."""
    lock_case(connection, found.id)  # whoever is storing objects of it tags them with the number that holds
    _refuse_taken(connection, number, but=found.id)
    in_use = (case_number.c.case_id == found.id) & case_number.c.until.is_(None)
    in_use &= case_number.c.number == found.number
    if connection.execute(update(case_number).where(in_use).values(until=now)).rowcount != 1:
        raise ConflictError(f"Case {found.number} has just been renumbered.", advice="See: vidne case list")
    _give_number(connection, found.id, number, now)


def numbers_of(connection: Connection, case_id: str) -> list[tuple[str, str, str | None]]:
    """Every number the case has had: (number, since, until), oldest first."""
    rows = connection.execute(
        select(case_number.c.number, case_number.c.since, case_number.c.until)
        .where(case_number.c.case_id == case_id)
        .order_by(case_number.c.id)
    )
    return [(row.number, row.since, row.until) for row in rows]


def _refuse_taken(connection: Connection, number: str, but: str = "") -> None:
    """Raise ConflictError for a number that a case has or had, but for that of id `but`: papers name it."""
    taken = select(case_number.c.case_id, case_number.c.until).where(
        case_number.c.number == number, case_number.c.case_id != but
    )
    rows = connection.execute(taken).all()
    if any(row.until is None for row in rows):
        raise _taken(number)
    if rows:
        now = get_case(connection, rows[0].case_id).number
        raise ConflictError(
            f"{number} was the number of the case that is now {now}.",
            advice="Whoever has the old number would find another case: use one that was never given.",
        )


def _give_number(connection: Connection, case_id: str, number: str, now: str) -> None:
    try:
        connection.execute(insert(case_number).values(case_id=case_id, number=number, since=now))
    except exc.IntegrityError as error:  # somebody else gave it out a moment ago
        raise _taken(number) from error


def _taken(number: str) -> ConflictError:
    return ConflictError(f"Case {number} exists already.", advice="Use it, or check the number.")


def _case(row: Row[str, str, str, str | None, int]) -> Case:
    return Case(*row)
