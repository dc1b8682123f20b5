"""The worked example of docs/ledger-format.md: its bytes are made again, and checked by other means."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.custody import CustodyEvent, EventObject, PendingEvent
from hashing.cosignatures import CosignatureVerifier, Cosigner
from hashing.entries import body_hash, make_body, parse_entry
from hashing.merkle import leaf_hash
from hashing.note_keys import Signer, Verifier
from hashing.notes import open_checkpoint, split_note, with_lines
from hashing.sequencer import Sequencer
from hashing.succession import follow, sign_succession
from hashing.witness_checks import open_cosigned
from tests.hashing.memory_ledger import MemoryLedger

DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger-format.md"
SALT = bytes(range(32, 64))


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    return dict(
        re.findall(r"^```text (\S+)\n(.*?)\n```$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )


def test_the_program_makes_the_documented_bytes(example: dict[str, str]) -> None:
    ledger = MemoryLedger()
    signer = Signer.from_skey(example["skey"])
    original = EventObject("EX-0001", "original", hashlib.sha256(b"foo").hexdigest(), 3)
    for number, (kind, objects, body) in enumerate(
        [("case.opened", (), b"{}"), ("exhibit.received", (original,), example["body"].encode())]
    ):
        at = f"2026-11-23T03:34:4{number}.000000Z"
        hashed = body_hash(SALT, body)
        ledger.inbox.append(
            PendingEvent(number, f"{kind}-{number}", kind, at, "worker", "b2c3d4", objects, hashed)
        )
    Sequencer(ledger, signer).run_all()
    assert [entry.entry.decode() for entry in ledger.rows] == [example["entry-1"], example["entry-2"]]
    assert [entry.leaf_hash.hex() for entry in ledger.rows] == [example["leaf-1"], example["leaf-2"]]
    assert ledger.latest_checkpoint() == (example["checkpoint"] + "\n").encode()
    assert signer.verifier.vkey == example["vkey"]
    assert body_hash(SALT, example["body"].encode()) == example["body-hash"]


def test_the_documented_bytes_verify(example: dict[str, str]) -> None:
    checkpoint = open_checkpoint((example["checkpoint"] + "\n").encode(), Verifier.from_vkey(example["vkey"]))
    assert (checkpoint.origin, checkpoint.size) == ("example.org/vidne", 2)
    second = parse_entry(example["entry-2"].encode())
    assert second.case_prev == leaf_hash(example["entry-1"].encode()).hex()


def test_a_stranger_comes_to_the_same_with_a_hash_function_and_openssl(
    example: dict[str, str], tmp_path: Path
) -> None:
    """Nothing of Vidne is used here: only what the document says."""
    one, two = (example[name].encode() for name in ("entry-1", "entry-2"))
    leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in (one, two)]
    root = hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    assert json.loads(two)["case_prev"] == leaves[0].hex()
    assert json.loads(two)["body_hash"] == hashlib.sha256(SALT + example["body"].encode()).hexdigest()
    body, _, line = example["checkpoint"].partition("\n\n")
    assert body.split("\n") == ["example.org/vidne", "2", base64.b64encode(root).decode()]
    name, key_id, encoded = example["vkey"].split("+", 2)
    key = base64.b64decode(encoded)[1:]
    assert hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4].hex() == key_id
    blob = base64.b64decode(line.split(" ")[2])
    assert blob[:4].hex() == key_id
    assert_signed(key, body.encode() + b"\n", blob[4:], tmp_path)


def test_a_stranger_verifies_the_cosignature_with_openssl(example: dict[str, str], tmp_path: Path) -> None:
    """Nothing of Vidne is used here either."""
    body = example["checkpoint"].partition("\n\n")[0]
    name, key_id, encoded = example["witness-vkey"].split("+", 2)
    kind, key = base64.b64decode(encoded)[:1], base64.b64decode(encoded)[1:]
    assert hashlib.sha256(name.encode() + b"\n" + kind + key).digest()[:4].hex() == key_id
    dash, named, encoded = example["cosignature"].split(" ")
    blob = base64.b64decode(encoded)
    assert (dash, named, kind, blob[:4].hex()) == ("\N{EM DASH}", name, b"\x04", key_id)
    seconds = int.from_bytes(blob[4:12], "big")
    assert seconds == 1795600000
    signed = f"cosignature/v1\ntime {seconds}\n{body}\n".encode()
    assert_signed(key, signed, blob[12:], tmp_path)


def test_the_program_makes_and_reads_the_documented_cosignature(example: dict[str, str]) -> None:
    note, line = (example["checkpoint"] + "\n").encode(), (example["cosignature"] + "\n").encode()
    witness = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(SALT))
    assert witness.verifier == CosignatureVerifier.from_vkey(example["witness-vkey"])
    assert witness.signature(split_note(note)[0], 1795600000).line == line
    keys = (Verifier.from_vkey(example["vkey"]), [witness.verifier])
    assert open_cosigned(with_lines(note, [line]), *keys)[0].size == 2


def test_the_program_makes_the_documented_succession(example: dict[str, str]) -> None:
    old = Signer.from_skey(example["skey"])
    new = Signer(old.name, Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96))))
    last = open_checkpoint((example["checkpoint"] + "\n").encode(), old.verifier)
    note = (example["succession"] + "\n").encode()
    assert (new.verifier.vkey, sign_succession(old, new, last)) == (example["next-vkey"], note)
    assert follow(old.verifier, [note]).keys == (old.verifier, new.verifier)


def test_a_stranger_verifies_the_succession_with_openssl(example: dict[str, str], tmp_path: Path) -> None:
    """Nothing of Vidne is used here either."""
    text, _, lines = example["succession"].partition("\n\n")
    magic, *stated, old, new = text.split("\n")
    assert magic == "vidne-key-succession/v1"
    assert stated == example["checkpoint"].split("\n")[:3]
    assert (old, new) == (example["vkey"], example["next-vkey"])
    for vkey, line in zip((old, new), lines.split("\n"), strict=True):
        key = base64.b64decode(vkey.split("+", 2)[2])[1:]
        blob = base64.b64decode(line.split(" ")[2])
        assert blob[:4].hex() == vkey.split("+")[1]
        assert_signed(key, text.encode() + b"\n", blob[4:], tmp_path)


def assert_signed(key: bytes, text: bytes, signature: bytes, folder: Path) -> None:
    openssl = shutil.which("openssl")
    assert openssl
    # The fixed head of an Ed25519 public key in DER (RFC 8410).
    (folder / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + key)
    (folder / "text").write_bytes(text)
    (folder / "signature").write_bytes(signature)
    command = [
        openssl, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin",
        "-in", "text", "-sigfile", "signature",
    ]  # fmt: skip
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_event_on_its_way_has_the_documented_body_form(example: dict[str, str]) -> None:
    event = CustodyEvent(
        "x:y",
        "exhibit.received",
        "2026-11-23T03:34:41.000000Z",
        "worker",
        "b2c3d4",
        body={"filename": "café.mp4"},
    )
    assert make_body(event.body).body == example["body"].encode()
