"""The job table: leases, fencing, lanes, suspects, quarantine."""

import pytest
from sqlalchemy import Connection, select

from evidence.catalogue.cases import open_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.intake import Submission, add_file, add_submission
from evidence.catalogue.jobs import CRASH_LIMIT, Lane, Stage, count_jobs, retry_quarantined
from evidence.catalogue.leases import (
    Lease,
    LeaseLostError,
    count_crash,
    finish_job,
    get_lease,
    postpone_job,
    release_leases,
    take_jobs,
)
from evidence.catalogue.tables import job
from evidence.exhibits import Digests, Source

NOW, LATER, LATEST = (f"2026-11-23T08:00:0{n}.000000Z" for n in range(3))
SLOTS = {Lane.FAST: 2, Lane.SLOW: 1}


def receive(connection: Connection, count: int) -> list[str]:
    case = open_case(connection, "0100-10293-00001-26", NOW)
    submission = Submission("s1", case.id, Source.SEIZED, "tester")
    add_submission(connection, submission, NOW)
    return [
        add_file(
            connection,
            submission,
            name=b"clip.mp4",
            digests=Digests(1, f"{n:064x}", f"{n:064x}", 1, (f"{n:064x}",)),
            spool=f"spool{n}",
            now=NOW,
        ).exhibit_id
        for n in range(1, count + 1)
    ]


def take(connection: Connection, owner: str = "w1", now: str = NOW) -> list[Lease]:
    return take_jobs(connection, owner, SLOTS, now, LATEST)


def test_a_worker_holds_no_more_jobs_than_its_lanes_have_slots(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 5)
        assert len(take(connection)) == 2
        assert take(connection) == []


def test_stages_follow_one_another_and_sealing_comes_first(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 2)
        first, second = take(connection)
        finish_job(connection, first, NOW, is_last=False)
        third = take(connection)[0]
        assert (third.exhibit_id, third.stage) == (first.exhibit_id, Stage.INSPECT)
        assert second.stage is Stage.SEAL


def test_the_slow_lane_has_a_slot_of_its_own(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 3)
        for _ in range(3):
            finish_job(connection, take(connection)[0], NOW, is_last=False)
            release_leases(connection, NOW, owner="w1")
        lanes = [lease.stage.lane for lease in take(connection)]
    assert lanes == [Lane.FAST, Lane.FAST]


def test_attempts_are_counted_before_the_work_starts(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        assert take(connection)[0].attempts == 1
        release_leases(connection, NOW, owner="w1")
        assert take(connection)[0].attempts == 2


def test_a_late_holder_can_file_nothing(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        late = take(connection)[0]
        release_leases(connection, NOW, keep="w2")
        current = take(connection, "w2")[0]
        assert current.job_id == late.job_id
        with pytest.raises(LeaseLostError):
            get_lease(connection, late.job_id, late.token)
        with pytest.raises(LeaseLostError):
            finish_job(connection, late, NOW, is_last=False)
        finish_job(connection, current, NOW, is_last=False)


def test_a_message_delivered_twice_finds_its_job_done(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        lease = take(connection)[0]
        finish_job(connection, lease, NOW, is_last=False)
        with pytest.raises(LeaseLostError):
            get_lease(connection, lease.job_id, lease.token)


def test_a_postponed_job_waits_for_its_time(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        postpone_job(connection, take(connection)[0], NOW, LATER, "the disk is full")
        assert take(connection) == []
        assert len(take(connection, now=LATER)) == 1


@pytest.mark.parametrize("when", ["made ready", "put off"])
def test_a_clock_that_was_years_ahead_holds_no_job_back(catalogue: Catalogue, when: str) -> None:
    ahead = "2031-01-01T00:00:00.000000Z"
    with catalogue.write() as connection:
        receive(connection, 1)
        lease = take(connection)[0]
        if when == "put off":
            postpone_job(connection, lease, ahead, ahead, "the disk is full")
        else:
            finish_job(connection, lease, ahead, is_last=False)
        [again] = take(connection)
    assert again.stage is (Stage.SEAL if when == "put off" else Stage.INSPECT)


def test_a_refused_exhibit_skips_what_would_come_after(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        finish_job(connection, take(connection)[0], NOW, is_last=False)
        finish_job(connection, take(connection)[0], NOW, is_last=True)
        assert count_jobs(connection) == {
            "seal": {"done": 1},
            "inspect": {"done": 1},
            "fast": {"skipped": 1},
            "slow": {"skipped": 1},
        }


def test_suspects_run_alone_and_only_the_guilty_one_is_quarantined(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        guilty, innocent, *_ = receive(connection, 4)
        assert [lease.exhibit_id for lease in take(connection)] == [guilty, innocent]
        assert [held.crashes for held in count_crash(connection, "w1", NOW)] == [1, 1]
        for crashes in range(2, CRASH_LIMIT + 1):
            alone = take(connection, f"w{crashes}")
            assert [lease.exhibit_id for lease in alone] == [guilty]
            assert take(connection, f"w{crashes}") == []
            held = count_crash(connection, f"w{crashes}", NOW)
            assert [item.is_quarantined for item in held] == [crashes == CRASH_LIMIT]
        alone = take(connection, "w9")
        assert [lease.exhibit_id for lease in alone] == [innocent]
        finish_job(connection, alone[0], NOW, is_last=True)
        assert len(take(connection, "w9")) == 2


def test_killing_the_whole_program_counts_against_no_job(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        receive(connection, 1)
        for n in range(10):
            take(connection, f"w{n}")
            release_leases(connection, NOW, keep=f"w{n + 1}")
        assert connection.execute(select(job.c.crashes).where(job.c.stage == "seal")).scalar() == 0


def test_a_person_can_put_a_quarantined_job_back_into_the_line(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        (exhibit_id,) = receive(connection, 1)
        for n in range(CRASH_LIMIT):
            take(connection, f"w{n}")
            count_crash(connection, f"w{n}", NOW)
        assert take(connection) == []
        assert retry_quarantined(connection, NOW) == [exhibit_id]
        assert len(take(connection)) == 1
