"""The worker's turns, one by one; what it does as a process stands in tests/system and tests/faults."""

import json
import shutil
from pathlib import Path

import pytest

from apps.wiring import Application
from apps.worker import Worker
from evidence.catalogue.cases import open_case
from evidence.catalogue.intake import Submission, add_file, add_submission
from evidence.clock import system_clock, timestamp
from evidence.errors import IntegrityError, SettingsError
from evidence.exhibits import Digests, Source
from evidence.settings import Settings
from hashing.keys import create_key
from hashing.sequencer import BATCH
from ingest.custody import record
from retention.folder import FolderStore
from tests.apps.test_export import event
from tests.databases import PostgresServer
from tests.servers import free_ports
from tests.system.program import CASE, Program, wait_until


def with_a_job(app: Application) -> None:
    """An exhibit of which the first job is ready."""
    now = timestamp(system_clock())
    with app.catalogue.write() as connection:
        submission = Submission("s1", open_case(connection, CASE, now).id, Source.SEIZED, "tester")
        add_submission(connection, submission, now)
        digests = Digests(1, "0" * 64, "0" * 64, 1, ("0" * 64,))
        add_file(connection, submission, name=b"a", digests=digests, spool="a", now=now, home=app.home)


def test_full_batches_are_sequenced_without_a_pause_between_them(tmp_path: Path) -> None:
    app = Application(Settings(data=tmp_path))
    with app.catalogue.write() as connection:
        record(connection, *(event(str(number)) for number in range(2 * BATCH + 1)))
    worker = Worker(app, "test")
    waiting = []
    for _ in range(3):
        worker.turn()
        waiting.append(app.ledger.pending_count())
    assert waiting == [BATCH + 1, 1, 0]


def test_a_broker_that_is_away_does_not_hold_up_the_ledger(tmp_path: Path, postgres: PostgresServer) -> None:
    [port] = free_ports(1)
    settings = Settings(
        data=tmp_path,
        catalogue_url=postgres.new_database(),
        broker_url=f"redis://127.0.0.1:{port}/0",
    )
    app = Application(settings)
    worker = Worker(app, "test")
    with_a_job(app)
    with app.catalogue.write() as connection:
        record(connection, event("first"))
    for _ in range(2):
        worker.turn()
    assert app.ledger.pending_count() == 0
    with app.catalogue.read() as connection:
        assert connection.exec_driver_sql("SELECT state FROM job WHERE stage = 'seal'").scalar() == "ready"


def test_a_machine_with_the_key_of_another_log_does_not_lead(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    first, second = (Application(Settings(data=tmp_path / name, catalogue_url=url)) for name in "ab")
    with first.catalogue.write() as connection:
        record(connection, event("first"))
    create_key(second.settings.ledger_key_path, "vidne.example/another")
    first.sequence_all()
    first.catalogue.close()  # the other one could lead now
    with second.catalogue.write() as connection:
        record(connection, event("second"))
    with pytest.raises(IntegrityError):
        second.sequence()
    assert not second.led_last
    third = Application(Settings(data=tmp_path / "a", catalogue_url=url))
    third.sequence_all()
    assert third.ledger.pending_count() == 0


def test_what_comes_after_a_batch_that_was_not_full_waits_for_the_next(tmp_path: Path) -> None:
    app = Application(Settings(data=tmp_path))
    worker = Worker(app, "test")
    for name in ("first", "second"):
        with app.catalogue.write() as connection:
            record(connection, event(name))
        worker.turn()
    assert app.ledger.pending_count() == 1


def test_a_store_that_has_nothing_of_what_was_stored_is_refused(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
        program.run("submit", tmp_path / f"{name}.txt", "--case", CASE)
    objects = program.data / "objects"
    objects.rename(tmp_path / "elsewhere")
    app = Application(Settings(data=program.data))
    with pytest.raises(SettingsError, match="has nothing of what the catalogue says was stored"):
        app.require_store()
    done = program.run("submit", tmp_path / "a.txt", "--case", CASE, check=2)
    assert "Set VIDNE_STORE_URL to the store that has it" in done.err
    shutil.rmtree(objects, ignore_errors=True)  # made again by who looked
    (tmp_path / "elsewhere").rename(objects)
    kept = [key for key in FolderStore(objects).list_keys("cases/") if "/original/" in key]
    (objects / kept[0]).unlink()  # one that is gone is for verify to tell
    app.require_store()


def test_what_keeps_a_worker_from_its_work_is_said_where_it_was_started(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    """In a container nobody reads worker.log."""
    [port] = free_ports(1)
    settings = {
        "VIDNE_CATALOGUE_URL": postgres.new_database(),
        "VIDNE_BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "VIDNE_LOG_FORMAT": "json",
    }
    program = Program(tmp_path / "data", settings)
    with_a_job(Application(Settings.from_environment(settings, data=program.data)))
    said = tmp_path / "said"
    process = program.start("worker", said=said)
    try:
        wait_until(lambda: "The broker does not answer" in said.read_text(), 30, "what the worker says")
    finally:
        process.terminate()
        process.wait(30)
    assert all(json.loads(line)["text"] for line in said.read_text().splitlines())
