"""Crashes: counted against the jobs of the worker that died; quarantine after the third; retry."""

from pathlib import Path

import pytest

from evidence.catalogue.jobs import CRASH_LIMIT, Stage
from evidence.clock import system_clock
from evidence.exhibits import ExhibitState
from ingest.crashes import retry, worker_died
from tests.ingest.conftest import Desk


@pytest.fixture
def received(desk: Desk, note: Path) -> Desk:
    desk.intaker().receive(note, "note.txt")
    return desk


def crash(desk: Desk, times: int) -> None:
    for n in range(times):
        assert len(desk.lease(f"w{n}")) == 1
        worker_died(desk.catalogue, f"w{n}", system_clock)


def quarantine_events(desk: Desk) -> list[tuple[str]]:
    return desk.rows("SELECT event_id FROM ledger_inbox WHERE type = 'exhibit.quarantined'")


def test_two_crashes_are_forgiven(received: Desk) -> None:
    crash(received, CRASH_LIMIT - 1)
    assert received.exhibits()[0].state is ExhibitState.RECEIVED
    received.work()
    assert received.exhibits()[0].state is ExhibitState.REFUSED


def test_the_third_quarantines_the_exhibit_with_its_reason_and_a_custody_event(received: Desk) -> None:
    crash(received, CRASH_LIMIT)
    (exhibit,) = received.exhibits()
    assert exhibit.state is ExhibitState.QUARANTINED
    assert "killed its worker 3 times" in exhibit.reason
    assert len(quarantine_events(received)) == 1
    assert received.lease("w9") == []


def test_the_death_of_a_worker_that_held_nothing_counts_against_nothing(received: Desk) -> None:
    received.lease("w1")
    assert worker_died(received.catalogue, "another", system_clock) == []
    assert received.rows("SELECT sum(crashes) FROM job") == [(0,)]


def test_a_retry_starts_over_from_where_the_exhibit_was(received: Desk) -> None:
    crash(received, CRASH_LIMIT)
    assert retry(received.catalogue, system_clock, "tester") == [received.exhibits()[0].name]
    assert received.exhibits()[0].state is ExhibitState.RECEIVED
    received.work(until=lambda lease: lease.stage is Stage.INSPECT)
    worker_died(received.catalogue, "w1", system_clock)
    crash(received, CRASH_LIMIT - 1)
    assert received.exhibits()[0].state is ExhibitState.QUARANTINED
    retry(received.catalogue, system_clock, "tester", received.exhibits()[0].id)
    assert received.exhibits()[0].state is ExhibitState.SEALED
    received.work()
    assert received.exhibits()[0].state is ExhibitState.REFUSED


def test_a_job_that_is_quarantined_twice_has_two_events(received: Desk) -> None:
    crash(received, CRASH_LIMIT)
    retry(received.catalogue, system_clock, "tester")
    crash(received, CRASH_LIMIT)
    assert len(set(quarantine_events(received))) == 2


def test_the_record_says_who_put_it_back_into_the_line(received: Desk) -> None:
    crash(received, CRASH_LIMIT)
    retry(received.catalogue, system_clock, "tester")
    found = received.rows("SELECT actor, objects FROM ledger_inbox WHERE type = 'exhibit.retried'")
    assert [(actor, "EX-0001" in str(objects)) for actor, objects in found] == [("tester", True)]


def test_nothing_quarantined_is_nothing_to_retry(received: Desk) -> None:
    assert retry(received.catalogue, system_clock, "tester") == []
