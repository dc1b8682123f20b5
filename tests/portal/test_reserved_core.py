"""Whoever sends to a real site has a core that its worker leaves free."""

import os
from pathlib import Path

import httpx
import pytest

from tests.portal.site import Site
from tests.system.program import children_of, wait_until


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be shared out")
def test_while_the_portal_is_asked_the_worker_leaves_it_a_core(site: Site) -> None:
    def is_left_one() -> bool:
        assert site.process is not None
        for _ in range(20):
            client.get("/")
        cores = [os.sched_getaffinity(pid) for pid in children_of(site.process.pid) if is_worker(pid)]
        return [len(of_one) for of_one in cores] == [len(os.sched_getaffinity(0)) - 1]

    with httpx.Client(base_url=site.url) as client:
        wait_until(is_left_one, 30, "a core that is left to the portal")


def is_worker(pid: int) -> bool:
    return b"apps.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
