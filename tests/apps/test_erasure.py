"""vidne ledger erase: what a body said is nowhere in the files any more, and the ledger still verifies."""

import json
from pathlib import Path

import pytest

from apps import erasure
from apps.archive import verify_archive
from apps.wiring import Application
from evidence.cases import new_id
from evidence.catalogue.cases import find_case, open_case
from evidence.catalogue.engine import Connection
from evidence.catalogue.recorders import RecorderFacts, list_recorders
from evidence.clock import system_clock, timestamp
from evidence.custody import CustodyEvent
from evidence.errors import ConflictError, IncompleteError, NotFoundError
from evidence.jsontypes import JsonObject
from evidence.settings import Settings
from hashing.entries import parse_entry
from hashing.package import verify_package
from hashing.report import Status, VerificationReport
from hashing.verify import verify_case
from ingest import recorders
from ingest.custody import record
from tests.hashing.cases import check, failed
from tests.system.program import CASE, Program

PERSON = "Alma Solbærgaard, Blåbærvej 12, telefon 87654321"
_SHOP, _OFFICER, _SERIAL = "Torvets Tobak og Vin", "assistent Kvist-Hansen", "SN-99-4711-XYZ"


def filed(connection: Connection, kind: str, body: JsonObject, case: str, now: str = "") -> None:
    at = now or timestamp(system_clock())
    record(connection, CustodyEvent(f"{new_id()}:{kind}", kind, at, "system", case, body=body))


@pytest.fixture
def app(tmp_path: Path) -> Application:
    """A case: contact data in entries 1 and 2, a recorder in 3, its opening in 4. A name in the log's 1."""
    made = Application(Settings(data=tmp_path / "data"))
    now = timestamp(system_clock())
    with made.catalogue.write() as connection:
        case = open_case(connection, CASE, now).id
        facts = RecorderFacts(make="Acme", place=_SHOP, retrieved_by=_OFFICER, serial=_SERIAL)
        for person in (PERSON, "somebody else"):
            filed(connection, "contact.given", {"person": person}, case)
        recorders.add(connection, case, facts, "system", now)
        filed(connection, "submission.completed", {"not_received": [{"name": f"{PERSON}.mp4"}]}, "")
        filed(connection, "case.opened", {"number": CASE}, case, now)
    made.sequence_all()
    return made


def case_id(app: Application) -> str:
    with app.catalogue.read() as connection:
        return find_case(connection, CASE).id


def erase(app: Application, *numbers: int, case: str | None = None) -> erasure.Erased:
    chosen = erasure.choose(app, case_id(app) if case is None else case, numbers)
    return erasure.erase(app, chosen, "asked for")


def verified(app: Application) -> VerificationReport:
    return verify_archive(app, app.verifier)


def stands_in(folder: Path, text: str) -> list[str]:
    """The files below `folder` that hold the text, whatever encodes it."""
    forms = [text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le")]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(f in path.read_bytes() for f in forms)
    ]


def test_what_was_erased_is_in_no_file_of_the_data_folder(app: Application) -> None:
    folder = app.settings.data
    assert stands_in(folder, PERSON), "else this test shows nothing"
    assert erase(app, 1).now == (1,)
    assert erase(app, 1, case="").now == (1,)
    assert stands_in(folder, PERSON) == []
    assert stands_in(folder, "somebody else") != [], "another entry's body stays"


def test_old_pages_of_a_catalogue_hold_nothing_of_it_either(app: Application) -> None:
    for number in range(40):  # rows that come and grow leave copies of their neighbours
        with app.catalogue.write() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
            filed(connection, "test.event", {"n": "x" * 50 * number}, case_id(app))
            for value in ("body || zeroblob(3000)", "substr(body, 1, length(body) - 3000)"):
                connection.exec_driver_sql(
                    f"UPDATE ledger_body SET body = CAST({value} AS BLOB)"  # noqa: S608
                    " WHERE event_id LIKE '%contact%' OR event_id LIKE '%completed'"
                )
    app.sequence_all()
    before = sum(path.read_bytes().count(PERSON.encode()) for path in app.settings.data.glob("catalogue*"))
    assert before > 2, "there are copies"
    erase(app, 1)
    erase(app, 1, case="")
    assert stands_in(app.settings.data, PERSON) == []


def test_the_ledger_verifies_and_says_how_many_were_erased(app: Application) -> None:
    erase(app, 1, 2)
    report = verify_case(app.ledger, app.tree, app.store, app.verifier, case=case_id(app), expected=[])
    bodies = check(report, "bodies")
    assert (bodies.status, bodies.reason) == (
        Status.PASS, "3 bodies are those that their entries bind; 2 were erased.",
    )  # fmt: skip
    assert verified(app).exit_code == 0


