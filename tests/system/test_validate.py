"""`vidne validate`: a reference set is held against what is expected, and a changed tool makes it stale."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from samples.generator import clip
from tests.system.program import Program

RIGHT = {"state": "processed", "method": "remux", "width": "320", "height": "240", "frames": "25"}


def reference(folder: Path, **expected: str) -> Path:
    folder.mkdir()
    clip(folder / "clip.mp4", seconds=1, size=(320, 240), rate=25)
    text = json.dumps({"v": 1, "files": {"clip.mp4": expected}})
    (folder / "expectations.json").write_text(text, encoding="utf-8")
    return folder


def finding(program: Program) -> dict[str, Any]:
    looked = program.run("doctor", "--json").json
    [found] = [item for item in looked if item["name"] == "validation"]
    assert isinstance(found, dict)
    return found


def test_the_samples_are_as_expected_and_the_report_is_signed_into_the_ledger(
    program: Program, tmp_path: Path
) -> None:
    assert "never validated" in finding(program)["text"]
    report = program.run("validate", "--json", "-o", tmp_path / "report.json").json
    assert (report["failed"], len(report["files"])) == (0, 8)
    assert report["expected"] == len(report["compared"]) > 40
    assert "SHA-256" in report["tools"]["ffmpeg"]
    raw = (tmp_path / "report.json").read_bytes()
    assert json.loads(raw) == report
    [(entry,)] = program.query("SELECT entry FROM ledger_entry WHERE case_id = ''")
    [item] = json.loads(entry)["objects"]
    assert (item["exhibit"], item["role"], item["size"]) == ("", "validation-report", len(raw))
    assert item["sha256"] == hashlib.sha256(raw).hexdigest()
    assert finding(program)["status"] == "ok"


def test_what_is_not_as_expected_is_named(program: Program, tmp_path: Path) -> None:
    wrong = reference(tmp_path / "wrong", **{**RIGHT, "frames": "24", "make": "Nobody"})
    done = program.run("validate", wrong, check=1)
    assert "clip.mp4: frames should be 24, found: 25" in done.out
    assert "clip.mp4: make should be Nobody, found: nothing" in done.out
    assert "4 of 6 expectations on 1 files hold" in done.out
    assert "2 of 6 expectations failed" in finding(program)["text"]


def test_a_tool_that_changed_since_makes_it_stale(program: Program, tmp_path: Path) -> None:
    program.run("validate", reference(tmp_path / "right", **RIGHT))
    assert finding(program)["status"] == "ok"
    other = tmp_path / "bin" / "ffmpeg"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nexec {shutil.which("ffmpeg")} "$@"\n', encoding="ascii")
    other.chmod(0o755)
    changed = Program(program.data, {"PATH": f"{other.parent}:{os.environ['PATH']}"})
    found = finding(changed)
    assert (found["status"], "stale" in found["text"]) == ("warning", True)
    assert "ffmpeg was" in found["text"]
    assert hashlib.sha256(other.read_bytes()).hexdigest() in found["text"]


def test_a_report_that_was_changed_is_not_believed(program: Program, tmp_path: Path) -> None:
    program.run("validate", reference(tmp_path / "wrong", **{**RIGHT, "frames": "24"}), check=1)
    [(event, body)] = program.query("SELECT event_id, body FROM ledger_body")
    said = {**json.loads(body), "failed": 0}
    changed = json.dumps(said).encode()
    program.execute("UPDATE ledger_body SET body = :b WHERE event_id = :e", b=changed, e=event)
    looked = program.run("doctor", "--json", check=1).json
    [found] = [item for item in looked if item["name"] == "validation"]
    assert found["status"] == "fail"
    assert "is not the one in the ledger" in found["text"]


def test_files_of_one_name_in_two_folders_are_two(program: Program, tmp_path: Path) -> None:
    folders = [reference(tmp_path / name, **RIGHT) for name in ("one", "two")]
    report = program.run("validate", *folders, "--json").json
    assert [item["file"] for item in report["files"]] == [str(folder / "clip.mp4") for folder in folders]
    assert (report["expected"], report["failed"]) == (2 * len(RIGHT), 0)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"v": 1}', '{"v": 1, "files": {}}', '{"v": 1, "files": {"absent.mp4": {"state": "x"}}}'],
)
def test_a_folder_that_says_not_what_it_expects_is_wrong_usage(
    program: Program, tmp_path: Path, text: str
) -> None:
    (tmp_path / "expectations.json").write_text(text, encoding="utf-8")
    done = program.run("validate", tmp_path, check=2)
    assert "expectations.json" in done.err or "absent.mp4" in done.err
