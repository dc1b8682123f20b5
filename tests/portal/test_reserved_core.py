"""Whoever sends to a real site has a core that its worker leaves free."""

import os
from pathlib import Path

import httpx
import pytest

from tests.portal.site import Site
from tests.system.program import children_of, wait_until


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")
def test_while_the_portal_is_asked_the_worker_leaves_it_a_core(site: Site) -> None:
    def cores_of_worker() -> set[int]:
        assert site.process is not None
        [worker] = [pid for pid in children_of(site.process.pid) if b"apps.worker" in command_of(pid)]
        return os.sched_getaffinity(worker)

    def is_left_one() -> bool:
        for _ in range(20):
            client.get("/")
        return len(cores_of_worker()) == len(os.sched_getaffinity(0)) - 1

    with httpx.Client(base_url=site.url) as client:
        wait_until(is_left_one, 30, "a core that is left to the portal")


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
