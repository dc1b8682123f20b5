"""vidne ledger erase: what a body said is nowhere in the files any more, and the ledger still verifies."""

import json
import shutil
from pathlib import Path

import pytest

from apps import erasure
from apps.archive import verify_archive
from apps.wiring import Application
from evidence.cases import new_id
from evidence.catalogue.cases import find_case
from evidence.clock import system_clock, timestamp
from evidence.custody import CustodyEvent
from evidence.errors import ConflictError, IncompleteError, NotFoundError
from evidence.jsontypes import JsonObject
from evidence.settings import Settings
from hashing.package import verify_package
from hashing.report import Status
from ingest.custody import record
from tests.hashing.cases import check
from tests.system.program import CASE, Program

PERSON = "Alma Solbærgaard, Blåbærvej 12, telefon 87654321"
_SHOP, _OFFICER, _SERIAL = "Torvets Tobak og Vin", "assistent Kvist-Hansen", "SN-99-4711-XYZ"


def filed(app: Application, kind: str, body: JsonObject, case: str) -> None:
    event = CustodyEvent(f"{new_id()}:{kind}", kind, timestamp(system_clock()), "system", case, body=body)
    with app.catalogue.write() as connection:
        record(connection, event)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A case in whose entries 2 and 3 contact data stand, and a recorder in entry 4."""
    made = Program(tmp_path / "data")
    made.open_case()
    app = Application(Settings(data=made.data))
    case = case_id(app)
    filed(app, "contact.given", {"person": PERSON}, case)
    filed(app, "contact.given", {"person": "somebody else"}, case)
    filed(app, "submission.completed", {"not_received": [{"name": f"{PERSON}.mp4"}]}, "")
    app.catalogue.close()
    made.run(
        "recorder",
        "add",
        "--case",
        CASE,
        "--make",
        "Acme",
        "--place",
        _SHOP,
        "--retrieved-by",
        _OFFICER,
        "--serial",
        _SERIAL,
    )
    return made


def case_id(app: Application) -> str:
    with app.catalogue.read() as connection:
        return find_case(connection, CASE).id


def erase(program: Program, *numbers: int, case: str = CASE, check: int = 0) -> dict[str, object]:
    done = program.run(
        "ledger", "erase", case, *map(str, numbers), "--reason", "asked for", "--yes", "--json", check=check
    )
    found: dict[str, object] = done.json if done.out else {}
    return found


def stands_in(folder: Path, text: str) -> list[str]:
    """The files below `folder` that hold the text, whatever encodes it."""
    forms = [text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le")]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(f in path.read_bytes() for f in forms)
    ]


def test_what_was_erased_is_in_no_file_of_the_data_folder(program: Program) -> None:
    assert stands_in(program.data, PERSON), "else this test shows nothing"
    assert erase(program, 2)["erased"] == [2]
    assert erase(program, 1, case="-")["erased"] == [1]
    assert stands_in(program.data, PERSON) == []
    assert stands_in(program.data, "somebody else") != [], "another entry's body stays"


def test_old_pages_of_a_catalogue_hold_nothing_of_it_either(program: Program) -> None:
    app = Application(Settings(data=program.data))
    for number in range(40):  # rows that come, grow and go leave copies of their neighbours
        filed(app, "test.event", {"n": "x" * 50 * number}, case_id(app))
        with app.catalogue.write() as connection:
            connection.exec_driver_sql(
                "UPDATE ledger_body SET body = body || ' ' WHERE event_id LIKE '%contact%'"
            )
            connection.exec_driver_sql(
                "UPDATE ledger_body SET body = CAST(rtrim(body) AS BLOB) WHERE event_id LIKE '%contact%'"
            )
    app.catalogue.close()
    erase(program, 2)
    erase(program, 1, case="-")
    assert stands_in(program.data, PERSON) == []


def test_the_ledger_verifies_and_says_how_many_were_erased_and_by_which_entry(program: Program) -> None:
    erase(program, 2, 3)
    done = program.run("verify", "case", CASE, "--json", check=None).json
    (bodies,) = [item for item in done["checks"] if item["name"] == "bodies"]
    assert (bodies["status"], bodies["reason"]) == (
        "pass", "3 bodies are those that their entries bind; 2 were erased.",
    )  # fmt: skip
    app = Application(Settings(data=program.data))
    report = verify_archive(app, app.verifier)
    assert report.exit_code == 0
    last = list(app.ledger.case_entries(case_id(app)))[-1]
    body = app.ledger.body(last.event_id)
    assert body is not None
    assert json.loads(body.body or b"") == {"entries": [2, 3], "reason": "asked for"}
    assert last.event_id.endswith(":body.erased")


def test_a_body_that_somebody_erased_without_an_entry_is_told(program: Program) -> None:
    erase(program, 2)
    program.execute("UPDATE ledger_body SET salt = NULL, body = NULL WHERE event_id LIKE '%contact%'")
    assert "2 were erased, 1 of them without an entry that says so" in program.run("verify", "case", CASE).out


def test_of_a_recorder_the_row_goes_too_as_far_as_it_names_people_and_places(program: Program) -> None:
    erase(program, 4)
    for text in (_SHOP, _OFFICER, _SERIAL):
        assert stands_in(program.data, text) == []
    shown = program.run("recorder", "list", "--case", CASE, "--json").json[0]
    assert (shown["make"], shown["place"], shown["retrieved_by"], shown["serial"]) == ("Acme", "", "", "")


def test_it_can_be_asked_for_again(program: Program) -> None:
    erase(program, 2)
    again = erase(program, 2, 3)
    assert (again["erased"], again["erased_before"]) == ([3], [2])
    size = Application(Settings(data=program.data)).ledger.size()
    assert erase(program, 2, 3) == {"case": CASE, "erased": [], "erased_before": [2, 3], "exports_since": 0}
    assert Application(Settings(data=program.data)).ledger.size() == size, "nothing new was said"


def test_without_yes_it_shows_what_would_go_and_nothing_does(program: Program) -> None:
    done = program.run("ledger", "erase", CASE, "2", "--reason", "asked for", check=2)
    assert "the body of contact.given" in done.err
    assert "Nothing was erased yet" in done.err
    assert stands_in(program.data, PERSON)


def test_a_reason_is_asked_for(program: Program) -> None:
    program.run("ledger", "erase", CASE, "2", "--yes", check=2)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("object.stored", "where an object lies"),
        ("file.received", "record of the stored object"),
        ("exhibit.sealed", "proofs of copies"),
        ("recorder.clock-read", "true times"),
        ("case.closed", "tells of no person"),
        ("body.erased", "tells of no person"),
    ],
)
def test_a_body_that_is_needed_is_refused_with_the_reason_and_none_of_the_others_goes(
    tmp_path: Path, kind: str, why: str
) -> None:
    app = Application(Settings(data=tmp_path))
    filed(app, "contact.given", {"person": PERSON}, "case2b")
    filed(app, kind, {}, "case2b")
    app.sequence_all()
    with pytest.raises(ConflictError, match=why):
        erasure.choose(app, "case2b", [1, 2])


@pytest.mark.parametrize(
    "kind", ["contact.given", "recorder.added", "submission.completed", "submission.receipt"]
)
def test_bodies_that_tell_of_people_can_go(tmp_path: Path, kind: str) -> None:
    app = Application(Settings(data=tmp_path))
    filed(app, kind, {}, "case2b")
    app.sequence_all()
    assert erasure.erase(app, erasure.choose(app, "case2b", [1]), "asked for").now == (1,)


def test_an_entry_that_is_not_there_is_told(program: Program) -> None:
    app = Application(Settings(data=program.data))
    with pytest.raises(NotFoundError, match="There is no entry 9"):
        erasure.choose(app, case_id(app), [2, 9])
    assert (
        "There is no case"
        in program.run("ledger", "erase", "0100-10293-00009-26", "1", "--reason", "x", check=2).err
    )


def test_while_somebody_reads_the_old_bytes_are_told_to_be_there(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.catalogue.engine.BUSY_SECONDS", 0.2)
    app, other = (Application(Settings(data=program.data)) for _ in range(2))
    chosen = erasure.choose(app, case_id(app), [2])
    with other.catalogue.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM ledger_body").scalar()
        with pytest.raises(IncompleteError, match="still hold them"):
            erasure.erase(app, chosen, "asked for")
    assert erasure.erase(app, chosen, "asked for").before == (2,)
    assert len(stands_in(program.data, PERSON)) > 0, "that of the log itself"
    assert erasure.erase(app, erasure.choose(app, "", [1]), "asked for").now == (1,)
    assert stands_in(program.data, PERSON) == []


def test_an_export_says_that_a_body_was_erased(program: Program, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    program.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=None)
    erase(program, 2)
    program.run("export", CASE, "-o", tmp_path / "P", "--with-contact", check=None)
    report = verify_package(tmp_path / "P", Application(Settings(data=program.data)).verifier)
    assert report.exit_code == 0
    assert "; 1 were erased" in check(report, "bodies").reason
    assert stands_in(tmp_path / "P", PERSON) == []
    assert erase(program, 3)["exports_since"] == 1
    shutil.rmtree(tmp_path / "P")


def test_status_of_bodies_stays_a_pass(program: Program) -> None:
    erase(program, 2, 3, 4)
    app = Application(Settings(data=program.data))
    report = verify_archive(app, app.verifier)
    assert check(report, "bodies").status is Status.PASS
