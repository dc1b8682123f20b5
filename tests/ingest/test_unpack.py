"""Archives: the original is sealed as it is, its members are exhibits of the same submission, each once."""

import base64
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.catalogue.jobs import Stage
from evidence.exhibits import ExhibitState
from evidence.text import name_bytes
from ingest.unpack import Unpacker
from samples.generator import clip
from tests.archives import raw_archive, zipped
from tests.ingest.conftest import Desk


def members(desk: Desk) -> list[tuple[int, bytes, str]]:
    """What stood in archives: place, path, digest of the exhibit."""
    return [
        (place, path, digest)
        for place, path, digest in desk.rows(
            "SELECT place, path, sha256 FROM member m JOIN submitted_file f USING (submission_id, ordinal)"
            " JOIN exhibit e ON e.id = f.exhibit_id ORDER BY place"
        )
    ]


def names(desk: Desk) -> list[bytes]:
    return [name for (name,) in desk.rows("SELECT name FROM submitted_file ORDER BY ordinal")]


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_an_archive_is_sealed_as_it_is_and_its_members_go_the_whole_way(desk: Desk, tmp_path: Path) -> None:
    footage = clip(tmp_path / "clip.mp4", seconds=1).read_bytes()
    path = zipped(tmp_path / "dvr.zip", ("ch1/clip.mp4", footage), ("player.exe", b"MZ" + bytes(99)))
    whole = path.read_bytes()
    desk.intaker().receive(path, "export/dvr.zip")
    desk.work()
    archive, video, player = desk.exhibits()
    assert archive.digests.sha256 == digest(whole)
    assert [e.state for e in (archive, video, player)] == [
        ExhibitState.PROCESSED,
        ExhibitState.PROCESSED,
        ExhibitState.REFUSED,
    ]
    assert "never run" in player.reason
    assert names(desk) == [b"export/dvr.zip", b"export/dvr.zip/ch1/clip.mp4", b"export/dvr.zip/player.exe"]
    assert members(desk)[0] == (0, b"ch1/clip.mp4", digest(footage))
    assert list(desk.spool.iterdir()) == []


def test_the_custody_event_of_a_member_tells_the_archives_digest_and_the_path_inside(
    desk: Desk, tmp_path: Path
) -> None:
    path = raw_archive(tmp_path / "a.zip", [(b"caf\x82.txt", b"seen at nine")])
    desk.intaker().receive(path, "a.zip")
    desk.work()
    bodies = [
        json.loads(body)
        for (body,) in desk.rows(
            "SELECT body FROM ledger_body JOIN ledger_inbox i USING (event_id)"
            " WHERE type = 'file.received' ORDER BY i.id"
        )
    ]
    assert "member_of" not in bodies[0]
    told = bodies[1]["member_of"]
    assert (told["exhibit"], told["sha256"]) == ("EX-0001", digest(path.read_bytes()))
    assert base64.b64decode(told["path_b64"]) == b"caf\x82.txt"
    assert base64.b64decode(bodies[1]["filename_b64"]) == b"a.zip/caf\x82.txt"


def test_the_same_bytes_in_it_twice_are_one_exhibit_and_two_members(desk: Desk, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"same"), ("b", b"same"), ("b", b"other"))
    desk.intaker().receive(path, "a.zip")
    desk.work()
    assert len(desk.exhibits()) == 3
    assert [path for _, path, _ in members(desk)] == [b"a", b"b", b"b"]


