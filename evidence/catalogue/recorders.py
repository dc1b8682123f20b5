"""Recorders of a case, readings of their clocks, and the exhibits that they made."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from evidence.cases import exhibit_label
from evidence.catalogue.cases import lock_case
from evidence.catalogue.exhibits import lock_exhibit
from evidence.catalogue.tables import case_number, clock_reading, exhibit, exhibit_recorder, recorder
from evidence.errors import NotFoundError
from evidence.recorders import Reading, recorder_label


@dataclass(frozen=True, slots=True)
class RecorderFacts:
    """What is known of a recorder; texts are empty and `channels` None where nobody said."""

    make: str = ""
    model: str = ""
    serial: str = ""
    channels: int | None = None
    place: str = ""
    retrieved_by: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder of a case, under the case's number of today."""

    id: str
    case_id: str
    case_number: str
    number: int
    facts: RecorderFacts
    added_at: str

    @property
    def label(self) -> str:
        """`RC-01`."""
        return recorder_label(self.number)

    @property
    def name(self) -> str:
        """`<case number>/RC-01`."""
        return f"{self.case_number}/{self.label}"


@dataclass(frozen=True, slots=True)
class Link:
    """An exhibit that a recorder made, by its label in the case; the channel may be empty."""

    label: str
    channel: str
    linked_at: str


_FACTS = ("make", "model", "serial", "channels", "place", "retrieved_by", "reference")


def _recorders() -> Select[*tuple[object, ...]]:
    return select(recorder, case_number.c.number.label("case_number")).join(
        case_number, (case_number.c.case_id == recorder.c.case_id) & case_number.c.until.is_(None)
    )


def add_recorder(
    connection: Connection, case_id: str, new_id: str, facts: RecorderFacts, now: str
) -> Recorder:
    """A new recorder of the case, under the next number."""
    lock_case(connection, case_id)  # the next number is ours until the commit
    last = select(func.coalesce(func.max(recorder.c.number), 0)).where(recorder.c.case_id == case_id)
    number = connection.execute(last).scalar_one() + 1
    values = {name: getattr(facts, name) for name in _FACTS}
    connection.execute(
        insert(recorder).values(id=new_id, case_id=case_id, number=number, added_at=now, **values)
    )
    return find_recorder(connection, case_id, number)


def find_recorder(connection: Connection, case_id: str, number: int) -> Recorder:
    """Recorder `number` of a case; raises NotFoundError."""
    row = connection.execute(
        _recorders().where(recorder.c.case_id == case_id, recorder.c.number == number)
    ).one_or_none()
    if row is None:
        raise NotFoundError(
            f"The case has no recorder {recorder_label(number)}.", advice="vidne recorder list names them."
        )
    return _recorder(row)


def list_recorders(connection: Connection, case_id: str | None = None) -> list[Recorder]:
    """The recorders of a case, or of all, in order."""
    statement = _recorders().order_by(case_number.c.number, recorder.c.number)
    if case_id is not None:
        statement = statement.where(recorder.c.case_id == case_id)
    return [_recorder(row) for row in connection.execute(statement)]


def add_reading(connection: Connection, recorder_id: str, new: Reading, now: str) -> int:
    """Keep a reading of the recorder's clock; returns its number among them."""
    connection.execute(
        select(recorder.c.id).where(recorder.c.id == recorder_id).with_for_update(key_share=True)
    )
    last = select(func.coalesce(func.max(clock_reading.c.number), 0)).where(
        clock_reading.c.recorder_id == recorder_id
    )
    number = connection.execute(last).scalar_one() + 1
    connection.execute(
        insert(clock_reading).values(
            recorder_id=recorder_id,
            number=number,
            shown=new.shown,
            true=new.true,
            method=new.method,
            uncertainty_s=new.uncertainty_s,
            read_by=new.read_by,
            read_at=new.read_at,
            noted_at=now,
        )
    )
    return int(number)


def readings_of(connection: Connection, recorder_id: str) -> list[Reading]:
    """The readings of the recorder's clock, in the order in which they were noted."""
    rows = connection.execute(
        select(clock_reading)
        .where(clock_reading.c.recorder_id == recorder_id)
        .order_by(clock_reading.c.number)
    )
    return [
        Reading(row.shown, row.true, row.method, row.uncertainty_s, row.read_by, row.read_at) for row in rows
    ]


def link_exhibit(connection: Connection, exhibit_id: str, recorder_id: str, channel: str, now: str) -> None:
    """Say which recorder made an exhibit; what was said before is replaced, and stays in the ledger."""
    lock_exhibit(connection, exhibit_id)
    connection.execute(delete(exhibit_recorder).where(exhibit_recorder.c.exhibit_id == exhibit_id))
    connection.execute(
        insert(exhibit_recorder).values(
            exhibit_id=exhibit_id, recorder_id=recorder_id, channel=channel, linked_at=now
        )
    )


def recorder_of(connection: Connection, exhibit_id: str) -> tuple[Recorder, str] | None:
    """The recorder and channel that made an exhibit, where somebody said so."""
    row = connection.execute(
        _recorders()
        .add_columns(exhibit_recorder.c.channel)
        .join(exhibit_recorder, exhibit_recorder.c.recorder_id == recorder.c.id)
        .where(exhibit_recorder.c.exhibit_id == exhibit_id)
    ).one_or_none()
    return None if row is None else (_recorder(row), row.channel)


def exhibits_of(connection: Connection, recorder_id: str) -> list[Link]:
    """The exhibits that a recorder made, in order."""
    rows = connection.execute(
        select(exhibit.c.number, exhibit_recorder.c.channel, exhibit_recorder.c.linked_at)
        .join(exhibit, exhibit.c.id == exhibit_recorder.c.exhibit_id)
        .where(exhibit_recorder.c.recorder_id == recorder_id)
        .order_by(exhibit.c.number)
    )
    return [Link(exhibit_label(row.number), row.channel, row.linked_at) for row in rows]


def _recorder(row: Row[*tuple[object, ...]]) -> Recorder:
    facts = RecorderFacts(**{name: row._mapping[name] for name in _FACTS})
    return Recorder(row.id, row.case_id, row.case_number, row.number, facts, row.added_at)
