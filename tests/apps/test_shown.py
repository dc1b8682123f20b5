"""The check `catalogue`: whoever edits what the catalogue shows of a case is told of, by name."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from apps.wiring import Application
from evidence.settings import Settings
from hashing.report import Cause, Check, Status
from samples.generator import clip
from tests.archives import zipped
from tests.databases import PostgresServer
from tests.shown import check_shown
from tests.system.program import CASE, Program

BEFORE = "0100-10293-00099-26"
CLIP, ARCHIVE, NOTE = "EX-0001", "EX-0002", "EX-0003"


def filled(program: Program, folder: Path) -> Program:
    """A renumbered case: a clip that came in twice, an archive with a note, a recorder that made the clip."""
    program.open_case(BEFORE)
    program.run("case", "renumber", BEFORE, CASE)
    moving = clip(folder / "clip.mp4", seconds=1)
    archive = zipped(folder / "notes.zip", ("seen.txt", b"A man in a red coat.\n"))
    clock = ("--clock-shown", "2026-03-14 21:17:00", "--clock-true", "2026-03-14 21:16:40")
    program.run("submit", moving, archive, "--case", CASE, *clock, "--wait", check=3)
    program.run("submit", moving, "--case", CASE, "--source", "citizen", "--wait")
    program.run("recorder", "add", "--case", CASE, "--make", "Hikvision", "--channels", "8")
    read = ("--shown", "2026-03-10 21:17:00.5", "--true", "2026-03-10 21:16:50", "--uncertainty", "0.5")
    program.run("recorder", "reading", f"{CASE}/RC-01", *read)
    program.run("recorder", "link", f"{CASE}/RC-01", f"{CASE}/{CLIP}", "--channel", "3")
    return program


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """For what changes nothing."""
    folder = tmp_path_factory.mktemp("shown")
    return filled(Program(folder / "data"), folder)


@pytest.fixture
def own(whole: Program, tmp_path: Path) -> Program:
    """The same, to meddle with."""
    return Program(shutil.copytree(whole.data, tmp_path / "data"))


def checked(program: Program, exhibit: str | None = None) -> Check:
    app = Application(Settings(data=program.data))
    [(case_id,)] = program.query('SELECT id FROM "case"')
    return check_shown(app.catalogue, case_id, exhibit)


def told(check: Check) -> list[str]:
    return [f"{defect.subject}: {defect.what}" for defect in check.defects]


def test_a_case_as_the_program_left_it_passes_with_all_that_it_shows(whole: Program) -> None:
    check = checked(whole)
    assert (check.status, told(check)) == (Status.PASS, [])
    [(findings,)] = whole.query("SELECT count(*) FROM section")
    # The case's own; state, reason, times, file, submission, clock of each; the second submission; recorder.
    assert check.checked >= 4 + 6 * 3 + 3 + findings + 3


@pytest.mark.parametrize(
    ("edit", "where", "words"),
    [
        ("UPDATE exhibit SET state = 'refused' WHERE number = 1", f"{CLIP} state", '"processed"'),
        ("UPDATE exhibit SET reason = 'It is a toy.' WHERE number = 3", f"{NOTE} reason", "It is a toy."),
        ("UPDATE submitted_file SET name = 'a.mp4' WHERE ordinal = 1", f"{CLIP} file 1", '": "a.mp4"'),
        ("UPDATE submitted_file SET received_at = '2020' WHERE ordinal = 2", f"{ARCHIVE} file 2", "2020"),
        ("UPDATE submission SET actor = 'eve'", f"{CLIP} submission", '"actor": "eve"'),
        ("UPDATE exhibit SET received_at = '2020' WHERE number = 1", f"{CLIP} received at", "2020"),
        ("UPDATE submission SET source = 'business'", f"{CLIP} file 1", "business"),
        ("UPDATE submission SET clock_true = '2026-03-14 20:16:40'", f"{CLIP} clock of", "20:16:40"),
        ("UPDATE member SET path = 'unseen.txt'", f"{NOTE} file 3", "stood_in"),
        ("DELETE FROM member", f"{NOTE} file 3", "stood_in"),
        ("UPDATE section SET value = '{}' WHERE name = 'quality'", f"{CLIP} finding quality", "entries say"),
        ("UPDATE section SET value = replace(value, '1', '2') WHERE name = 'media'", "finding media", ""),
        ("DELETE FROM section WHERE name = 'streams'", f"{CLIP} finding streams", "The catalogue shows none"),
        ("UPDATE section SET name = 'q' WHERE name = 'quality'", f"{CLIP} finding q:", "say none"),
        ("UPDATE section SET stage = 'x', value = '{}' WHERE name = 'media'", f"{CLIP} finding media", ""),
        (
            "INSERT INTO problem (exhibit_id, stage, code, text)"
            " SELECT id, 'slow', 'dark', 'It is dark.' FROM exhibit WHERE number = 1",
            f"{CLIP} problems of slow",
            "It is dark.",
        ),
        ("UPDATE stored_object SET detail = '{}' WHERE role = 'keyframe'", f"{CLIP} renditions of slow", ""),
        ("UPDATE stored_object SET args = '[]' WHERE role = 'working'", f"{CLIP} renditions of", ""),
        ("UPDATE stored_object SET tool = NULL WHERE role = 'preview'", f"{CLIP} renditions of", ""),
        ("UPDATE stored_object SET tool = '{\"x\": 7}' WHERE role = 'preview'", "renditions", "none that"),
        ("UPDATE recorder SET place = 'Nørregade 2'", "RC-01 facts", "Nørregade 2"),
        ("UPDATE clock_reading SET uncertainty_s = 60", "RC-01 reading 1", "60"),
        ("DELETE FROM clock_reading", "reading 1", "The catalogue shows none"),
        ("UPDATE exhibit_recorder SET channel = '4'", f"{CLIP} recorder", '"4"'),
        ("DELETE FROM exhibit_recorder", f"{CLIP} recorder", "The catalogue shows none"),
        ("UPDATE case_number SET number = '0100-10293-00098-26' WHERE until IS NULL", "case numbers", CASE),
        ("UPDATE case_number SET since = '2020' WHERE until IS NULL", "case numbers", "2020"),
        ('UPDATE "case" SET exhibits = 4', "case exhibits", "shows 4"),
        ("UPDATE submission SET completed_at = NULL", f"{CLIP} submission", "null"),
        ("UPDATE stored_object SET parent = 'x' WHERE role = 'manifest'", "manifest of", "x"),
        ("UPDATE stored_object SET args = '[\"-i\"]' WHERE role = 'original'", "original of seal", "-i"),
        ("UPDATE exhibit_recorder SET linked_at = '2020'", f"{CLIP} recorder", "2020"),
        ('UPDATE "case" SET closed_at = opened_at', "case closed at", "entries say null"),
    ],
)  # fmt: skip
def test_what_is_edited_is_named(own: Program, edit: str, where: str, words: str) -> None:
    own.execute(edit)
    check = checked(own)
    assert check.status is Status.FAIL
    assert {defect.cause for defect in check.defects} == {Cause.INTEGRITY}
    found = [text for text in told(check) if where in text]
    assert found
    assert words in found[0]


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        ("UPDATE exhibit SET size = 'x' WHERE number = 2", "'x' where a whole number"),
        ("UPDATE exhibit SET sha256 = x'00' WHERE number = 2", "where text"),
        ("UPDATE exhibit SET pieces_blake3 = '{}' WHERE number = 2", "where a JSON list"),
        ("UPDATE stored_object SET tool = '7' WHERE role = 'preview'", "A JSON value in the catalogue"),
        ("UPDATE section SET value = x'00ff' WHERE name = 'quality'", "where text"),
        ("UPDATE clock_reading SET uncertainty_s = 'soon'", "'soon' where a number"),
        ("UPDATE exhibit SET state = 'lost' WHERE number = 2", "'lost' of "),
    ],
)
def test_what_no_program_can_have_written_fails_and_the_ledger_is_checked_beside_it(
    own: Program, edit: str, where: str
) -> None:
    own.execute(edit)
    for what in ("case", CASE), ("archive",), ("exhibit", f"{CASE}/{CLIP}"):
        done = own.run("verify", *what, check=1)
        assert where in done.out
        assert "pass         case-chain" in done.out


@pytest.mark.parametrize(
    ("edit", "command", "code"),
    [
        ("UPDATE submitted_file SET exhibit_id = (SELECT id FROM exhibit LIMIT 1)", ("exhibit", "list"), 0),
        ("UPDATE ledger_entry SET entry = '{}'", ("exhibit", "show", f"{CASE}/{CLIP}"), 1),
        ("UPDATE clock_reading SET shown = 'noon'", ("exhibit", "show", f"{CASE}/{CLIP}"), 1),
        ("UPDATE job SET stage = 'x' WHERE stage = 'fast'", ("queue", "status"), 0),
    ],
)
def test_it_ends_no_command_with_a_traceback(
    own: Program, edit: str, command: tuple[str, ...], code: int
) -> None:
    own.execute(edit)
    own.run(*command, check=code)  # it looks for one


def test_a_file_that_is_moved_to_another_exhibit_is_missed_in_one_and_too_much_in_the_other(
    own: Program,
) -> None:
    own.execute(
        "UPDATE submitted_file SET exhibit_id = (SELECT id FROM exhibit WHERE number = 2) WHERE ordinal = 3"
    )
    assert {text.partition(" ")[0] for text in told(checked(own))} == {ARCHIVE, NOTE}


def test_of_one_exhibit_what_concerns_others_alone_is_left_out(own: Program) -> None:
    own.execute("UPDATE exhibit SET reason = 'Seen.' WHERE number = 3")
    assert checked(own, CLIP).status is Status.PASS
    assert checked(own, NOTE).status is Status.FAIL


def test_verify_tells_it_beside_its_other_checks_and_ends_1(own: Program) -> None:
    own.run("verify", "case", CASE)
    own.execute("UPDATE exhibit SET state = 'unplayable' WHERE number = 1")
    for what in (("case", CASE), ("exhibit", f"{CASE}/{CLIP}"), ("archive",)):
        report: dict[str, Any] = own.run("verify", *what, "--json", check=1).json
        failed = [check for check in report["checks"] if check["status"] == "fail"]
        assert [check["name"] for check in failed] == ["catalogue"]
        assert failed[0]["defects"][0]["subject"].endswith(f"{CLIP} state")


def test_bodies_that_are_gone_are_no_word_against_the_catalogue(own: Program) -> None:
    own.execute("UPDATE ledger_body SET salt = NULL, body = NULL WHERE event_id LIKE '%file.received'")
    own.execute("UPDATE submitted_file SET name = 'lost'")
    check = checked(own)
    assert check.status is Status.PASS
    assert "could not be compared" in check.reason
    own.execute("UPDATE ledger_body SET salt = NULL, body = NULL")
    own.execute("UPDATE exhibit SET state = 'refused' WHERE number = 1")
    assert [defect.subject for defect in checked(own).defects] == [f"{CLIP} state"], (
        "the entry itself says it"
    )


def test_a_body_that_is_edited_with_the_row_is_told_by_the_check_on_bodies(own: Program) -> None:
    own.execute("UPDATE ledger_body SET body = '{}' WHERE event_id LIKE '%inspect'")
    own.execute("UPDATE section SET value = '{}' WHERE name = 'metadata'")
    assert checked(own).status is Status.PASS
    report = own.run("verify", "case", CASE, "--json", check=1).json
    assert [check["name"] for check in report["checks"] if check["status"] == "fail"] == ["bodies"]


def test_what_is_done_later_is_what_is_shown(own: Program) -> None:
    own.run("case", "close", CASE)
    [(number,)] = own.query("SELECT case_seq FROM ledger_entry WHERE event_id LIKE '%recorder.added'")
    own.run("ledger", "erase", CASE, str(number), "--reason", "Asked for.", "--yes")
    own.shows_what_was_filed()
    [(place,)] = own.query("SELECT serial FROM recorder")
    assert place == ""


def test_on_a_database_server_too(postgres: PostgresServer, tmp_path: Path) -> None:
    program = Program(tmp_path / "data", {"VIDNE_CATALOGUE_URL": postgres.new_database()})
    filled(program, tmp_path)
    program.shows_what_was_filed()
    program.execute("UPDATE section SET value = '{}' WHERE name = 'quality'")
    report = program.run("verify", "case", CASE, "--json", check=1).json
    [failed] = [check for check in report["checks"] if check["status"] == "fail"]
    assert [defect["subject"] for defect in failed["defects"]] == [f"{CLIP} finding quality"]
