"""The worker's turns, one by one; what it does as a process stands in tests/system and tests/faults."""

from pathlib import Path

from apps.wiring import Application
from apps.worker import Worker
from evidence.settings import Settings
from hashing.sequencer import BATCH
from ingest.custody import record
from tests.apps.test_export import event


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


def test_what_comes_after_a_batch_that_was_not_full_waits_for_the_next(tmp_path: Path) -> None:
    app = Application(Settings(data=tmp_path))
    worker = Worker(app, "test")
    for name in ("first", "second"):
        with app.catalogue.write() as connection:
            record(connection, event(name))
        worker.turn()
    assert app.ledger.pending_count() == 1
