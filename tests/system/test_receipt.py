"""Receipts of real submissions, verified by a stranger with no data folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from tests.system.program import CASE, VIDNE, Program, environment, kill_group, wait_until

OTHER = "0100-10293-00002-26"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two notes, and an archive that has one of them in it."""
    folder = tmp_path_factory.mktemp("footage")
    (folder / "første.txt").write_text("Seen at nine.\n")
    (folder / "second.txt").write_text("Seen at ten.\n")
    with ZipFile(folder / "export.zip", "w") as archive:
        archive.write(folder / "second.txt", "inside.txt")
    return folder


@pytest.fixture(scope="module")
def used(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A case with one submission, and its receipt beside the data folder."""
    home = tmp_path_factory.mktemp("receipts")
    program = Program(home / "data")
    program.open_case()
    program.open_case(OTHER)
    done = program.run(
        "submit",
        folder / "første.txt",
        folder / "export.zip",
        "--case",
        CASE,
        "--receipt",
        home / "first.json",
    )
    assert "receipt " in done.out
    program.run("submit", folder / "second.txt", "--case", CASE, "--wait", check=3)
    return program


@pytest.fixture(scope="module")
def receipt(used: Program) -> Path:
    return used.data.parent / "first.json"


@pytest.fixture(scope="module")
def vkey(used: Program) -> Path:
    return used.data / "keys" / "ledger.vkey"


def verify(*args: str | Path, check: int = 0) -> dict[str, str]:
    """`vidne verify receipt` with no data folder to be had; the checks' outcomes by name."""
    done = subprocess.run(
        [VIDNE, "verify", "receipt", *args, "--json"],
        capture_output=True,
        check=False,
        env={**environment(), "VIDNE_DATA": "/nowhere/at/all"},
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == check, done.stdout.decode() + done.stderr.decode()
    checks: list[dict[str, Any]] = json.loads(done.stdout)["checks"] if done.stdout else []
    return {item["name"]: item["status"] for item in checks}


def test_a_real_receipt_verifies_with_no_data_folder(receipt: Path, vkey: Path, folder: Path) -> None:
    found = verify(
        receipt, "--log-key", vkey, "--file", folder / "første.txt", "--file", folder / "export.zip"
    )
    assert found == {
        "canonical": "pass",
        "entry": "pass",
        "inclusion": "pass",
        "checkpoint-signature": "pass",
        "file": "pass",
        "time-stamp": "not-checked",
        "witness": "not-checked",
    }


def test_without_the_key_it_ends_6_and_with_another_1(receipt: Path, tmp_path: Path) -> None:
    verify(receipt, check=6)
    other = Program(tmp_path / "data")
    other.open_case()
    stranger = tmp_path / "data" / "keys" / "ledger.vkey"
    other.run("verify", "case", CASE, check=None)
    assert verify(receipt, "--log-key", stranger, check=1)["checkpoint-signature"] == "fail"


def test_wrong_file_and_edited_digest_are_caught(
    receipt: Path, vkey: Path, folder: Path, tmp_path: Path
) -> None:
    assert verify(receipt, "--log-key", vkey, "--file", folder / "second.txt", check=1)["file"] == "fail"
    raw = receipt.read_bytes()
    digest = json.loads(raw)["statement"]["files"][0]["sha256"].encode()
    edited = tmp_path / "edited.json"
    edited.write_bytes(raw.replace(digest, digest[::-1]))
    assert verify(edited, "--log-key", vkey, check=1)["entry"] == "fail"
    verify(folder / "first.txt", check=4)
    verify(vkey, check=4)


def test_it_names_what_was_handed_in_and_nothing_of_the_case(used: Program, receipt: Path) -> None:
    raw = receipt.read_text()
    said = json.loads(raw)["statement"]
    assert [item["name"] for item in said["files"]] == ["første.txt", "export.zip"]  # no members
    cases = used.query("SELECT case_id FROM case_number")
    assert len(cases) == 2
    for kept in (CASE, "EX-0001", "local-", "further", *(row[0] for row in cases)):
        assert kept not in raw
    leaves = {row[0].hex() for row in used.query("SELECT leaf_hash FROM ledger_entry")}
    assert {item["received"] for item in said["files"]} <= leaves


def test_bytes_that_the_case_had_already_leave_no_trace_in_the_receipt(
    used: Program, vkey: Path, folder: Path, tmp_path: Path
) -> None:
    again = used.run("submit", folder / "første.txt", "--case", CASE, "--receipt", tmp_path / "again.json")
    assert "had these bytes already" in again.out  # that is for the police's own eyes
    used.run("submit", folder / "første.txt", "--case", OTHER, "--receipt", tmp_path / "new.json")
    known, new = (json.loads((tmp_path / name).read_bytes()) for name in ("again.json", "new.json"))
    for one in (known, new):
        for varying in ("reference", "received_at"):
            del one["statement"][varying]
        del one["statement"]["files"][0]["received"]
        one["entry"] = sorted(json.loads(one["entry"]))
    assert known["statement"] == new["statement"]
    assert known["entry"] == new["entry"]
    verify(tmp_path / "again.json", "--log-key", vkey, "--file", folder / "første.txt")


def test_the_same_receipt_comes_again_by_its_reference_with_a_page(
    used: Program, receipt: Path, vkey: Path, tmp_path: Path
) -> None:
    first = json.loads(receipt.read_bytes())
    reference = first["statement"]["reference"]
    made = used.run(
        "receipt", reference.lower(), "-o", tmp_path / "r.json", "--pdf", tmp_path / "r.pdf", "--json"
    ).json
    assert (made["reference"], made["files"]) == (reference, 2)
    second = json.loads((tmp_path / "r.json").read_bytes())
    for same in ("statement", "entry", "salt", "key"):
        assert second[same] == first[same]
    verify(tmp_path / "r.json", "--log-key", vkey)
    (page,) = PdfReader(tmp_path / "r.pdf").pages
    text = " ".join(page.extract_text().split())
    assert reference in text
    assert all(item["sha256"] in text for item in first["statement"]["files"])
    assert CASE not in text
    assert CASE.encode() not in (tmp_path / "r.pdf").read_bytes()


def test_the_last_submission_of_a_case_is_found(used: Program, folder: Path, tmp_path: Path) -> None:
    used.run("submit", folder / "second.txt", "--case", CASE, "--receipt", tmp_path / "a.json")
    used.run("receipt", "--last-of", CASE, "-o", tmp_path / "b.json")
    one, two = (json.loads((tmp_path / name).read_bytes())["statement"] for name in ("a.json", "b.json"))
    assert one == two


def test_a_running_worker_gives_the_receipt_its_place(used: Program, folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(used.data, data)
    program = Program(data)
    worker = program.start("worker")
    try:
        log = data / "worker.log"
        wait_until(lambda: log.exists() and "started" in log.read_text(), 30, "the worker")
        program.run("submit", folder / "second.txt", "--case", CASE, "--receipt", tmp_path / "r.json")
        assert worker.poll() is None
        verify(tmp_path / "r.json", "--log-key", data / "keys" / "ledger.vkey")
    finally:
        kill_group(worker)


def test_wrong_usage_is_told_before_anything_is_received(
    used: Program, receipt: Path, folder: Path, tmp_path: Path
) -> None:
    before = used.query("SELECT count(*) FROM submission")
    note = folder / "second.txt"
    assert "exists already" in used.run("submit", note, "--case", CASE, "--receipt", receipt, check=2).err
    missing = tmp_path / "none" / "r.json"
    assert "no folder" in used.run("submit", note, "--case", CASE, "--receipt", missing, check=2).err
    assert used.query("SELECT count(*) FROM submission") == before
    output = tmp_path / "r.json"
    assert "SUBMISSION or --last-of" in used.run("receipt", "-o", output, check=2).err
    assert "no submission" in used.run("receipt", "2222-2222-2222", "-o", output, check=2).err
    assert "not a reference" in used.run("receipt", CASE, "-o", output, check=2).err
    assert "one name" in used.run("receipt", "--last-of", CASE, "-o", output, "--pdf", output, check=2).err
    assert not output.exists()


def test_a_folder_that_is_called_after_the_case_does_not_tell_its_number(
    used: Program, folder: Path, tmp_path: Path
) -> None:
    named = tmp_path / f"{CASE} citizen"
    named.mkdir()
    shutil.copy(folder / "second.txt", named / f"a {CASE}.txt")
    used.run("submit", named, "--case", CASE, "--receipt", tmp_path / "r.json")
    raw = (tmp_path / "r.json").read_text()
    assert CASE not in raw
    (item,) = json.loads(raw)["statement"]["files"]
    assert item["name"] == "… citizen/a ….txt"


def test_what_could_not_be_received_is_not_in_the_receipt(
    used: Program, folder: Path, tmp_path: Path
) -> None:
    paths = (folder / "second.txt", tmp_path / "none.mp4")
    used.run("submit", *paths, "--case", OTHER, "--receipt", tmp_path / "r.json", "--json", check=4)
    (item,) = json.loads((tmp_path / "r.json").read_bytes())["statement"]["files"]
    assert item["name"] == "second.txt"
    used.run("submit", tmp_path / "none.mp4", "--case", OTHER, "--receipt", tmp_path / "no.json", check=4)
    assert not (tmp_path / "no.json").exists()


def test_after_erasure_no_receipt_is_made_again_and_those_that_are_out_verify(
    used: Program, receipt: Path, vkey: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(used.data, data)
    program = Program(data)
    program.execute("UPDATE ledger_body SET salt = NULL, body = NULL")
    reference = json.loads(receipt.read_bytes())["statement"]["reference"]
    done = program.run("receipt", reference, "-o", tmp_path / "r.json", check=3)
    assert "erased" in done.err
    assert not (tmp_path / "r.json").exists()
    program.run("verify", "archive", check=3)  # no entry says that they were erased
    verify(receipt, "--log-key", vkey)


def test_a_submission_that_was_cut_short_has_no_receipt(used: Program, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(used.data, data)
    program = Program(data)
    program.execute(
        "INSERT INTO submission SELECT 'zzzzzzzzzzzzzzzzzzzz', case_id, source, actor,"
        " '2999-01-01', NULL, NULL, NULL FROM submission LIMIT 1"
    )
    done = program.run("receipt", "--last-of", CASE, "-o", tmp_path / "r.json", check=3)
    assert "was cut short" in done.err


def test_the_archive_with_receipts_in_its_log_verifies(used: Program) -> None:
    used.run("verify", "case", CASE)
    used.run("verify", "archive")


def test_the_core_alone_verifies_a_receipt(receipt: Path, vkey: Path) -> None:
    """Everything that only the pipeline needs is made impossible to import."""
    banned = (
        "sqlalchemy", "alembic", "dramatiq", "minio", "ffmpeg", "cv2", "numpy", "PIL", "rich", "exifread",
        "c2pa", "pyseccomp", "pillow_heif", "reportlab",
    )  # fmt: skip
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({banned!r}))\n"
        f"sys.argv = ['vidne', 'verify', 'receipt', {str(receipt)!r}, '--log-key', {str(vkey)!r}]\n"
        "from apps.cli.main import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "inclusion" in done.stdout
