"""Receipts: what binds them, every change refused, each check apart."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.custody import EventBody
from evidence.errors import IncompleteError, IntegrityError, UnreadableError
from hashing import canonical
from hashing.digests import digest_file
from hashing.keys import parse_public, public_pem
from hashing.notes import Signer
from hashing.receipt import Receipt, ReceiptFile, Statement, assemble
from hashing.receipt_checks import read_receipt, verify_receipt
from hashing.report import VerificationReport
from tests.hashing.cases import AT, ORIGIN, check, failed
from tests.hashing.receipts import SIGNER, issued, statement_of

STATEMENT = Statement(
    "7KXM-2PQR-9BDF",
    AT,
    (
        ReceiptFile("optagelse på gaden.mp4", 3, "ba7816bf" * 8, "64" * 32, "ab" * 32),
        ReceiptFile("b.mp4", 4, "01" * 32, "02" * 32, "cd" * 32),
    ),
)
RECEIPT = issued(STATEMENT)
RAW = RECEIPT.to_bytes()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for number, path in enumerate(paths):
        path.write_bytes(b"footage %d" % number * 1000)
    return paths


def verify(raw: bytes, *files: Path) -> VerificationReport:
    return verify_receipt(raw, SIGNER.verifier, files=files)


def edited(**changes: object) -> bytes:
    return canonical.encode({**canonical.decode(RAW), **changes})  # type: ignore[dict-item]


def test_a_receipt_verifies_and_says_what_was_not_checked() -> None:
    report = verify(RAW)
    assert report.exit_code == 0
    assert report.verdict == "passed; not checked: file, time-stamp, witness"
    assert Receipt.from_bytes(RAW) == RECEIPT


def test_its_files_are_found_to_be_those_that_were_received(files: list[Path]) -> None:
    report = verify(issued(statement_of(*files)).to_bytes(), *reversed(files))
    assert report.exit_code == 0
    assert check(report, "file").checked == 2


def test_another_file_fails_and_the_receipt_still_passes(files: list[Path]) -> None:
    raw = issued(statement_of(files[0])).to_bytes()
    report = verify(raw, *files)
    assert (report.exit_code, failed(report)) == (1, {"file"})
    (defect,) = check(report, "file").defects
    assert digest_file(files[1]).sha256 in defect.what
    files[0].write_bytes(files[0].read_bytes()[:-1])
    assert failed(verify(raw, files[0])) == {"file"}


def test_a_file_that_cannot_be_read_is_told_apart(files: list[Path], tmp_path: Path) -> None:
    raw = issued(statement_of(*files)).to_bytes()
    assert verify(raw, tmp_path / "none.mp4").exit_code == 4
    assert verify(raw, tmp_path, files[0]).exit_code == 4


def test_without_a_key_from_elsewhere_no_origin_is_shown() -> None:
    report = verify_receipt(RAW)
    assert (report.exit_code, failed(report)) == (6, {"checkpoint-signature"})
    assert check(report, "checkpoint-signature").status == "pending"


def test_a_receipt_that_a_stranger_made_is_refused_with_the_logs_key() -> None:
    forged = issued(STATEMENT, Signer.generate(ORIGIN)).to_bytes()
    assert verify_receipt(forged).exit_code == 6
    report = verify(forged)
    assert (report.exit_code, failed(report)) == (1, {"checkpoint-signature"})
    assert check(report, "inclusion").status == "not-checked"


def test_a_stranger_s_key_in_a_true_receipt_is_told() -> None:
    report = verify(replace(RECEIPT, key=Signer.generate(ORIGIN).verifier).to_bytes())
    assert failed(report) == {"checkpoint-signature"}
    assert "another key" in check(report, "checkpoint-signature").reason


def test_the_log_s_key_may_come_as_pem() -> None:
    pem = parse_public(public_pem(SIGNER.verifier), "key")
    assert verify_receipt(RAW, pem).exit_code == 0


@pytest.mark.parametrize("field", ["name", "size", "sha256", "blake3", "received"])
def test_an_edited_field_of_a_file_is_not_what_the_entry_binds(field: str) -> None:
    other = STATEMENT.files[1]
    first = replace(STATEMENT.files[0], **{field: getattr(other, field)})
    changed = replace(RECEIPT, statement=replace(STATEMENT, files=(first, other)))
    report = verify(changed.to_bytes())
    assert (report.exit_code, failed(report)) == (1, {"entry"})


@pytest.mark.parametrize(
    "statement",
    [
        replace(STATEMENT, files=STATEMENT.files[:1]),
        replace(STATEMENT, files=(*STATEMENT.files, STATEMENT.files[0])),
        replace(STATEMENT, files=STATEMENT.files[::-1]),
        replace(STATEMENT, received_at="2026-11-23T03:34:44.123457Z"),
        replace(STATEMENT, reference="7KXM-2PQR-9BDG"),
    ],
)
def test_an_edited_statement_is_not_what_the_entry_binds(statement: Statement) -> None:
    assert failed(verify(replace(RECEIPT, statement=statement).to_bytes())) == {"entry"}


def test_the_entry_of_another_receipt_does_not_bind_this_one() -> None:
    other = issued(replace(STATEMENT, reference="BCDF-2345-GHJK"), submission="bcdf2345ghjkmnpqrstv")
    swapped = replace(other, statement=STATEMENT, salt=RECEIPT.salt)
    assert failed(verify(swapped.to_bytes())) == {"entry"}
    assert failed(verify(replace(RECEIPT, entry=other.entry).to_bytes())) == {"entry", "inclusion"}


def test_an_entry_of_another_type_is_not_a_receipt_s() -> None:
    entry = json.loads(RECEIPT.entry)
    for change in ({"type": "file.received"}, {"case": "case2b"}, {"event_id": "7kxm2pqr9bdfghjk3456:x"}):
        raw = edited(entry=canonical.encode({**entry, **change}).decode())
        assert failed(verify(raw)) == {"entry", "inclusion"}


@settings(max_examples=400)
@given(st.data())
def test_every_changed_byte_is_refused(data: st.DataObject) -> None:
    raw = bytearray(RAW)
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda value: value != raw[place]))
    assert verify(bytes(raw)).exit_code == 1


@settings(max_examples=100)
@given(st.integers(0, len(RAW) - 1), st.binary(min_size=1, max_size=3))
def test_bytes_left_out_or_put_in_are_refused(place: int, more: bytes) -> None:
    assert verify(RAW[:place]).exit_code == 1
    assert verify(RAW[:place] + RAW[place + 1 :]).exit_code == 1
    assert verify(RAW[:place] + more + RAW[place:]).exit_code == 1


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "vidne-package"},
        {"more": 1},
        {"statement": []},
        {"statement": {**STATEMENT.as_json(), "files": []}},
        {"statement": {**STATEMENT.as_json(), "case": "0100-10293-00001-26"}},
        {"salt": "AB" * 32},
        {"salt": "ab" * 31},
        {"entry": "{}"},
        {"proof": "c2sp.org/tlog-proof@v1\n"},
        {"key": f"{SIGNER.verifier.vkey}\n"},
        {"key": "x"},
    ],
)
def test_a_malformed_receipt_is_refused_and_nothing_else_is_said_of_it(change: dict[str, object]) -> None:
    report = verify(edited(**change))
    assert (report.exit_code, failed(report)) == (1, {"canonical"})
    assert {item.status for item in report.checks[1:]} == {"not-checked"}


def test_the_digest_of_nothing_is_refused_for_a_file_that_has_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with pytest.raises(IntegrityError, match="does not belong to 4 bytes"):
        ReceiptFile.from_json(replace(STATEMENT.files[1], sha256=empty).as_json())


def test_an_erased_receipt_is_not_made_again() -> None:
    with pytest.raises(IncompleteError, match="erased"):
        assemble(RECEIPT.entry, EventBody("x", None, None), RECEIPT.inclusion, SIGNER.verifier)


def test_a_page_is_not_taken_for_a_receipt(tmp_path: Path) -> None:
    page = tmp_path / "receipt.pdf"
    page.write_bytes(b"%PDF-1.4")
    with pytest.raises(UnreadableError, match="is no receipt"):
        read_receipt(page)
    with pytest.raises(UnreadableError, match="not a file"):
        read_receipt(tmp_path / ("x" * 300))


def test_a_receipt_tells_nothing_of_the_case() -> None:
    assert set(json.loads(RAW)) == {"v", "kind", "statement", "salt", "entry", "proof", "key"}
    entry = json.loads(RECEIPT.entry)
    assert (entry["case"], entry["objects"], entry["actor"]) == ("", [], "receipts")
    assert b"EX-" not in RAW


def test_openssl_finds_the_hash_that_the_entry_binds() -> None:
    """As docs/receipts.md tells a stranger to do."""
    statement = canonical.encode(json.loads(RAW)["statement"])
    assert statement in RAW  # it stands in the file as it was hashed
    hashed = bytes.fromhex(json.loads(RAW)["salt"]) + statement
    found = subprocess.run(["openssl", "sha256", "-r"], input=hashed, capture_output=True, check=True)
    assert found.stdout.decode().split()[0] == json.loads(RECEIPT.entry)["body_hash"]
