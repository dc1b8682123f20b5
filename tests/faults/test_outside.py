"""What comes from outside: time-stamp authorities that fail, a clock that jumps, an older catalogue."""

import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from apps.wiring import Application
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import take_jobs
from evidence.clock import timestamp
from evidence.settings import Settings
from ingest.pipeline import Pipeline
from tests.faults.client import Client
from tests.faults.kinds import EMBEDDED, ENGINES
from tests.faults.site import Site
from tests.system.program import CASE
from tests.tsa import authority, send, serving, stamping

Enter = Callable[..., None]
embedded = pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
PENDING = "SELECT count(*) FROM ledger_timestamp WHERE state = '{}'"


def away(_handler: BaseHTTPRequestHandler, _query: bytes) -> None:
    raise ConnectionError


def slow(_handler: BaseHTTPRequestHandler, _query: bytes) -> None:
    with suppress(OSError):
        time.sleep(90)


def wrong(handler: BaseHTTPRequestHandler, _query: bytes) -> None:
    send(handler, b"\x30\x03\x02\x01\x00 no stamp")


@embedded
@pytest.mark.parametrize("answer", [away, slow, wrong])
def test_a_time_stamp_authority_that_fails(
    site: Site,
    clips: list[Path],
    tmp_path: Path,
    happened: Enter,
    answer: Callable[[BaseHTTPRequestHandler, bytes], None],
) -> None:
    tsa = authority(tmp_path / "tsa")
    right, asked = stamping(tsa), 0
    is_well = False

    def respond(handler: BaseHTTPRequestHandler, query: bytes) -> None:
        nonlocal asked
        asked += 1
        (right if is_well else answer)(handler, query)

    with serving(respond) as url:
        settings = {"VIDNE_TSA_URLS": url, "VIDNE_TSA_ROOTS": str(tsa.roots)}
        site.program = replace(site.program, settings=settings)
        client = Client(site)
        site.program.open_case()
        client.keep_checkpoint()
        site.serve()
        client.send_until_received(clips)
        assert site.settle(3) == ["processed"] * 3
        deadline = time.monotonic() + 60
        while not asked and time.monotonic() < deadline:
            time.sleep(0.1)
        assert asked
        failed = asked
        assert site.program.query(PENDING.format("stamped")) == [(0,)]
        site.kill()
        is_well = True
        site.serve()  # else nobody publishes what the kill left sequenced only
        site.program.run("ledger", "stamp")
        assert site.program.query(PENDING.format("stamped"))[0][0] >= 1
        happened("time-stamp authority", f"it is {answer.__name__}", site.name, failed, client.judge())


class JumpingClock:
    """Ten years ahead, ten back, and all between, at each look."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.looks = draw, 0

    def __call__(self) -> datetime:
        self.looks += 1
        return datetime.now(UTC) + timedelta(days=self.draw.uniform(-3650, 3650))


@pytest.mark.parametrize("site", [EMBEDDED, ENGINES], indirect=True)
def test_a_clock_that_jumps(
    site: Site, clips: list[Path], happened: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the pipeline and the keeper, from within: receiving and verifying have the true one."""
    client, clock = Client(site), JumpingClock(site.draw)
    site.program.open_case()
    client.send_until_received(clips)
    client.keep_checkpoint()
    for name, value in site.program.settings.items():
        monkeypatch.setenv(name, value)
    app = Application(Settings.from_environment(data=site.program.data), clock=clock)
    pipeline = Pipeline(
        app.catalogue,
        app.store,
        spool=app.settings.spool_path,
        work=app.settings.work_path,
        clock=clock,
        home=app.home,
    )
    slots = {Lane.FAST: 1, Lane.SLOW: 1}
    deadline = time.monotonic() + 200
    while set(site.states()) != {"processed"} and time.monotonic() < deadline:
        now = timestamp(clock())
        with app.catalogue.write() as connection:
            leases = take_jobs(connection, "jumping", slots, now, now, app.home)
        for lease in leases:
            pipeline.run(lease.job_id, lease.token)
    assert site.states() == ["processed"] * 3
    before = locks(app)
    for _ in range(6):
        app.keeper.run_once()
    after = locks(app)
    if site.engines:
        assert before
        assert all(after[key] >= until for key, until in before.items()), "a lock was shortened"
    app.catalogue.close()
    verdict = client.judge()
    positions = site.program.query("SELECT case_seq FROM ledger_entry WHERE case_id <> '' ORDER BY position")
    assert [number for (number,) in positions] == list(range(1, len(positions) + 1))
    happened("clock jumps", "up to ten years, at each look", site.name, clock.looks, verdict)


def locks(app: Application) -> dict[str, datetime]:
    with app.catalogue.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT key, version_id FROM stored_object"
            " WHERE state = 'stored' AND role IN ('original', 'manifest')"
        ).all()
    found = {key: app.store.retained_until(key, version) for key, version in rows}
    return {key: until for key, until in found.items() if until}


@embedded
def test_a_restored_older_catalogue(site: Site, clips: list[Path], happened: Enter) -> None:
    client = Client(site)
    site.program.open_case()
    site.program.run("submit", clips[0], "--case", CASE, "--wait")
    client.send_until_received(clips[:1])
    site.program.run("verify", "archive")
    backup = site.folder / "backup"
    shutil.copytree(site.program.data, backup, ignore=shutil.ignore_patterns("objects*"))
    site.program.run("submit", *clips[1:], "--case", CASE, "--wait")
    client.send_until_received(clips)
    site.program.run("verify", "archive")
    client.keep_checkpoint()
    for path in site.program.data.glob("catalogue.sqlite3*"):
        path.unlink()
    for path in backup.glob("catalogue.sqlite3*"):
        shutil.copy(path, site.program.data)
    assert len(site.states()) == 1
    site.program.run("rebuild")
    assert site.states() == ["processed"] * 3
    verdict = client.judge(ended=3)
    happened("restore of an older database", "rebuilt from the store", site.name, 1, verdict)