def test_an_entry_of_the_case_says_which_and_why(app: Application) -> None:
    erase(app, 2, 1)
    *_, last = app.ledger.case_entries(case_id(app))
    body = app.ledger.body(last.event_id)
    assert body is not None
    assert json.loads(body.body or b"") == {"entries": [1, 2], "reason": "asked for"}
    assert (parse_entry(last.entry).type, last.case_seq) == ("body.erased", 5)


def test_a_body_that_somebody_erased_without_an_entry_is_told(app: Application) -> None:
    erase(app, 1)
    with app.catalogue.write() as connection:
        connection.exec_driver_sql(
            "UPDATE ledger_body SET salt = NULL, body = NULL WHERE event_id LIKE '%contact%'"
        )
    report = verify_case(app.ledger, app.tree, app.store, app.verifier, case=case_id(app), expected=[])
    assert (report.exit_code, failed(report)) == (3, {"bodies"})
    assert "1 bodies are gone, and no entry says that they were erased" in check(report, "bodies").reason


def test_of_a_recorder_the_row_goes_too_as_far_as_it_names_people_and_places(app: Application) -> None:
    erase(app, 3)
    for text in (_SHOP, _OFFICER, _SERIAL):
        assert stands_in(app.settings.data, text) == []
    with app.catalogue.read() as connection:
        (shown,) = list_recorders(connection, case_id(app))
    assert shown.facts == RecorderFacts(make="Acme")
    assert verified(app).exit_code == 0


def test_it_can_be_asked_for_again(app: Application) -> None:
    erase(app, 1)
    assert erase(app, 1, 2) == erasure.Erased((2,), (1,))
    size = app.ledger.size()
    assert erase(app, 1, 2) == erasure.Erased((), (1, 2))
    assert app.ledger.size() == size, "nothing new was said"


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
    app: Application, kind: str, why: str
) -> None:
    with app.catalogue.write() as connection:
        filed(connection, kind, {}, case_id(app))
    app.sequence_all()
    with pytest.raises(ConflictError, match=why):
        erase(app, 1, 5)
    assert stands_in(app.settings.data, PERSON)


@pytest.mark.parametrize("kind", ["submission.completed", "submission.receipt", "contact.withdrawn"])
def test_other_bodies_that_tell_of_people_can_go(app: Application, kind: str) -> None:
    with app.catalogue.write() as connection:
        filed(connection, kind, {}, case_id(app))
    app.sequence_all()
    assert erase(app, 5).now == (5,)


def test_an_entry_that_is_not_there_is_told(app: Application) -> None:
    with pytest.raises(NotFoundError, match="There is no entry 9"):
        erase(app, 1, 9)
    assert stands_in(app.settings.data, PERSON)


def test_while_somebody_reads_it_is_told_that_the_old_bytes_are_there(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.catalogue.sqlite.BUSY_SECONDS", 0.2)
    ours, other = (Application(Settings(data=app.settings.data)) for _ in range(2))
    app.catalogue.close()
    with other.catalogue.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM ledger_body").scalar()
        with pytest.raises(IncompleteError, match="still hold them"):
            erase(ours, 3)
    assert stands_in(app.settings.data, _SHOP)
    assert erase(ours, 3).before == (3,)
    assert stands_in(app.settings.data, _SHOP) == []


def test_on_the_command_line_nothing_goes_without_yes_and_an_export_says_what_went(
    app: Application, tmp_path: Path
) -> None:
    app.catalogue.close()
    program = Program(app.settings.data)
    asked = ("ledger", "erase", CASE, "1", "--reason", "asked for")
    done = program.run(*asked, check=2)
    assert "the body of contact.given" in done.err
    assert "Nothing was erased yet" in done.err
    assert stands_in(program.data, PERSON)
    assert program.run(*asked, "--yes", "--json").json == {
        "case": CASE, "erased": [1], "erased_before": [], "exports_since": 0,
    }  # fmt: skip
    assert "Not reached" in program.run("ledger", "erase", "-", "1", "--reason", "asked for", "--yes").out
    assert stands_in(program.data, PERSON) == []
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    program.run("submit", tmp_path / "note.txt", "--case", CASE, check=None)
    program.run("export", CASE, "-o", tmp_path / "P", "--with-contact")
    report = verify_package(tmp_path / "P", Application(Settings(data=program.data)).verifier)
    assert report.exit_code == 0
    assert "; 1 were erased." in check(report, "bodies").reason
    assert stands_in(tmp_path / "P", PERSON) == []
    assert program.run(*asked, "--yes", "--json").json["exports_since"] == 1
    assert (
        "There is no case" in program.run("ledger", "erase", "0100-10293-00009-26", *asked[3:], check=2).err
    )
