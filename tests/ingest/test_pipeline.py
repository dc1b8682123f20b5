"""The pipeline: a job ends in one transaction, an error puts it off, and nobody is blamed for a full disk."""

import shutil
from pathlib import Path

import pytest

from evidence.catalogue.cases import renumber_case
from evidence.catalogue.jobs import ATTEMPT_LIMIT, Stage
from evidence.clock import system_clock, timestamp
from evidence.exhibits import ExhibitState
from evidence.settings import Settings
from ingest.filing import CASE_TAG
from retention.folder import FolderStore
from retention.s3 import open_s3_store
from samples.generator import clip
from tests.disks import fill, small_disk
from tests.ingest.conftest import NUMBER, Desk

OTHER = "0200-10293-00007-26"


@pytest.fixture
def received(desk: Desk, note: Path) -> Desk:
    desk.intaker().receive(note, "note.txt")
    return desk


def make_ready(desk: Desk) -> None:
    """Let a job that was put off be due now."""
    with desk.catalogue.write() as connection:
        connection.exec_driver_sql("UPDATE job SET not_before = '2000-01-01T00:00:00.000000Z'")


def events(desk: Desk) -> list[str]:
    return [event for (event,) in desk.rows("SELECT type FROM ledger_inbox ORDER BY id")]


def test_sealing_moves_the_original_from_the_spool_into_the_store(received: Desk) -> None:
    received.work(until=lambda lease: lease.stage is Stage.INSPECT)
    (exhibit,) = received.exhibits()
    assert exhibit.state is ExhibitState.SEALED
    assert exhibit.spool is None
    assert list(received.spool.iterdir()) == []
    assert [key.rpartition("/")[2] for key in received.store.list_keys("cases/")] == [exhibit.digests.sha256]
    assert events(received) == ["file.received", "object.stored", "exhibit.sealed"]


def test_a_clip_goes_the_whole_way(desk: Desk, tmp_path: Path) -> None:
    desk.intaker().receive(clip(tmp_path / "clip.mp4", seconds=1), "clip.mp4")
    desk.work()
    assert desk.exhibits()[0].state is ExhibitState.PROCESSED
    assert desk.rows("SELECT DISTINCT state FROM job") == [("done",)]
    assert desk.rows("SELECT DISTINCT state FROM stored_object") == [("stored",)]
    roles = {role for (role,) in desk.rows("SELECT role FROM stored_object")}
    assert {"original", "working", "proof", "keyframe", "manifest"} <= roles
    assert list((desk.data / "work").iterdir()) == []


def test_a_message_that_comes_twice_is_worked_on_once(received: Desk) -> None:
    (lease,) = received.lease()
    for _ in range(3):
        received.pipeline().run(lease.job_id, lease.token)
    assert events(received).count("exhibit.sealed") == 1


def test_a_late_holder_changes_nothing(received: Desk) -> None:
    (lease,) = received.lease()
    received.pipeline().run(lease.job_id, lease.token - 1)
    assert received.exhibits()[0].state is ExhibitState.RECEIVED
    assert received.rows("SELECT count(*) FROM stored_object") == [(0,)]


def test_an_error_puts_the_job_off_with_its_reason_and_the_sixth_quarantines_it(received: Desk) -> None:
    shutil.rmtree(received.spool)
    for attempt in range(1, ATTEMPT_LIMIT + 1):
        make_ready(received)
        (lease,) = received.lease()
        assert lease.attempts == attempt
        received.pipeline().run(lease.job_id, lease.token)
        if attempt < ATTEMPT_LIMIT:
            assert received.lease() == []
            assert "is not in" in received.rows("SELECT error FROM job WHERE stage = 'seal'")[0][0]
    (exhibit,) = received.exhibits()
    assert exhibit.state is ExhibitState.QUARANTINED
    assert "failed 6 times" in exhibit.reason
    assert events(received)[-1] == "exhibit.quarantined"


def test_the_same_bytes_sent_again_take_the_place_of_a_lost_spool_file(received: Desk, note: Path) -> None:
    shutil.rmtree(received.spool)
    for _ in range(ATTEMPT_LIMIT):
        make_ready(received)
        (lease,) = received.lease()
        received.pipeline().run(lease.job_id, lease.token)
    assert not received.intaker().receive(note, "note.txt").is_new
    received.work()
    assert received.exhibits()[0].state is ExhibitState.REFUSED


def test_a_full_disk_counts_against_no_job_however_long_it_lasts(received: Desk, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        store, ballast = FolderStore(disk / "objects"), fill(disk)
        for _ in range(ATTEMPT_LIMIT * 2):
            make_ready(received)
            (lease,) = received.lease()
            received.pipeline(store).run(lease.job_id, lease.token)
        ((state, attempts, error),) = received.rows(
            "SELECT state, attempts, error FROM job WHERE stage = 'seal'"
        )
        assert (state, attempts) == ("ready", 0)
        assert "disk is full" in error
        ballast.unlink()
        make_ready(received)
        (lease,) = received.lease()
        received.pipeline(store).run(lease.job_id, lease.token)
        assert received.exhibits()[0].state is ExhibitState.SEALED


def test_a_store_that_is_away_counts_against_no_job(received: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    settings = Settings(s3_access_key="x", s3_secret_key_file=str(secret))
    away = open_s3_store("s3+http://127.0.0.1:1/bucket", settings)
    (lease,) = received.lease()
    received.pipeline(away).run(lease.job_id, lease.token)
    ((state, attempts, error),) = received.rows("SELECT state, attempts, error FROM job WHERE stage = 'seal'")
    assert (state, attempts) == ("ready", 0)
    assert "could not be reached" in error


def test_a_case_renumbered_while_a_job_stores_its_objects_ends_with_the_new_tag(received: Desk) -> None:
    class Overtaken(FolderStore):
        def set_tags(self, key, version_id, tags):  # type: ignore[no-untyped-def]
            super().set_tags(key, version_id, tags)
            if tags == {CASE_TAG: NUMBER}:
                with received.catalogue.write() as connection:
                    renumber_case(connection, received.case(), OTHER, timestamp(system_clock()))

    (lease,) = received.lease()
    received.pipeline(Overtaken(received.data / "objects")).run(lease.job_id, lease.token)
    ((key, version),) = received.rows("SELECT key, version_id FROM stored_object WHERE state = 'stored'")
    assert received.store.get_tags(key, version) == {CASE_TAG: OTHER}
    assert received.exhibits()[0].state is ExhibitState.SEALED


def test_no_custody_entry_or_key_holds_the_case_number_or_the_file_name(received: Desk) -> None:
    received.work()
    fields = received.rows("SELECT event_id, type, at, actor, case_id, objects FROM ledger_inbox")
    text = str(fields) + str(list(received.store.list_keys("cases/")))
    assert len(fields) > 3
    assert NUMBER not in text
    assert "note" not in text
