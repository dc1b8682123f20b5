"""A scrub of the archive: all of it or a part, stopped and resumed, and what each kind of damage gives."""

from pathlib import Path
from typing import Any

import pytest

from apps.archive import verify_archive
from apps.wiring import Application
from evidence.catalogue.ledger import SqlLedgerStore
from evidence.settings import Settings
from hashing.archive_checks import check_log
from hashing.keys import load_verifier
from hashing.report import Status, VerificationReport
from retention.keys import LEDGER
from tests.system.program import CASE, Program

OTHER = "0100-10293-00002-26"


@pytest.fixture
def archive(tmp_path: Path) -> Program:
    """Two cases of six files in all."""
    program = Program(tmp_path / "data")
    for number in (CASE, OTHER):
        program.open_case(number)
        for name in "abc":
            (tmp_path / f"{name}.txt").write_text(f"{name} of {number}\n" * 200)
        program.run("submit", *(tmp_path / f"{name}.txt" for name in "abc"), "--case", number)
    return program


def checks(report: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in report["checks"]}


def read_by(report: dict[str, Any]) -> int:
    [check] = [check for check in report["checks"] if check["name"] == "digest"]
    count: int = check["checked"]
    return count


def test_an_archive_as_it_was_left_passes_and_names_what_was_not_checked(archive: Program) -> None:
    report = archive.run("verify", "archive", "--json").json
    assert {name for name, status in checks(report).items() if status == "pass"} == {
        "tree", "published", "complete", "record", "digest", "canonical", "case-chain", "bodies", "inclusion",
        "checkpoint-signature", "sequenced", "catalogue",
    } | ({"consistency"} if checks(report)["consistency"] == "pass" else set())  # fmt: skip
    assert read_by(report) == 6


def test_a_changed_object_is_told_with_its_case_and_exhibit(archive: Program) -> None:
    changed = archive.objects()[0]
    changed.chmod(0o600)
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")
    report = archive.run("verify", "archive", "--json", check=1).json
    assert [name for name, status in checks(report).items() if status == "fail"] == ["digest"]
    [check] = [check for check in report["checks"] if check["name"] == "digest"]
    assert check["reason"].startswith(("0100-12345", "0100-1029"))
    assert "EX-000" in check["reason"]


def test_an_entry_changed_in_the_catalogue_is_told(archive: Program) -> None:
    archive.execute("UPDATE ledger_entry SET leaf_hash = :leaf WHERE position = 2", leaf=b"\x01" * 32)
    report = archive.run("verify", "archive", "--json", check=1).json
    assert checks(report)["tree"] == "fail"


def test_events_of_the_log_itself_are_checked_as_those_of_a_case(archive: Program, tmp_path: Path) -> None:
    archive.run("receipt", "--last-of", CASE, "-o", tmp_path / "receipt.json")
    assert archive.run("verify", "archive", "--json").json["exit_code"] == 0
    archive.execute("UPDATE ledger_body SET body = :body WHERE event_id LIKE '%receipt%'", body=b'{"a":1}')
    report = archive.run("verify", "archive", "--json", check=1).json
    assert [name for name, status in checks(report).items() if status == "fail"] == ["bodies"]
    assert "the log itself entry" in str(report)


def test_a_log_that_was_rolled_back_is_told_by_what_was_published(archive: Program) -> None:
    keys = archive.data / "keys" / "last-seen-checkpoint"
    [(before,)] = archive.query("SELECT max(size) FROM ledger_checkpoint")
    archive.run("case", "open", "0100-10293-00003-26")
    archive.execute("DELETE FROM ledger_checkpoint WHERE size > :size", size=before)
    archive.execute("DELETE FROM ledger_entry WHERE position >= :size", size=before)
    keys.unlink(missing_ok=True)
    report = archive.run("verify", "archive", "--json", check=1).json
    assert checks(report)["published"] == "fail"
    assert "the ledger ends at" in str(report)


def test_a_published_checkpoint_that_was_replaced_is_told(archive: Program) -> None:
    folder = archive.data / "objects" / "ledger" / "checkpoint"
    note = sorted(folder.iterdir())[0]
    note.chmod(0o600)
    note.write_bytes(note.read_bytes().replace(b"\n", b"\r\n", 1))
    report = archive.run("verify", "archive", "--json", check=1).json
    assert checks(report)["published"] == "fail"


@pytest.mark.parametrize("parts", [["1/3", "2/3", "3/3"], ["34%", "34%", "34%"], ["9K", "9K", "9K"]])
def test_parts_taken_one_after_another_read_everything_once(archive: Program, parts: list[str]) -> None:
    counts = [read_by(archive.run("verify", "archive", "--subset", part, "--json").json) for part in parts]
    [(read,)] = archive.query("SELECT count(*) FROM scrubbed_object")
    assert read == 6
    assert sum(counts) >= 6
    assert max(counts) < 6


@pytest.mark.parametrize("subset", ["0/3", "4/3", "0%", "101%", "5X", "all", "-1/2"])
def test_a_part_that_cannot_be_meant_is_refused(archive: Program, subset: str) -> None:
    done = archive.run("verify", "archive", "--subset", subset, check=2)
    assert "is no part of an archive" in done.err
    assert "No scrub was stopped" in archive.run("verify", "archive", "--resume", check=2).err


