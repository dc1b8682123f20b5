"""Leases: who has a job in hand. A token fences off a holder whose lease ran out or was taken over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import BindParameter, Connection, Row, Update, bindparam, or_, select, text, update

from evidence.catalogue.jobs import CRASH_LIMIT, Lane, Stage
from evidence.catalogue.tables import job
from evidence.clock import timestamp
from evidence.errors import VidneError

# No job is put off for as long as this: a time farther off was set by a clock that was wrong.
_LONGEST_PAUSE = timedelta(hours=1)


class LeaseLostError(VidneError):
    """Someone else has the job by now: what this holder did must not be filed."""


# Built once: to build a statement costs more than to run it.
_NOW: BindParameter[str] = bindparam("now")
_HELD = select(job.c.lane, job.c.crashes).where(job.c.state == "leased", job.c.owner == bindparam("of_owner"))
_IS_DUE = or_(job.c.not_before <= _NOW, job.c.not_before > bindparam("too_far"))
_READY = (
    select(job.c.id, job.c.exhibit_id, job.c.stage, job.c.token, job.c.attempts, job.c.crashes)
    .where(job.c.state == "ready", _IS_DUE, job.c.home.in_(("", bindparam("of_home"))))
    .order_by(job.c.priority, job.c.id)
    .with_for_update(skip_locked=True)  # what another worker is taking just now is not waited for
)
_SUSPECTS = _READY.where(text("job.crashes > 0")).limit(1)  # as the partial index says it
_OF_LANE = _READY.where(job.c.lane == bindparam("of_lane")).limit(bindparam("free"))
_LEASE = (
    update(job)
    .where(job.c.id == bindparam("of_id"))
    .values(
        state="leased",
        owner=bindparam("of_owner"),
        leased_until=bindparam("until"),
        token=job.c.token + 1,
        attempts=job.c.attempts + 1,
        changed_at=_NOW,
    )
)
_EXPIRED = (
    update(job)
    .where(job.c.state == "leased", job.c.leased_until < _NOW)
    .values(state="ready", owner=None, leased_until=None, changed_at=_NOW, token=job.c.token + 1)
)
_HELD_AS = select(job.c.exhibit_id, job.c.stage, job.c.attempts).where(
    job.c.id == bindparam("of_id"), job.c.token == bindparam("of_token"), job.c.state == "leased"
)
_KEPT_AS = _HELD_AS.with_for_update()
_CLOSE = (
    update(job)
    .where(job.c.id == bindparam("of_id"), job.c.token == bindparam("of_token"), job.c.state == "leased")
    .values(
        owner=None, leased_until=None, changed_at=_NOW, state=bindparam("new_state"), error=bindparam("said")
    )
)
_POSTPONE = _CLOSE.values(not_before=bindparam("later"), attempts=bindparam("counted"))
_NOTHING: Mapping[str, object] = MappingProxyType({})
_LATER = update(job).where(job.c.exhibit_id == bindparam("of_exhibit"), job.c.state == "waiting")
_SKIP_REST = _LATER.values(state="skipped", changed_at=_NOW)
_MAKE_READY = _LATER.where(job.c.stage == bindparam("of_stage")).values(
    state="ready", not_before=_NOW, changed_at=_NOW
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in hand; `token` must still be the row's when its result is filed."""

    job_id: int
    token: int
    exhibit_id: str
    stage: Stage
    attempts: int


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that a dead worker held, after its crash was counted."""

    job_id: int
    exhibit_id: str
    stage: Stage
    crashes: int
    token: int

    @property
    def is_quarantined(self) -> bool:
        """Whether this was one crash too many."""
        return self.crashes >= CRASH_LIMIT


def owner_name(home: str, worker: str) -> str:
    """What a worker process is called in its leases: the data folder that it works on, and its own id."""
    return f"{home}.{worker}" if home else worker


def _folder_of(owner: str) -> str:
    home, dot, _ = owner.rpartition(".")
    return home + dot


def take_jobs(
    connection: Connection,
    owner: str,
    slots: Mapping[Lane, int],
    now: str,
    until: str,
    home: str = "",
) -> list[Lease]:
    """Lease ready jobs so that `owner` holds at most `slots` of each lane; attempts count before work starts.

    A suspect (a job that a crashed worker held) runs alone: it is leased when `owner` holds nothing else, and
    nothing else beside it. Jobs that only another data folder than `home` can do are left to that one.
    A job put off to a time that no pause reaches (the clock was ahead then) is ready.
    """
    held = connection.execute(_HELD, {"of_owner": owner}).all()
    if any(row.crashes for row in held):
        return []
    too_far = timestamp(datetime.fromisoformat(now) + _LONGEST_PAUSE)
    of = {"now": now, "too_far": too_far, "of_home": home}
    found = connection.execute(_SUSPECTS, of).all()
    if found:
        return [] if held else [_lease(connection, found[0], owner, now, until)]
    leases = []
    for lane, most in slots.items():
        free = most - sum(row.lane == lane for row in held)
        rows = connection.execute(_OF_LANE, {**of, "of_lane": lane, "free": free}).all() if free > 0 else []
        leases += [_lease(connection, row, owner, now, until) for row in rows]
    return leases


def _lease(
    connection: Connection,
    row: Row[int, str, str, int, int, int],
    owner: str,
    now: str,
    until: str,
) -> Lease:
    connection.execute(_LEASE, {"of_id": row.id, "of_owner": owner, "until": until, "now": now})
    return Lease(row.id, row.token + 1, row.exhibit_id, Stage(row.stage), row.attempts + 1)


def get_lease(connection: Connection, job_id: int, token: int, *, keep: bool = False) -> Lease:
    """The lease behind a message; raises LeaseLostError where the message is late or repeated.

    With `keep`, in a transaction that writes, nobody else can be given the job before that ends.
    """
    statement = _KEPT_AS if keep else _HELD_AS
    row = connection.execute(statement, {"of_id": job_id, "of_token": token}).one_or_none()
    if row is None:
        raise LeaseLostError(f"Job {job_id} is no longer held under token {token}.")
    return Lease(job_id, token, row.exhibit_id, Stage(row.stage), row.attempts)


def finish_job(connection: Connection, lease: Lease, now: str, *, is_last: bool) -> None:
    """Close a job and make the next ready, or skip the rest; raises LeaseLostError for a late holder."""
    _close(connection, lease, now, state="done", error="")
    of = {"of_exhibit": lease.exhibit_id, "now": now}
    if is_last:
        connection.execute(_SKIP_REST, of)
    elif lease.stage.next:
        connection.execute(_MAKE_READY, {**of, "of_stage": lease.stage.next})


def postpone_job(
    connection: Connection, lease: Lease, now: str, not_before: str, error: str, *, blameless: bool = False
) -> None:
    """Give a job back after an error, to be tried again from `not_before` on.

    With `blameless` the attempt is not counted: the error says nothing of the job.
    """
    attempts = lease.attempts - 1 if blameless else lease.attempts
    later = {"later": not_before, "counted": attempts}
    _close(connection, lease, now, state="ready", error=error, statement=_POSTPONE, more=later)


def quarantine_job(connection: Connection, lease: Lease, now: str, error: str) -> None:
    """Take a job out of the line until a person says to retry it."""
    _close(connection, lease, now, state="quarantined", error=error)


def _close(
    connection: Connection,
    lease: Lease,
    now: str,
    *,
    state: str,
    error: str,
    statement: Update = _CLOSE,
    more: Mapping[str, object] = _NOTHING,
) -> None:
    of = {"of_id": lease.job_id, "of_token": lease.token, "now": now, "new_state": state, "said": error}
    closed = connection.execute(statement, {**of, **more})
    if closed.rowcount != 1:
        raise LeaseLostError(f"Job {lease.job_id} was given to another holder in the meantime.")


def renew_leases(connection: Connection, owner: str, until: str) -> None:
    """Say that `owner` still lives."""
    connection.execute(
        update(job).where(job.c.state == "leased", job.c.owner == owner).values(leased_until=until)
    )


def expire_leases(connection: Connection, now: str) -> int:
    """Give back, without blame, what nobody renewed in time: the machine went, or its way here; how many."""
    return connection.execute(_EXPIRED, {"now": now}).rowcount


def release_leases(connection: Connection, now: str, *, owner: str | None = None, keep: str = "") -> int:
    """Give back, without blame, the leases of `owner`, or of all others of the data folder of `keep`.

    The name of an owner begins with its data folder (see `owner_name`). Returns how many.
    """
    whose = job.c.owner == owner
    if owner is None:
        whose = job.c.owner.startswith(_folder_of(keep), autoescape=True) & (job.c.owner != keep)
    done = connection.execute(
        update(job)
        .where(job.c.state == "leased", whose)
        .values(state="ready", owner=None, leased_until=None, changed_at=now, token=job.c.token + 1)
    )
    return done.rowcount


def count_crash(connection: Connection, owner: str, now: str) -> list[HeldJob]:
    """Count a crash against each job that the dead worker `owner` held; quarantine those that had enough."""
    rows = connection.execute(
        select(job.c.id, job.c.exhibit_id, job.c.stage, job.c.crashes, job.c.token).where(
            job.c.state == "leased", job.c.owner == owner
        )
    ).all()
    held = [HeldJob(r.id, r.exhibit_id, Stage(r.stage), r.crashes + 1, r.token + 1) for r in rows]
    for item in held:
        connection.execute(
            update(job)
            .where(job.c.id == item.job_id)
            .values(
                state="quarantined" if item.is_quarantined else "ready",
                crashes=item.crashes,
                token=item.token,
                owner=None,
                leased_until=None,
                changed_at=now,
                error=f"killed its worker ({item.crashes} of {CRASH_LIMIT})",
            )
        )
    return held
