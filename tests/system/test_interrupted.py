"""A command that is interrupted ends 130, says what is safe, and loses nothing."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.program import CASE, Program, wait_until


def control_c(process: subprocess.Popen[bytes]) -> None:
    """What a terminal does: SIGINT to the whole group, workers included."""
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: subprocess.Popen[bytes]) -> None:
    process.terminate()


@pytest.mark.parametrize("interrupt", [control_c, terminate])
def test_an_interrupted_submit_says_what_is_safe_and_the_same_call_again_ends_it(
    program: Program,
    six_clips: list[Path],
    tmp_path: Path,
    interrupt: Callable[[subprocess.Popen[bytes]], None],
) -> None:
    program.open_case()
    said = tmp_path / "said"
    process = program.start("submit", *six_clips, "--case", CASE, "--wait", said=said)
    wait_until(lambda: program.query("SELECT count(*) FROM exhibit")[0][0] == 6, 60, "six exhibits")
    interrupt(process)
    assert process.wait(timeout=30) == 130
    assert "6 files were received and are safe" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert program.query("SELECT sum(crashes) FROM job") == [(0,)]
    program.run("submit", *six_clips, "--case", CASE, "--wait")
    assert [item["state"] for item in program.exhibits()] == ["processed"] * 6
    program.run("verify", "case", CASE)


def test_ctrl_c_while_everything_starts_shows_no_traceback_of_the_worker(
    program: Program, six_clips: list[Path], tmp_path: Path
) -> None:
    program.open_case()
    said = tmp_path / "said"
    process = program.start("submit", *six_clips, "--case", CASE, "--wait", said=said)
    wait_until(lambda: (program.data / "spool").exists(), 20, "the spool")
    control_c(process)
    assert process.wait(timeout=30) == 130
    assert "Interrupted" in said.read_text()
    assert "Traceback" not in said.read_text()
    for (spool,) in program.query("SELECT spool FROM exhibit WHERE spool IS NOT NULL"):
        assert (program.data / "spool" / spool).is_file()