def test_nothing_to_resume_is_said(archive: Program) -> None:
    assert "No scrub was stopped" in archive.run("verify", "archive", "--resume", check=2).err


def test_a_log_that_grows_and_is_published_meanwhile_passes(archive: Program) -> None:
    app = Application(Settings.from_environment(data=archive.data))

    class Growing(SqlLedgerStore):
        """The worker sequences and publishes just after somebody has asked for the newest checkpoint."""

        def latest_checkpoint(self) -> bytes | None:
            found = super().latest_checkpoint()
            archive.run("case", "open", f"0100-10293-0001{len(asked)}-26")
            asked.append(found)
            return found

    asked: list[bytes | None] = []
    verifier = load_verifier(app.settings.ledger_key_path)
    found = check_log(Growing(app.catalogue), app.store, verifier, LEDGER)
    assert [check.status for check in found] == [Status.PASS, Status.PASS]
    assert asked
    app.catalogue.close()


class StoppedError(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.mark.parametrize("subset", ["", "100%"])
def test_a_scrub_that_was_stopped_goes_on_and_keeps_what_it_found(archive: Program, subset: str) -> None:
    app = Application(Settings.from_environment(data=archive.data))
    verifier = load_verifier(app.settings.ledger_key_path)
    [(key,)] = archive.query(  # the one that is read first: cases by number, exhibits by theirs
        "SELECT o.key FROM stored_object o JOIN exhibit e ON e.id = o.exhibit_id"
        " JOIN case_number n ON n.case_id = e.case_id ORDER BY n.number, e.number LIMIT 1"
    )
    first = archive.data / "objects" / key
    first.chmod(0o600)
    first.write_bytes(first.read_bytes()[:-1] + b"!")
    seen: list[int] = []

    def until_the_fourth(count: int) -> None:
        seen.append(count)
        if len(seen) == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        verify_archive(app, verifier, subset=subset, progress=until_the_fourth)
    report: VerificationReport = verify_archive(app, verifier, resume=True, progress=seen.append)
    [digests] = [check for check in report.checks if check.name == "digest"]
    assert len(seen) == 8, "two were found intact and noted; the changed one is read, and told, once more"
    assert (report.exit_code, digests.checked) == (1, 4)
    assert len(digests.defects) == 1
    app.catalogue.close()


def newest_of_log(archive: Program) -> tuple[Path, Path, Path]:
    """The newest checkpoint, partial tile and bundle of entries that are published."""
    log = archive.data / "objects" / LEDGER
    checkpoint = max((log / "checkpoint").iterdir(), key=lambda path: int(path.name))
    tile = log / f"tile/0/000.p/{checkpoint.name}"
    return checkpoint, tile, log / f"tile/entries/000.p/{checkpoint.name}"


def test_a_log_whose_publication_was_cut_short_is_not_one_that_was_changed(archive: Program) -> None:
    checkpoint, tile, bundle = newest_of_log(archive)
    for path in (checkpoint, bundle):
        path.unlink()
    assert tile.exists()
    report = archive.run("verify", "archive", "--json").json
    assert checks(report)["published"] == "pass"


@pytest.mark.parametrize("which", [1, 2], ids=["tile", "entries"])
def test_what_a_published_checkpoint_speaks_of_and_is_gone_is_told(archive: Program, which: int) -> None:
    gone = newest_of_log(archive)[which]
    gone.unlink()
    [check] = [
        check
        for check in archive.run("verify", "archive", "--json", check=1).json["checks"]
        if check["name"] == "published"
    ]
    assert check["status"] == "fail"
    assert gone.relative_to(archive.data / "objects").as_posix() in check["reason"]


@pytest.mark.parametrize(
    "hide",
    [
        'DELETE FROM "case" WHERE id = :case',
        "UPDATE case_number SET until = since WHERE case_id = :case",
        "UPDATE ledger_entry SET case_id = 'hidden' WHERE case_id = :case",
    ],
)
def test_a_case_that_is_taken_out_of_the_catalogue_is_missed(archive: Program, hide: str) -> None:
    ((case, _),) = [
        row for row in archive.query("SELECT case_id, number FROM case_number") if row[1] == OTHER
    ]
    archive.execute("PRAGMA foreign_keys = OFF")
    archive.execute(hide, case=case)
    report = archive.run("verify", "archive", "--json", check=1).json
    defects = [defect for check in report["checks"] for defect in check["defects"]]
    hidden = "hidden" if "ledger_entry" in hide else case
    unlisted = {"subject": f"the case with the id {hidden} case", "cause": "integrity"}
    assert any(unlisted.items() <= defect.items() for defect in defects)


def test_a_case_that_cannot_be_read_is_told_and_the_others_are_checked(archive: Program) -> None:
    archive.execute("UPDATE exhibit SET state = 'convicted' WHERE id = (SELECT min(id) FROM exhibit)")
    report = archive.run("verify", "archive", "--json", check=1).json
    [check] = [check for check in report["checks"] if check["name"] == "catalogue"]
    [defect] = check["defects"]
    assert "'convicted'" in defect["what"]
    assert read_by(report) == 3
