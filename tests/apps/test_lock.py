"""worker.lock: one holder, for as long as any process has its file open."""

import subprocess
from pathlib import Path

import pytest

from apps.lock import WorkerLock, try_worker_lock
from evidence.errors import UnreadableError


def test_one_has_it_and_the_next_gets_it_when_it_is_closed(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path / "worker.lock"), WorkerLock(tmp_path / "worker.lock")
    assert first.acquire()
    assert not second.acquire()
    first.close()
    assert second.acquire()
    second.close()


def test_it_is_held_as_long_as_a_process_that_inherited_it_lives(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path / "worker.lock"), WorkerLock(tmp_path / "worker.lock")
    assert first.acquire()
    with subprocess.Popen(["sleep", "60"], pass_fds=(first.fd,)) as heir:
        first.close()
        assert not second.acquire()
        heir.kill()
    assert second.acquire()
    second.close()


def test_a_process_that_did_not_inherit_it_does_not_hold_it(tmp_path: Path) -> None:
    first, second = WorkerLock(tmp_path / "worker.lock"), WorkerLock(tmp_path / "worker.lock")
    assert first.acquire()
    with subprocess.Popen(["sleep", "60"]) as other:
        first.close()
        assert second.acquire()
        other.kill()
    second.close()


def test_a_look_at_it_leaves_it_free(tmp_path: Path) -> None:
    for _ in range(2):
        with try_worker_lock(tmp_path / "worker.lock") as is_ours:
            assert is_ours
            with try_worker_lock(tmp_path / "worker.lock") as is_ours_too:
                assert not is_ours_too


def test_it_makes_its_folder(tmp_path: Path) -> None:
    with try_worker_lock(tmp_path / "new" / "data" / "worker.lock") as is_ours:
        assert is_ours


@pytest.mark.parametrize("path", ["file/worker.lock", "folder"])
def test_a_folder_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableError) as refused:
        WorkerLock(tmp_path / path)
    assert "--data" in refused.value.advice
