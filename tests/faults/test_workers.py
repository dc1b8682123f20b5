"""Workers that die at a stage, die of one job, hang, or are two at once."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from evidence.catalogue.jobs import Stage
from samples.generator import clip
from tests.faults.client import Client
from tests.faults.kinds import EMBEDDED, ENGINES, broker_away
from tests.faults.site import Site
from tests.system.program import CASE, Program, is_alive, living_of, tree_of, wait_until
from tests.transcode.test_sandbox import await_death, named

Enter = Callable[..., None]
both = pytest.mark.parametrize("site", [EMBEDDED, ENGINES], indirect=True)
LEASED = "SELECT 1 FROM job WHERE state = 'leased' AND stage = '{}'"
CRASHES = "SELECT COALESCE(sum(crashes), 0) FROM job WHERE stage = '{}'"


@both
@pytest.mark.parametrize("stage", list(Stage))
def test_a_worker_killed_at_a_stage(site: Site, stage: Stage, tmp_path: Path, happened: Enter) -> None:
    client = begin(site)
    sent: list[Path] = []
    # Sealing takes milliseconds: a larger file, and further ones until the kill fell into the stage.
    while not site.program.query(CRASHES.format(stage))[0][0]:
        assert len(sent) < 12, f"no kill fell into {stage}"
        sent.append(clip(tmp_path / f"{len(sent)}.mp4", seconds=1, size=(160, 120), seed=len(sent)))
        if stage is Stage.SEAL:
            with sent[-1].open("ab") as file:
                file.write(bytes(24 << 20))
        worker = site.worker()
        process = site.program.start("submit", sent[-1], "--case", CASE)
        site.others.append(process)
        held = LEASED.format(stage)
        deadline = time.monotonic() + 20
        while not site.program.query(held) and time.monotonic() < deadline:
            pass
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        assert process.wait(120) == 0
        time.sleep(1)  # the supervisor counts the crash
    client.send_until_received(sent)
    site.settle(len(sent))
    assert set(site.states()) <= {"processed", "partial"}
    count = site.program.query(CRASHES.format(stage))[0][0]
    happened("worker killed", f"SIGKILL in the stage {stage}", site.name, count, client.judge())


@both
def test_a_job_that_kills_its_worker_three_times(site: Site, clips: list[Path], happened: Enter) -> None:
    client = begin(site)
    first = "FROM job JOIN exhibit e ON e.id = exhibit_id WHERE e.number = 1 AND stage = 'slow'"
    client.send_until_received(clips)
    for crashes in (1, 2, 3):
        wait_until(lambda: bool(site.program.query(f"SELECT 1 {first} AND job.state = 'leased'")), 90, "it")
        os.kill(site.worker(), signal.SIGKILL)
        wait_until(
            lambda n=crashes: site.program.query(f"SELECT crashes {first}") == [(n,)],  # type: ignore[misc]
            30,
            f"crash {crashes}",
        )
    assert site.settle(3) == ["quarantined", "processed", "processed"]
    told = site.program.run("queue", "status", "--json").json["troubled"]
    assert [item["exhibit"] for item in told] == [f"{CASE}/EX-0001"]
    verdict = client.judge()
    happened("the same job kills its worker 3 times", "SIGKILL in the job", site.name, 3, verdict)
    site.program.run("queue", "retry", f"{CASE}/EX-0001")
    site.serve()
    wait_until(lambda: site.states() == ["processed"] * 3, 120, "what was quarantined to be processed")


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
def test_a_parser_that_hangs_is_killed_with_its_group(site: Site, clips: list[Path], happened: Enter) -> None:
    """Takes the four minutes that exiftool is given for values and track."""
    client = begin(site)
    worker = site.worker()
    process = site.program.start("submit", clips[0], "--case", CASE)
    site.others.append(process)
    wait_until(lambda: bool(parsers(worker)), 30, "exiftool")
    [parser] = parsers(worker)
    os.kill(parser, signal.SIGSTOP)
    group = os.getpgid(_below(worker, parser))
    assert process.wait(60) == 0
    client.send_until_received(clips)
    wait_until(lambda: site.states()[1:] == ["processed"] * 2, 100, "the others to be processed meanwhile")
    assert is_alive(parser)
    site.settle(3, seconds=360)
    assert await_death(parser)
    assert not living_of(group)
    assert site.worker() == worker, "no worker had to die for it"
    assert site.states()[0] == "processed"
    happened("parser hangs", "SIGSTOP of exiftool", site.name, 1, client.judge())


def parsers(worker: int) -> list[int]:
    return [pid for pid in tree_of(worker) if named(pid) == "exiftool"]


def _below(worker: int, pid: int) -> int:
    """The ancestor of `pid` that the worker started: it leads the group."""
    while True:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if parent == worker:
            return pid
        pid = parent


@pytest.mark.parametrize("site", [ENGINES], indirect=True)
def test_a_broker_that_is_away_for_a_minute(site: Site, clips: list[Path], happened: Enter) -> None:
    client = begin(site)
    client.send_until_received(clips[:1])
    site.others.append(site.program.start("submit", *clips[1:], "--case", CASE))
    broker_away(site, 60)
    assert site.others[-1].wait(120) == 0
    client.send_until_received(clips)
    assert site.settle(3) == ["processed"] * 3
    happened("broker", "broker away for 60 s", site.name, 1, client.judge())


@pytest.mark.parametrize("site", [ENGINES], indirect=True)
def test_two_workers_on_the_same_job(site: Site, clips: list[Path], happened: Enter) -> None:
    """One stops for longer than its lease, another takes the job, and the first goes on with it."""
    client = begin(site)
    client.send_until_received(clips)
    home = (site.program.data / "home").read_text()

    def in_hand() -> list[str]:
        found = site.program.query("SELECT owner FROM job WHERE state = 'leased' AND stage <> 'seal'")
        return [owner for (owner,) in found if owner.startswith(home)]

    # What is not sealed lies in its spool alone, and nobody else can take it.
    unsealed = "SELECT id FROM job WHERE stage = 'seal' AND state <> 'done'"
    wait_until(lambda: not site.program.query(unsealed) and bool(in_hand()), 90, "a job in hand, all sealed")
    assert site.serving is not None
    stopped = tree_of(site.serving.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    jobs = in_hand()
    assert jobs, "it ended in the moment it was stopped"
    (site.folder / "two").mkdir()
    second = Program(site.folder / "two" / "data", site.program.settings)
    site.others.append(second.start("serve"))
    assert site.settle(3) == ["processed"] * 3
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: "given to another holder" in _log(site), 90, "the late result to be refused")
    happened(
        "message repeated", "a second worker, and the first comes back", site.name, len(jobs), client.judge()
    )


def _log(site: Site) -> str:
    return (site.program.data / "worker.log").read_text()


def begin(site: Site) -> Client:
    """A case, a checkpoint that somebody keeps, a machine that serves."""
    client = Client(site)
    site.program.open_case()
    client.keep_checkpoint()
    site.serve()
    return client
