"""Several machines on one case: processes with their own data folders, sharing PostgreSQL, Redis and S3."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from evidence.cases import new_id
from samples.generator import generate
from tests.databases import PostgresServer, RedisServer, postgres_server, redis_server
from tests.servers import S3Server, s3_server
from tests.system.outcome import unlike, what_became
from tests.system.program import CASE, Program, children_of, kill_group, wait_until


@dataclass
class Site:
    """The servers of an installation, and the machines that work on it."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    s3: S3Server
    settings: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def machine(self, name: str, **settings: str) -> Program:
        (self.folder / name).mkdir(exist_ok=True)
        return Program(self.folder / name / "data", {**self.settings, **settings})

    def serve(self, machine: Program) -> subprocess.Popen[bytes]:
        self.running.append(machine.start("serve", said=machine.data.parent / "said"))
        log = machine.data / "worker.log"
        wait_until(lambda: log.exists() and "started" in log.read_text(), 120, "a worker")
        return self.running[-1]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with s3_server(folder / "s3") as s3, postgres_server() as postgres, redis_server(folder) as redis:
        (folder / "secret").write_text(s3.secret_key)
        settings = {
            "VIDNE_S3_ACCESS_KEY": s3.access_key,
            "VIDNE_S3_SECRET_KEY_FILE": str(folder / "secret"),
            "VIDNE_BROKER_URL": redis.url,
        }
        yield Site(folder, postgres, redis, s3, settings)


