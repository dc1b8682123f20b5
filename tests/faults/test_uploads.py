"""Uploads through links: cut, killed, doubled, wrong, where the database is locked or the disk is full."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import httpx
import psycopg
import pytest

from tests.disks import fill
from tests.faults.kinds import EMBEDDED, ENGINES
from tests.faults.sender import Public, at_walking_pace, film
from tests.faults.site import Site
from tests.uploads.network import relay

Enter = Callable[..., None]
both = pytest.mark.parametrize("site", [EMBEDDED, ENGINES], indirect=True)
LINE = "upload"
MIB = 1 << 20


@both
def test_an_upload_that_is_cut_fifty_times(site: Site, happened: Enter) -> None:
    public = Public(site)
    content = film(site.draw, 24 * MIB)
    with relay(
        public.address, lambda: site.draw.randrange(100_000, 400_000) if net.cuts < 50 else None
    ) as net:
        public.send(content, url=net.url)
        assert net.cuts == 50
    happened(LINE, "cut 50 times", site.name, net.cuts, public.judge(1))


@both
def test_a_portal_that_is_killed_in_the_middle_of_requests(site: Site, happened: Enter) -> None:
    public = Public(site)
    contents = [film(site.draw, 96 * MIB if site.disk is None else 40 * MIB) for _ in range(2)]
    kills = 0
    with ThreadPoolExecutor(2) as pool:
        sending = [pool.submit(public.send, content, body=at_walking_pace) for content in contents]
        while not all(item.done() for item in sending) and kills < 12:
            time.sleep(site.draw.uniform(0.2, 1.5))
            if kills % 4 == 3:
                site.kill()
                site.serve()
            else:
                with suppress(ProcessLookupError):
                    os.kill(site.portal(), signal.SIGKILL)
            kills += 1
        for item in sending:
            item.result()
    assert public.cuts, "no kill fell into a request"
    happened(LINE, "SIGKILL of portal or machine in a PATCH", site.name, public.cuts, public.judge(2))


@both
def test_two_requests_at_once(site: Site, happened: Enter) -> None:
    """Each time from the same offset, and each time one of the two goes on."""
    public = Public(site)
    content = film(site.draw, 20 * MIB)
    place = public.create(len(content))
    step, doubled = 4 * MIB, 0
    for offset in range(0, 16 * MIB, step):
        barrier = Barrier(2)

        def send(_number: int, offset: int = offset, barrier: Barrier = barrier) -> int:
            barrier.wait()
            try:
                return public.sender.patch(place, offset, content[offset : offset + step]).status_code
            except httpx.TransportError:
                return 409

        with ThreadPoolExecutor(2) as pool:
            codes = list(pool.map(send, range(2)))
        assert sorted(codes) == [204, 409]
        doubled += 1
    public.send(content, place)
    happened(LINE, "two PATCHes at once", site.name, doubled, public.judge(1))


@both
def test_wrong_offsets(site: Site, happened: Enter) -> None:
    public = Public(site)
    content = film(site.draw, 4 * MIB)
    place = public.create(len(content))
    wrong = 0
    for offset in range(0, len(content), MIB):
        for other in {site.draw.randrange(0, len(content)) for _ in range(5)} - {offset}:
            reply = public.sender.patch(place, other, b"in the wrong place")
            assert reply.status_code == 409
            wrong += 1
        assert public.sender.patch(place, offset, content[offset : offset + MIB]).status_code == 204
    public.send(content, place)
    happened(LINE, "wrong offset", site.name, wrong, public.judge(1))


@both
def test_a_locked_database_is_told_to_senders(site: Site, happened: Enter) -> None:
    public = Public(site)
    content = film(site.draw, 40 * MIB)
    place = public.create(len(content))
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(public.send, content, place)
        deadline = time.monotonic() + 120
        while 503 not in public.statuses and not sending.done() and time.monotonic() < deadline:
            time.sleep(site.draw.uniform(0, 0.3))
            locked_for(site, 7)
        sending.result()
    told = public.statuses.count(503)
    assert told, "nobody met the lock"
    happened(LINE, "database locked: 503", site.name, told, public.judge(1))


def locked_for(site: Site, seconds: float) -> None:
    """Nobody can write into the rows of uploads."""
    if site.engines:
        with psycopg.connect(site.program.settings["VIDNE_CATALOGUE_URL"]) as connection:
            connection.execute("LOCK TABLE upload IN EXCLUSIVE MODE")
            time.sleep(seconds)
            connection.rollback()
        return
    lock = sqlite3.connect(site.program.data / "catalogue.sqlite3", isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    lock.close()


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
def test_a_full_disk_is_told_to_senders(site: Site, happened: Enter) -> None:
    if site.disk is None:
        pytest.skip("no small disk can be mounted here")
    public = Public(site)
    content = film(site.draw, 40 * MIB)
    place = public.create(len(content))
    ballast = fill(site.disk, leave=site.draw.randrange(28, 48) * MIB)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(public.send, content, place)
        deadline = time.monotonic() + 60
        while 507 not in public.statuses and time.monotonic() < deadline:
            time.sleep(0.05)
        ballast.unlink()
        sending.result()
    told = public.statuses.count(507)
    assert told, "nobody met the full disk"
    happened(LINE, "disk full: 507", site.name, told, public.judge(1))
