"""Exhibits as they stand: state, sections, problems, objects, submissions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, delete, insert, select, update

from evidence.cases import exhibit_label
from evidence.catalogue.tables import case_number, exhibit, problem, section, submission, submitted_file
from evidence.catalogue.types import one_of
from evidence.errors import NotFoundError
from evidence.exhibits import Digests, ExhibitState, Problem
from evidence.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One set of bytes in one case, under the case's number of today."""

    id: str
    case_id: str
    case_number: str
    number: int
    digests: Digests
    state: ExhibitState
    reason: str
    received_at: str
    spool: str | None

    @property
    def label(self) -> str:
        """`EX-0001`."""
        return exhibit_label(self.number)

    @property
    def name(self) -> str:
        """`<case number>/EX-0001`."""
        return f"{self.case_number}/{self.label}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One arrival of an exhibit's bytes."""

    submission_id: str
    ordinal: int
    name: bytes
    source: str
    actor: str
    received_at: str
    clock_shown: str | None
    clock_true: str | None


def with_case_number() -> Select[*tuple[object, ...]]:
    """A query for exhibits, each with its case's number of now, that `read_exhibits` takes."""
    return select(exhibit, case_number.c.number.label("case_number")).join(
        case_number, (case_number.c.case_id == exhibit.c.case_id) & case_number.c.until.is_(None)
    )


# Built once: to build a statement costs more than to run it.
_OF_ID: BindParameter[str] = bindparam("of_id")
_BY_ID = with_case_number().where(exhibit.c.id == _OF_ID)
_LOCK = select(exhibit.c.id).where(exhibit.c.id == _OF_ID).with_for_update(key_share=True)
_SET_STATE = (
    update(exhibit)
    .where(exhibit.c.id == _OF_ID)
    .values(state=bindparam("new_state"), reason=bindparam("new_reason"))
)
_SEALED = (
    update(exhibit).where(exhibit.c.id == _OF_ID).values(state=ExhibitState.SEALED, reason="", spool=None)
)
_NAMES = (
    select(submitted_file.c.exhibit_id, submitted_file.c.name)
    .where(submitted_file.c.exhibit_id.in_(bindparam("ids", expanding=True)))
    .order_by(submitted_file.c.received_at.desc(), submitted_file.c.ordinal.desc())
)
_FIRST_NAME = (
    select(submitted_file.c.name)
    .where(submitted_file.c.exhibit_id == _OF_ID)
    .order_by(submitted_file.c.received_at, submitted_file.c.ordinal)
    .limit(1)
)
_SECTIONS = select(section.c.name, section.c.value).where(section.c.exhibit_id == _OF_ID)
_DROP_SECTION = delete(section).where(section.c.exhibit_id == _OF_ID, section.c.name == bindparam("of_name"))
_PUT_SECTION = insert(section)
_PUT_PROBLEM = insert(problem)
_DROP_PROBLEMS = delete(problem).where(
    problem.c.exhibit_id == _OF_ID, problem.c.stage == bindparam("of_stage")
)


def get_exhibit(connection: Connection, exhibit_id: str) -> Exhibit:
    """The exhibit with this id; raises NotFoundError."""
    row = connection.execute(_BY_ID, {"of_id": exhibit_id}).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no exhibit with the id {exhibit_id}.")
    return _exhibit(row)


def find_exhibit(connection: Connection, case_id: str, number: int) -> Exhibit:
    """Exhibit `number` of a case; raises NotFoundError."""
    row = connection.execute(
        with_case_number().where(exhibit.c.case_id == case_id, exhibit.c.number == number)
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            f"The case has no exhibit {exhibit_label(number)}.", advice="vidne exhibit list names them."
        )
    return _exhibit(row)


def list_exhibits(connection: Connection, case_id: str | None = None) -> list[Exhibit]:
    """The exhibits of a case, or of all, in order."""
    statement = with_case_number().order_by(case_number.c.number, exhibit.c.number)
    if case_id is not None:
        statement = statement.where(exhibit.c.case_id == case_id)
    return read_exhibits(connection, statement)


def read_exhibits(connection: Connection, statement: Select[*tuple[object, ...]]) -> list[Exhibit]:
    """The exhibits of a query that began as `with_case_number`."""
    return [_exhibit(row) for row in connection.execute(statement)]


def submitted_exhibits(connection: Connection, submission_id: str) -> list[Exhibit]:
    """The exhibits that a submission brought, in order."""
    brought = select(submitted_file.c.exhibit_id).where(submitted_file.c.submission_id == submission_id)
    statement = with_case_number().where(exhibit.c.id.in_(brought)).order_by(exhibit.c.number)
    return read_exhibits(connection, statement)


