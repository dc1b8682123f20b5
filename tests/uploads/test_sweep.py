"""The sweep: what a kill left is taken up; what nobody comes back for ends, never by a clock that jumped."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.portal.tus import TusApplication
from evidence.catalogue.uploads import UploadState
from ingest.upload_sweep import UploadSweep, Watch
from tests.uploads.conftest import new_place
from tests.uploads.desk import Desk, Place
from tests.uploads.test_uploads import CONTENT, MIB, bodies

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(params=["folder, SQLite", "store, SQLite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """PostgreSQL has the same statements, in test_uploads.py."""
    made = new_place(request.param, tmp_path / "data", request)
    yield made
    made.close()


def hours_pass(desk: Desk, hours: int) -> None:
    """With a sweep every hour."""
    for _ in range(hours):
        desk.place.clock.pass_by(hours=1)
        desk.uploads.sweep.run_once()


def test_a_complete_upload_that_nobody_filed_is_filed(place: Place, desk: Desk) -> None:
    upload = desk.sender().send_whole(CONTENT)
    after = place.open()
    after.uploads.sweep.run_once()
    assert after.upload(upload.id).state is UploadState.FILED
    after.seal()
    assert list(after.sealed().values()) == [CONTENT]
    assert after.left_behind() == []


def test_a_sweep_leaves_what_has_just_come_to_who_received_it(desk: Desk) -> None:
    desk.uploads.sweep.run_once()
    upload = desk.sender().send_whole(CONTENT)
    desk.uploads.sweep.run_once()
    assert desk.upload(upload.id).state is UploadState.COMPLETE
    desk.uploads.sweep.run_once()
    assert desk.upload(upload.id).state is UploadState.FILED


def test_bytes_of_uploads_that_have_ended_are_removed_where_a_kill_left_them(
    place: Place, desk: Desk
) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    sender.send(upload.id, 0, CONTENT[:MIB])
    with desk.catalogue.write() as connection:  # the row ended, and then the program died
        connection.exec_driver_sql("UPDATE upload SET state = 'terminated'")
    assert desk.left_behind() != []
    place.open().uploads.sweep.run_once()
    assert desk.left_behind() == []


def test_what_a_stale_request_put_late_is_removed(place: Place, desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(3)
    stale = desk.uploads.take(sender.grant, upload.id, 0)
    stale.open()
    stale.write(b"no!")
    part = stale.cut()
    assert part is not None
    if not place.shares:
        stale.close()  # in a folder nobody else gets in before
    sender.send(upload.id, 0, b"yes")
    desk.uploads.file(upload.id)
    desk.seal()
    if place.shares:
        stale.settle(part)
        stale.close()
        assert desk.left_behind() != []
    place.open().uploads.sweep.run_once()
    assert desk.left_behind() == []
    assert list(desk.sealed().values()) == [b"yes"]


def test_bytes_that_an_exhibit_still_needs_stay(place: Place, desk: Desk) -> None:
    upload = desk.sender().send_whole(CONTENT)
    desk.uploads.file(upload.id)
    for _ in range(3):
        place.open().uploads.sweep.run_once()
    desk.seal()
    assert list(desk.sealed().values()) == [CONTENT]


def test_bytes_without_a_row_stay(place: Place, desk: Desk) -> None:
    """A catalogue that was restored from a backup knows nothing of them, and somebody may."""
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    sender.send(upload.id, 0, CONTENT[:MIB])
    left = desk.left_behind()
    with desk.catalogue.write() as connection:
        connection.exec_driver_sql("DELETE FROM upload_chunk")
        connection.exec_driver_sql("DELETE FROM upload")
    place.open().uploads.sweep.run_once()
    assert desk.left_behind() == left


def test_an_unfinished_upload_waits_for_its_sender_for_a_week(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    sender.send(upload.id, 0, CONTENT[:MIB])
    hours_pass(desk, 167)
    sender.send(upload.id, MIB, CONTENT[MIB : 2 * MIB])  # each byte makes the week begin anew
    hours_pass(desk, 167)
    assert desk.uploads.find(sender.grant, upload.id).offset == 2 * MIB
    hours_pass(desk, 9)
    assert desk.upload(upload.id).state is UploadState.EXPIRED
    assert desk.left_behind() == []


def test_a_clock_that_jumps_ends_no_upload(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(10)
    sender.send(upload.id, 0, b"12345")
    for days in (3650, -3650, 400, -400, 3650, -3650):
        desk.place.clock.wall += timedelta(days=days)
        for _ in range(5):
            desk.place.clock.pass_by(hours=1)
            desk.uploads.sweep.run_once()
    assert desk.upload(upload.id).state is UploadState.RECEIVING
    sender.send(upload.id, 5, b"67890")
    assert desk.uploads.file(upload.id)


def test_a_program_that_has_just_started_ends_no_upload(place: Place, desk: Desk) -> None:
    upload = desk.sender().create(10)
    place.clock.pass_by(days=30)
    for _ in range(3):
        started = place.open()
        hours_pass(started, 4)
    assert desk.upload(upload.id).state is UploadState.RECEIVING
    hours_pass(started, 4)
    assert desk.upload(upload.id).state is UploadState.EXPIRED


def test_a_sender_who_comes_back_at_the_last_moment_is_not_cut_off(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(10)
    hours_pass(desk, 168)
    for _ in range(10):  # overdue by the clock now, but never for long
        hours_pass(desk, 3)
        offset = desk.upload(upload.id).offset
        sender.send(upload.id, offset, b"x")
    assert desk.upload(upload.id).state is UploadState.COMPLETE


def test_a_submission_whose_sender_went_away_ends_and_is_completed(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.send_whole(CONTENT)
    desk.uploads.file(upload.id)
    hours_pass(desk, 23)
    assert "submission.completed" not in desk.types()
    hours_pass(desk, 9)
    (told,) = bodies(desk, "submission.completed")
    assert told["files"] == 1
    assert desk.types().count("submission.completed") == 1


def test_a_submission_with_an_unfinished_upload_goes_on(desk: Desk) -> None:
    sender = desk.sender()
    desk.uploads.file(sender.send_whole(CONTENT).id)
    unfinished = sender.create(10, b"long.mp4")
    hours_pass(desk, 100)
    assert "submission.completed" not in desk.types()
    sender.send(unfinished.id, 0, b"1234567890")
    desk.uploads.file(unfinished.id)
    hours_pass(desk, 40)
    (told,) = bodies(desk, "submission.completed")
    assert told["files"] == 2


def test_a_watch_tells_what_was_overdue_all_the_time() -> None:
    seconds, now = 0.0, NOON
    watch = Watch(lambda: seconds, 100)

    def look(after: float, *overdue: str, jump: float = 0) -> list[str]:
        nonlocal seconds, now
        seconds += after
        now += timedelta(seconds=after + jump)
        return watch.due(now, overdue)

    assert look(0, "a") == []
    assert look(99, "a", "b") == []
    assert look(1, "a", "b") == ["a"]
    assert look(50, "b") == []
    assert look(49, "b", "a") == ["b"]
    assert look(1, "b", jump=61) == []
    assert look(99, "b") == []
    assert look(1, "b", jump=59) == ["b"]


def test_a_sweep_that_failed_is_told_and_tried_again(
    place: Place, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upload = desk.sender().send_whole(CONTENT)
    fails = iter([RuntimeError("a fault of ours")])

    def monotonic() -> float:
        for fault in fails:
            raise fault
        return place.clock.monotonic()

    sweep = UploadSweep(
        desk.catalogue, desk.spool, desk.uploads.filer, clock=place.clock, monotonic=monotonic
    )
    desk.uploads.sweep = sweep
    monkeypatch.setattr("apps.portal.tus._SWEEP_S", 0.02)
    tus = TusApplication(desk.uploads, desk.grant)

    async def upkeep() -> None:
        task = asyncio.create_task(tus.upkeep())
        while not caplog.records or desk.upload(upload.id).state is not UploadState.FILED:
            await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        await tus.close()

    asyncio.run(asyncio.wait_for(upkeep(), 20))
    assert "a fault of ours" in caplog.text
