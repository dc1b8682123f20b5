"""Rows made again of what the published log and the stored objects say; what is there already stays."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select, update

from evidence.cases import new_id
from evidence.catalogue.engine import Connection
from evidence.catalogue.jobs import Stage
from evidence.catalogue.ledger import entry_values, event_values
from evidence.catalogue.ledger_tables import ledger_body, ledger_checkpoint, ledger_entry, ledger_inbox
from evidence.catalogue.tables import (
    case,
    case_number,
    exhibit,
    job,
    stored_object,
    submission,
    submitted_file,
)
from evidence.custody import LedgerEntry, PendingEvent
from evidence.exhibits import Digests, ExhibitState, Source

_LOST_JOB = "Rebuilt from the store: what earlier jobs found of this exhibit was lost with the catalogue."


def restore_entry(connection: Connection, event: PendingEvent, entry: LedgerEntry) -> None:
    """An entry of the published log; an event that waits for its place already has it now, and its body."""
    waiting = select(ledger_inbox.c.id).where(ledger_inbox.c.event_id == event.event_id)
    inbox_id = connection.execute(waiting).scalar()
    if inbox_id is None:
        row = {**event_values(event), "body_hash": event.body_hash, "sequenced": 1}
        inbox_id = connection.execute(
            insert(ledger_inbox).values(row).returning(ledger_inbox.c.id)
        ).scalar_one()
        connection.execute(insert(ledger_body).values(event_id=event.event_id, salt=None, body=None))
    else:
        connection.execute(update(ledger_inbox).where(ledger_inbox.c.id == inbox_id).values(sequenced=1))
    connection.execute(insert(ledger_entry).values({**entry_values(entry), "inbox_id": inbox_id}))


def restore_checkpoint(connection: Connection, size: int, frontier: Sequence[bytes], note: bytes) -> None:
    """The checkpoint that the published log ends with."""
    connection.execute(insert(ledger_checkpoint).values(size=size, frontier=b"".join(frontier), note=note))


def restore_case(connection: Connection, case_id: str, number: str, at: str) -> bool:
    """A case under `number`, or a made-up one where another case has that; whether it was missing."""
    if connection.execute(select(case.c.id).where(case.c.id == case_id)).first():
        return False
    taken = select(case_number.c.id).where(case_number.c.number == number, case_number.c.until.is_(None))
    if not number or connection.execute(taken).first():
        number = f"lost-{case_id}"
    connection.execute(insert(case).values(id=case_id, opened_at=at))
    connection.execute(insert(case_number).values(case_id=case_id, number=number, since=at))
    return True


def close_restored_case(connection: Connection, case_id: str, at: str) -> None:
    """The case was closed then."""
    connection.execute(
        update(case).where(case.c.id == case_id, case.c.closed_at.is_(None)).values(closed_at=at)
    )


def exhibit_in(connection: Connection, case_id: str, number: int) -> str | None:
    """The id of exhibit `number` of a case, or None."""
    statement = select(exhibit.c.id).where(exhibit.c.case_id == case_id, exhibit.c.number == number)
    return connection.execute(statement).scalar()


def restore_exhibit(connection: Connection, case_id: str, number: int, digests: Digests, at: str) -> None:
    """An exhibit in the state *received*; nothing where the case has one of that number."""
    if exhibit_in(connection, case_id, number) is not None:
        return
    connection.execute(
        insert(exhibit).values(
            id=new_id(),
            case_id=case_id,
            number=number,
            sha256=digests.sha256,
            blake3=digests.blake3,
            size=digests.size,
            piece_size=digests.piece_size,
            pieces_blake3=list(digests.pieces_blake3),
            state=ExhibitState.RECEIVED,
            received_at=at,
        )
    )
    connection.execute(
        update(case).where(case.c.id == case_id, case.c.exhibits < number).values(exhibits=number)
    )


def restore_submitted(
    connection: Connection,
    case_id: str,
    exhibit_id: str,
    place: tuple[str, int],
    name: bytes,
    actor: str,
    at: str,
) -> None:
    """File `place` (submission, number) of a submission; its real name stood in a body, `name` is made up."""
    submission_id, ordinal = place
    if not connection.execute(select(submission.c.id).where(submission.c.id == submission_id)).first():
        connection.execute(
            insert(submission).values(
                id=submission_id,
                case_id=case_id,
                source=Source.UNKNOWN,
                actor=actor,
                received_at=at,
            )
        )
    known = select(submitted_file.c.ordinal).where(
        submitted_file.c.submission_id == submission_id, submitted_file.c.ordinal == ordinal
    )
    if not connection.execute(known).first():
        connection.execute(
            insert(submitted_file).values(
                submission_id=submission_id,
                ordinal=ordinal,
                exhibit_id=exhibit_id,
                name=name,
                received_at=at,
            )
        )


def stored_keys(connection: Connection, exhibit_id: str) -> set[str]:
    """The keys under which the exhibit has stored objects."""
    statement = select(stored_object.c.key).where(
        stored_object.c.exhibit_id == exhibit_id, stored_object.c.state == "stored"
    )
    return set(connection.execute(statement).scalars())


def restore_job(connection: Connection, exhibit_id: str, job_id: int, stage: str, at: str) -> None:
    """Job `job_id` of an exhibit is done."""
    done = {"state": "done", "owner": None, "leased_until": None, "error": "", "changed_at": at}
    ours = (job.c.exhibit_id == exhibit_id) & (job.c.stage == stage)
    if not connection.execute(update(job).where(ours).values(done)).rowcount:
        lane = Stage(stage).lane
        connection.execute(
            insert(job).values(
                {"id": job_id, "exhibit_id": exhibit_id, "stage": stage, "lane": lane, "priority": 0,
                 "not_before": at, **done}
            )
        )  # fmt: skip


def close_jobs(connection: Connection, exhibit_id: str, job_id: int, at: str) -> int:
    """Jobs that the exhibit lacks, from number `job_id` on: skipped where it is final; the next number.

    Where it is not, they are quarantined, for a person to decide: what the jobs before them found is lost.
    """
    state = connection.execute(select(exhibit.c.state).where(exhibit.c.id == exhibit_id)).scalar_one()
    there = set(connection.execute(select(job.c.stage).where(job.c.exhibit_id == exhibit_id)).scalars())
    is_final = ExhibitState(state).is_final
    for stage in Stage:
        if stage not in there:
            connection.execute(
                insert(job).values(
                    id=job_id,
                    exhibit_id=exhibit_id,
                    stage=stage,
                    lane=stage.lane,
                    priority=0,
                    state="skipped" if is_final else "quarantined",
                    not_before=at,
                    error="" if is_final else _LOST_JOB,
                    changed_at=at,
                )
            )
            job_id += 1
    return job_id


def exhibits_without_jobs(connection: Connection) -> list[str]:
    """Ids of the exhibits that lack a job of some stage."""
    counted = (
        select(exhibit.c.id)
        .outerjoin(job, job.c.exhibit_id == exhibit.c.id)
        .group_by(exhibit.c.id)
        .having(func.count(job.c.id) < len(Stage))
        .order_by(exhibit.c.id)
    )
    return list(connection.execute(counted).scalars())


def next_job(connection: Connection) -> int:
    """A number that no job has."""
    return (connection.execute(select(func.max(job.c.id))).scalar() or 0) + 1
