"""The supervisor: one worker at a time, taken over when it goes; a worker that cannot start is told."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.lock import try_worker_lock
from apps.supervisor import supervised
from evidence.settings import Settings
from samples.generator import clip
from tests.system.program import CASE, Program, children_of, kill_group, wait_until


@pytest.fixture
def program(tmp_path: Path) -> Program:
    program = Program(tmp_path / "data")
    program.open_case()
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    return program


@pytest.fixture
def serving(program: Program) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Programs to be ended with the test, whatever becomes of it."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            kill_group(process)


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    return children_of(process.pid)


def is_locked(program: Program) -> bool:
    with try_worker_lock(program.data / "worker.lock") as is_free:
        return not is_free


def test_of_two_that_serve_one_works_and_the_other_takes_over(
    program: Program, serving: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    serving.append(program.start("serve"))
    wait_until(lambda: bool(workers(serving[0])), 20, "the first worker")
    serving.append(program.start("serve"))
    time.sleep(1.5)
    assert workers(serving[1]) == []
    kill_group(serving[0])
    wait_until(lambda: bool(workers(serving[1])), 20, "the second to take over")
    program.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3, timeout=60)


def test_a_worker_dies_with_its_supervisor_and_the_lock_is_free(
    program: Program, serving: list[subprocess.Popen[bytes]]
) -> None:
    serving.append(program.start("serve"))
    wait_until(lambda: (program.data / "worker.log").exists(), 20, "a worker")
    (worker,) = workers(serving[0])
    os.kill(serving[0].pid, signal.SIGKILL)
    serving[0].wait()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), 10, "the worker to die")
    assert not is_locked(program)


def test_a_worker_that_dies_is_started_again(
    program: Program, serving: list[subprocess.Popen[bytes]]
) -> None:
    serving.append(program.start("worker"))
    wait_until(lambda: bool(workers(serving[0])), 20, "a worker")
    (first,) = workers(serving[0])
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: bool(workers(serving[0])) and workers(serving[0]) != [first], 20, "another worker")
    assert is_locked(program)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_0_and_gives_back_what_it_holds(
    program: Program, serving: list[subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    serving.append(program.start("serve"))
    wait_until(lambda: bool(workers(serving[0])), 20, "a worker")
    serving[0].send_signal(number)
    assert serving[0].wait(timeout=20) == 0
    assert not is_locked(program)
    assert program.query("SELECT count(*) FROM job WHERE state = 'leased'") == [(0,)]


def test_while_the_slow_lane_works_a_submission_is_sealed_and_told_to_stop_it_does_so_by_itself(
    program: Program, serving: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    serving.append(program.start("serve"))
    moving = clip(tmp_path / "clip.mp4", seconds=30, size=(1920, 1080))
    program.run("submit", moving, "--case", CASE)
    at_work = "SELECT state FROM job WHERE stage = 'slow' ORDER BY id LIMIT 1"
    wait_until(lambda: program.query(at_work) == [("leased",)], 60, "the slow job to begin")
    program.run("submit", tmp_path / "note.txt", "--case", CASE)
    assert program.query(at_work) == [("leased",)]
    told = time.monotonic()
    serving[0].terminate()
    assert serving[0].wait(timeout=20) == 0
    assert time.monotonic() - told < 5  # after ten seconds it would be killed
    assert "stopped" in (program.data / "worker.log").read_text()
    assert program.query(at_work) == [("ready",)]


def test_a_submit_whose_worker_cannot_start_ends_1_and_says_what_is_safe(
    program: Program, tmp_path: Path
) -> None:
    (program.data / "worker.log").mkdir()  # the worker cannot write its log
    done = program.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=1, timeout=60)
    assert "worker.log" in done.err
    assert "What was received is safe" in done.err
    assert program.query("SELECT sum(crashes) FROM job") == [(0,)]
    (program.data / "worker.log").rmdir()
    program.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3, timeout=60)


def test_a_store_that_is_not_configured_is_told_at_once(program: Program, tmp_path: Path) -> None:
    broken = Program(program.data, {"VIDNE_STORE_URL": "s3+http://127.0.0.1:1/bucket"})
    done = broken.run("submit", tmp_path / "note.txt", "--case", CASE, check=2, timeout=30)
    assert "VIDNE_S3_SECRET_KEY_FILE" in done.err
    assert program.exhibits() == []


def test_whoever_supervises_for_a_while_leaves_no_worker_behind(tmp_path: Path) -> None:
    others = set(children_of(os.getpid()))  # servers of other tests
    with supervised(Settings(data=tmp_path / "data")):
        wait_until(lambda: bool(set(children_of(os.getpid())) - others), 20, "a worker")
    assert set(children_of(os.getpid())) <= others
    with try_worker_lock(tmp_path / "data" / "worker.lock") as is_free:
        assert is_free
