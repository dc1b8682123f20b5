"""The file of a proof: the specification's form, the way there and back, and every change refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import IntegrityError
from hashing.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from hashing.notes import Checkpoint, NoteError, Signer, sign_checkpoint
from hashing.proof_file import ConsistencyProof, EntryProof, ProofError

SIGNER = Signer.generate("vidne.example/log")
ENTRIES = [b"entry %d" % number for number in range(21)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
NOTE = sign_checkpoint(Checkpoint(SIGNER.name, len(LEAVES), root_of(LEAVES)), SIGNER)


def proof_of(index: int) -> EntryProof:
    return EntryProof(index, tuple(inclusion_proof(LEAVES, index)), NOTE)


def test_the_form_is_that_of_the_specification() -> None:
    lines = proof_of(20).to_bytes().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 20"]
    assert len(lines[2]) == 44
    empty = lines.index("")
    assert lines[empty + 1 : empty + 3] == ["vidne.example/log", "21"]


@pytest.mark.parametrize("index", range(21))
def test_each_entry_is_shown_to_be_in_its_place_and_nowhere_else(index: int) -> None:
    proof = EntryProof.from_bytes(proof_of(index).to_bytes())
    assert proof == proof_of(index)
    assert proof.verify(ENTRIES[index], SIGNER.verifier).size == 21
    with pytest.raises(ProofError, match=f"entry {index} of 21"):
        proof.verify(ENTRIES[index - 1], SIGNER.verifier)


def test_extra_data_is_passed_over() -> None:
    raw = proof_of(3).to_bytes().replace(b"index 3", b"extra YWJj\nindex 3", 1)
    assert EntryProof.from_bytes(raw) == proof_of(3)


def test_a_proof_of_another_log_is_refused() -> None:
    stranger = Signer.generate(SIGNER.name)
    with pytest.raises(NoteError, match="no signature"):
        proof_of(3).verify(ENTRIES[3], stranger.verifier)


@settings(max_examples=300)
@given(st.data())
def test_every_changed_byte_is_refused(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 20))
    raw = bytearray(proof_of(index).to_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda value: value != raw[place]))
    with pytest.raises(IntegrityError):
        EntryProof.from_bytes(bytes(raw)).verify(ENTRIES[index], SIGNER.verifier)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\n",
        b"c2sp.org/tlog-proof@v2\nindex 1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 01\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex -1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex \xd9\xa1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 1\n"
        + b"A" * 43
        + b"=\n" * 1
        + (b"A" * 43 + b"=\n") * 63
        + b"\n"
        + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 1\n\n" + NOTE + b"x" * 200_000,
    ],
)
def test_a_malformed_proof_is_refused(raw: bytes) -> None:
    with pytest.raises(ProofError):
        EntryProof.from_bytes(raw)


def test_a_consistency_proof_is_a_size_and_a_hash_a_line() -> None:
    lines = ConsistencyProof(6, tuple(consistency_proof(LEAVES, 6))).to_bytes().decode().split("\n")
    assert lines[0] == "old 6"
    assert {len(line) for line in lines[1:-1]} == {44}
    assert lines[-1] == ""


@pytest.mark.parametrize("size", range(1, 22))
def test_each_tree_is_shown_to_begin_with_each_smaller_one_and_with_no_other(size: int) -> None:
    new = Checkpoint(SIGNER.name, 21, root_of(LEAVES))
    old = Checkpoint(SIGNER.name, size, root_of(LEAVES[:size]))
    proof = ConsistencyProof(size, tuple(consistency_proof(LEAVES, size)))
    assert ConsistencyProof.from_bytes(proof.to_bytes()) == proof
    proof.verify(old, new)
    with pytest.raises(ProofError, match=f"begins with that of {size}"):
        proof.verify(Checkpoint(SIGNER.name, size, root_of(LEAVES[-size:-1])), new)


def test_a_consistency_proof_of_another_form_is_refused() -> None:
    line = "A" * 43 + "=\n"
    for text in (
        "",
        "old 0\n",
        "old 1",
        "Old 1\n",
        "old 1\n\n",
        f"old 1\n{line[:-1]}",
        "old 1\n" + line * 64,
    ):
        with pytest.raises(ProofError):
            ConsistencyProof.from_bytes(text.encode())
    assert len(ConsistencyProof.from_bytes(("old 1\n" + line * 63).encode()).hashes) == 63
