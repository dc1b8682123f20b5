"""Receiving: whole or not at all, durable before it is said, and nothing that nobody named."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.catalogue.cases import close_case
from evidence.clock import system_clock, timestamp
from evidence.errors import ConflictError, StorageFullError, UnreadableError
from ingest.paths import files_below
from ingest.spool import spool_file, sweep_spool
from tests.ingest.conftest import NUMBER, Desk


def test_a_received_file_is_an_exhibit_with_its_digest_and_lies_in_the_spool(desk: Desk, note: Path) -> None:
    received = desk.intaker().receive(note, "note.txt")
    (exhibit,) = desk.exhibits()
    assert received.is_new
    assert exhibit.digests.sha256 == received.digests.sha256 == sha256(note.read_bytes()).hexdigest()
    assert spool_file(desk.spool, exhibit.spool).read_bytes() == note.read_bytes()


def test_exhibit_jobs_and_custody_event_come_in_one_transaction(desk: Desk, note: Path) -> None:
    desk.intaker().receive(note, "note.txt")
    assert desk.rows("SELECT stage, state FROM job ORDER BY id") == [
        ("seal", "ready"),
        ("inspect", "waiting"),
        ("fast", "waiting"),
        ("slow", "waiting"),
    ]
    assert desk.rows("SELECT type FROM ledger_inbox") == [("file.received",)]


def test_a_name_is_kept_byte_for_byte(desk: Desk, note: Path) -> None:
    raw = b"caf\xe9\n.txt"
    desk.intaker().receive(note, os.fsdecode(raw))
    assert desk.rows("SELECT name FROM submitted_file") == [(raw,)]


def test_the_same_bytes_again_are_a_further_submission_and_leave_no_second_file(
    desk: Desk, note: Path
) -> None:
    intaker = desk.intaker()
    first, second = intaker.receive(note, "note.txt"), intaker.receive(note, "copy.txt")
    assert (first.is_new, second.is_new) == (True, False)
    assert first.exhibit_id == second.exhibit_id
    assert len(list(desk.spool.iterdir())) == 1
    assert desk.rows("SELECT name FROM submitted_file ORDER BY ordinal") == [(b"note.txt",), (b"copy.txt",)]


def test_two_processes_that_receive_the_same_bytes_at_once_make_one_exhibit(desk: Desk, note: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from evidence.catalogue.sqlite import open_catalogue\n"
        "from retention.folder import FolderStore\n"
        "from tests.ingest.conftest import Desk\n"
        "data, note = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "desk = Desk(data, open_catalogue(data / 'catalogue.sqlite3'), FolderStore(data / 'objects'))\n"
        "sys.stdin.read(1)\n"
        "print(sum(desk.intaker().receive(note, 'n').is_new for _ in range(20)))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, desk.data, note],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    new = sum(int(process.communicate(timeout=60)[0]) for process in processes)
    assert new == 1
    assert len(desk.exhibits()) == 1
    assert desk.rows("SELECT count(*) FROM submitted_file") == [(40,)]
    assert len(list(desk.spool.iterdir())) == 1


def fifo(path: Path) -> None:
    os.mkfifo(path)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("make", [fifo, dangling, bound_socket, lambda path: path.mkdir()])
def test_what_is_no_regular_file_is_named_and_leaves_nothing(
    desk: Desk, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "odd"
    make(path)
    with pytest.raises(UnreadableError, match="odd"):
        desk.intaker().receive(path, "odd")
    assert desk.exhibits() == []
    assert list(desk.spool.iterdir()) == []


@pytest.mark.parametrize("name", ["absent", "note.txt/below", "x" * 300])
def test_a_path_that_leads_nowhere_is_named(desk: Desk, note: Path, name: str) -> None:
    ((path, shown),) = files_below(note.parent / name)
    with pytest.raises(UnreadableError, match="cannot be read"):
        desk.intaker().receive(path, shown)


def test_a_file_that_changes_while_it_is_read_is_not_received(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(bytes(10 << 20))

    def grow(_count: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(UnreadableError, match="changed while it was read"):
        desk.intaker().receive(path, "growing.bin", grow)
    assert desk.exhibits() == []
    assert list(desk.spool.iterdir()) == []


def test_a_file_that_grows_faster_than_it_is_read_comes_to_an_end(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(bytes(10 << 20))
    read = []

    def outgrow(count: int) -> None:
        read.append(count)
        if len(read) > 20:
            return
        with path.open("ab") as file:
            file.write(bytes(count * 2))

    with pytest.raises(UnreadableError, match="changed while it was read"):
        desk.intaker().receive(path, "growing.bin", outgrow)
    assert sum(read) <= 10 << 20


def test_a_file_for_which_there_is_no_room_is_refused_before_it_is_copied(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate(1 << 42)  # of zeros that take no room; more than any disk of a test has
    with pytest.raises(StorageFullError, match=r"huge\.bin"):
        desk.intaker().receive(path, "huge.bin")
    assert list(desk.spool.iterdir()) == []


def test_an_interruption_right_after_the_commit_keeps_the_file_that_the_exhibit_needs(
    desk: Desk, note: Path
) -> None:
    struck: list[bool] = []

    class Struck(BaseException):
        pass

    def strike(frame: object, event: str, _argument: object) -> None:
        code = frame.f_code  # type: ignore[attr-defined]
        if event == "return" and code.co_name == "_file" and not struck:
            struck.append(True)
            raise Struck

    sys.setprofile(strike)
    try:
        with pytest.raises(Struck):
            desk.intaker().receive(note, "note.txt")
    finally:
        sys.setprofile(None)
    (exhibit,) = desk.exhibits()
    assert spool_file(desk.spool, exhibit.spool).read_bytes() == note.read_bytes()


def test_nothing_more_is_taken_in_once_the_case_is_closed(desk: Desk, note: Path) -> None:
    begun = desk.intaker()
    with desk.catalogue.write() as connection:
        close_case(connection, desk.case(), timestamp(system_clock()))
    with pytest.raises(ConflictError, match=NUMBER):
        begun.receive(note, "note.txt")
    with pytest.raises(ConflictError, match=NUMBER):
        desk.intaker()
    assert desk.exhibits() == []
    assert list(desk.spool.iterdir()) == []


def test_a_folder_gives_its_files_in_order_under_its_own_name(tmp_path: Path) -> None:
    for name in ("b/2.mp4", "a/1.mp4", "b/1.mp4", "0.mp4"):
        path = tmp_path / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = [name for _, name in files_below(tmp_path / "export")]
    assert names == ["export/0.mp4", "export/a/1.mp4", "export/b/1.mp4", "export/b/2.mp4"]


def test_links_in_a_folder_are_given_as_they_are_and_never_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.mp4").write_text("of another case")
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "file.mp4").symlink_to(tmp_path / "other" / "secret.mp4")
    (folder / "folder").symlink_to(tmp_path / "other")
    found = {name: path for path, name in files_below(folder)}
    assert set(found) == {"export/file.mp4", "export/folder"}
    for name, path in found.items():
        with pytest.raises(UnreadableError, match="links in a folder are not followed"):
            desk.intaker().receive(path, name)


def test_a_link_that_somebody_names_is_followed_and_keeps_its_own_name(desk: Desk, note: Path) -> None:
    link = note.parent / "link.txt"
    link.symlink_to(note.name)
    ((path, name),) = files_below(link)
    assert name == "link.txt"
    assert desk.intaker().receive(path, name).digests.sha256 == sha256(note.read_bytes()).hexdigest()


def test_a_sweep_removes_what_nobody_needs_and_spares_what_is_needed_or_in_hand(
    desk: Desk, note: Path
) -> None:
    desk.intaker().receive(note, "note.txt")
    (exhibit,) = desk.exhibits()
    (desk.spool / "left").write_bytes(b"half received")
    with (desk.spool / "inhand").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweep_spool(desk.catalogue, desk.spool) == ["left"]
    assert {path.name for path in desk.spool.iterdir()} == {exhibit.spool, "inhand"}


def test_a_sweep_that_comes_between_the_making_of_a_file_and_its_locking_loses_nothing(
    desk: Desk, note: Path
) -> None:
    swept: list[str] = []

    def sweep(_frame: object, event: str, called: object) -> None:
        if event == "c_call" and called is fcntl.flock and not swept:
            swept.extend(sweep_spool(desk.catalogue, desk.spool))

    intaker = desk.intaker()
    sys.setprofile(sweep)
    try:
        intaker.receive(note, "note.txt")
    finally:
        sys.setprofile(None)
    (exhibit,) = desk.exhibits()
    assert len(swept) == 1
    assert spool_file(desk.spool, exhibit.spool).read_bytes() == note.read_bytes()


def test_a_lost_spool_file_is_named_with_what_to_do(desk: Desk) -> None:
    with pytest.raises(UnreadableError) as refused:
        spool_file(desk.spool, "gone")
    assert "again" in refused.value.advice
