"""The check "witness" of a verification: what is covered, what waits, and each way of cheating."""

from dataclasses import replace
from pathlib import Path

import pytest

from hashing.cosignatures import Cosigner
from hashing.note_keys import Signer
from hashing.notes import Checkpoint, sign_checkpoint, split_note
from hashing.report import Cause, Check, Status
from hashing.verify import verify_file
from hashing.witness_checks import NO_WITNESS, Cosigned, Witnessed
from tests.hashing.cases import CASE, ORIGIN, Scene, check, complete_scene, failed

WITNESS = Cosigner.generate("witness.example/w1")
OTHER = Cosigner.generate("witness.example/w2")
SECONDS = 1_795_600_000


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return complete_scene(tmp_path)


def line_on(note: bytes, cosigner: Cosigner = WITNESS) -> bytes:
    return cosigner.signature(split_note(note)[0], SECONDS).line


def kept(scene: Scene, size: int, cosigner: Cosigner = WITNESS) -> Cosigned:
    note = scene.ledger.checkpoints[size]
    return Cosigned(size, line_on(note, cosigner), note)


def by_us(*items: Cosigned) -> Witnessed:
    return Witnessed([WITNESS.verifier], items)


def looked(scene: Scene, witnessed: Witnessed) -> Check:
    return check(scene.verify(witnessed=witnessed), "witness")


def test_without_a_witness_it_is_not_checked(scene: Scene) -> None:
    assert looked(scene, NO_WITNESS).status is Status.NOT_CHECKED


def test_entries_under_a_cosigned_checkpoint_pass_and_it_says_by_whom_and_when(scene: Scene) -> None:
    found = looked(scene, by_us(kept(scene, 3), kept(scene, 6)))
    assert (found.status, found.checked) == (Status.PASS, 4)
    assert "the tree of 6 entries by witness.example/w1 at 2026-11-" in found.reason


def test_the_newest_entries_wait(scene: Scene) -> None:
    report = scene.verify(witnessed=by_us(kept(scene, 3)))
    found = check(report, "witness")
    assert (found.status, found.checked, report.exit_code) == (Status.PENDING, 2, 3)
    assert failed(report) == {"witness"}
    assert "2 of the case's 4 entries wait for a witness" in found.reason


def test_before_the_first_cosignature_all_wait(scene: Scene) -> None:
    found = looked(scene, by_us())
    assert (found.status, found.checked) == (Status.PENDING, 0)
    assert "cosigned is nothing" in found.reason


def test_one_witness_of_two_is_enough(scene: Scene) -> None:
    both = Witnessed([WITNESS.verifier, OTHER.verifier], [kept(scene, 3), kept(scene, 6, OTHER)])
    assert looked(scene, both).status is Status.PASS


def test_a_cosignature_by_a_stranger_counts_for_nothing(scene: Scene) -> None:
    namesake = Cosigner.generate(WITNESS.name)
    for stranger in (OTHER, namesake):
        found = looked(scene, by_us(kept(scene, 6, stranger)))
        assert (found.status, found.checked) == (Status.FAIL, 0)
        assert "not cosigned by a witness that is trusted" in found.reason


def test_a_cosignature_that_does_not_verify_fails(scene: Scene) -> None:
    wrong = kept(scene, 6)
    forged = replace(wrong, line=line_on(scene.ledger.checkpoints[3]))
    report = scene.verify(witnessed=by_us(kept(scene, 3), forged))
    assert (report.exit_code, failed(report)) == (1, {"witness"})
    assert "not over this text" in check(report, "witness").reason


def test_a_line_that_is_none_fails(scene: Scene) -> None:
    for line in (b"", b"x\n", b"\n\n"):
        found = looked(scene, by_us(replace(kept(scene, 6), line=line)))
        assert (found.status, found.defects[0].cause) == (Status.FAIL, Cause.INTEGRITY)


def test_a_cosigned_checkpoint_that_is_gone_fails(scene: Scene) -> None:
    report = scene.verify(witnessed=by_us(replace(kept(scene, 6), note=None)))
    assert (report.exit_code, failed(report)) == (1, {"witness"})
    assert "It is gone" in check(report, "witness").reason


def test_a_cosigned_checkpoint_that_another_key_signed_fails(scene: Scene) -> None:
    thief = Signer.generate(ORIGIN)
    note = sign_checkpoint(Checkpoint.from_text(split_note(scene.ledger.checkpoints[6])[0]), thief)
    found = looked(scene, by_us(Cosigned(6, line_on(note), note)))
    assert found.status is Status.FAIL
    assert "no signature by 'vidne.example/log'" in found.reason


def test_a_rollback_is_caught_by_the_cosigned_checkpoint(scene: Scene) -> None:
    before = kept(scene, 6)
    del scene.ledger.rows[3:]
    del scene.ledger.checkpoints[6]
    del scene.rows[3:]
    assert scene.verify().exit_code == 0, "nothing else tells of it"
    report = scene.verify(witnessed=by_us(before))
    assert (report.exit_code, failed(report)) == (1, {"witness"})
    assert "the ledger now ends at 3 entries" in check(report, "witness").reason


@pytest.mark.parametrize("more", [1, 2])
def test_a_history_signed_again_with_the_stolen_key_is_caught(scene: Scene, more: int) -> None:
    before = kept(scene, 6)
    rewritten = Scene(scene.folder, signer=scene.signer, rows=scene.rows)
    for number in range(4 * more):
        rewritten.file(f"never-happened-{number}", *(scene.rows if not number else ()))
    rewritten.sequence()
    assert rewritten.verify().exit_code == 0
    report = rewritten.verify(witnessed=by_us(before))
    assert (report.exit_code, failed(report)) == (1, {"witness"})


def test_a_split_view_is_caught(scene: Scene) -> None:
    other = Scene(scene.folder, signer=scene.signer)
    for number in range(6):
        other.file(f"told-to-the-witness-{number}")
    other.sequence()
    report = scene.verify(witnessed=by_us(kept(other, 6)))
    assert failed(report) == {"witness"}


def test_without_a_signed_checkpoint_it_is_not_checked(scene: Scene) -> None:
    report = scene.verify(witnessed=by_us(kept(scene, 6)), verifier=Signer.generate(ORIGIN).verifier)
    assert check(report, "witness").status is Status.NOT_CHECKED


def test_a_file_is_checked_against_the_witness_too(scene: Scene) -> None:
    report = verify_file(
        scene.ledger,
        scene.tree,
        scene.signer.verifier,
        found=scene.rows[0].digests,
        cases=[CASE],
        witnessed=by_us(kept(scene, 3)),
    )
    assert (check(report, "witness").status, report.exit_code) == (Status.PENDING, 3)
