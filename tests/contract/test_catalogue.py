"""What several programs at once must find in any catalogue; SQLite queues them, PostgreSQL lets them race."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest

from evidence.catalogue.cases import (
    close_case,
    find_case,
    get_case,
    list_cases,
    lock_case,
    open_case,
    renumber_case,
    require_open,
)
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.erasure import erase_bodies
from evidence.catalogue.exhibits import list_exhibits
from evidence.catalogue.intake import Submission, add_file, add_submission
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import (
    Lease,
    LeaseLostError,
    expire_leases,
    finish_job,
    release_leases,
    renew_leases,
    take_jobs,
)
from evidence.catalogue.ledger import NewEvent, SqlLedgerStore, add_events
from evidence.catalogue.members import add_member, received_places
from evidence.catalogue.objects import ObjectRow, announce_objects
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.recorders import (
    RecorderFacts,
    add_recorder,
    link_exhibit,
    list_recorders,
    recorder_of,
)
from evidence.catalogue.sqlite import open_catalogue
from evidence.custody import CustodyEvent, EventBody
from evidence.errors import ConflictError, SettingsError, UnavailableError, UnreadableError
from evidence.exhibits import Digests, Role, Source
from hashing.entries import make_body
from hashing.note_keys import Signer
from hashing.sequencer import Sequencer
from tests.databases import PostgresServer, postgres_server
from tests.system.program import wait_until

NOW, LATER, LATEST = (f"2026-11-23T08:00:0{n}.000000Z" for n in range(3))
NUMBER, OTHER, THIRD = (f"0100-10293-0000{n}-26" for n in range(3))
AT_ONCE = 8
Opener = Callable[[], Catalogue]
T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same catalogue again and again, as further programs do."""
    opened: list[Catalogue] = []
    url = request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else ""

    def open_again() -> Catalogue:
        opened.append(open_server_catalogue(url) if url else open_catalogue(tmp_path / "catalogue.sqlite3"))
        return opened[-1]

    yield open_again
    for catalogue in opened:
        catalogue.close()


def at_once(opener: Opener, action: Callable[[Catalogue, int], T]) -> list[T | Exception]:
    """What each of several programs gets out of `action`, all of them begun at the same moment."""
    start = Barrier(AT_ONCE)
    catalogues = [opener() for _ in range(AT_ONCE)]

    def run(number: int) -> T | Exception:
        start.wait()
        try:
            return action(catalogues[number], number)
        except Exception as error:  # noqa: BLE001 - it is the outcome
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def in_case(catalogue: Catalogue, number: str = NUMBER) -> str:
    with catalogue.write() as connection:
        return open_case(connection, number, NOW).id


def receive(catalogue: Catalogue, case_id: str, name: str, contents: Sequence[int]) -> list[str]:
    """A submission of one file for each of `contents`; the exhibits' ids."""
    submission = Submission(f"s-{name}", case_id, Source.SEIZED, "tester")
    with catalogue.write() as connection:
        add_submission(connection, submission, NOW)
    found = []
    for content in contents:
        digests = Digests(1, f"{content:064x}", f"{content:064x}", 1, (f"{content:064x}",))
        with catalogue.write() as connection:
            spool = f"{name}-{content}"
            intake = add_file(connection, submission, name=b"a", digests=digests, spool=spool, now=NOW)
            found.append(intake.exhibit_id)
    return found


def succeeded(outcomes: Sequence[object], refusal: type[Exception]) -> list[object]:
    """Those that succeeded; all others were refused as they should be."""
    failed = [item for item in outcomes if isinstance(item, Exception)]
    assert [type(item) for item in failed] == [refusal] * len(failed), failed
    return [item for item in outcomes if not isinstance(item, Exception)]


def test_a_new_catalogue_is_made_once(opener: Opener) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        catalogues = list(pool.map(lambda _: opener(), range(AT_ONCE)))
    in_case(catalogues[0])
    with catalogues[-1].read() as connection:
        assert [case.number for case in list_cases(connection)] == [NUMBER]


def test_a_case_number_is_given_out_once(opener: Opener) -> None:
    outcomes = at_once(opener, lambda catalogue, _: in_case(catalogue))
    assert len(succeeded(outcomes, ConflictError)) == 1


def test_a_case_is_renumbered_by_one_and_the_others_are_told(opener: Opener) -> None:
    first = opener()
    in_case(first)

    def renumber(catalogue: Catalogue, n: int) -> None:
        with catalogue.write() as connection:
            found = find_case(connection, NUMBER)
            renumber_case(connection, found, f"0200-10293-0000{n}-26", LATER)

    outcomes = at_once(opener, renumber)
    refused = [item for item in outcomes if item is not None]
    assert len(refused) == AT_ONCE - 1
    assert all("renumbered" in str(item) for item in refused), refused
    with first.read() as connection:
        assert len(list_cases(connection)) == 1


