"""What is seen of stored objects does not depend on who looks: threads, or a process beside."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from hashing.digests import digest_file
from hashing.object_reading import ExpectedObject, Seen, Wanted, reading
from retention.folder import VERSION, FolderStore
from tests.system.program import is_alive, wait_until

FEW, MANY = 40, 1200


def a_store(folder: Path, count: int) -> tuple[FolderStore, list[Wanted]]:
    root = folder / "objects"
    root.mkdir()
    wanted = []
    for number in range(count):
        path = root / f"{number:05d}"
        path.write_bytes(b"%d" % number * 50)
        item = ExpectedObject("EX-0001", "original", path.name, path.name, VERSION, digest_file(path))
        wanted.append(Wanted(item, is_read=True))
    return FolderStore(root), wanted


def seen_of(store: FolderStore, wanted: list[Wanted]) -> list[Seen]:
    with reading(store, wanted) as looked:
        return list(looked)


@contextmanager
def another_thread() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(params=["threads", "a process"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Who reads: in a process of a test there may be threads that no test knows of."""
    monkeypatch.setattr("threading.active_count", lambda: 1 if request.param == "a process" else 2)
    yield str(request.param)
    assert not multiprocessing.active_children()


def require(by: str) -> None:
    assert len(multiprocessing.active_children()) == (by == "a process")


@pytest.mark.parametrize("count", [1, FEW, MANY])
def test_every_object_is_seen_in_its_order(tmp_path: Path, by: str, count: int) -> None:
    store, wanted = a_store(tmp_path, count)
    with reading(store, wanted) as looked:
        require(by if count == MANY else "threads")
        assert [seen.found for seen in looked] == [one.item.digests for one in wanted]


def test_nothing_is_forked_beside_another_thread(tmp_path: Path) -> None:
    store, wanted = a_store(tmp_path, MANY)
    with another_thread(), reading(store, wanted) as looked:
        require("threads")
        assert next(looked).found == wanted[0].item.digests


def test_a_block_that_is_left_early_ends_what_reads(tmp_path: Path, by: str) -> None:
    store, wanted = a_store(tmp_path, 8 * MANY)
    with reading(store, wanted) as looked:
        require(by)
        assert next(looked).found


class Counting(FolderStore):
    """Takes its time for each object, as a store far away does, and counts those that it gave."""

    opened = 0

    def open(self, key: str, version_id: str) -> BinaryIO:
        self.opened += 1
        time.sleep(0.05)
        return super().open(key, version_id)


def test_of_a_slow_store_no_batch_is_waited_for_when_the_block_is_left(tmp_path: Path) -> None:
    wanted = a_store(tmp_path, MANY)[1]
    store = Counting(tmp_path / "objects")
    with another_thread(), reading(store, wanted) as looked:
        assert next(looked).found == wanted[0].item.digests
        so_far = store.opened
    assert store.opened <= so_far + 8  # two for each of the four threads; a batch has 32


def test_what_is_damaged_or_missing_is_seen_among_the_others(tmp_path: Path, by: str) -> None:
    store, wanted = a_store(tmp_path, MANY)
    (tmp_path / "objects" / wanted[7].item.key).write_bytes(b"other")
    (tmp_path / "objects" / wanted[9].item.key).unlink()
    seen = seen_of(store, wanted)
    assert [n for n, one in enumerate(wanted) if seen[n].found != one.item.digests] == [7, 9]
    assert seen[7].found is not None
    assert "is not in the store" in str(seen[9].error)
    assert "restore the object" in str(seen[9].error)


@pytest.mark.parametrize("by", ["a process"], indirect=True)
def test_where_the_process_is_killed_the_rest_is_read_all_the_same(tmp_path: Path, by: str) -> None:
    store, wanted = a_store(tmp_path, 4 * MANY)
    with reading(store, wanted) as looked:
        [beside] = multiprocessing.active_children()
        time.sleep(1)  # until it waits in the middle of a batch, for which the pipe has no room
        beside.kill()
        seen = list(looked)
    assert beside.exitcode == -signal.SIGKILL
    assert [one.found for one in seen] == [one.item.digests for one in wanted]


ABANDONED = """
import multiprocessing, sys, time
from pathlib import Path
from hashing.object_reading import reading
from tests.hashing.test_object_reading import a_store
store, wanted = a_store(Path(sys.argv[1]), 20_000)
with reading(store, wanted):
    print(multiprocessing.active_children()[0].pid, flush=True)
    time.sleep(60)
"""


def test_the_process_does_not_outlive_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ABANDONED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        beside = int(parent.stdout.readline())
        assert is_alive(beside)
        parent.kill()
    wait_until(lambda: not is_alive(beside), 20, "the end of the process beside")


def test_progress_counts_every_byte_once(tmp_path: Path, by: str) -> None:
    store, wanted = a_store(tmp_path, MANY)
    told: list[int] = []
    with reading(store, wanted, told.append) as looked:
        assert len(list(looked)) == MANY
    assert sum(told) == sum(one.item.digests.size for one in wanted)


def test_an_object_that_is_only_looked_for_is_not_read(tmp_path: Path, by: str) -> None:
    store, wanted = a_store(tmp_path, MANY)
    wanted[3] = Wanted(wanted[3].item, is_read=False)
    seen = seen_of(store, wanted)
    assert seen[3] == Seen(is_read=False, on_top=VERSION)
    assert all(one.found for n, one in enumerate(seen) if n != 3)
