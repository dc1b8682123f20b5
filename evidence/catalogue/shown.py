"""What the catalogue shows of a case, and the events that were filed of it: to be held against each other.

All of it is read in one transaction, so that what is filed meanwhile is in both or in neither.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Text, and_, cast, select

from evidence.cases import exhibit_label
from evidence.catalogue.ledger import UNSEQUENCED
from evidence.catalogue.ledger_tables import ledger_body, ledger_entry, ledger_inbox
from evidence.catalogue.tables import exhibit, member, problem, section, submission, submitted_file
from evidence.exhibits import Problem
from evidence.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class FiledEvent:
    """An event of a case; `exhibit` is the label of the one that it speaks of, or empty.

    `body` is None where it was erased or lost, or is none; whether it is the one that was filed is not asked.
    """

    event_id: str
    type: str
    at: str
    actor: str
    exhibit: str
    body: JsonObject | None


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A submitted file, with what its submission says: `stood_in` is archive, place and path of a member."""

    exhibit: str
    submission_id: str
    ordinal: int
    name: bytes
    received_at: str
    stood_in: tuple[str, int, bytes] | None
    source: str
    actor: str
    began_at: str
    completed_at: str | None
    clock: tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A section of an exhibit: the stage that found it, and the JSON text by which it is kept."""

    exhibit: str
    stage: str
    name: str
    text: str


def cases_with_entries(connection: Connection) -> list[str]:
    """The ids of all cases of which the ledger has entries; an empty one is the log itself."""
    statement = select(ledger_entry.c.case_id).distinct().order_by(ledger_entry.c.case_id)
    return list(connection.execute(statement).scalars())


def filed_events(connection: Connection, case_id: str) -> Iterator[FiledEvent]:
    """The case's events in the order of the ledger, then those that wait; one that is damaged is left out.

    Bodies of `object.stored`, by far the largest, are left out: they speak of the store.
    """
    body = ledger_body.c.body
    is_wanted = ledger_body.c.event_id.not_like("%:object.stored")
    entries = (
        select(ledger_entry.c.entry, body)
        .outerjoin(ledger_body, and_(ledger_body.c.event_id == ledger_entry.c.event_id, is_wanted))
        .where(ledger_entry.c.case_id == case_id)
        .order_by(ledger_entry.c.case_seq)
    )
    for row in connection.execute(entries):
        try:
            yield _event(_object(row.entry) or {}, row.body)
        except (KeyError, TypeError, AttributeError):
            continue  # the check `canonical` tells of it
    waiting = (
        select(ledger_inbox, body)
        .outerjoin(ledger_body, and_(ledger_body.c.event_id == ledger_inbox.c.event_id, is_wanted))
        .where(UNSEQUENCED, ledger_inbox.c.case_id == case_id)
        .order_by(ledger_inbox.c.id)
    )
    for row in connection.execute(waiting):
        yield _event(dict(row._mapping), row.body)


def shown_files(connection: Connection, case_id: str) -> Iterator[ShownFile]:
    """Every file that came in for an exhibit of the case."""
    archive = exhibit.alias("archive")
    file = submitted_file.c
    statement = (
        select(
            exhibit.c.number,
            file.submission_id,
            file.ordinal,
            file.name,
            file.received_at,
            submission.c.source,
            submission.c.actor,
            submission.c.received_at.label("began_at"),
            submission.c.completed_at,
            submission.c.clock_shown,
            submission.c.clock_true,
            archive.c.number.label("archive"),
            member.c.place,
            member.c.path,
        )
        .join(exhibit, exhibit.c.id == file.exhibit_id)
        .join(submission, submission.c.id == file.submission_id)
        .outerjoin(
            member,
            and_(member.c.submission_id == file.submission_id, member.c.ordinal == file.ordinal),
        )
        .outerjoin(archive, archive.c.id == member.c.archive_id)
        .where(exhibit.c.case_id == case_id)
    )
    for row in connection.execute(statement):
        yield ShownFile(
            exhibit_label(row.number),
            row.submission_id,
            row.ordinal,
            row.name,
            row.received_at,
            None if row.archive is None else (exhibit_label(row.archive), row.place, row.path),
            row.source,
            row.actor,
            row.began_at,
            row.completed_at,
            (row.clock_shown, row.clock_true),
        )


def shown_problems(connection: Connection, case_id: str) -> Iterator[tuple[str, str, Problem]]:
    """Label of the exhibit, stage and problem, in the order in which they were kept."""
    statement = (
        select(exhibit.c.number, problem.c.stage, problem.c.code, problem.c.text)
        .join(exhibit, exhibit.c.id == problem.c.exhibit_id)
        .where(exhibit.c.case_id == case_id)
        .order_by(problem.c.id)
    )
    for row in connection.execute(statement):
        yield exhibit_label(row.number), row.stage, Problem(row.code, row.text)


def shown_findings(connection: Connection, case_id: str) -> Iterator[ShownFinding]:
    """What the stages found of the case's exhibits."""
    statement = (
        select(exhibit.c.number, section.c.stage, section.c.name, cast(section.c.value, Text).label("text"))
        .join(exhibit, exhibit.c.id == section.c.exhibit_id)
        .where(exhibit.c.case_id == case_id)
    )
    for row in connection.execute(statement):
        yield ShownFinding(exhibit_label(row.number), row.stage, row.name, row.text)


def _event(value: Mapping[str, object], raw: bytes | None) -> FiledEvent:
    objects = value["objects"]
    first = objects[0] if isinstance(objects, list) and objects else {}
    return FiledEvent(
        str(value["event_id"]),
        str(value["type"]),
        str(value["at"]),
        str(value["actor"]),
        first.get("exhibit", ""),
        _object(raw),
    )


def _object(raw: bytes | None) -> JsonObject | None:
    """The JSON object that these bytes are, or None."""
    try:
        value = json.loads(raw or b"null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
