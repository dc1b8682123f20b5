"""Killed at any moment: nothing lost, nothing twice, and blame only where it belongs."""

import os
import random
import signal
import time
from hashlib import sha256
from pathlib import Path

import pytest

from tests.system.program import CASE, Program, children_of, kill_group, wait_until

SEED = random.randrange(1 << 32)


def all_processed(program: Program, count: int) -> bool:
    states = [state for (state,) in program.query("SELECT state FROM exhibit")]
    return len(states) == count and set(states) == {"processed"}


def assert_whole(program: Program, folder: Path) -> None:
    """Every file of `folder` is one processed exhibit with its digest, each rendition once; all verifies."""
    exhibits = program.exhibits()
    digests = {sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert {item["sha256"] for item in exhibits} == digests
    assert [item["state"] for item in exhibits] == ["processed"] * len(digests)
    for item in exhibits:
        names = [rendition["name"] for rendition in program.show(item["exhibit"])["renditions"]]
        assert len(names) == len(set(names))
        assert any(name.startswith("working") for name in names)
    assert not list((program.data / "spool").iterdir())
    program.run("verify", "case", CASE)


def test_killed_at_ten_random_moments_all_twenty_clips_are_processed(
    program: Program, twenty_clips: Path
) -> None:
    print(f"seed {SEED}")
    moments = random.Random(SEED)
    program.open_case()
    for _ in range(10):
        process = program.start("submit", twenty_clips, "--case", CASE, "--wait")
        time.sleep(moments.uniform(0.2, 4.0))
        kill_group(process)
    program.run("submit", twenty_clips, "--case", CASE, "--wait")
    assert_whole(program, twenty_clips)
    assert program.query("SELECT count(*) FROM job WHERE state = 'quarantined'") == [(0,)]


def test_a_job_that_kills_its_worker_is_quarantined_and_nineteen_others_end_well(
    program: Program, twenty_clips: Path
) -> None:
    program.open_case()
    process = program.start("submit", twenty_clips, "--case", CASE, "--wait")
    wait_until(lambda: (program.data / "catalogue.sqlite3").exists(), 20, "a catalogue")
    seventh = "FROM job JOIN exhibit e ON e.id = exhibit_id WHERE e.number = 7 AND stage = 'inspect'"
    held = f"SELECT 1 {seventh} AND job.state = 'leased'"
    crashes = f"SELECT crashes {seventh}"
    for expected in (1, 2, 3):
        wait_until(lambda: bool(program.query(held)), 60, "the job to be leased")
        for worker in children_of(process.pid):
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda n=expected: program.query(crashes) == [(n,)], 20, f"crash {expected}")  # type: ignore[misc]
    assert process.wait(timeout=300) == 3
    states = {item["exhibit"].rpartition("/")[2]: item["state"] for item in program.exhibits()}
    assert states.pop("EX-0007") == "quarantined"
    assert list(states.values()) == ["processed"] * 19
    status = program.run("queue", "status", "--json").json
    assert [item["exhibit"] for item in status["troubled"]] == [f"{CASE}/EX-0007"]
    program.run("queue", "retry", f"{CASE}/EX-0007")
    program.run("submit", twenty_clips, "--case", CASE, "--wait")
    assert_whole(program, twenty_clips)


@pytest.mark.parametrize("victim", ["serve", "submit"])
def test_serve_and_submit_at_once_and_either_killed_loses_nothing(
    program: Program, twenty_clips: Path, victim: str
) -> None:
    program.open_case()
    serve = program.start("serve")
    wait_until(lambda: (program.data / "worker.log").exists(), 20, "the worker of serve")
    submit = program.start("submit", twenty_clips, "--case", CASE, "--wait")
    try:
        wait_until(
            lambda: program.query("SELECT count(*) FROM exhibit WHERE state = 'processed'")[0][0] >= 2,
            60,
            "two processed exhibits",
        )
        if victim == "serve":
            kill_group(serve)
            assert submit.wait(timeout=300) == 0
        else:
            kill_group(submit)
            program.run("submit", twenty_clips, "--case", CASE, "--wait")
        assert_whole(program, twenty_clips)
    finally:
        for process in (serve, submit):
            if process.poll() is None:
                kill_group(process)
