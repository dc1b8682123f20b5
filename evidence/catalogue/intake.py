"""Submissions and the exhibits that they bring."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select, update

from evidence.cases import new_id
from evidence.catalogue.cases import lock_case
from evidence.catalogue.fingerprints import Mark, put_marks
from evidence.catalogue.jobs import ENDED, Stage, add_jobs
from evidence.catalogue.tables import case, exhibit, job, submission, submitted_file
from evidence.exhibits import Digests, ExhibitState, Source


@dataclass(frozen=True, slots=True)
class Submission:
    """Who hands in what: one submission brings one or more files."""

    id: str
    case_id: str
    source: Source
    actor: str
    clock_shown: str | None = None
    clock_true: str | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a received file: a new exhibit, or one that the case has already."""

    exhibit_id: str
    number: int
    ordinal: int  # of the file in its submission
    is_new: bool
    wants_spool: bool  # the exhibit is not sealed and this spool file is now the one to seal


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submission has come: exhibits, those sealed, those with a final state; jobs, jobs ended."""

    exhibits: int
    sealed: int
    final: int
    jobs: int
    ended: int


# Built once: to build a statement costs more than to run it.
_LAST_ORDINAL = select(func.coalesce(func.max(submitted_file.c.ordinal), 0)).where(
    submitted_file.c.submission_id == bindparam("of_id")
)
_KNOWN = select(exhibit.c.id, exhibit.c.number, exhibit.c.spool).where(
    exhibit.c.case_id == bindparam("of_case"), exhibit.c.sha256 == bindparam("of_digest")
)
_ADD_FILE, _ADD_EXHIBIT = insert(submitted_file), insert(exhibit)
_NEXT_NUMBER = (
    update(case)
    .where(case.c.id == bindparam("of_case"))
    .values(exhibits=case.c.exhibits + 1)
    .returning(case.c.exhibits)
)


def add_submission(connection: Connection, new: Submission, now: str) -> None:
    """Note a submission; it counts as complete once `complete_submission` is called."""
    connection.execute(
        insert(submission).values(
            id=new.id,
            case_id=new.case_id,
            source=new.source,
            actor=new.actor,
            received_at=now,
            clock_shown=new.clock_shown,
            clock_true=new.clock_true,
        )
    )


def complete_submission(connection: Connection, submission_id: str, now: str) -> None:
    """Say that every file of the submission was dealt with."""
    connection.execute(update(submission).where(submission.c.id == submission_id).values(completed_at=now))


def add_file(
    connection: Connection,
    owner: Submission,
    *,
    name: bytes,
    digests: Digests,
    spool: str,
    now: str,
    home: str = "",
    urgent: bool = False,
) -> Intake:
    """File received bytes: a new exhibit with its jobs, or a further submission of the one that has them.

    The file's number in its submission is given here: members of an archive come in beside the files.
    `home` names the data folder whose spool has the file; empty where all workers share one. An urgent one's
    jobs come before all others.
    """
    lock_case(connection, owner.case_id)  # what is known, and the next number, hold until the commit
    ordinal = connection.execute(_LAST_ORDINAL, {"of_id": owner.id}).scalar_one() + 1
    sought = {"of_case": owner.case_id, "of_digest": digests.sha256}
    known = connection.execute(_KNOWN, sought).one_or_none()
    if known is None:
        number = connection.execute(_NEXT_NUMBER, {"of_case": owner.case_id}).scalar_one()
        intake = Intake(new_id(), number, ordinal, is_new=True, wants_spool=True)
        _add_exhibit(connection, owner.case_id, intake, digests, spool, now)
        add_jobs(connection, intake.exhibit_id, now, home=home, urgent=urgent)
    else:
        wants_spool = _adopt(connection, known.id, spool, now, home)
        intake = Intake(known.id, known.number, ordinal, is_new=False, wants_spool=wants_spool)
    connection.execute(
        _ADD_FILE,
        {
            "submission_id": owner.id,
            "ordinal": ordinal,
            "exhibit_id": intake.exhibit_id,
            "name": name,
            "received_at": now,
        },
    )
    return intake


def progress_of(connection: Connection, submission_id: str) -> Progress:
    """Count the submission's exhibits and jobs by state; cheap enough to be asked many times a second."""
    brought = select(submitted_file.c.exhibit_id).where(submitted_file.c.submission_id == submission_id)
    states: dict[str, int] = {}
    jobs: dict[str, int] = {}
    for counts, table, key in ((states, exhibit, exhibit.c.id), (jobs, job, job.c.exhibit_id)):
        rows = connection.execute(
            select(table.c.state, func.count()).where(key.in_(brought)).group_by(table.c.state)
        )
        counts.update(rows.tuples().all())
    total = sum(states.values())
    return Progress(
        exhibits=total,
        sealed=total - states.get(ExhibitState.RECEIVED, 0),
        final=sum(count for state, count in states.items() if ExhibitState(state).is_final),
        jobs=sum(jobs.values()),
        ended=sum(count for state, count in jobs.items() if state in ENDED),
    )


def waiting_for(connection: Connection, submission_id: str) -> list[str]:
    """Why jobs of the submission's exhibits were put off and will be tried again; each reason once."""
    brought = select(submitted_file.c.exhibit_id).where(submitted_file.c.submission_id == submission_id)
    statement = select(job.c.error).where(
        job.c.exhibit_id.in_(brought), job.c.state == "ready", job.c.error != ""
    )
    return sorted(set(connection.execute(statement).scalars()))


def _add_exhibit(
    connection: Connection, case_id: str, new: Intake, digests: Digests, spool: str, now: str
) -> None:
    connection.execute(
        _ADD_EXHIBIT,
        {
            "id": new.exhibit_id,
            "case_id": case_id,
            "number": new.number,
            "sha256": digests.sha256,
            "blake3": digests.blake3,
            "size": digests.size,
            "piece_size": digests.piece_size,
            "pieces_blake3": list(digests.pieces_blake3),
            "state": ExhibitState.RECEIVED,
            "received_at": now,
            "spool": spool,
        },
    )
    if digests.size >= digests.piece_size:
        put_marks(connection, new.exhibit_id, Mark.PIECE, [("original", digests.pieces_blake3[0])])
    if digests.heads:
        heads = [(str(length), digest) for length, digest in digests.heads]
        put_marks(connection, new.exhibit_id, Mark.HEAD, heads)


def _adopt(connection: Connection, exhibit_id: str, spool: str, now: str, home: str) -> bool:
    """Where the first file could not be sealed, the same bytes sent again take its place."""
    stuck = (job.c.exhibit_id == exhibit_id) & (job.c.stage == Stage.SEAL) & (job.c.state == "quarantined")
    revived = connection.execute(
        update(job)
        .where(stuck)
        .values(state="ready", crashes=0, attempts=0, error="", not_before=now, changed_at=now, home=home)
    )
    if revived.rowcount == 0:
        return False
    connection.execute(
        update(exhibit)
        .where(exhibit.c.id == exhibit_id)
        .values(spool=spool, state=ExhibitState.RECEIVED, reason="")
    )
    return True
