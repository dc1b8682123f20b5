"""What Prometheus is told, and what logs are: from the running program, without secrets."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.system.program import CASE, Program, kill_group, wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def program(tmp_path: Path) -> Program:
    settings = {"VIDNE_METRICS_PORT": str(free_port()), "VIDNE_LOG_FORMAT": "json"}
    return Program(tmp_path / "data", settings)


@pytest.fixture
def serving(program: Program, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program.open_case()
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    program.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3)
    process = program.start("serve", said=tmp_path / "said")
    yield process
    if process.poll() is None:
        kill_group(process)


def scraped(program: Program) -> dict[str, float]:
    address = f"http://127.0.0.1:{program.settings['VIDNE_METRICS_PORT']}/metrics"
    try:
        with urlopen(address, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def test_it_tells_what_waits_and_what_is_in_quarantine(
    program: Program, serving: subprocess.Popen[bytes]
) -> None:
    wait_until(lambda: bool(scraped(program)), 60, "the metrics")
    wait_until(lambda: scraped(program)["vidne_ledger_waiting"] == 0, 30, "the ledger")
    found = scraped(program)
    assert found["vidne_catalogue_up"] == 1
    assert found["vidne_jobs_quarantined"] == 0
    assert "vidne_oldest_unsealed_seconds" not in found  # nothing is
    program.execute("UPDATE job SET state = 'quarantined' WHERE stage = 'slow'")
    program.execute("UPDATE exhibit SET spool = 'x', received_at = '2026-01-01T00:00:00.000000Z'")
    program.execute("UPDATE job SET state = 'ready', not_before = '2999' WHERE stage = 'fast'")
    scrub = "INSERT INTO scrub (subset, started_at, finished_at) VALUES ('', :at, :at)"
    program.execute(scrub, at="2026-01-01T00:00:00.000000Z")
    found = scraped(program)
    assert found["vidne_jobs_quarantined"] == 1
    assert found['vidne_jobs{lane="fast",state="ready"}'] == 1
    assert found["vidne_oldest_unsealed_seconds"] > 3600
    assert found["vidne_scrub_age_seconds"] > 3600
    assert found["vidne_oldest_ready_seconds"] > 3600, "given back a moment ago, it waits since then"


def test_it_answers_on_this_machine_alone_unless_it_is_told_otherwise(
    program: Program, serving: subprocess.Popen[bytes]
) -> None:
    wait_until(lambda: bool(scraped(program)), 60, "the metrics")
    with socket.create_server(("127.0.0.2", int(program.settings["VIDNE_METRICS_PORT"]))):
        pass  # it is not bound to every address


def test_each_line_of_the_log_is_one_json_object(program: Program, serving: subprocess.Popen[bytes]) -> None:
    log = program.data / "worker.log"
    wait_until(lambda: log.exists() and "started" in log.read_text(), 60, "the worker")
    for line in log.read_text().splitlines():
        told = json.loads(line)
        assert {"at", "level", "logger", "process", "text"} <= set(told)


def test_a_port_that_is_taken_is_told(program: Program, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", int(program.settings["VIDNE_METRICS_PORT"]))):
        done = program.run("serve", check=4, timeout=60)
    assert "VIDNE_METRICS_PORT" in done.err
