import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import String, create_engine, literal, select, text

from evidence.catalogue.cases import close_case, find_case, list_cases, numbers_of, open_case, renumber_case
from evidence.catalogue.engine import SCHEMA, Catalogue
from evidence.catalogue.exhibits import deliveries
from evidence.catalogue.fingerprints import (
    Kind,
    Mark,
    Sketch,
    exhibits_with_mark,
    put_pictures,
    sketches,
    without_head,
    without_sketch,
)
from evidence.catalogue.intake import Submission, add_file, add_submission
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import take_jobs
from evidence.catalogue.members import members_of
from evidence.catalogue.migrate import upgrade
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.recorders import RecorderFacts, add_recorder, link_exhibit, recorder_of
from evidence.catalogue.schema import metadata
from evidence.catalogue.search import Near, Wanted, search_exhibits
from evidence.catalogue.sqlite import open_catalogue
from evidence.catalogue.timestamps import kept_stamps
from evidence.errors import ConflictError, NotFoundError, UnreadableError, VidneError
from evidence.exhibits import Digests, Source
from evidence.marks import Marks
from tests.databases import PostgresServer

NOW, LATER = "2026-11-23T08:00:00.000000Z", "2026-11-24T08:00:00.000000Z"


def test_a_commit_is_durable_and_foreign_keys_hold(tmp_path: Path) -> None:
    catalogue = open_catalogue(tmp_path / "catalogue.sqlite3")
    with catalogue.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database().replace("postgresql:", "postgresql+psycopg:")


def open_at(url: str) -> Catalogue:
    sqlite = url.removeprefix("sqlite:///")
    return open_server_catalogue(url) if sqlite == url else open_catalogue(Path(sqlite))


def test_migrations_give_the_very_tables_of_the_code(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert version == SCHEMA
    engine.dispose()


FIRST = (
    "INSERT INTO \"case\" (id, opened_at, exhibits) VALUES ('c1', :now, 1)",
    "INSERT INTO case_number (case_id, number, since) VALUES ('c1', '0100-10293-00001-26', :now)",
    "INSERT INTO submission (id, case_id, source, actor, received_at, clock_shown, clock_true)"
    " VALUES ('s1', 'c1', 'citizen', 'tester', :now, '2026-03-01 12:00', '2026-03-01 12:01')",
    "INSERT INTO exhibit (id, case_id, number, sha256, blake3, size, piece_size, pieces_blake3, state,"
    " received_at, spool)"
    " VALUES ('e1', 'c1', 1, '00', '00', 5000000000, 1, '[\"00\"]', 'received', :now, 'x')",
    "INSERT INTO submitted_file (submission_id, ordinal, exhibit_id, name, received_at)"
    " VALUES ('s1', 1, 'e1', :name, :now)",
    "INSERT INTO job (exhibit_id, stage, lane, priority, state, not_before, changed_at)"
    " VALUES ('e1', 'seal', 'fast', 0, 'ready', :now, :now)",
    "INSERT INTO section (exhibit_id, name, stage, value) VALUES ('e1', 'metadata', 'inspect', :metadata)",
)
METADATA = {
    "capture_times": [{"value": "2026:02:28 23:59:59+01:00"}, {"value": "no time"}],
    "positions": [{"latitude": 55.7, "longitude": 12.5}, {"latitude": 95, "longitude": 0}],
}


def test_a_catalogue_of_the_first_version_is_migrated_with_all_that_it_has(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for statement in FIRST:
            given = {"now": NOW, "name": b"a", "metadata": json.dumps(METADATA)}
            connection.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})
    engine.dispose()
    catalogue = open_at(url)
    with catalogue.write() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA
        (delivery,) = deliveries(connection, "e1")
        assert (delivery.name, delivery.clock_true) == (b"a", "2026-03-01 12:01")
        assert members_of(connection, "e1") == []
        added = add_recorder(connection, "c1", "r1", RecorderFacts(make="Dahua"), NOW)
        link_exhibit(connection, "e1", added.id, "2", NOW)
        assert recorder_of(connection, "e1") == (added, "2")
        [(known, part)] = exhibits_with_mark(connection, Mark.PIECE, "00")
        assert (known.id, part) == ("e1", "original")
        assert without_head(connection, 1) == without_sketch(connection, Kind.LOOKS) == ["e1"]
        assert kept_stamps(connection) == []
        taken = Wanted(since="2026-02-28", until="2026-03-01", near=Near(55.7, 12.5, 1))
        assert [found.id for found in search_exhibits(connection, taken, 10)] == ["e1"]
        assert search_exhibits(connection, Wanted(near=Near(95, 0, 1)), 10) == []
        [lease] = take_jobs(connection, "w1", {Lane.FAST: 1}, LATER, LATER)
        assert lease.exhibit_id == "e1"
    catalogue.close()


