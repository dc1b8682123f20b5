"""The portal's process beside the worker: killed, stopped, shut out; and when the public has taken it all."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine

from tests.apps.portal.sender import Sender
from tests.portal.site import Site
from tests.servers import free_ports
from tests.system.program import Program, children_of, living_of, wait_until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.program.open_case()
    made.start()
    yield made
    made.kill()


def portal_of(site: Site) -> int:
    assert site.process is not None
    [found] = [
        pid
        for pid in children_of(site.process.pid)
        if b"apps.portal.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found


def test_a_killed_portal_is_started_again_and_meanwhile_nobody_is_refused(site: Site) -> None:
    before = portal_of(site)
    os.kill(before, signal.SIGKILL)
    # The socket is the supervisor's: what connects waits.
    assert httpx.get(f"{site.url}/healthz", timeout=30).status_code == 200
    assert portal_of(site) != before
    assert "the portal's process died" in site.said


def test_told_to_stop_it_ends_in_good_order(site: Site) -> None:
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(40) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{site.url}/healthz")
    site.process = None


def test_it_dies_with_its_parent(site: Site) -> None:
    pid = portal_of(site)
    assert site.process is not None
    site.process.kill()
    site.process.wait()
    wait_until(
        lambda: not Path(f"/proc/{pid}").exists() or b"apps" not in Path(f"/proc/{pid}/cmdline").read_bytes(),
        10,
        "it dies",
    )
    group = site.process.pid
    wait_until(lambda: not living_of(group), 10, "the worker and all else to die")
    site.process = None


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        program = Program(tmp_path / "data", {"VIDNE_PORTAL_LISTEN": address})
        for command in ("serve", "portal"):
            done = program.run(command, check=4)
            assert address in done.err


def test_the_portal_alone_runs_without_a_worker(tmp_path: Path) -> None:
    [port] = free_ports(1)
    program = Program(tmp_path / "data", {"VIDNE_PORTAL_LISTEN": f"127.0.0.1:{port}"})
    process = program.start("portal")
    try:
        wait_until(lambda: _answers(port), 30, "it answers")
        assert not (tmp_path / "data" / "worker.log").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    finally:
        process.kill()
        process.wait()


def test_without_an_address_there_is_no_portal(tmp_path: Path) -> None:
    assert "VIDNE_PORTAL_LISTEN" in Program(tmp_path / "data").run("portal", check=2).err


def test_a_portal_that_cannot_start_ends_the_program(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "catalogue.sqlite3").write_bytes(b"no database at all, " * 100)
    [port] = free_ports(1)
    program = Program(data, {"VIDNE_PORTAL_LISTEN": f"127.0.0.1:{port}"})
    done = subprocess.run(
        program.command("portal"), env=program.environment(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert b"cannot work" in done.stderr


def test_while_the_catalogue_is_locked_senders_are_told_to_wait_and_health_is_answered(site: Site) -> None:
    code = site.link("--uses", "1000")["code"]
    engine = create_engine(site.program.catalogue_url)

    def begin(_: int) -> httpx.Response:
        with httpx.Client(base_url=site.url, timeout=60) as client:
            body = {"language": "da", "declaration": "1"}
            return Sender(client, code).call("POST", "/api/submissions", json=body)

    with ThreadPoolExecutor(60) as threads, engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        waiting = [threads.submit(begin, n) for n in range(60)]
        time.sleep(1)
        began = time.monotonic()
        assert httpx.get(f"{site.url}/healthz").status_code == 200
        assert time.monotonic() - began < 1
        answers = [item.result() for item in waiting]
        connection.exec_driver_sql("ROLLBACK")
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    engine.dispose()
    assert begin(0).status_code == 201
    assert site.program.query("SELECT count(*) FROM link_submission") == [(1,)]


def test_slow_senders_of_heads_and_bodies_stop_nobody_else(site: Site) -> None:
    code = site.link()["code"]
    lines = (
        "PUT /api/submissions/x/answers HTTP/1.1",
        "Host: x",
        f"Vidne-Link: {code}",
        "Content-Type: application/json",
        "Content-Length: 9",
        "",
    )
    head = "\r\n".join(lines)
    slow = []
    try:
        for number in range(200):
            connection = socket.create_connection(("127.0.0.1", site.port), 10)
            connection.sendall((head + ("\r\n{" if number % 2 else "")).encode())
            slow.append(connection)
        with httpx.Client(base_url=site.url) as client:
            assert Sender(client, code).begin().send("a.txt", b"quick")
    finally:
        for connection in slow:
            connection.close()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False