@pytest.fixture(params=["redis", "no broker"])
def site(servers: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An installation with an empty catalogue and store; what was started on it ends with the test."""
    bucket = f"evidence-{new_id()}"
    servers.s3.client().make_bucket(bucket, object_lock=True)
    settings = {
        **servers.settings,
        "VIDNE_CATALOGUE_URL": servers.postgres.new_database(),
        "VIDNE_STORE_URL": f"s3+http://{servers.s3.endpoint}/{bucket}",
        "VIDNE_LEDGER_KEY_FILE": str(tmp_path / "ledger.skey"),
    }
    if request.param != "redis":
        del settings["VIDNE_BROKER_URL"]
    made = Site(tmp_path, servers.postgres, servers.redis, servers.s3, settings)
    yield made
    for process in made.running:
        if process.poll() is None:
            kill_group(process)


with_redis = pytest.mark.parametrize("site", ["redis"], indirect=True)


def states(machine: Program) -> list[str]:
    return sorted(state for (state,) in machine.query("SELECT state FROM exhibit"))


def await_processed(machine: Program, count: int, seconds: float) -> None:
    wait_until(lambda: states(machine) == ["processed"] * count, seconds, f"{count} processed exhibits")


def assert_whole(machine: Program, clips: list[Path]) -> None:
    """Every clip is one exhibit with its digest, each rendition once; nobody is blamed; all verifies."""
    exhibits = machine.exhibits()
    digests = {sha256(path.read_bytes()).hexdigest() for path in clips}
    assert {item["sha256"] for item in exhibits} == digests
    assert len(exhibits) == len(clips)
    for item in exhibits:
        names = [rendition["name"] for rendition in machine.show(item["exhibit"])["renditions"]]
        assert len(names) == len(set(names))
        assert any(name.startswith("working") for name in names)
    assert machine.query("SELECT sum(crashes), max(attempts) FROM job")[0][0] == 0
    machine.run("verify", "case", CASE)


def homes_at_work(machine: Program) -> set[str]:
    held = machine.query("SELECT owner FROM job WHERE state = 'leased'")
    return {owner.partition(".")[0] for (owner,) in held}


def test_two_machines_share_the_work_of_one_case(site: Site, six_clips: list[Path]) -> None:
    one, two = site.machine("one"), site.machine("two")
    one.open_case()
    site.serve(one)
    site.serve(two)
    one.run("submit", *six_clips, "--case", CASE)
    seen: set[str] = set()

    def both_were_at_work() -> bool:
        seen.update(homes_at_work(one))
        return len(seen) == 2

    wait_until(both_were_at_work, 120, "both at work")
    await_processed(one, 6, 180)
    assert_whole(two, six_clips)
    assert not list((one.data / "spool").iterdir())
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    assert one.query(locks) == [(1,)]  # one of the two sequences


@with_redis
def test_the_same_footage_gives_the_same_on_one_machine_without_servers(site: Site, tmp_path: Path) -> None:
    footage = generate(tmp_path / "footage")
    embedded, engines = Program(tmp_path / "embedded"), site.machine("engines")
    keys = (embedded.data / "keys" / "ledger.vkey", tmp_path / "ledger.vkey")
    for program, key in zip((embedded, engines), keys, strict=True):
        program.open_case()
        assert program.run("submit", *footage, "--case", CASE, "--wait", check=None).code in (0, 3)
        package = tmp_path / f"package of {program.data.parent.name}"
        program.run("export", CASE, "-o", package)
        program.run("verify", "package", package, "--log-key", key)
    names = [item["exhibit"] for item in embedded.exhibits()]
    assert names == [item["exhibit"] for item in engines.exhibits()]
    assert len(names) == len(footage)
    for name in names:
        here, there = what_became(embedded, name), what_became(engines, name)
        assert list(unlike(here, there)) == []


@with_redis
def test_a_machine_that_vanishes_amid_its_jobs_is_stood_in_for_within_the_lease(
    site: Site, six_clips: list[Path]
) -> None:
    one, two = site.machine("one"), site.machine("two")
    one.open_case()
    site.serve(one)
    gone = site.serve(two)
    home = (two.data / "home").read_text()
    one.run("submit", *six_clips, "--case", CASE)
    wait_until(lambda: home in homes_at_work(one), 120, "the second machine to be at work")
    kill_group(gone)
    assert home in homes_at_work(one)
    await_processed(one, 6, 60 + 60)
    assert_whole(one, six_clips)


@with_redis
def test_a_worker_that_dies_on_one_machine_is_blamed_there_and_the_other_goes_on(
    site: Site, six_clips: list[Path]
) -> None:
    one, two = site.machine("one"), site.machine("two")
    one.open_case()
    one.run("submit", *six_clips, "--case", CASE)
    supervisor = site.serve(two)
    home = (two.data / "home").read_text()
    held = "SELECT id FROM job WHERE state = 'leased' AND owner LIKE "
    wait_until(lambda: bool(one.query(f"{held}'{home}%'")), 60, "the second machine to be at work")
    site.serve(one)
    blamed = dict.fromkeys(one.query(f"{held}'{home}%'"))
    (worker,) = children_of(supervisor.pid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: one.query("SELECT sum(crashes) FROM job")[0][0] > 0, 30, "a crash to be counted")
    crashed = one.query("SELECT id FROM job WHERE crashes > 0")
    assert set(crashed) <= set(one.query("SELECT id FROM job WHERE attempts > 0"))
    assert len(crashed) <= 3, (crashed, blamed)
    await_processed(one, 6, 180)


@with_redis
def test_a_broker_that_restarts_empty_and_one_that_is_away_lose_nothing(
    site: Site, six_clips: list[Path]
) -> None:
    machine = site.machine("one")
    machine.open_case()
    site.serve(machine)
    machine.run("submit", *six_clips[:3], "--case", CASE)
    wait_until(lambda: bool(homes_at_work(machine)), 60, "work to begin")
    site.redis.client().flushall()
    site.redis.kill()
    submit = machine.start("submit", *six_clips[3:], "--case", CASE, "--wait")
    wait_until(lambda: "broker" in (machine.data / "worker.log").read_text(), 60, "the broker to be missed")
    site.redis.start()
    assert submit.wait(timeout=180) == 0
    await_processed(machine, 6, 60)
    assert_whole(machine, six_clips)
    assert machine.query("SELECT max(attempts) FROM job")[0][0] <= 2


@with_redis
def test_a_message_that_comes_ten_times_is_acted_on_once(site: Site, six_clips: list[Path]) -> None:
    machine = site.machine("one")
    machine.open_case()
    site.serve(machine)
    client: Any = site.redis.client()
    submit = machine.start("submit", *six_clips[:2], "--case", CASE, "--wait")
    copies = 0
    while submit.poll() is None:
        for key in client.keys("vidne:*.msgs"):
            for message_id, message in client.hgetall(key).items():
                for copy in range(10):
                    again = message_id[:-2] + f"{copy:02}".encode()
                    client.hset(key, again, message.replace(message_id, again))
                    client.rpush(key.removesuffix(b".msgs"), again)
                    copies += 1
    assert copies > 0
    assert submit.returncode == 0
    log = machine.data / "worker.log"  # copies may still wait for a thread
    wait_until(lambda: "came twice" in log.read_text(), 60, "a copy that is not acted on")
    assert_whole(machine, six_clips[:2])


@pytest.mark.parametrize("site", ["no broker"], indirect=True)
def test_a_database_that_restarts_amid_the_work_loses_nothing(site: Site, six_clips: list[Path]) -> None:
    machine = site.machine("one")
    machine.open_case()
    site.serve(machine)
    machine.run("submit", *six_clips[:5], "--case", CASE)
    for _ in range(3):
        wait_until(
            lambda: bool(homes_at_work(machine)) or states(machine) == ["processed"] * 5, 60, "work to go on"
        )
        site.postgres.stop(signal.SIGQUIT)
        away = machine.run("submit", six_clips[5], "--case", CASE, check=4)
        assert "does not answer" in away.err
        site.postgres.start()
    machine.run("submit", six_clips[5], "--case", CASE, "--wait")
    await_processed(machine, 6, 180)
    assert_whole(machine, six_clips)


@with_redis
def test_told_to_stop_a_machine_gives_its_leases_back_at_once(site: Site, six_clips: list[Path]) -> None:
    one, two = site.machine("one"), site.machine("two")
    one.open_case()
    one.run("submit", *six_clips, "--case", CASE)
    stopping = site.serve(two)
    home = (two.data / "home").read_text()
    wait_until(lambda: home in homes_at_work(one), 60, "the second machine to be at work")
    stopping.terminate()
    assert stopping.wait(timeout=20) == 0
    assert homes_at_work(one) == set()
    site.serve(one)
    await_processed(one, 6, 120)
    assert_whole(one, six_clips)
