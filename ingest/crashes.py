"""Crashes: counted by whoever saw the worker die, and quarantine after the third."""

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import get_exhibit, set_state
from evidence.catalogue.jobs import CRASH_LIMIT, retry_quarantined
from evidence.catalogue.leases import HeldJob, count_crash
from evidence.clock import Clock, timestamp
from evidence.exhibits import ExhibitState
from ingest import events
from ingest.custody import record


def worker_died(catalogue: Catalogue, owner: str, clock: Clock) -> list[HeldJob]:
    """Count the death of worker `owner` against the jobs that it held; returns them."""
    now = timestamp(clock())
    with catalogue.write() as connection:
        held = count_crash(connection, owner, now)
        for job in held:
            if job.is_quarantined:
                exhibit = get_exhibit(connection, job.exhibit_id)
                reason = f"The job {job.stage} killed its worker {CRASH_LIMIT} times."
                set_state(connection, exhibit.id, ExhibitState.QUARANTINED, reason)
                record(connection, events.quarantined(job, exhibit, reason, now))
    return held


def retry(catalogue: Catalogue, clock: Clock, actor: str, exhibit_id: str | None = None) -> list[str]:
    """Put the quarantined jobs of an exhibit, or all, back into the line; returns the exhibits' names.

    `actor` is who says so (`exhibit.retried`).
    """
    names = []
    now = timestamp(clock())
    with catalogue.write() as connection:
        for found in dict.fromkeys(retry_quarantined(connection, now, exhibit_id)):
            exhibit = get_exhibit(connection, found)
            state = ExhibitState.RECEIVED if exhibit.spool else ExhibitState.SEALED
            set_state(connection, found, state)  # before its event: the row's lock gives the order
            record(connection, events.retried(exhibit, state, actor, now))
            names.append(exhibit.name)
    return names