def test_a_number_that_a_case_had_is_given_to_no_other_and_may_come_back_to_it(opener: Opener) -> None:
    catalogue = opener()
    in_case(catalogue)
    with catalogue.write() as connection:
        renumber_case(connection, find_case(connection, NUMBER), "0200-10293-00001-26", LATER)
    with catalogue.write() as connection, pytest.raises(ConflictError, match="now 0200-10293-00001-26"):
        open_case(connection, NUMBER, LATER)
    with catalogue.write() as connection:
        renumber_case(connection, find_case(connection, "0200-10293-00001-26"), NUMBER, LATER)
        assert [case.number for case in list_cases(connection)] == [NUMBER]


def test_a_case_is_closed_once_and_nothing_comes_in_after(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)

    def close_or_receive(catalogue: Catalogue, n: int) -> str:
        with catalogue.write() as connection:
            if n % 2:
                close_case(connection, get_case(connection, case_id), LATER)
                return "closed"
            lock_case(connection, case_id)
            require_open(get_case(connection, case_id))
            add_submission(connection, Submission(f"s{n}", case_id, Source.SEIZED, "tester"), NOW)
            return "received"

    outcomes = succeeded(at_once(opener, close_or_receive), ConflictError)
    assert Counter(outcomes)["closed"] == 1


def test_the_same_bytes_are_one_exhibit_however_many_hand_them_in(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)
    outcomes = at_once(opener, lambda catalogue, n: receive(catalogue, case_id, str(n), range(10)))
    assert {tuple(found) for found in succeeded(outcomes, ConflictError) if isinstance(found, list)} == {
        tuple(outcomes[0])  # type: ignore[arg-type]
    }
    with first.read() as connection:
        assert [exhibit.number for exhibit in list_exhibits(connection)] == list(range(1, 11))


def test_exhibits_are_numbered_without_gaps_and_without_a_number_twice(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)
    outcomes = at_once(
        opener, lambda catalogue, n: receive(catalogue, case_id, str(n), range(10 * n, 10 * n + 10))
    )
    assert len(succeeded(outcomes, ConflictError)) == AT_ONCE
    with first.read() as connection:
        assert [e.number for e in list_exhibits(connection)] == list(range(1, 10 * AT_ONCE + 1))
        assert get_case(connection, case_id).exhibits == 10 * AT_ONCE


def test_files_of_one_submission_come_in_beside_each_other(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)
    submission = Submission("s1", case_id, Source.SEIZED, "tester")
    with first.write() as connection:
        add_submission(connection, submission, NOW)

    def add(catalogue: Catalogue, n: int) -> int:
        digests = Digests(1, f"{n:064x}", f"{n:064x}", 1, (f"{n:064x}",))
        with catalogue.write() as connection:
            return add_file(
                connection, submission, name=b"a", digests=digests, spool=f"x{n}", now=NOW
            ).ordinal

    outcomes = at_once(opener, add)
    assert sorted(succeeded(outcomes, ConflictError)) == list(range(1, AT_ONCE + 1))  # type: ignore[type-var]


def test_recorders_are_numbered_and_an_exhibit_is_linked_to_one(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)
    [exhibit_id] = receive(first, case_id, "a", [1])

    def add_and_link(catalogue: Catalogue, n: int) -> int:
        with catalogue.write() as connection:
            added = add_recorder(connection, case_id, f"r{n}", RecorderFacts(), NOW)
        with catalogue.write() as connection:
            link_exhibit(connection, exhibit_id, added.id, str(n), NOW)
        return added.number

    outcomes = at_once(opener, add_and_link)
    assert sorted(succeeded(outcomes, ConflictError)) == list(range(1, AT_ONCE + 1))  # type: ignore[type-var]
    with first.read() as connection:
        assert recorder_of(connection, exhibit_id) is not None
        assert len(list_recorders(connection, case_id)) == AT_ONCE


def test_a_job_is_given_to_one_worker_and_each_gets_some(opener: Opener) -> None:
    first = opener()
    receive(first, in_case(first), "a", range(4 * AT_ONCE))

    def take(catalogue: Catalogue, n: int) -> list[Lease]:
        with catalogue.write() as connection:
            return take_jobs(connection, f"w{n}", {Lane.FAST: 4}, NOW, LATER)

    outcomes = at_once(opener, take)
    taken = [lease.job_id for leases in outcomes if isinstance(leases, list) for lease in leases]
    assert len(taken) == len(set(taken))
    assert len(taken) > 0
    # Whoever looked while another was at it may have gone without; a second look finds the rest.
    again = at_once(opener, take)
    taken += [lease.job_id for leases in again if isinstance(leases, list) for lease in leases]
    assert len(taken) == len(set(taken)) == 4 * AT_ONCE


