"""The drill: the catalogue is lost, or an old one restored, and the store brings it back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from samples.generator import clip
from tests.servers import S3Server
from tests.system.program import CASE, Program

OTHER = "0100-10293-00002-26"
OBJECTS = (
    "SELECT key, role, name, sha256, blake3, size, version_id, parent, tool, args FROM stored_object"
    " ORDER BY key"
)
EXHIBITS = (
    "SELECT case_id, number, sha256, blake3, size, pieces_blake3, state, exhibit.received_at FROM exhibit"
    " ORDER BY case_id, number"
)
LOG = "SELECT position, event_id, case_id, case_seq, entry, leaf_hash FROM ledger_entry ORDER BY position"
CASES = "SELECT case_id, number FROM case_number WHERE until IS NULL ORDER BY case_id"
JOBS = (
    "SELECT job.id, stage, case_id, number FROM job JOIN exhibit ON exhibit.id = exhibit_id"
    " WHERE job.state = 'done'"
)


@pytest.fixture(params=["folder", "s3"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    if request.param == "folder":
        return Program(tmp_path / "data")
    server: S3Server = request.getfixturevalue("s3")
    return Program(tmp_path / "data", server.settings(server.new_bucket(), tmp_path / "secret"))


def all_of(program: Program) -> list[list[tuple[Any, ...]]]:
    return [program.query(query) for query in (OBJECTS, EXHIBITS, LOG, CASES)]


def lose_catalogue(program: Program) -> None:
    for path in program.data.glob("catalogue.sqlite3*"):
        path.unlink()


def test_a_lost_catalogue_comes_back_as_far_as_the_store_holds_it(program: Program, tmp_path: Path) -> None:
    program.open_case()
    moving = clip(tmp_path / "holiday.mp4", seconds=1)
    (tmp_path / "note.txt").write_text("note")
    program.run("submit", moving, tmp_path / "note.txt", "--case", CASE, "--wait", check=3)
    program.run("case", "renumber", CASE, OTHER)
    program.run("verify", "archive")
    before, jobs = all_of(program), set(program.query(JOBS))
    lose_catalogue(program)
    # Until then nothing is begun anew: a second log by the same key would be told from the first by nobody.
    for command in (("case", "open", "0300-10293-00001-26"), ("submit", moving, "--case", CASE)):
        assert "vidne rebuild" in program.run(*command, check=1).err
    assert "vidne rebuild" in program.run("doctor", "--only", "ledger", check=1).out

    found = program.run("rebuild", "--json").json
    assert (found["cases"], found["exhibits"], found["missing"]) == (1, 2, [])
    assert found["entries"] == len(before[2])
    assert found["objects"] == len(before[0])
    assert all_of(program) == before
    assert set(program.query(JOBS)) == jobs
    report = program.run("verify", "archive", "--json", check=3).json
    assert [check["name"] for check in report["checks"] if check["status"] == "fail"] == ["bodies"]
    assert "no entry says that they were erased" in json.dumps(report)  # they are lost
    assert [item["state"] for item in program.exhibits()] == ["processed", "refused"]
    # What stood in bodies alone is gone, and is not made up.
    known = program.show(f"{OTHER}/EX-0001")
    assert "holiday" not in json.dumps(known)
    assert known["submissions"][0]["source"] == "unknown"

    # It goes on from there, and a second rebuild finds nothing to do.
    assert program.run("rebuild", "--json").json["entries"] == 0
    (tmp_path / "more.txt").write_text("more")
    program.run("submit", tmp_path / "more.txt", "--case", OTHER, "--wait", check=3)
    program.run("verify", "archive", check=3)


def test_a_catalogue_that_is_older_than_the_store_gets_the_rows_that_it_lacks(
    program: Program, tmp_path: Path
) -> None:
    program.open_case()
    (tmp_path / "a.txt").write_text("a")
    program.run("submit", tmp_path / "a.txt", "--case", CASE, "--wait", check=3)
    program.run("verify", "archive")
    backup = tmp_path / "backup"
    shutil.copytree(program.data, backup, ignore=shutil.ignore_patterns("objects*"))
    names = {row[0] for row in program.query("SELECT event_id FROM ledger_body WHERE body IS NOT NULL")}
    program.open_case(OTHER)
    (tmp_path / "b.txt").write_text("b")
    program.run("submit", tmp_path / "b.txt", "--case", CASE, "--wait", check=3)
    program.run("submit", tmp_path / "b.txt", "--case", OTHER, "--wait", check=3)
    program.run("verify", "archive")
    before = all_of(program)

    lose_catalogue(program)
    for path in backup.glob("catalogue.sqlite3*"):
        shutil.copy(path, program.data)
    found = program.run("rebuild", "--json").json
    assert found["cases"] == 1
    assert all_of(program) == before
    program.run("verify", "archive", check=3)  # without the bodies of what came after the backup
    kept = program.query("SELECT event_id FROM ledger_body WHERE body IS NOT NULL")
    assert {row[0] for row in kept} == names


def test_a_log_that_is_not_what_the_catalogue_has_changes_nothing(program: Program, tmp_path: Path) -> None:
    program.open_case()
    (tmp_path / "a.txt").write_text("a")
    program.run("submit", tmp_path / "a.txt", "--case", CASE, "--wait", check=3)
    program.run("verify", "archive")
    program.execute("DELETE FROM ledger_entry WHERE position >= 2")
    program.execute("DELETE FROM ledger_checkpoint WHERE size > 2")
    program.execute("UPDATE ledger_entry SET leaf_hash = :other WHERE position = 0", other=b"x" * 32)
    before = all_of(program)
    assert "is not what was signed" in program.run("rebuild", check=1).err
    assert all_of(program) == before


def test_an_object_that_is_gone_is_named_and_the_rest_comes_back(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    program.run("submit", tmp_path / "a.txt", tmp_path / "b.txt", "--case", CASE, "--wait", check=3)
    program.run("verify", "archive")
    program.objects()[0].unlink()
    lose_catalogue(program)
    done = program.run("rebuild", check=3)
    assert f"missing: case {CASE}: EX-0001 original" in done.err
    assert len(program.query(OBJECTS)) == 1
    program.run("verify", "archive", check=3)
