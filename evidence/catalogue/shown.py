"""What the catalogue shows of a case, and how far its ledger goes: to be held against each other.

To be read in one transaction, so that what is filed meanwhile is in both or in neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Text, and_, cast, func, select

from evidence.cases import exhibit_label
from evidence.catalogue.ledger import UNSEQUENCED, pending_event
from evidence.catalogue.ledger_tables import ledger_body, ledger_entry, ledger_inbox
from evidence.catalogue.tables import exhibit, member, problem, section, submission, submitted_file
from evidence.custody import PendingEvent
from evidence.exhibits import Problem


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


def last_entry(connection: Connection, case_id: str) -> int:
    """The number in its case of the last entry that the ledger has; 0 where it has none."""
    statement = select(func.max(ledger_entry.c.case_seq)).where(ledger_entry.c.case_id == case_id)
    return connection.execute(statement).scalar() or 0


def waiting_events(connection: Connection, case_id: str) -> list[tuple[PendingEvent, bytes | None]]:
    """The case's events that have no place in the ledger yet, in their order, with their bodies."""
    statement = (
        select(ledger_inbox, ledger_body.c.body)
        .outerjoin(ledger_body, ledger_body.c.event_id == ledger_inbox.c.event_id)
        .where(UNSEQUENCED, ledger_inbox.c.case_id == case_id)
        .order_by(ledger_inbox.c.id)
    )
    return [(pending_event(row), row.body) for row in connection.execute(statement)]


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
