"""While the portal is busy, every thread of the worker and of what it started leaves it a core."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.reserved_core import ReservedCore, core_reserved
from tests.system.program import children_of, tree_of, wait_until

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")

ALL = os.sched_getaffinity(0)
LEFT = ALL - {min(ALL)}
BUSY = "while True: pass"
# A thread of its own, and a child with one: an encoder has many.
WORKER = """
import subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "child"])
time.sleep(600)
"""


@contextmanager
def running(*command: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *command])
    try:
        yield process.pid
    finally:
        for pid in tree_of(process.pid)[1:]:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[int]:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    with running(str(script)) as pid:
        wait_until(lambda: len(threads_of(pid)) == 4, 20, "a worker with a child, two threads each")
        yield pid


def threads_of(pid: int) -> list[int]:
    return [int(task.name) for each in tree_of(pid) for task in Path(f"/proc/{each}/task").iterdir()]


def cores_of(pid: int) -> list[set[int]]:
    return [os.sched_getaffinity(thread) for thread in threads_of(pid)]


def test_a_busy_portal_has_a_core_and_an_idle_one_gives_it_back(worker: int) -> None:
    with running("-c", BUSY) as portal:
        core = ReservedCore(lambda: portal, lambda: worker, kept_s=1.0)

        def looked(core: ReservedCore) -> list[set[int]]:
            core.look()
            return cores_of(worker)

        core.look()
        assert cores_of(worker) == [ALL] * 4  # what it used before says nothing of now
        time.sleep(0.3)
        core.look()
        assert cores_of(worker) == [LEFT] * 4
        os.kill(portal, signal.SIGSTOP)
        wait_until(lambda: looked(core) == [ALL] * 4, 20, "all cores for the worker again")


def test_what_is_started_later_leaves_it_too(worker: int) -> None:
    with running("-c", BUSY) as portal:
        core = ReservedCore(lambda: portal, lambda: worker)
        core.look()
        time.sleep(0.3)
        core.look()
        [child] = children_of(worker)
        for task in Path(f"/proc/{child}/task").iterdir():
            os.sched_setaffinity(int(task.name), ALL)  # as one that was being started at that moment
        core.look()
    assert cores_of(worker) == [LEFT] * 4


def test_an_idle_portal_takes_nothing(worker: int) -> None:
    # One that has started long ago: to start costs as much as many answers.
    core = ReservedCore(lambda: worker, lambda: worker)
    core.look()
    time.sleep(0.3)
    core.look()
    assert cores_of(worker) == [ALL] * 4


def test_without_a_portal_nothing_is_taken(worker: int) -> None:
    ReservedCore(lambda: None, lambda: worker).look()
    assert cores_of(worker) == [ALL] * 4


def test_a_worker_that_is_gone_is_nobodys_fault(worker: int) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    now: list[int | None] = [gone.pid]
    with running("-c", BUSY) as portal:
        core = ReservedCore(lambda: portal, lambda: now[0])
        core.look()
        for pid in (gone.pid, None, worker):
            now[0] = pid
            time.sleep(0.3)
            core.look()
    assert cores_of(worker) == [LEFT] * 4  # the next one


def test_what_was_taken_is_given_back_at_the_end(worker: int) -> None:
    with running("-c", BUSY) as portal:
        with core_reserved(lambda: portal, lambda: worker):
            wait_until(lambda: cores_of(worker) == [LEFT] * 4, 20, "a core for the portal")
        assert cores_of(worker) == [ALL] * 4
