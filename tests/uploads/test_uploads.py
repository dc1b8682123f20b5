"""What must hold of uploads whatever they lie in: one suite over both spools and both catalogues."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

import pytest

from evidence.catalogue.uploads import EvictedError, UploadState, take_upload
from evidence.errors import LinkError, NotFoundError, UsageError
from evidence.exhibits import ExhibitState
from ingest.receiving import Checksum, ChecksumError, QuotaError
from ingest.upload_spool import BytesLostError
from ingest.uploads import EndedError, GoneError, OffsetError, ReceivedError
from tests.uploads.desk import Desk, Place

CONTENT = bytes(range(256)) * 10_000  # 2.56 MB: three slices of one MiB
MIB = 1 << 20


def bodies(desk: Desk, kind: str) -> list[dict[str, object]]:
    """The bodies of the custody events of one type."""
    sql = "SELECT body FROM ledger_body b JOIN ledger_inbox i ON i.event_id = b.event_id"
    rows = desk.rows(f"{sql} WHERE i.type = '{kind}' ORDER BY i.id")
    return [json.loads(bytes(body)) for (body,) in rows]


def test_what_is_sent_in_pieces_becomes_an_exhibit_with_its_digest(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT), "mappe/blåbær.mp4".encode())
    for start, end in ((0, 1), (1, MIB + 1), (MIB + 1, len(CONTENT))):
        assert desk.uploads.find(sender.grant, upload.id).offset == start
        middle = (start + end) // 2
        sender.send(upload.id, start, CONTENT[start:middle], CONTENT[middle:end])
    assert desk.upload(upload.id).state is UploadState.COMPLETE
    assert desk.uploads.file(upload.id)
    (exhibit,) = desk.exhibits()
    assert exhibit.digests.sha256 == sha256(CONTENT).hexdigest()
    assert exhibit.state is ExhibitState.RECEIVED
    desk.seal()
    assert desk.sealed() == {sha256(CONTENT).hexdigest(): CONTENT}
    assert desk.exhibits()[0].state is ExhibitState.SEALED
    assert desk.left_behind() == []
    assert desk.rows("SELECT count(*) FROM upload_chunk") == [(0,)]
    filed = desk.upload(upload.id)
    assert (filed.state, filed.ordinal, filed.sha256) == ("filed", 1, sha256(CONTENT).hexdigest())


def test_the_custody_event_says_by_which_upload_and_after_which_declaration(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.send_whole(b"seen", b"note.txt")
    desk.uploads.file(upload.id)
    (told,) = bodies(desk, "file.received")
    assert told["source"] == "citizen"
    assert told["filename"] == "note.txt"
    assert told["portal"] == {
        "upload": upload.id,
        "language": "da",
        "declaration": "1",
        "browser_sha256": None,
        "case_closed_at": None,
    }
    (actor,) = desk.rows("SELECT actor FROM ledger_inbox WHERE type = 'file.received'")
    assert actor == (f"link:{sender.grant.link_id[:12]}",)


def test_an_empty_file_is_complete_when_it_is_made(desk: Desk) -> None:
    upload = desk.sender().create(0, b"empty.txt")
    assert desk.uploads.file(upload.id)
    assert desk.exhibits()[0].digests.sha256 == sha256(b"").hexdigest()
    desk.seal()
    assert desk.sealed() == {sha256(b"").hexdigest(): b""}
    assert desk.left_behind() == []


def test_the_same_bytes_twice_are_one_exhibit_that_came_twice(desk: Desk) -> None:
    sender = desk.sender()
    for name in (b"one.mp4", b"two.mp4"):
        assert desk.uploads.file(sender.send_whole(CONTENT, name).id)
    assert len(desk.exhibits()) == 1
    assert [told["further_submission"] for told in bodies(desk, "file.received")] == [False, True]
    desk.seal()
    assert list(desk.sealed().values()) == [CONTENT]
    assert desk.left_behind() == []


def test_a_stale_request_can_change_nothing(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(12)
    stale = desk.uploads.take(sender.grant, upload.id, 0)
    stale.open()
    stale.write(b"WRONG!")
    part = stale.cut()
    assert part is not None
    chunk = stale.settle(part)  # its bytes are on the disk, or in the store, and not counted
    fresh = desk.uploads.take(sender.grant, upload.id, 0)
    with pytest.raises(EvictedError):
        stale.advance(part, chunk)
    stale.close()
    fresh.open()
    fresh.write(b"right ")
    fresh.flush()
    with pytest.raises(EvictedError):
        stale.write(b"WRONG!")
    with pytest.raises(EvictedError):
        stale.advance(part, chunk)
    fresh.write(b"bytes.")
    fresh.flush()
    fresh.close()
    assert desk.uploads.file(upload.id)
    desk.seal()
    assert list(desk.sealed().values()) == [b"right bytes."]
    assert desk.left_behind() == []


def test_one_that_was_evicted_before_it_began_cuts_nothing_off(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    stale = desk.uploads.take(sender.grant, upload.id, 0)
    sender.send(upload.id, 0, CONTENT[:MIB])  # it took the upload over, went on, and left
    with pytest.raises(EvictedError):
        stale.open()
    sender.send(upload.id, MIB, CONTENT[MIB:])
    assert desk.uploads.file(upload.id)
    assert desk.exhibits()[0].digests.sha256 == sha256(CONTENT).hexdigest()


def test_of_several_that_go_on_at_once_the_bytes_of_one_count(place: Place, desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(4 * MIB)
    barrier = Barrier(4)

    def go_on(number: int) -> str:
        other = place.open()
        barrier.wait()
        try:
            taken = other.uploads.take(sender.grant, upload.id, 0)
        except OffsetError as error:
            return str(error)
        try:
            taken.open()
            for _ in range(4):
                taken.write(bytes([number]) * MIB)
                taken.flush()
        except EvictedError as error:
            return str(error)
        finally:
            taken.close()
        return ""

    with ThreadPoolExecutor(4) as threads:
        ended = list(threads.map(go_on, (1, 2, 3, 4)))
    found = desk.upload(upload.id)
    while found.offset < found.size:  # whoever won may have been evicted in the middle by a late one
        sender.send(upload.id, found.offset, bytes([9]) * MIB)
        found = desk.upload(upload.id)
    assert desk.uploads.file(upload.id)
    desk.seal()
    (content,) = desk.sealed().values()
    slices = [content[at : at + MIB] for at in range(0, len(content), MIB)]
    assert len(slices) == 4
    assert all(len(set(part)) == 1 for part in slices), "bytes of two requests stand in one slice"
    assert ended.count("") <= 1


def test_another_offset_is_refused_and_changes_nothing(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(10)
    sender.send(upload.id, 0, b"12345")
    for offset in (0, 4, 6, 10):
        with pytest.raises(OffsetError):
            desk.uploads.take(sender.grant, upload.id, offset)
    sender.send(upload.id, 5, b"67890")
    assert desk.upload(upload.id).state is UploadState.COMPLETE


def test_what_was_not_counted_is_cut_off_and_sent_again(place: Place, desk: Desk) -> None:
    """As after a kill: the program that had the bytes in hand is gone."""
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    killed = desk.uploads.take(sender.grant, upload.id, 0)
    killed.open()
    killed.write(CONTENT[:MIB])
    killed.flush()
    killed.write(b"never acknowledged" * 1000)
    killed.close()
    again = place.open()
    assert again.upload(upload.id).offset == MIB
    with again.uploads.receiving(sender.grant, upload.id, MIB) as receiving:
        receiving.write(CONTENT[MIB:])
    assert again.uploads.file(upload.id)
    again.seal()
    assert list(again.sealed().values()) == [CONTENT]
    assert again.left_behind() == []


def test_what_a_killed_request_left_behind_the_end_of_a_file_is_no_part_of_it(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(1000)
    killed = desk.uploads.take(sender.grant, upload.id, 0)
    killed.open()
    killed.write(b"x" * 1000)
    killed.close()
    with desk.uploads.receiving(sender.grant, upload.id, 0) as receiving:
        receiving.write(b"short")
        receiving.finish()
    assert desk.uploads.file(upload.id)
    desk.seal()
    assert list(desk.sealed().values()) == [b"short"]


def test_the_row_gives_an_upload_from_its_very_offset_alone(desk: Desk) -> None:
    """Somebody may have gone on with it between the question and the statement."""
    upload = desk.sender().create(10)
    with desk.catalogue.write() as connection:
        assert take_upload(connection, upload.id, 1, desk.now, desk.now) is None
        assert take_upload(connection, upload.id, 0, desk.now, desk.now) == 1
        assert take_upload(connection, upload.id, 0, desk.now, desk.now) == 2


def test_what_was_written_before_an_error_is_kept(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(10)
    with pytest.raises(QuotaError, match="declared"):
        sender.send(upload.id, 0, b"1234567", b"89012345")
    assert desk.upload(upload.id).offset == 7


def test_a_file_may_end_before_the_size_that_was_declared(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(1000)
    with desk.uploads.receiving(sender.grant, upload.id, 0) as receiving:
        receiving.write(b"that was all")
        receiving.finish()
    assert desk.uploads.file(upload.id)
    desk.seal()
    assert list(desk.sealed().values()) == [b"that was all"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_that_are_not_those_of_the_checksum_do_not_count(desk: Desk, algorithm: str) -> None:
    sender = desk.sender()
    upload = sender.create(8)
    digest = hashlib.new(algorithm, b"12345678").hexdigest()
    for sent, right in ((b"1234567X", False), (b"12345678", True)):
        taken = desk.uploads.take(sender.grant, upload.id, 0)
        taken.open(Checksum(algorithm, digest))
        taken.write(sent)
        if right:
            taken.verify()
            taken.flush()
        else:
            with pytest.raises(ChecksumError):
                taken.verify()
        taken.close()
        assert desk.upload(upload.id).offset == (8 if right else 0)
    assert desk.uploads.file(upload.id)


def test_a_terminated_upload_is_gone_for_whoever_was_sending_it(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    sending = desk.uploads.take(sender.grant, upload.id, 0)
    sending.open()
    sending.write(CONTENT[:MIB])
    sending.flush()
    desk.uploads.terminate(sender.grant, upload.id)
    sending.write(CONTENT[MIB : 2 * MIB])
    with pytest.raises(EvictedError):
        sending.flush()
    sending.close()
    for call in (desk.uploads.find, desk.uploads.terminate):
        with pytest.raises(GoneError):
            call(sender.grant, upload.id)
    desk.uploads.sweep.run_once()
    assert desk.left_behind() == []
    assert desk.exhibits() == []


def test_what_was_received_can_not_be_taken_back(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.send_whole(CONTENT)
    for _ in ("complete", "filed"):
        with pytest.raises(ReceivedError):
            desk.uploads.terminate(sender.grant, upload.id)
        with pytest.raises(ReceivedError):
            desk.uploads.take(sender.grant, upload.id, len(CONTENT))
        desk.uploads.file(upload.id)
    assert len(desk.exhibits()) == 1


def test_the_upload_of_another_link_is_not_there(desk: Desk) -> None:
    upload = desk.sender().create(10)
    other = desk.sender()
    calls: list[Callable[[], object]] = [
        lambda: desk.uploads.find(other.grant, upload.id),
        lambda: desk.uploads.take(other.grant, upload.id, 0),
        lambda: desk.uploads.terminate(other.grant, upload.id),
        lambda: desk.uploads.find(other.grant, "unknown"),
    ]
    told = set()
    for call in calls:
        with pytest.raises(NotFoundError) as error:
            call()
        told.add(str(error.value))
    assert len(told) == 1
    with pytest.raises(LinkError):
        desk.uploads.create(other.grant, desk.sender().submission, b"a", 1)


def test_declared_bytes_and_files_count_against_the_link(desk: Desk) -> None:
    sender = desk.sender(files=3, size=100)
    first = sender.create(60)
    with pytest.raises(QuotaError) as error:
        sender.create(41)
    assert error.value.code == "bytes"
    sender.create(20)
    sender.create(20)
    with pytest.raises(QuotaError) as error:
        sender.create(0)
    assert error.value.code == "files"
    desk.uploads.terminate(sender.grant, first.id)
    sender.create(60)


def test_uploads_that_were_never_begun_make_room_when_it_is_needed(desk: Desk) -> None:
    """Their sender had no answer, and made them once more."""
    sender = desk.sender(size=100)
    lost, begun = sender.create(50), sender.create(50)
    sender.send(begun.id, 0, b"1")
    with pytest.raises(QuotaError):
        sender.create(50)
    desk.place.clock.pass_by(minutes=3)
    sender.create(50)
    with pytest.raises(GoneError):
        desk.uploads.find(sender.grant, lost.id)
    assert desk.uploads.find(sender.grant, begun.id).offset == 1


def test_the_quota_holds_for_several_that_ask_at_once(place: Place, desk: Desk) -> None:
    sender = desk.sender(files=3)
    barrier = Barrier(6)

    def create(number: int) -> bool:
        other = place.open()
        barrier.wait()
        try:
            other.uploads.create(sender.grant, sender.submission, b"%d" % number, 1)
        except QuotaError:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(create, range(6))) == 3


@pytest.mark.parametrize("name", [b"", b"a/", b".", b"a/..", b"a\0b", b"x" * 5000])
def test_what_is_no_name_of_a_file_is_refused(desk: Desk, name: bytes) -> None:
    with pytest.raises(UsageError, match="name"):
        desk.sender().create(1, name)


def test_a_submission_that_has_ended_takes_no_further_upload(desk: Desk) -> None:
    sender = desk.sender()
    desk.end(sender.submission)
    with pytest.raises(EndedError):
        sender.create(1)


def test_two_that_file_the_same_upload_at_once_file_it_once(place: Place, desk: Desk) -> None:
    upload = desk.sender().send_whole(CONTENT)
    barrier = Barrier(4)

    def file(_number: int) -> bool:
        other = place.open()
        barrier.wait()
        return other.uploads.file(upload.id)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(file, range(4)))
    desk.uploads.file(upload.id)
    assert desk.types().count("file.received") == 1
    assert len(desk.exhibits()) == 1
    desk.seal()
    assert list(desk.sealed().values()) == [CONTENT]


def test_a_file_for_a_case_that_was_closed_meanwhile_is_not_lost(desk: Desk) -> None:
    upload = desk.sender().send_whole(CONTENT)
    desk.close_case()
    assert desk.uploads.file(upload.id)
    desk.seal()
    assert list(desk.sealed().values()) == [CONTENT]
    (told,) = bodies(desk, "file.received")
    portal = told["portal"]
    assert isinstance(portal, dict)
    assert portal["case_closed_at"] == desk.now


def test_a_submission_is_completed_once_it_has_ended_and_its_files_are_filed(desk: Desk) -> None:
    sender = desk.sender()
    first = sender.send_whole(b"first", b"1.mp4")
    second = sender.create(6, b"2.mp4")
    dropped = sender.create(7, b"3.mp4")
    desk.uploads.file(first.id)
    desk.end(sender.submission)
    desk.uploads.sweep.run_once()
    assert "submission.completed" not in desk.types()
    sender.send(second.id, 0, b"second")
    desk.uploads.terminate(sender.grant, dropped.id)
    desk.uploads.file(second.id)
    desk.uploads.sweep.run_once()
    (told,) = bodies(desk, "submission.completed")
    assert told == {
        "submission": sender.submission,
        "files": 2,
        "not_received": [{"name": "3.mp4", "reason": "terminated: by its sender"}],
        "not_received_count": 1,
    }
    ((completed,),) = desk.rows("SELECT completed_at FROM submission")
    assert completed is not None


def test_lost_bytes_are_told_and_the_upload_ends(desk: Desk) -> None:
    sender = desk.sender()
    upload = sender.create(len(CONTENT))
    sender.send(upload.id, 0, CONTENT[:MIB])
    desk.spool.remove(upload.id)
    if desk.place.shares:  # what is in the store is looked at when it is read
        sender.send(upload.id, MIB, CONTENT[MIB:])
        with pytest.raises(BytesLostError):
            desk.uploads.file(upload.id)
    else:
        with pytest.raises(BytesLostError):
            sender.send(upload.id, MIB, CONTENT[MIB:])
    assert desk.upload(upload.id).state is UploadState.REFUSED
    with pytest.raises(GoneError):
        desk.uploads.find(sender.grant, upload.id)
