"""Installations for the faults, and the table of what happened (docs/reliability.md)."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evidence.cases import new_id
from samples.generator import clip
from tests.databases import PostgresServer, RedisServer, redis_server
from tests.faults.kinds import EMBEDDED, ENGINES
from tests.faults.oracle import Verdict
from tests.faults.report import Row, rows_of, write_report
from tests.faults.seed import SEED, drawing
from tests.faults.site import Engines, Site
from tests.faulty_http import FaultyProxy, faulty_proxy
from tests.servers import S3Server
from tests.system.program import Program

_DISK = 192 << 20


def pytest_report_header() -> str:
    return f"faults: VIDNE_FAULT_SEED={SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    rows = rows_of(value for report in reports for name, value in report.user_properties if name == "fault")
    for row in rows:
        terminalreporter.write_line(f"faults: {row}")
    if rows and (path := os.environ.get("VIDNE_FAULT_REPORT")):
        write_report(Path(path), rows)


@pytest.fixture
def happened(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Enter a fault into the table, and hold its verdict to nothing lost and nothing twice."""

    def enter(line: str, name: str, on: str, count: int, verdict: Verdict) -> None:
        row = Row(line, name, on, count, verdict.acknowledged, len(verdict.lost), len(verdict.duplicated))
        record_property("fault", json.dumps(row))
        assert not verdict.complaints, "\n".join([f"VIDNE_FAULT_SEED={SEED}", *verdict.complaints])

    return enter


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three short clips, each of other bytes."""
    folder = tmp_path_factory.mktemp("clips")
    return [clip(folder / f"clip{n}.mp4", seconds=1, size=(160, 120), seed=n) for n in range(3)]


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="session")
def proxy(s3: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3.endpoint) as started:
        yield started


@pytest.fixture
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """One machine without servers, on a small disk of its own where one can be mounted."""
    with ExitStack() as cleanup:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(disk)]
        is_small = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if is_small:
            cleanup.callback(lambda: subprocess.run(["umount", "-l", disk], check=True))
        draw = drawing(request.node.name)
        site = Site(EMBEDDED, tmp_path, Program(disk / "data"), draw, disk=disk if is_small else None)
        cleanup.callback(site.end)
        yield site


@pytest.fixture
def on_engines(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    postgres: PostgresServer,
    redis: RedisServer,
    s3: S3Server,
    proxy: FaultyProxy,
) -> Iterator[Site]:
    """One machine on PostgreSQL, Redis and S3."""
    bucket = f"evidence-{new_id()}"
    s3.client().make_bucket(bucket, object_lock=True)
    proxy.faults.clear()
    settings = {
        **s3.settings(bucket, tmp_path / "secret"),
        "VIDNE_STORE_URL": f"s3+http://{proxy.endpoint}/{bucket}",
        "VIDNE_CATALOGUE_URL": postgres.new_database(),
        "VIDNE_BROKER_URL": redis.url,
        "VIDNE_LEDGER_KEY_FILE": str(tmp_path / "ledger.skey"),
    }
    (tmp_path / "one").mkdir()
    program = Program(tmp_path / "one" / "data", settings)
    engines = Engines(postgres, redis, s3, proxy, bucket)
    site = Site(ENGINES, tmp_path, program, drawing(request.node.name), engines)
    yield site
    site.end()


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Site:
    """The installation that the test names."""
    found: Site = request.getfixturevalue({EMBEDDED: "embedded", ENGINES: "on_engines"}[request.param])
    return found
