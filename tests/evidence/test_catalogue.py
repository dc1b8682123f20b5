from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import String, create_engine, literal, select, text

from evidence.catalogue.cases import close_case, find_case, list_cases, numbers_of, open_case, renumber_case
from evidence.catalogue.engine import SCHEMA, Catalogue, open_catalogue
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
from evidence.catalogue.members import members_of
from evidence.catalogue.migrate import upgrade
from evidence.catalogue.recorders import RecorderFacts, add_recorder, link_exhibit, recorder_of
from evidence.catalogue.tables import metadata
from evidence.catalogue.timestamps import kept_stamps
from evidence.errors import ConflictError, NotFoundError, VidneError
from evidence.exhibits import Digests, Source
from evidence.marks import Marks

NOW, LATER = "2026-11-23T08:00:00.000000Z", "2026-11-24T08:00:00.000000Z"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return open_catalogue(tmp_path / "catalogue.sqlite3")


def test_a_commit_is_durable_and_foreign_keys_hold(catalogue: Catalogue) -> None:
    with catalogue.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_migrations_give_the_very_tables_of_the_code(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite3'}")
    with engine.begin() as connection:
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert version == SCHEMA
    engine.dispose()


def test_a_catalogue_of_the_first_version_is_migrated_with_all_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, "0001")
        case = open_case(connection, "0100-10293-00001-26", NOW)
        submission = Submission(
            "s1", case.id, Source.CITIZEN, "tester", "2026-03-01 12:00", "2026-03-01 12:01"
        )
        add_submission(connection, submission, NOW)
        digests = Digests(1, "00", "00", 2, ("00",))
        received = add_file(connection, submission, name=b"a", digests=digests, spool="x", now=NOW)
        connection.execute(text("UPDATE exhibit SET piece_size = 1"))  # it has a whole piece
    engine.dispose()
    catalogue = open_catalogue(path)
    with catalogue.write() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA
        (delivery,) = deliveries(connection, received.exhibit_id)
        assert (delivery.name, delivery.clock_true) == (b"a", "2026-03-01 12:01")
        assert members_of(connection, received.exhibit_id) == []
        added = add_recorder(connection, case.id, "r1", RecorderFacts(make="Dahua"), NOW)
        link_exhibit(connection, received.exhibit_id, added.id, "2", NOW)
        assert recorder_of(connection, received.exhibit_id) == (added, "2")
        [(known, part)] = exhibits_with_mark(connection, Mark.PIECE, "00")
        assert (known.id, part) == (received.exhibit_id, "original")
        assert without_head(connection, 1) == without_sketch(connection, Kind.LOOKS) == [received.exhibit_id]
        assert kept_stamps(connection) == []
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


def test_a_catalogue_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite3"
    catalogue = open_catalogue(path)
    with catalogue.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    catalogue.close()
    with pytest.raises(VidneError, match="another version"):
        open_catalogue(path)


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


def test_an_interruption_amid_a_statement_stays_one(catalogue: Catalogue) -> None:
    with pytest.raises(KeyboardInterrupt), catalogue.read() as connection:
        connection.execute(select(literal("x", type_=Interrupting())))
    with catalogue.write() as connection:
        open_case(connection, "0100-10293-00001-26", NOW)


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
