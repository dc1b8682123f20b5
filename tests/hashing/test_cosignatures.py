import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import TrustMaterialError
from hashing.cosignatures import CosignatureVerifier, Cosigner, cosigned_at
from hashing.note_keys import Signature, Signer, Verifier
from hashing.notes import (
    Checkpoint,
    NoteError,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    split_note,
    verified,
    with_lines,
)

# The example of C2SP tlog-cosignature. Its keys are not given: it shows the form alone.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz"
    "Gku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1n"
    "PZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
NAME = "witness.example/w1"
SEED = bytes(range(32))
LOG = Signer.generate("vidne.example/log")
NOTE = sign_checkpoint(Checkpoint(LOG.name, 7, bytes(32)), LOG)
TEXT = split_note(NOTE)[0]
WITNESS = Cosigner(NAME, Ed25519PrivateKey.from_private_bytes(SEED))


def test_the_example_of_the_specification_is_read() -> None:
    text, (_, cosignature) = split_note(EXAMPLE)
    assert (cosignature.name, cosignature.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert cosigned_at(cosignature) == datetime.fromtimestamp(1679315147, UTC)
    assert text + b"\n" + b"".join(item.line for item in split_note(EXAMPLE)[1]) == EXAMPLE


def test_a_cosignature_is_what_the_specification_says_byte_for_byte() -> None:
    """Computed here from the specification, with nothing of ours."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]
    signed = b"cosignature/v1\ntime 1679315147\n" + TEXT
    blob = key_id + (1679315147).to_bytes(8, "big") + key.sign(signed)
    line = "— ".encode() + NAME.encode() + b" " + base64.b64encode(blob) + b"\n"
    assert WITNESS.signature(TEXT, 1679315147).line == line
    encoded = base64.b64encode(b"\x04" + public).decode()
    vkey = f"{NAME}+{key_id.hex()}+{encoded}"
    assert WITNESS.verifier.vkey == vkey
    seed = base64.b64encode(b"\x04" + SEED).decode()
    assert WITNESS.skey == f"PRIVATE+KEY+{NAME}+{key_id.hex()}+{seed}"


def test_a_cosignature_verifies_without_us() -> None:
    blob = WITNESS.signature(TEXT, 1700000000).blob
    Ed25519PublicKey.from_public_bytes(WITNESS.verifier.public).verify(
        blob[12:], b"cosignature/v1\ntime 1700000000\n" + TEXT
    )


def test_keys_survive_their_encodings() -> None:
    made = Cosigner.generate(NAME)
    assert Cosigner.from_skey(made.skey + "\n").verifier == made.verifier
    assert CosignatureVerifier.from_vkey(made.verifier.vkey + "\n") == made.verifier


def test_a_key_is_of_one_kind_alone() -> None:
    with pytest.raises(TrustMaterialError):
        Verifier.from_vkey(WITNESS.verifier.vkey)
    with pytest.raises(TrustMaterialError):
        CosignatureVerifier.from_vkey(LOG.verifier.vkey)
    with pytest.raises(TrustMaterialError):
        Cosigner.from_skey(LOG.skey)
    with pytest.raises(TrustMaterialError):
        Signer.from_skey(WITNESS.skey)


def test_one_key_under_both_kinds_is_two_keys() -> None:
    as_log = Verifier(NAME, WITNESS.verifier.public)
    assert as_log.key_id != WITNESS.verifier.key_id
    note = with_lines(NOTE, [WITNESS.signature(TEXT, 1).line])
    with pytest.raises(NoteError, match="no signature by"):
        open_note(note, [as_log])


def test_a_note_carries_signatures_and_cosignatures_each_under_its_key() -> None:
    other = Cosigner.generate("witness.example/w2")
    lines = [WITNESS.signature(TEXT, 5).line, other.signature(TEXT, 6).line]
    note = with_lines(NOTE, lines)
    assert note == NOTE + b"".join(lines), "text and lines stay as they are"
    assert open_checkpoint(note, LOG.verifier) == open_checkpoint(NOTE, LOG.verifier)
    found = verified(*split_note(note), [LOG.verifier, WITNESS.verifier])
    assert {key.name for key in found} == {LOG.name, NAME}, "the line of an unknown key is passed over"
    assert cosigned_at(found[WITNESS.verifier]).timestamp() == 5


def test_a_cosignature_over_another_text_spoils_the_note() -> None:
    other = Checkpoint(LOG.name, 8, bytes(32)).to_text()
    note = with_lines(NOTE, [WITNESS.signature(other, 5).line])
    assert open_note(note, [LOG.verifier]) == TEXT
    with pytest.raises(NoteError, match="not over this text"):
        open_note(note, [LOG.verifier, WITNESS.verifier])


@given(st.data())
def test_no_byte_of_time_or_signature_can_be_changed(data: st.DataObject) -> None:
    blob = bytearray(WITNESS.signature(TEXT, 1679315147).blob)
    place = data.draw(st.integers(4, len(blob) - 1))
    blob[place] = data.draw(st.integers(0, 255).filter(lambda value: value != blob[place]))
    assert not WITNESS.verifier.accepts(TEXT, bytes(blob[4:]))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 63, 71, 73, 200])
def test_a_cosignature_of_another_length_is_none(length: int) -> None:
    blob = WITNESS.signature(TEXT, 1679315147).blob[4:] + bytes(200)
    assert not WITNESS.verifier.accepts(TEXT, blob[:length])


@pytest.mark.parametrize("seconds", [0, 253_402_300_800, (1 << 64) - 1])
def test_a_cosignature_without_a_time_that_can_be_is_none(seconds: int) -> None:
    assert not WITNESS.verifier.accepts(TEXT, WITNESS.signature(TEXT, seconds).blob[4:])


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"x\n", b"\xe2\x80\x94 w AAAA\n", b"\n\xe2\x80\x94 w AAAAAAA=\n", b"\xff\n"]
)
def test_what_is_no_signature_line_is_not_added(line: bytes) -> None:
    if line == b"":
        assert with_lines(NOTE, [line]) == NOTE
        return
    with pytest.raises(NoteError):
        with_lines(NOTE, [line])


def test_a_signature_line_is_written_as_it_was_read() -> None:
    (signature,) = split_note(NOTE)[1]
    assert signature == Signature(LOG.name, signature.blob)
    assert TEXT + b"\n" + signature.line == NOTE
