import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import TrustMaterialError, UsageError
from hashing.note_keys import Signer, Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint, open_note, sign_checkpoint, sign_note

# The example key and note of the format's first implementation.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ROOT = base64.b64encode(bytes(32))
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
NOTE = (
    TEXT.decode() + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def test_the_known_note_is_made_and_opened() -> None:
    signer = Signer.from_skey(SKEY)
    assert (signer.skey, signer.verifier.vkey) == (SKEY, VKEY)
    assert sign_note(TEXT, [signer]) == NOTE
    assert open_note(NOTE, [Verifier.from_vkey(VKEY)]) == TEXT


def test_keys_survive_their_encodings() -> None:
    signer = Signer.generate("vidne.example/log")
    assert Signer.from_skey(signer.skey + "\n").verifier == signer.verifier
    assert Verifier.from_vkey(signer.verifier.vkey + "\n") == signer.verifier


def test_a_private_key_does_not_show_itself() -> None:
    signer = Signer.generate("x")
    assert signer.skey.split("+", 4)[4] not in repr(signer)


def test_lines_by_unknown_keys_are_ignored() -> None:
    ours, witness = Signer.generate("log"), Signer.generate("witness")
    note = sign_note(TEXT, [witness, ours])
    assert open_note(note, [ours.verifier]) == TEXT
    assert open_note(note, [ours.verifier, witness.verifier]) == TEXT


def test_a_note_without_a_known_signature_is_refused() -> None:
    note = sign_note(TEXT, [Signer.generate("log")])
    for verifiers in ([], [Signer.generate("log").verifier], [Signer.generate("other").verifier]):
        with pytest.raises(NoteError, match="no signature by"):
            open_note(note, verifiers)


def test_a_wrong_signature_by_a_known_key_fails_beside_a_right_one() -> None:
    ours, witness = Signer.generate("log"), Signer.generate("witness")
    stolen = sign_note(b"another text\n", [witness]).rpartition(b"\n\n")[2]
    with pytest.raises(NoteError, match="not over this text"):
        open_note(sign_note(TEXT, [ours]) + stolen, [ours.verifier, witness.verifier])


@given(st.data())
def test_no_byte_of_a_note_can_be_changed(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(NOTE) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != NOTE[place]))
    changed = NOTE[:place] + bytes([value]) + NOTE[place + 1 :]
    with pytest.raises(NoteError):
        open_note(changed, [Verifier.from_vkey(VKEY)])


@pytest.mark.parametrize(
    "note",
    [
        b"", b"\n\n", TEXT, TEXT + b"\n", NOTE[:-1], NOTE.replace(b"\xe2\x80\x94", b"-"), NOTE + b"\n",
        NOTE.replace(b"\n\n", b"\n"), NOTE.replace(b"If", b"I\tf"), b"\xff" + NOTE,
        NOTE.replace(b"AM=", b"AM"), NOTE + b"\xe2\x80\x94 x AAAA\n" * 70,
        NOTE + b"\xe2\x80\x94 x AAAA\n", b"x\n" * 40_000 + NOTE,
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(note: bytes) -> None:
    with pytest.raises(NoteError):
        open_note(note, [Verifier.from_vkey(VKEY)])


@pytest.mark.parametrize(
    "skey",
    ["", "PRIVATE+KEY+x", SKEY[:-4], SKEY.replace("c74f20a3", "c74f20a4"), VKEY, SKEY.replace("+AY", "+BY")],
)
def test_malformed_signing_keys_are_missing_trust_material(skey: str) -> None:
    with pytest.raises(TrustMaterialError):
        Signer.from_skey(skey)


@pytest.mark.parametrize(
    "vkey",
    ["", "x", VKEY[:-4], VKEY.replace("c74f20a3", "c74f20a4"), VKEY.replace("Peter", "Paul"), "é+" + VKEY],
)
def test_malformed_verifier_keys_are_missing_trust_material(vkey: str) -> None:
    with pytest.raises(TrustMaterialError):
        Verifier.from_vkey(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u202eb", "x" * 256, "é" * 128])
def test_names_that_would_break_a_line_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a log"):
        Signer.generate(name)


def test_a_checkpoint_has_three_lines() -> None:
    checkpoint = Checkpoint("vidne.example/log", 7, bytes(32))
    assert checkpoint.to_text() == b"vidne.example/log\n7\n" + ROOT + b"\n"
    signer = Signer.generate("vidne.example/log")
    assert open_checkpoint(sign_checkpoint(checkpoint, signer), signer.verifier) == checkpoint


def test_extension_lines_are_signed_and_not_read() -> None:
    text = Checkpoint("log", 7, bytes(32)).to_text() + b"something more\n"
    assert Checkpoint.from_text(text) == Checkpoint("log", 7, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        b"log\n7\n", b"log\n07\nAA==\n", b"log\n-1\n" + ROOT + b"\n", b"log\n7\nAA==\n",
        b"log\n7\n!\n", b"\n7\n" + ROOT + b"\n", "log\n\u0667\n".encode() + ROOT + b"\n",
        b"log\n7\n" + ROOT, b"log\n7\n" + ROOT + b"\n\n",
        b"log\n" + b"9" * 17 + b"\n" + ROOT + b"\n",
    ],
)  # fmt: skip
def test_malformed_checkpoints_are_refused(text: bytes) -> None:
    with pytest.raises(NoteError):
        Checkpoint.from_text(text)


def test_a_checkpoint_of_another_log_by_the_same_key_is_refused() -> None:
    signer = Signer.generate("log")
    note = sign_checkpoint(Checkpoint("another", 1, bytes(32)), signer)
    with pytest.raises(NoteError, match="another log"):
        open_checkpoint(note, signer.verifier)


def test_size_and_root_are_bound_together() -> None:
    signer = Signer.generate("log")
    note = sign_checkpoint(Checkpoint("log", 7, bytes(32)), signer)
    with pytest.raises(NoteError):
        open_checkpoint(note.replace(b"\n7\n", b"\n8\n"), signer.verifier)