def test_of_two_holders_only_the_one_with_the_current_token_closes_the_job(opener: Opener) -> None:
    first = opener()
    receive(first, in_case(first), "a", [1])
    with first.write() as connection:
        [late] = take_jobs(connection, "w1", {Lane.FAST: 1}, NOW, LATER)
        release_leases(connection, NOW, owner="w1")
        [current] = take_jobs(connection, "w2", {Lane.FAST: 1}, NOW, LATER)

    def close(catalogue: Catalogue, n: int) -> str:
        with catalogue.write() as connection:
            finish_job(connection, current if n % 2 else late, NOW, is_last=False)
        return "current" if n % 2 else "late"

    assert succeeded(at_once(opener, close), LeaseLostError) == ["current"]


def test_a_lease_that_nobody_renews_runs_out_and_a_renewed_one_does_not(opener: Opener) -> None:
    catalogue = opener()
    receive(catalogue, in_case(catalogue), "a", [1, 2])
    with catalogue.write() as connection:
        [gone] = take_jobs(connection, "gone", {Lane.FAST: 1}, NOW, NOW)
        [kept] = take_jobs(connection, "here", {Lane.FAST: 1}, NOW, NOW)
        renew_leases(connection, "here", LATEST)
        assert expire_leases(connection, LATER) == 1
        [again] = take_jobs(connection, "other", {Lane.FAST: 2}, LATER, LATEST)
        assert (again.job_id, again.token) == (gone.job_id, gone.token + 2)
        finish_job(connection, kept, NOW, is_last=False)


def test_a_job_that_needs_a_spool_is_left_to_the_data_folder_that_has_it(opener: Opener) -> None:
    catalogue = opener()
    submission = Submission("s1", in_case(catalogue), Source.SEIZED, "tester")
    digests = Digests(1, "00", "00", 2, ("00",))
    with catalogue.write() as connection:
        add_submission(connection, submission, NOW)
        add_file(connection, submission, name=b"a", digests=digests, spool="x", now=NOW, home="one")
        assert take_jobs(connection, "w2", {Lane.FAST: 1}, NOW, LATER, "two") == []
        [seal] = take_jobs(connection, "w1", {Lane.FAST: 1}, NOW, LATER, "one")
        finish_job(connection, seal, NOW, is_last=False)
        assert len(take_jobs(connection, "w2", {Lane.FAST: 1}, NOW, LATER, "two")) == 1


def test_an_urgent_exhibit_comes_before_a_backlog(opener: Opener) -> None:
    catalogue = opener()
    case_id = in_case(catalogue)
    receive(catalogue, case_id, "a", range(1, 10))
    submission = Submission("s1", case_id, Source.SEIZED, "tester")
    digests = Digests(1, "ff", "ff", 2, ("ff",))
    with catalogue.write() as connection:
        add_submission(connection, submission, NOW)
        live = add_file(connection, submission, name=b"a", digests=digests, spool="x", now=NOW, urgent=True)
        [lease] = take_jobs(connection, "w1", {Lane.FAST: 1}, NOW, LATER)
    assert lease.exhibit_id == live.exhibit_id


def test_two_that_announce_the_same_object_leave_one_row(opener: Opener) -> None:
    first = opener()
    [exhibit_id] = receive(first, in_case(first), "a", [1])
    row = ObjectRow(Role.ORIGINAL, "original", "cases/x", Digests(1, "00", "00", 2, ("00",)))

    def announce(catalogue: Catalogue, _: int) -> str:
        with catalogue.write() as connection:
            announce_objects(connection, exhibit_id, "seal", [row])
        return "done"

    assert len(succeeded(at_once(opener, announce), ConflictError)) == AT_ONCE


def test_a_member_of_an_archive_is_received_once(opener: Opener) -> None:
    first = opener()
    case_id = in_case(first)
    [archive] = receive(first, case_id, "a", [1])
    receive(first, case_id, "b", [2])
    with first.write() as connection:
        add_member(connection, archive, 0, b"x", "s-b", 1)
    with first.read() as connection:
        assert received_places(connection, archive) == {0}


