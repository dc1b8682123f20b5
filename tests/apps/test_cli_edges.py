"""The edges of the command line: wrong usage, folders and settings that cannot be used, output that fails."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.program import CASE, Program

CLIP = f"{CASE}/EX-0001"


@pytest.mark.parametrize(
    "arguments",
    [
        ("bogus",),
        ("case",),
        ("exhibit", "show"),
        ("submit",),
        ("--bogus",),
        ("verify", "case"),
        ("queue", "x"),
    ],
)
def test_wrong_usage_ends_2(used: Program, arguments: tuple[str, ...]) -> None:
    assert "Usage" in used.run(*arguments, check=2).err


@pytest.mark.parametrize("place", ["file/below", "file", "proc"])
@pytest.mark.parametrize("command", [("case", "list"), ("case", "open", CASE), ("exhibit", "list", "--json")])
def test_a_data_folder_that_cannot_be_used_is_named(
    tmp_path: Path, place: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    data = Path("/proc/nowhere") if place == "proc" else tmp_path / place
    done = Program(data).run(*command, check=4)
    assert str(data) in done.err
    assert "--data" in done.err


def test_a_catalogue_that_is_damaged_is_named(empty: Program) -> None:
    empty.data.mkdir()
    (empty.data / "catalogue.sqlite3").write_bytes(os.urandom(5000))
    assert "damaged" in empty.run("exhibit", "list", check=4).err


@pytest.mark.parametrize(
    ("name", "value"),
    [("VIDNE_ACTOR", "Jens Hansen"), ("VIDNE_SLOW_SLOTS", "many"), ("VIDNE_STORE_URL", "s3://host:x/bucket")],
)
def test_a_setting_that_cannot_be_meant_ends_2_and_is_named(empty: Program, name: str, value: str) -> None:
    secret = empty.data.parent / "secret"
    secret.write_text("x")
    settings = {"VIDNE_S3_SECRET_KEY_FILE": str(secret), name: value}
    note = empty.data.parent / "note.txt"
    note.write_text("note")
    done = Program(empty.data, settings).run("submit", note, "--case", CASE, check=2)
    assert name in done.err


def output_to(program: Program, stdout: int) -> subprocess.CompletedProcess[bytes]:
    command = program.command("exhibit", "show", CLIP, "--json")
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, env=program.environment(), check=False
    )


def test_a_reader_that_went_away_ends_a_command_as_a_broken_pipe_does_without_a_word(used: Program) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = output_to(used, writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_output_that_cannot_be_written_is_told(used: Program) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = output_to(used, full)
    os.close(full)
    assert done.returncode == 4
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_path_that_the_terminal_cannot_show_stops_no_command(
    used: Program, tmp_path: Path, encoding: str
) -> None:
    program = Program(used.data, {"PYTHONIOENCODING": encoding})
    out = tmp_path / os.fsdecode(b"caf\xe9\xe2\x82\xac")
    assert used.show(CLIP)["renditions"][0]["name"] in program.run("exhibit", "show", CLIP).out
    assert "EX-0001.original.mp4" in program.run("exhibit", "fetch", CLIP, "--original", "-o", out).out
    assert "exists already" in program.run("exhibit", "fetch", CLIP, "--original", "-o", out, check=2).err
