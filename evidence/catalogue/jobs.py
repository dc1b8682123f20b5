"""The job table: the four jobs of each exhibit, in their order; the outbox that the feeder takes from."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from evidence.catalogue.tables import exhibit, job

CRASH_LIMIT = 3
ATTEMPT_LIMIT = 6
ENDED = frozenset({"done", "skipped", "quarantined"})  # states of a job that nothing waits for any more


class Lane(StrEnum):
    """Each lane has slots of its own, so that the fast one never waits behind the slow one."""

    FAST = "fast"
    SLOW = "slow"


class Stage(StrEnum):
    """The four jobs of an exhibit, in their order."""

    SEAL = "seal"
    INSPECT = "inspect"
    FAST = "fast"
    SLOW = "slow"

    @property
    def lane(self) -> Lane:
        """Where it runs."""
        return Lane.SLOW if self is Stage.SLOW else Lane.FAST

    @property
    def next(self) -> "Stage | None":
        """The job that this one makes ready."""
        order = list(Stage)
        at = order.index(self) + 1
        return order[at] if at < len(order) else None


# Sealing comes first: nothing received may wait for a transcode of something older.
_URGENCY = {Stage.SEAL: 0, Stage.INSPECT: 10, Stage.FAST: 20, Stage.SLOW: 30}
_AHEAD = 100  # an urgent exhibit's jobs come before all others of their lane
_ADD = insert(job)


def add_jobs(
    connection: Connection, exhibit_id: str, now: str, *, home: str = "", urgent: bool = False
) -> None:
    """The four jobs of a new exhibit; only the first is ready, and only `home` can do it (see `add_file`)."""
    connection.execute(
        _ADD,
        [
            {
                "exhibit_id": exhibit_id,
                "stage": stage,
                "lane": stage.lane,
                "priority": _URGENCY[stage] - (_AHEAD if urgent else 0),
                "state": "ready" if stage is Stage.SEAL else "waiting",
                "home": home if stage is Stage.SEAL else "",
                "not_before": now,
                "changed_at": now,
            }
            for stage in Stage
        ],
    )


def is_urgent(connection: Connection, exhibit_id: str) -> bool:
    """Whether the exhibit's jobs come before others."""
    first = select(func.min(job.c.priority)).where(job.c.exhibit_id == exhibit_id)
    return (connection.execute(first).scalar() or 0) < 0


def retry_quarantined(connection: Connection, now: str, exhibit_id: str | None = None) -> list[str]:
    """Put quarantined jobs back into the line with a clean slate; returns the exhibits' ids."""
    chosen = job.c.state == "quarantined"
    if exhibit_id is not None:
        chosen &= job.c.exhibit_id == exhibit_id
    ids = list(connection.execute(select(job.c.exhibit_id).where(chosen)).scalars())
    connection.execute(
        update(job)
        .where(chosen)
        .values(state="ready", crashes=0, attempts=0, error="", not_before=now, changed_at=now)
    )
    return ids


def count_jobs(connection: Connection) -> dict[str, dict[str, int]]:
    """How many jobs each stage has in each state."""
    rows = connection.execute(
        select(job.c.stage, job.c.state, func.count()).group_by(job.c.stage, job.c.state)
    )
    counts: dict[str, dict[str, int]] = {str(stage): {} for stage in Stage}
    for stage, state, number in rows:
        counts.setdefault(stage, {})[state] = number
    return counts


def troubled_jobs(connection: Connection) -> Sequence[Row[str, str, str, int, int, str]]:
    """Quarantined or postponed jobs: exhibit_id, stage, state, attempts, crashes, error."""
    open_ones = job.c.state.in_(("quarantined", "ready", "leased"))
    return connection.execute(
        select(job.c.exhibit_id, job.c.stage, job.c.state, job.c.attempts, job.c.crashes, job.c.error)
        .where(open_ones & or_(job.c.state == "quarantined", job.c.error != ""))
        .order_by(job.c.id)
    ).all()


def oldest_unsealed(connection: Connection) -> str | None:
    """When the oldest exhibit that is not sealed was received."""
    return connection.execute(
        select(func.min(exhibit.c.received_at)).where(exhibit.c.spool.is_not(None))
    ).scalar()