def exhibits_with_digest(connection: Connection, sha256: str) -> list[Exhibit]:
    """The exhibits, of any case, that have these bytes."""
    return read_exhibits(connection, with_case_number().where(exhibit.c.sha256 == sha256))


def lock_exhibit(connection: Connection, exhibit_id: str) -> None:
    """Keep others from changing what belongs to the exhibit until this transaction ends."""
    connection.execute(_LOCK, {"of_id": exhibit_id})


def set_state(connection: Connection, exhibit_id: str, state: ExhibitState, reason: str = "") -> None:
    """Move an exhibit to another state, with the reason a reader is shown."""
    connection.execute(_SET_STATE, {"of_id": exhibit_id, "new_state": state, "new_reason": reason})


def mark_sealed(connection: Connection, exhibit_id: str) -> None:
    """The original lies in the store, read back and compared; its spool file is no longer needed."""
    connection.execute(_SEALED, {"of_id": exhibit_id})


def is_spooled(connection: Connection, spool: str) -> bool:
    """Whether an exhibit still needs this spool file."""
    return connection.execute(select(exhibit.c.id).where(exhibit.c.spool == spool)).first() is not None


def deliveries(connection: Connection, exhibit_id: str) -> list[Delivery]:
    """Every arrival of the exhibit's bytes, oldest first."""
    rows = connection.execute(
        select(
            submitted_file.c.submission_id,
            submitted_file.c.ordinal,
            submitted_file.c.name,
            submission.c.source,
            submission.c.actor,
            submitted_file.c.received_at,
            submission.c.clock_shown,
            submission.c.clock_true,
        )
        .join(submission, submission.c.id == submitted_file.c.submission_id)
        .where(submitted_file.c.exhibit_id == exhibit_id)
        .order_by(submitted_file.c.received_at, submitted_file.c.ordinal)
    )
    return [Delivery(**row._mapping) for row in rows]


def first_names(connection: Connection, exhibit_ids: Sequence[str]) -> dict[str, bytes]:
    """The file name under which each exhibit first arrived; empty where somebody took its rows out."""
    rows = connection.execute(_NAMES, {"ids": exhibit_ids})
    return dict.fromkeys(exhibit_ids, b"") | {row.exhibit_id: row.name for row in rows}


def first_name(connection: Connection, exhibit_id: str) -> bytes:
    """The file name under which an exhibit first arrived."""
    name: bytes = connection.execute(_FIRST_NAME, {"of_id": exhibit_id}).scalar_one()
    return name


def get_sections(connection: Connection, exhibit_id: str) -> JsonObject:
    """What the stages have found so far, by section."""
    rows = connection.execute(_SECTIONS, {"of_id": exhibit_id})
    return {row.name: row.value for row in rows}


def put_sections(connection: Connection, exhibit_id: str, stage: str, sections: JsonObject) -> None:
    """Keep a stage's sections; one of the same name is replaced."""
    if not sections:
        return
    connection.execute(_DROP_SECTION, [{"of_id": exhibit_id, "of_name": name} for name in sections])
    connection.execute(
        _PUT_SECTION,
        [{"exhibit_id": exhibit_id, "name": n, "stage": stage, "value": v} for n, v in sections.items()],
    )


def get_problems(connection: Connection, exhibit_id: str) -> list[Problem]:
    """What the stages found worth saying, in order."""
    rows = connection.execute(
        select(problem.c.code, problem.c.text)
        .where(problem.c.exhibit_id == exhibit_id)
        .order_by(problem.c.id)
    )
    return [Problem(row.code, row.text) for row in rows]


def put_problems(connection: Connection, exhibit_id: str, stage: str, problems: Iterable[Problem]) -> None:
    """Keep a stage's problems in place of those of an earlier run of it."""
    connection.execute(_DROP_PROBLEMS, {"of_id": exhibit_id, "of_stage": stage})
    rows = [{"exhibit_id": exhibit_id, "stage": stage, "code": p.code, "text": p.text} for p in problems]
    if rows:
        connection.execute(_PUT_PROBLEM, rows)


def _exhibit(row: Row[*tuple[object, ...]]) -> Exhibit:
    return Exhibit(
        id=row.id,
        case_id=row.case_id,
        case_number=row.case_number,
        number=row.number,
        digests=Digests(row.size, row.sha256, row.blake3, row.piece_size, tuple(row.pieces_blake3)),
        state=one_of(ExhibitState, row.state, f"{row.case_number}/{exhibit_label(row.number)}"),
        reason=row.reason,
        received_at=row.received_at,
        spool=row.spool,
    )
