"""`vidne recorder`: both times wherever one is shown, each step in the ledger, the file's own untouched."""

import json
import subprocess
from pathlib import Path

import pytest

from samples.generator import clip
from tests.system.program import CASE, Program

SECOND = "0100-10293-00002-26"
RECORDER, CLIP = f"{CASE}/RC-01", f"{CASE}/EX-0001"
TAKEN = "2026-03-14T21:17:00.000000Z"
READINGS = (
    ("2026-03-10 21:17:00", "2026-03-10 21:16:50", "speaking clock", "1"),
    ("2026-03-18 21:17:00", "2026-03-18 21:16:30", "GPS", "0.5"),
)


def dated(folder: Path) -> Path:
    """A clip that states when it was taken."""
    plain, path = clip(folder / "plain.mp4", seconds=1), folder / "clip.mp4"
    options = ("-c", "copy", "-metadata", f"creation_time={TAKEN}")
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(plain), *options, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A case with a clip that states when it was taken, and a recorder with two readings that made it."""
    folder = tmp_path_factory.mktemp("recorder")
    program = Program(folder / "data")
    program.open_case()
    program.run("submit", dated(folder), "--case", CASE, "--wait")
    program.run(
        "recorder", "add", "--case", CASE, "--make", "Hikvision", "--model", "DS-7608", "--serial", "C1234",
        "--channels", "8", "--place", "Nørregade 1", "--retrieved-by", "P. Hansen", "--reference", "K-17",
    )  # fmt: skip
    for shown, true, method, sure in READINGS:
        program.run(
            "recorder", "reading", RECORDER, "--shown", shown, "--true", true, "--method", method,
            "--uncertainty", sure, "--by", "P. Hansen",
        )  # fmt: skip
    program.run("recorder", "link", RECORDER, CLIP, "--channel", "3")
    return program


def test_the_true_time_stands_beside_the_shown_one_with_its_uncertainty(program: Program) -> None:
    known = program.show(CLIP)
    shown = [item["value"] for item in known["metadata"]["capture_times"]]
    assert TAKEN in shown
    (true,) = [item for item in known["true_times"] if item["shown"] == TAKEN][:1]
    assert true["true"] == "2026-03-14 21:16:40Z"
    assert (true["offset_s"], true["basis"]) == (20, "interpolated")
    assert true["uncertainty_s"] == pytest.approx(((0.5 * 1) ** 2 + (0.5 * 0.5) ** 2) ** 0.5, abs=1e-3)
    assert true["drift_s_per_day"] == pytest.approx(2.5)
    assert [item["method"] for item in true["nearest"]] == ["speaking clock", "GPS"]
    assert known["recorder"]["recorder"] == RECORDER
    assert known["recorder"]["channel"] == "3"
    told = program.run("exhibit", "show", CLIP).out
    for text in (TAKEN, "2026-03-14 21:16:40Z", "± 0.6 s", "RC-01, channel 3", "if it drifted evenly"):
        assert text in told


def test_the_stored_section_is_as_the_file_has_it(program: Program) -> None:
    ((section,),) = program.query("SELECT value FROM section WHERE name = 'metadata'")
    assert "21:16:40" not in section
    assert TAKEN in [item["value"] for item in json.loads(section)["capture_times"]]


def test_each_step_is_in_the_ledger_and_the_case_verifies(program: Program) -> None:
    types = [kind for (kind,) in program.query("SELECT type FROM ledger_inbox ORDER BY id")]
    assert types[-4:] == ["recorder.added", "recorder.clock-read", "recorder.clock-read", "recorder.linked"]
    assert "recorder.linked" in [item["type"] for item in program.show(CLIP)["custody"]]
    bodies = [
        json.loads(body)
        for (body,) in program.query(
            "SELECT body FROM ledger_body JOIN ledger_inbox i USING (event_id)"
            " WHERE type LIKE 'recorder.%' ORDER BY i.id"
        )
    ]
    assert bodies[0]["retrieved_by"] == "P. Hansen"
    assert (bodies[1]["offset_s"], bodies[1]["uncertainty_s"]) == ("10.0", "1.0")
    assert bodies[3] == {"recorder": "RC-01", "channel": "3"}
    program.run("verify", "case", CASE)


def test_recorder_list_and_show(program: Program) -> None:
    (listed,) = program.run("recorder", "list", "--json").json
    assert (listed["recorder"], listed["make"], listed["channels"]) == (RECORDER, "Hikvision", 8)
    assert RECORDER in program.run("recorder", "list", "--case", CASE).out
    shown = program.run("recorder", "show", RECORDER, "--at", "2026-03-14 21:17:00", "--json").json
    assert [item["offset_s"] for item in shown["readings"]] == [10, 30]
    assert shown["exhibits"] == [{"exhibit": CLIP, "channel": "3"}]
    assert shown["offset"]["offset_s"] == 20
    told = program.run("recorder", "show", RECORDER, "--at", "2026-03-30 00:00:00").out
    assert "EX-0001  channel 3" in told
    assert "11.1 days away" in told


@pytest.mark.parametrize(
    "args",
    [
        ("show", f"{CASE}/RC-09"),
        ("show", CLIP),
        ("show", RECORDER, "--at", "yesterday"),
        ("reading", RECORDER, "--shown", "now", "--true", "2026-03-10 21:16:50"),
        ("reading", RECORDER, "--shown", "2026-03-10 21:16:50Z", "--true", "2026-03-10 21:16:50"),
        ("reading", RECORDER, "--shown", "2026-03-10", "--true", "2026-03-10", "--uncertainty", "-1"),
        ("add", "--case", CASE, "--channels", "0"),
        ("link", RECORDER, f"{CASE}/EX-0099"),
    ],
)
def test_what_cannot_be_meant_ends_2_and_changes_nothing(program: Program, args: tuple[str, ...]) -> None:
    before = program.query("SELECT count(*) FROM ledger_inbox")
    assert "vidne: " in program.run("recorder", *args, check=2).err
    assert program.query("SELECT count(*) FROM ledger_inbox") == before


def test_a_recorder_of_another_case_is_not_linked_and_another_link_replaces_the_first(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    program.open_case(SECOND)
    (tmp_path / "note.txt").write_text("note")
    program.run("submit", tmp_path / "note.txt", "--case", CASE)
    for case in (CASE, CASE, SECOND):
        program.run("recorder", "add", "--case", case)
    done = program.run("recorder", "link", f"{SECOND}/RC-01", CLIP, check=2)
    assert "two cases" in done.err
    for number in (1, 2):
        program.run("recorder", "link", f"{CASE}/RC-0{number}", CLIP)
    assert program.show(CLIP)["recorder"]["recorder"] == f"{CASE}/RC-02"
    assert program.run("recorder", "show", RECORDER, "--json").json["exhibits"] == []


def test_the_clock_that_a_submission_states_counts_where_there_is_no_recorder(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    clocks = ("--clock-shown", "2026-03-14 21:20:00", "--clock-true", "2026-03-14 21:19:30")
    program.run("submit", dated(tmp_path), "--case", CASE, "--wait", *clocks)
    known = program.show(CLIP)
    assert known["submissions"][0]["clock_shown"] == clocks[1]
    (true,) = [item for item in known["true_times"] if item["shown"] == TAKEN][:1]
    assert true["true"] == "2026-03-14 21:16:30Z"
    assert (true["uncertainty_s"], true["basis"]) == (None, "nearest reading")
    mixed = ("--clock-shown", "2026-03-14 21:20:00Z", "--clock-true", "2026-03-14 21:19:30")
    program.run("submit", tmp_path / "clip.mp4", "--case", CASE, *mixed, check=2)
