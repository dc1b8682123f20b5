"""The feeder: as many jobs as there are slots, each sent once, and given back when the worker goes."""

from pathlib import Path

import pytest

from evidence.catalogue.jobs import Lane, Stage
from evidence.catalogue.leases import Lease, count_crash
from evidence.clock import system_clock, timestamp
from evidence.errors import UnavailableError
from ingest.feeder import LEASE, Feeder
from tests.ingest.conftest import SLOTS, Desk


@pytest.fixture
def five(desk: Desk, tmp_path: Path) -> Desk:
    intaker = desk.intaker()
    for n in range(5):
        path = tmp_path / f"{n}.txt"
        path.write_text(f"note {n}")
        intaker.receive(path, path.name)
    return desk


def feeder(desk: Desk, sent: list[Lease], owner: str = "w1", slots: dict[Lane, int] = SLOTS) -> Feeder:
    return Feeder(desk.catalogue, owner, slots, sent.append, system_clock)


def leased(desk: Desk) -> list[tuple[str]]:
    return desk.rows("SELECT owner FROM job WHERE state = 'leased' ORDER BY id")


def test_it_sends_what_fits_into_the_slots_and_no_more(five: Desk) -> None:
    sent: list[Lease] = []
    one = feeder(five, sent)
    assert one.step() == 2
    assert one.step() == 0
    assert [lease.stage for lease in sent] == [Stage.SEAL, Stage.SEAL]


def test_a_slot_that_is_free_again_is_filled_with_the_next_job(five: Desk) -> None:
    sent: list[Lease] = []
    one = feeder(five, sent)
    one.step()
    five.pipeline().run(sent[0].job_id, sent[0].token)
    one.done(sent[0].job_id)
    assert one.step() == 1
    assert len({(lease.job_id, lease.token) for lease in sent}) == 3


def test_a_message_is_sent_only_after_its_lease_is_in_the_catalogue(five: Desk) -> None:
    seen: list[str] = []

    query = "SELECT state FROM job WHERE id = ?"

    def look(lease: Lease) -> None:
        seen.extend(state for (state,) in five.rows(query, lease.job_id))

    Feeder(five.catalogue, "w1", SLOTS, look, system_clock).step()
    assert seen == ["leased", "leased"]


def test_what_an_orderly_worker_holds_is_given_back_at_once_and_without_blame(five: Desk) -> None:
    one = feeder(five, [])
    one.step()
    one.release()
    assert leased(five) == []
    assert five.rows("SELECT sum(crashes) FROM job") == [(0,)]
    assert feeder(five, [], "w2").step() == 2


def test_the_next_worker_takes_over_what_a_killed_one_held(five: Desk) -> None:
    late: list[Lease] = []
    feeder(five, late).step()
    second = feeder(five, [], "w2")
    assert second.take_over() == 2
    assert second.step() == 2
    assert leased(five) == [("w2",), ("w2",)]
    five.pipeline().run(late[0].job_id, late[0].token)
    assert five.rows("SELECT state FROM job WHERE id = ?", late[0].job_id) == [("leased",)]


def test_a_job_that_killed_a_worker_runs_before_all_others_and_alone(five: Desk) -> None:
    killer = five.lease("dead")[1]
    with five.catalogue.write() as connection:
        count_crash(connection, "dead", timestamp(system_clock()))
        retry = "UPDATE job SET crashes = 0 WHERE id != ?"
        connection.exec_driver_sql(retry, (killer.job_id,))
    sent: list[Lease] = []
    one = feeder(five, sent)
    assert (one.step(), one.step()) == (1, 0)
    assert sent[0].job_id == killer.job_id
    five.pipeline().run(sent[0].job_id, sent[0].token)
    one.done(sent[0].job_id)
    assert one.step() == 2


def test_renewing_keeps_its_own_leases_alive_and_no_others(five: Desk) -> None:
    one, other = feeder(five, [], slots={Lane.FAST: 1}), feeder(five, [], "w2", {Lane.FAST: 1})
    one.step()
    other.step()
    before = dict(five.rows("SELECT owner, leased_until FROM job WHERE state = 'leased'"))
    one.renew()
    after = dict(five.rows("SELECT owner, leased_until FROM job WHERE state = 'leased'"))
    assert after["w1"] > before["w1"]
    assert after["w2"] == before["w2"]


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_message_that_nobody_began_on_is_sent_again_and_one_that_was_begun_is_not(five: Desk) -> None:
    sent: list[Lease] = []
    seconds = Seconds()
    one = Feeder(five.catalogue, "w1", SLOTS, sent.append, system_clock, monotonic=seconds)
    one.step()
    first, second = sent
    assert one.begin(first.job_id, first.token)
    seconds.now += 11
    one.step()
    assert sent == [first, second, second]


def test_a_message_that_comes_twice_or_late_is_not_acted_on(five: Desk) -> None:
    sent: list[Lease] = []
    one = feeder(five, sent)
    one.step()
    assert one.begin(sent[0].job_id, sent[0].token)
    assert not one.begin(sent[0].job_id, sent[0].token)
    assert not one.begin(sent[1].job_id, sent[1].token + 1)
    one.done(sent[1].job_id)
    assert not one.begin(sent[1].job_id, sent[1].token)


def test_where_the_broker_is_away_jobs_are_given_back_uncounted_for_others_to_take(five: Desk) -> None:
    def send(_lease: Lease) -> None:
        raise UnavailableError("The broker does not answer.")

    one = Feeder(five.catalogue, "w1", {Lane.FAST: 1}, send, system_clock)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            one.step()
    assert not one.is_busy
    assert leased(five) == []
    assert five.rows("SELECT max(attempts) FROM job") == [(0,)]
    assert feeder(five, [], "w2").step() == 2


def test_leases_of_a_machine_that_vanished_run_out_and_are_taken(five: Desk) -> None:
    seconds = Seconds()
    feeder(five, [], "gone").step()
    one = Feeder(
        five.catalogue, "w1", SLOTS, lambda _: None, lambda: system_clock() + 2 * LEASE, monotonic=seconds
    )
    owners = []
    for _ in range(13):
        one.step()
        owners.append({owner for (owner,) in leased(five)})
        seconds.now += 1
    assert owners[0] == {"gone", "w1"}
    assert owners[-1] == {"w1"}
    assert five.rows("SELECT max(crashes) FROM job") == [(0,)]


def test_after_an_outage_the_living_are_given_time_to_renew(five: Desk) -> None:
    seconds = Seconds()
    feeder(five, [], "living", {Lane.FAST: 1}).step()
    one = Feeder(
        five.catalogue, "w1", SLOTS, lambda _: None, lambda: system_clock() + 2 * LEASE, monotonic=seconds
    )
    seconds.now += 120  # the catalogue was away, as for everybody
    one.step()
    assert ("living",) in leased(five)


def test_a_worker_takes_over_what_was_held_on_its_data_folder_and_not_on_others(five: Desk) -> None:
    feeder(five, [], "here.1", {Lane.FAST: 1}).step()
    feeder(five, [], "there.1", {Lane.FAST: 1}).step()
    assert feeder(five, [], "here.2").take_over() == 1
    assert leased(five) == [("there.1",)]