def test_every_event_has_one_place_however_many_write_and_sequence(opener: Opener) -> None:
    signer = Signer.generate("vidne.invalid/test")
    first = opener()

    def write_and_sequence(catalogue: Catalogue, n: int) -> None:
        for number in range(25):
            salt, body, body_hash = make_body({"n": number})
            event = CustodyEvent(f"{n}-{number}:test.event", "test.event", NOW, "tester", f"case{n % 3}")
            with catalogue.write() as connection:
                add_events(connection, [NewEvent(event, salt, body, body_hash)])
            # On SQLite worker.lock elects, and not the catalogue.
            if catalogue.lead() and (n == 0 or first.is_server):
                Sequencer(SqlLedgerStore(catalogue), signer).run_all()

    outcomes = at_once(opener, write_and_sequence)
    assert outcomes == [None] * AT_ONCE
    store = SqlLedgerStore(first)
    # Whoever led may have ended before the last one wrote.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Sequencer(store, signer).run_all).result()
    assert (store.size(), store.pending_count()) == (25 * AT_ONCE, 0)
    for case in range(3):
        chain = [entry.case_seq for entry in store.case_entries(f"case{case}")]
        assert chain == list(range(1, len(chain) + 1))


def test_two_that_sequence_at_once_against_the_rule_leave_one_log(opener: Opener) -> None:
    signer = Signer.generate("vidne.invalid/test")
    first = opener()
    for number in range(200):
        salt, body, body_hash = make_body({"n": number})
        event = CustodyEvent(f"{number}:test.event", "test.event", NOW, "tester", "case")
        with first.write() as connection:
            add_events(connection, [NewEvent(event, salt, body, body_hash)])

    def sequence(catalogue: Catalogue, _: int) -> int:
        store = SqlLedgerStore(catalogue)
        return Sequencer(store, signer).run_once(20)

    at_once(opener, sequence)  # on SQLite a clash is a raw error of the database: it cannot happen there
    store = SqlLedgerStore(first)
    Sequencer(store, signer).run_all()
    assert [entry.case_seq for entry in store.case_entries("case")] == list(range(1, 201))


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may end."""
    with postgres_server() as server:
        yield server


def test_a_server_that_restarts_is_found_again_and_the_lock_with_it(own_server: PostgresServer) -> None:
    catalogue = open_server_catalogue(own_server.new_database())
    case_id = in_case(catalogue)
    watch = catalogue.watch()
    assert catalogue.lead()
    assert watch.changed()
    own_server.stop(signal.SIGQUIT)
    for attempt in (catalogue.lead, watch.changed, lambda: in_case(catalogue, OTHER)):
        with pytest.raises(UnavailableError):
            attempt()
    own_server.start()
    assert in_case(catalogue, THIRD) != case_id
    assert catalogue.lead()
    assert watch.changed()
    with catalogue.read() as connection:
        assert [case.number for case in list_cases(connection)] == [NUMBER, THIRD]
    catalogue.close()


def test_a_connection_that_is_cut_amid_a_transaction_leaves_nothing_of_it(postgres: PostgresServer) -> None:
    catalogue = open_server_catalogue(postgres.new_database())

    def cut() -> None:
        with catalogue.write() as connection:
            open_case(connection, NUMBER, NOW)
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(UnavailableError):
        cut()
    in_case(catalogue)
    catalogue.close()


def test_what_was_erased_is_purged_and_work_goes_on(opener: Opener) -> None:
    catalogue = opener()
    event = CustodyEvent("contact-1:test.event", "test.event", NOW, "tester", "")
    with catalogue.write() as connection:
        add_events(connection, [NewEvent(event, b"s", b"Jens Hansen", "00" * 32)])
    with catalogue.write() as connection:
        assert erase_bodies(connection, [event.event_id]) == [event.event_id]
    assert catalogue.purge()
    assert SqlLedgerStore(catalogue).body(event.event_id) == EventBody(event.event_id, None, None)
    in_case(catalogue)


def test_only_one_program_leads_until_it_ends(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    first, second = open_server_catalogue(url), open_server_catalogue(url)
    assert [first.lead(), second.lead(), first.lead()] == [True, False, True]
    first.close()
    wait_until(second.lead, 10, "the server to see that the first has ended")
    second.close()


def test_a_watch_sees_what_others_commit(opener: Opener) -> None:
    watch, other = opener().watch(), opener()
    assert [watch.changed(), watch.changed()] == [True, False]
    in_case(other)
    assert [watch.changed(), watch.changed()] == [True, False]


@pytest.mark.parametrize(
    "made",
    [
        "LOCALE 'C' ENCODING 'LATIN1'",
    ],
)
def test_a_database_that_does_not_sort_by_the_bytes_of_utf_8_is_refused(
    postgres: PostgresServer, made: str
) -> None:
    with pytest.raises(UnreadableError, match="LOCALE 'C'"):
        open_server_catalogue(postgres.new_database(made))


def test_a_password_file_that_cannot_be_read_is_named(postgres: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="VIDNE_CATALOGUE_PASSWORD_FILE"):
        open_server_catalogue(postgres.new_database(), str(tmp_path / "absent"))


def test_a_database_that_does_not_exist_is_told(postgres: PostgresServer) -> None:
    with pytest.raises(UnreadableError, match="does not exist"):
        open_server_catalogue(postgres.url("absent"))