def test_an_archive_in_an_archive_is_stored_and_not_opened(desk: Desk, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", ("secret", b"s")).read_bytes()
    desk.intaker().receive(zipped(tmp_path / "outer.zip", ("inner.zip", inner)), "outer.zip")
    desk.work()
    _, stored = desk.exhibits()
    assert stored.digests.sha256 == digest(inner)
    assert stored.state is ExhibitState.REFUSED
    assert "stood in another archive" in stored.reason
    assert stored.reason.endswith("Send the files in it.")


def test_a_refused_archive_is_sealed_and_its_reason_says_what_to_do(desk: Desk, tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", *((f"{n}", bytes(9 << 20)) for n in range(12)))
    whole = path.read_bytes()
    desk.intaker().receive(path, "bomb.zip")
    desk.work()
    (exhibit,) = desk.exhibits()
    assert exhibit.state is ExhibitState.REFUSED
    assert exhibit.reason.endswith("Send the files in it.")
    (key,) = desk.store.list_keys("cases/")
    assert desk.store.local_path(key, "0").read_bytes() == whole  # type: ignore[union-attr]


def test_what_is_left_out_is_a_problem_and_the_rest_is_taken(desk: Desk, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip", ("../evil", b"e"), ("good", b"good" * 400), ("bad", b"bad" * 400), method=0
    )
    path.write_bytes(path.read_bytes().replace(b"badbad", b"badbax", 1))
    desk.intaker().receive(path, "a.zip")
    desk.work()
    archive, good = desk.exhibits()
    assert good.digests.sha256 == digest(b"good" * 400)
    assert "1 of its 3 files are" in archive.reason
    texts = [text for (text,) in desk.rows("SELECT text FROM problem ORDER BY id")]
    assert [("evil" in text, "bad" in text) for text in texts] == [(True, False), (False, True)]
    assert list(desk.spool.iterdir()) == []


class Killed(BaseException):
    """Ends a job as a kill does: nothing is put off, nothing is closed."""


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_crash_on_the_way_goes_on_and_receives_no_member_twice(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    path = zipped(tmp_path / "a.zip", *((f"m{n}", os.urandom(100)) for n in range(5)))
    desk.intaker().receive(path, "a.zip")
    desk.work(until=lambda lease: lease.stage is Stage.INSPECT)
    whole = Unpacker._receive
    seen: list[object] = []

    def receive(*args: object) -> None:
        if len(seen) == after:
            raise Killed
        seen.append(args)
        whole(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Unpacker, "_receive", receive)
        (job,) = desk.rows("SELECT id, token FROM job WHERE stage = 'inspect' AND state = 'leased'")
        with pytest.raises(Killed):
            desk.pipeline().run(*job)
    assert len(members(desk)) == after
    with desk.catalogue.write() as connection:
        connection.exec_driver_sql("UPDATE job SET state = 'ready', token = token + 1 WHERE state = 'leased'")
    desk.pipeline().run(*job)  # a late message of the dead worker
    assert len(members(desk)) == after
    desk.work()
    assert [place for place, _, _ in members(desk)] == [0, 1, 2, 3, 4]
    assert len(desk.exhibits()) == 6
    assert desk.exhibits()[0].state is ExhibitState.PROCESSED
    assert desk.rows("SELECT count(*) FROM ledger_inbox WHERE type = 'file.received'") == [(6,)]


def test_the_same_archive_again_is_a_further_submission_and_is_not_opened_twice(
    desk: Desk, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"a"))
    for _ in range(2):
        desk.intaker().receive(path, "a.zip")
        desk.work()
    assert names(desk).count(b"a.zip/a") == 1
    assert len(desk.exhibits()) == 2


def test_files_and_members_of_one_submission_have_their_own_numbers(desk: Desk, tmp_path: Path) -> None:
    intaker = desk.intaker()
    intaker.receive(zipped(tmp_path / "a.zip", ("a", b"a"), ("b", b"b")), "a.zip")
    desk.work()
    (tmp_path / "note").write_text("after")
    intaker.receive(tmp_path / "note", "note")
    intaker.complete({})
    assert desk.rows("SELECT ordinal FROM submitted_file ORDER BY ordinal") == [(1,), (2,), (3,), (4,)]


def test_a_very_long_path_of_odd_bytes_is_kept(desk: Desk, tmp_path: Path) -> None:
    name = b"\xff" * 1000
    desk.intaker().receive(raw_archive(tmp_path / "a.zip", [(name, b"x")]), "a.zip")
    desk.work()
    assert names(desk)[1] == name_bytes("a.zip/") + name