def test_marks_of_a_later_run_take_the_place_of_those_of_their_kind(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        case = open_case(connection, "0100-10293-00001-26", NOW)
        submission = Submission("s1", case.id, Source.CITIZEN, "tester")
        add_submission(connection, submission, NOW)
        digests = Digests(1, "00", "00", 2, ("00",))
        exhibit = add_file(connection, submission, name=b"a", digests=digests, spool="x", now=NOW).exhibit_id
        put_pictures(connection, exhibit, [Marks("0", packets="aa", sampled=b"1"), Marks("1", packets="bb")])
        put_pictures(connection, exhibit, [Marks("0", looks=b"2")])
        put_pictures(connection, exhibit, [Marks("0", looks=b"3")])
        assert [*sketches(connection, Kind.SAMPLED)] == [[Sketch(exhibit, "0", b"1")]]
        assert [*sketches(connection, Kind.LOOKS)] == [[Sketch(exhibit, "0", b"3")]]
        assert [part for _, part in exhibits_with_mark(connection, Mark.PACKETS, "bb")] == ["1"]
        assert without_sketch(connection, Kind.LOOKS) == []


def test_a_catalogue_of_a_later_version_is_left_alone(url: str) -> None:
    catalogue = open_at(url)
    with catalogue.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    catalogue.close()
    with pytest.raises(VidneError, match="another version"):
        open_at(url)


def test_an_error_in_a_transaction_leaves_nothing_behind(catalogue: Catalogue) -> None:
    def open_and_fail() -> None:
        with catalogue.write() as connection:
            open_case(connection, "0100-10293-00001-26", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        open_and_fail()
    with catalogue.read() as connection:
        assert list_cases(connection) == []


class Interrupting(String):
    """A text whose reading is interrupted, as Ctrl-C does it at any moment."""

    def result_processor(self, *_given: object) -> None:
        raise KeyboardInterrupt


def test_an_interruption_amid_a_statement_stays_one(tmp_path: Path) -> None:
    catalogue = open_catalogue(tmp_path / "catalogue.sqlite3")
    with pytest.raises(KeyboardInterrupt), catalogue.read() as connection:
        connection.execute(select(literal("x", type_=Interrupting())))
    with catalogue.write() as connection:
        open_case(connection, "0100-10293-00001-26", NOW)


def test_threads_that_write_take_turns_and_none_has_to_wait_in_sqlite(tmp_path: Path) -> None:
    catalogue = open_catalogue(tmp_path / "catalogue.sqlite3")
    with ExitStack() as stack:
        for _ in range(8):  # the connections that the threads then use
            stack.enter_context(catalogue.read()).exec_driver_sql("PRAGMA busy_timeout=0")

    def write(number: int) -> None:
        with catalogue.write() as connection:
            open_case(connection, f"0100-10293-{number:05d}-26", NOW)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(80)))
    with catalogue.read() as connection:
        assert len(list_cases(connection)) == 80
    catalogue.close()


def test_a_thread_that_does_not_get_its_turn_in_time_is_told_that_the_catalogue_is_locked(
    tmp_path: Path,
) -> None:
    catalogue = open_catalogue(tmp_path / "catalogue.sqlite3", patience=0)

    def write() -> None:
        with catalogue.write():
            pass

    with ThreadPoolExecutor(1) as threads, catalogue.write():
        assert isinstance(threads.submit(write).exception(), UnreadableError)
    write()
    catalogue.close()


def test_two_cases_cannot_have_one_number(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        open_case(connection, "0100-10293-00001-26", NOW)
        with pytest.raises(ConflictError):
            open_case(connection, "0100-10293-00001-26", NOW)


def test_a_renumbered_case_keeps_its_id_and_its_old_number_as_a_dated_alias(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        case = open_case(connection, "0100-10293-00001-26", NOW)
        renumber_case(connection, case, "0200-10293-00007-26", LATER)
        assert find_case(connection, "0200-10293-00007-26").id == case.id
        assert numbers_of(connection, case.id) == [
            ("0100-10293-00001-26", NOW, LATER),
            ("0200-10293-00007-26", LATER, None),
        ]
        with pytest.raises(NotFoundError) as refused:
            find_case(connection, "0100-10293-00001-26")
    assert "0200-10293-00007-26" in refused.value.advice


def test_a_case_is_closed_once(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        close_case(connection, open_case(connection, "0100-10293-00001-26", NOW), LATER)
        closed = find_case(connection, "0100-10293-00001-26")
        assert closed.closed_at == LATER
        with pytest.raises(ConflictError):
            close_case(connection, closed, LATER)
