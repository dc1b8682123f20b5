"""What waits: for people who look after an installation, and for their alarms."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from evidence.catalogue.jobs import oldest_unsealed
from evidence.catalogue.ledger_tables import ledger_inbox
from evidence.catalogue.tables import exhibit, job, scrub


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs that are not done by (lane, state), events without a place; times are None where nothing waits."""

    jobs: Mapping[tuple[str, str], int]
    unsequenced: int
    oldest_unsealed: str | None
    oldest_ready: str | None  # when the exhibit was received whose ready job has waited the longest
    oldest_event: str | None
    scrubbed_at: str | None  # when the whole archive was last read to its end

    @property
    def quarantined(self) -> int:
        """How many jobs a person must look at."""
        return sum(count for (_, state), count in self.jobs.items() if state == "quarantined")


def backlog(connection: Connection) -> Backlog:
    """What waits now."""
    open_ones = job.c.state.in_(("ready", "leased", "waiting", "quarantined"))
    counted = select(job.c.lane, job.c.state, func.count()).where(open_ones).group_by(job.c.lane, job.c.state)
    waiting = select(func.count(), func.min(ledger_inbox.c.at)).where(text("ledger_inbox.sequenced = 0"))
    events, oldest_event = connection.execute(waiting).one()
    return Backlog(
        jobs={(lane, state): count for lane, state, count in connection.execute(counted)},
        unsequenced=events,
        oldest_unsealed=oldest_unsealed(connection),
        # Not since when it is ready: a job that is given back again and again would always be a young one.
        oldest_ready=connection.execute(
            select(func.min(exhibit.c.received_at)).join(job).where(job.c.state == "ready")
        ).scalar(),
        oldest_event=oldest_event,
        scrubbed_at=connection.execute(
            select(func.max(scrub.c.finished_at)).where(scrub.c.subset == "")
        ).scalar(),
    )
