"""The witness's rules (C2SP tlog-witness), each answer with its status, without HTTP."""

import base64
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import ConflictError, IntegrityError, TrustMaterialError
from hashing.cosignatures import cosigned_at
from hashing.keys import create_witness_key, load_cosigner
from hashing.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_of
from hashing.notes import Checkpoint, Signer, open_note, sign_checkpoint, sign_note, split_note, verified
from hashing.witness import Answer, Witness, key_path, origin_hash, trust_log

ORIGIN = "vidne.example/log"
LOG = Signer.generate(ORIGIN)
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(40)]
AT = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def note_over(leaves: Sequence[bytes], signer: Signer = LOG) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, len(leaves), root_of(leaves)), signer)


def request(old: object, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(base64.b64encode(item).decode() for item in proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def growth(old: int, size: int, leaves: Sequence[bytes] = LEAVES) -> bytes:
    """The request of a log that grew from `old` to `size` entries."""
    return request(old, consistency_proof(leaves[:size], old), note_over(leaves[:size]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_witness(tmp_path / "w1")


def new_witness(folder: Path) -> Path:
    create_witness_key(key_path(folder), "witness.example/w1")
    trust_log(folder, LOG.verifier)
    return folder


@pytest.fixture
def witness(folder: Path) -> Witness:
    return Witness(folder, lambda: AT)


def cosigned(answer: Answer, folder: Path, note: bytes) -> None:
    """Assert that the answer is a cosignature of the note by the witness on `folder`."""
    assert answer.status == HTTPStatus.OK, answer.body
    verifier = load_cosigner(key_path(folder)).verifier
    found = verified(*split_note(note + answer.body), [verifier])
    assert cosigned_at(found[verifier]) == AT


def test_a_first_checkpoint_and_those_that_extend_it_are_cosigned(witness: Witness, folder: Path) -> None:
    for old, size in [(0, 3), (3, 8), (8, 8), (8, 40)]:
        cosigned(witness.add_checkpoint(growth(old, size)), folder, note_over(LEAVES[:size]))


def test_an_empty_log_is_cosigned_and_may_grow(witness: Witness, folder: Path) -> None:
    for old, size in [(0, 0), (0, 0), (0, 5)]:
        cosigned(witness.add_checkpoint(growth(old, size)), folder, note_over(LEAVES[:size]))


def test_the_last_checkpoint_is_given_with_both_signatures_and_no_other(
    witness: Witness, folder: Path
) -> None:
    stranger = sign_note(split_note(note_over(LEAVES[:4]))[0], [Signer.generate("someone.example/x")])
    note = (
        note_over(LEAVES[:4]) + stranger.rpartition(b"\n\n")[2] + note_over(LEAVES[:4]).rpartition(b"\n\n")[2]
    )
    answer = witness.add_checkpoint(request(0, [], note))
    cosigned(answer, folder, note)
    last = witness.checkpoint(origin_hash(ORIGIN))
    assert last == Answer(HTTPStatus.OK, note_over(LEAVES[:4]) + answer.body)


def test_what_was_never_cosigned_is_not_found(witness: Witness) -> None:
    for log in (origin_hash(ORIGIN), origin_hash("another"), "", "..", "../../keys", "x" * 64):
        assert witness.checkpoint(log).status == HTTPStatus.NOT_FOUND


def test_a_stale_size_is_a_conflict_that_names_the_size(witness: Witness) -> None:
    witness.add_checkpoint(growth(0, 5))
    for body in (
        growth(0, 8),
        growth(3, 8),
        growth(6, 8),
        growth(0, 3),
        request(4, [], note_over(LEAVES[:4])),
    ):
        assert witness.add_checkpoint(body) == Answer(HTTPStatus.CONFLICT, b"5\n", "text/x.tlog.size")


def forked(size: int) -> list[bytes]:
    return [*LEAVES[:2], leaf_hash(b"never happened"), *LEAVES[3:size]]


@pytest.mark.parametrize(
    ("seen", "body"),
    [
        (5, request(5, consistency_proof(forked(8), 5), note_over(forked(8)))),
        (5, request(5, consistency_proof(LEAVES[:8], 5), note_over(forked(8)))),
        (5, request(5, [], note_over(LEAVES[:8]))),
        (5, request(5, [*consistency_proof(LEAVES[:8], 5), bytes(32)], note_over(LEAVES[:8]))),
        (5, request(5, [], note_over(forked(5)))),
        (5, request(5, [bytes(32)], note_over(LEAVES[:5]))),
        (0, request(0, [bytes(32)], note_over(LEAVES[:5]))),
        (0, request(0, [], sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG))),
        (0, request(0, [bytes(32)], sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), LOG))),
    ],
    ids=[
        "fork", "proof of another tree", "no proof", "a hash too many", "another root of the same size",
        "a proof for the same size", "a proof from nothing", "a root of nothing", "a proof of nothing",
    ],
)  # fmt: skip
def test_what_does_not_extend_is_not_cosigned(witness: Witness, seen: int, body: bytes) -> None:
    if seen:
        assert witness.add_checkpoint(growth(0, seen)).status == HTTPStatus.OK
    before = witness.checkpoint(origin_hash(ORIGIN))
    assert witness.add_checkpoint(body).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.checkpoint(origin_hash(ORIGIN)) == before


def test_another_log_is_not_known(witness: Witness) -> None:
    other = Signer.generate("vidne.example/other")
    note = sign_checkpoint(Checkpoint(other.name, 1, bytes(32)), other)
    assert witness.add_checkpoint(request(0, [], note)).status == HTTPStatus.NOT_FOUND


def test_a_checkpoint_that_the_log_did_not_sign_is_forbidden(witness: Witness) -> None:
    stranger, namesake = Signer.generate("someone.example/x"), Signer.generate(ORIGIN)
    right = note_over(LEAVES[:5])
    wrong = right.replace(b"\n5\n", b"\n6\n")
    stolen = right + note_over(LEAVES[:6]).rpartition(b"\n\n")[2]
    for note in (note_over(LEAVES[:5], stranger), note_over(LEAVES[:5], namesake), wrong, stolen):
        assert witness.add_checkpoint(request(0, [], note)).status == HTTPStatus.FORBIDDEN
    assert witness.checkpoint(origin_hash(ORIGIN)).status == HTTPStatus.NOT_FOUND


NOTE = note_over(LEAVES[:5])
HASH = base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"\n\n", b"old 0", b"old 0\n", b"old 0\n\n", b"old 0\n" + NOTE, b"old 00\n\n" + NOTE,
        b"old -1\n\n" + NOTE, b"old  0\n\n" + NOTE, b"old 0 \n\n" + NOTE, b"Old 0\n\n" + NOTE,
        b"old 0\r\n\r\n" + NOTE, b"old \xd9\xa0\n\n" + NOTE, b"old 1e3\n\n" + NOTE, b"old 0x1\n\n" + NOTE,
        b"old 6\n\n" + NOTE, b"old 9999999999999999999\n\n" + NOTE, b"old 99999999999999999999\n\n" + NOTE,
        b"old 0\nAAAA\n\n" + NOTE, b"old 0\n" + HASH[:-1] + b"\n\n" + NOTE, b"old 0\n\xff\n\n" + NOTE,
        b"old 0\n" + (HASH + b"\n") * 64 + b"\n" + NOTE, b"old 0\n\n" + NOTE[:-1], b"old 0\n\n" + NOTE * 2,
        b"old 0\n\n\n" + NOTE, b"old 0\n\n" + NOTE.replace(b"\n5\n", b"\n05\n"),
        b"old 0\n\n" + NOTE.replace(b"\n5\n", b"\n\n5\n"), b"old 0\n\n" + b"\x00" * 70_000,
        b"old 0\n\n" + NOTE + NOTE.rpartition(b"\n\n")[2] * 64, b"\x00" * 200_000, b"old 0\n" * 20_000,
    ],
)  # fmt: skip
def test_a_malformed_request_is_a_bad_one(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == HTTPStatus.BAD_REQUEST
    assert witness.checkpoint(origin_hash(ORIGIN)).status == HTTPStatus.NOT_FOUND


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 20))
def test_no_mutilated_request_is_cosigned_or_breaks_the_witness(noise: bytes, place: int, taken: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        witness = Witness(new_witness(Path(folder) / "w"))
        assert witness.add_checkpoint(growth(0, 5)).status == HTTPStatus.OK
        good = growth(5, 8)
        bad = good[:place] + noise + good[place + taken :]
        answer = witness.add_checkpoint(bad)
        assert answer.status != HTTPStatus.OK or split_note(bad.partition(b"\n\n")[2])[0] == (
            Checkpoint(ORIGIN, 8, root_of(LEAVES[:8])).to_text()
        )


def test_sixty_three_hashes_are_read(witness: Witness) -> None:
    body = request(0, [bytes(32)] * 63, note_over(LEAVES[:5]))
    assert witness.add_checkpoint(body).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_lines_that_extend_the_checkpoint_are_cosigned_with_it(witness: Witness, folder: Path) -> None:
    text = Checkpoint(ORIGIN, 5, root_of(LEAVES[:5])).to_text() + b"more\n"
    note = sign_note(text, [LOG])
    cosigned(witness.add_checkpoint(request(0, [], note)), folder, note)


def test_two_witnesses_share_nothing(tmp_path: Path) -> None:
    one, two = (Witness(new_witness(tmp_path / name)) for name in ("w1", "w2"))
    assert one.add_checkpoint(growth(0, 5)).status == HTTPStatus.OK
    assert two.add_checkpoint(growth(5, 8)) == Answer(HTTPStatus.CONFLICT, b"0\n", "text/x.tlog.size")


def test_two_logs_of_one_witness_share_nothing(witness: Witness, folder: Path) -> None:
    other = Signer.generate("vidne.example/other")
    trust_log(folder, other.verifier)
    assert witness.add_checkpoint(growth(0, 5)).status == HTTPStatus.OK
    note = sign_checkpoint(Checkpoint(other.name, 3, root_of(LEAVES[:3])), other)
    cosigned(witness.add_checkpoint(request(0, [], note)), folder, note)


def test_a_log_that_goes_over_to_its_next_key_is_known_by_both(witness: Witness, folder: Path) -> None:
    following = Signer.generate(ORIGIN)
    with pytest.raises(ConflictError):
        trust_log(folder, LOG.verifier)
    trust_log(folder, following.verifier)
    both = sign_checkpoint(Checkpoint(ORIGIN, 5, root_of(LEAVES[:5])), LOG, following)
    cosigned(witness.add_checkpoint(request(0, [], both)), folder, both)
    assert witness.checkpoint(origin_hash(ORIGIN)).body.count("\N{EM DASH}".encode()) == 3
    later = request(5, consistency_proof(LEAVES[:8], 5), note_over(LEAVES[:8], following))
    assert witness.add_checkpoint(later).status == HTTPStatus.OK


def test_without_a_key_there_is_no_witness(tmp_path: Path) -> None:
    with pytest.raises(TrustMaterialError):
        Witness(tmp_path)
    with pytest.raises(TrustMaterialError):
        trust_log(tmp_path, LOG.verifier)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-1], lambda raw: raw[:0], lambda raw: raw.replace(b"\n5\n", b"\n4\n")]
)
def test_a_witness_whose_memory_is_damaged_cosigns_nothing(
    witness: Witness, folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    witness.add_checkpoint(growth(0, 5))
    kept = folder / "logs" / origin_hash(ORIGIN) / "checkpoint"
    kept.write_bytes(damage(kept.read_bytes()))
    for body in (growth(0, 8), growth(5, 8)):
        with pytest.raises(IntegrityError):
            witness.add_checkpoint(body)


def test_where_it_cannot_be_kept_it_is_not_cosigned(witness: Witness, folder: Path) -> None:
    witness.add_checkpoint(growth(0, 5))
    of_log = folder / "logs" / origin_hash(ORIGIN)
    blocked = FullWitness(folder)
    with pytest.raises(OSError, match="No space"):
        blocked.add_checkpoint(growth(5, 8))
    assert witness.add_checkpoint(growth(5, 9)).status == HTTPStatus.OK
    assert sorted(path.name for path in of_log.iterdir()) == ["checkpoint", "keys"]


class FullWitness(Witness):
    """On a disk that is full."""

    def keep(self, log: str, note: bytes) -> None:
        del log, note
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("start", [0, 7])
def test_of_submissions_at_once_from_one_size_one_is_cosigned(witness: Witness, start: int) -> None:
    """Each extends what was seen, none the others: whichever comes first, the rest are conflicts."""
    forks = [[*LEAVES[:start], *[leaf_hash(b"%d" % way)] * (5 + way)] for way in range(8)]
    bodies = [request(start, consistency_proof(fork, start), note_over(fork)) for fork in forks]
    if start:
        witness.add_checkpoint(growth(0, start))
    barrier = threading.Barrier(len(bodies))

    def submit(body: bytes) -> HTTPStatus:
        barrier.wait()
        return witness.add_checkpoint(body).status

    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = list(pool.map(submit, bodies))
    assert sorted(statuses) == [HTTPStatus.OK] + [HTTPStatus.CONFLICT] * (len(bodies) - 1)
    won = note_over(forks[statuses.index(HTTPStatus.OK)])
    assert witness.checkpoint(origin_hash(ORIGIN)).body.startswith(won), "what is kept is what was answered"


DIES = """
import os, signal, sys
from pathlib import Path
from hashing.witness import Witness

class Dies(Witness):
    def keep(self, log, note):
        super().keep(log, note)
        os.kill(os.getpid(), signal.SIGKILL)

Dies(Path(sys.argv[1])).add_checkpoint(sys.stdin.buffer.read())
print("answered")
"""


def test_killed_between_keeping_and_answering_it_still_cosigns_no_other_tree(folder: Path) -> None:
    assert Witness(folder).add_checkpoint(growth(0, 5)).status == HTTPStatus.OK
    killed = subprocess.run(
        [sys.executable, "-c", DIES, folder], input=growth(5, 8), capture_output=True, check=False
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"")
    again = Witness(folder, lambda: AT)
    assert again.add_checkpoint(growth(5, 8)) == Answer(HTTPStatus.CONFLICT, b"8\n", "text/x.tlog.size")
    fork = request(8, [], note_over(forked(8)))
    assert again.add_checkpoint(fork).status == HTTPStatus.UNPROCESSABLE_ENTITY
    cosigned(again.add_checkpoint(growth(8, 8)), folder, note_over(LEAVES[:8]))


# Three histories: the true one, one that departs from it at entry 4, one that departs from that at entry 9.
HISTORIES = [LEAVES[:14], [*LEAVES[:4], *LEAVES[20:30]], [*LEAVES[:4], *LEAVES[20:25], *LEAVES[30:35]]]
STEPS = st.tuples(
    st.integers(0, 2),  # which history
    st.integers(0, 14),  # the size submitted
    st.one_of(st.none(), st.integers(0, 15)),  # the old size that is said; none: what the witness knows
    st.integers(0, 2),  # of which history the proof is
    st.booleans(),  # whether the witness is started anew
)


@settings(max_examples=150)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_whatever_is_submitted_no_two_cosigned_trees_contradict_each_other(
    steps: list[tuple[int, int, int | None, int, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = new_witness(Path(name) / "w")
        witness = Witness(folder)
        accepted: list[list[bytes]] = []
        for history, size, said, proved, anew in steps:
            witness = Witness(folder) if anew else witness
            leaves, other = HISTORIES[history][:size], HISTORIES[proved][:size]
            old = len(accepted[-1]) if said is None and accepted else said or 0
            proof = consistency_proof(other, old) if old <= size else []
            answer = witness.add_checkpoint(request(old, proof, note_over(leaves)))
            if answer.status == HTTPStatus.OK:
                accepted.append(leaves)
            extends = not accepted or leaves[: len(accepted[-1])] == accepted[-1]
            if history == proved and said is None and extends and size >= old:
                assert answer.status == HTTPStatus.OK, "an honest log is never refused"
        for earlier, later in pairwise(accepted):
            assert later[: len(earlier)] == earlier
        if accepted:
            last = witness.checkpoint(origin_hash(ORIGIN)).body
            text = open_note(last, [load_cosigner(key_path(folder)).verifier])
            assert Checkpoint.from_text(text).root == root_of(accepted[-1])
