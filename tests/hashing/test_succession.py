"""Keys of a log that follow one another: who may sign what, and what an old key in other hands can do."""

from dataclasses import replace
from pathlib import Path

import pytest

from evidence.errors import IntegrityError
from hashing.archive_checks import check_log
from hashing.merkle import inclusion_proof, leaf_hash
from hashing.note_keys import Signer, Verifier
from hashing.notes import (
    Checkpoint,
    NoteError,
    TurnError,
    open_checkpoint,
    sign_checkpoint,
    sign_note,
    split_note,
)
from hashing.package_keys import keys_told
from hashing.proof_file import EntryProof
from hashing.publication import Publisher, succession_path
from hashing.receipt import assemble, receipt_event
from hashing.receipt import event_id as receipt_id
from hashing.receipt_checks import verify_receipt
from hashing.report import Cause, Check, Status
from hashing.sequencer import Sequencer
from hashing.succession import Succession, follow, sign_succession
from tests.hashing.cases import AT, ORIGIN, Scene, check, complete_scene, failed
from tests.hashing.receipts import SUBMISSION, statement_of

FIRST, SECOND, THIRD, EVIL = (Signer.generate(ORIGIN) for _ in range(4))
ROOTS = {size: bytes([size]) * 32 for size in range(1, 30)}
ONE = sign_succession(FIRST, SECOND, Checkpoint(ORIGIN, 5, ROOTS[5]))
TWO = sign_succession(SECOND, THIRD, Checkpoint(ORIGIN, 9, ROOTS[9]))


def note(size: int, *signers: Signer) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, ROOTS[size]), *signers)


@pytest.mark.parametrize("key", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("notes", [[ONE, TWO], [TWO, ONE], [ONE, TWO, ONE]])
def test_any_key_of_the_log_vouches_for_all_the_others(key: Signer, notes: list[bytes]) -> None:
    found = follow(key.verifier, notes)
    assert found.keys == (FIRST.verifier, SECOND.verifier, THIRD.verifier)
    assert [(item.size, item.root) for item in found.former] == [(5, ROOTS[5]), (9, ROOTS[9])]


@pytest.mark.parametrize("key", [FIRST, SECOND, THIRD])
def test_each_key_signs_its_sizes_and_no_other(key: Signer) -> None:
    log = follow(SECOND.verifier, [ONE, TWO])
    turns = {size: FIRST if size <= 5 else SECOND if size <= 9 else THIRD for size in range(1, 13)}
    for size, turn in turns.items():
        if turn is key:
            assert open_checkpoint(note(size, key), log).size == size
        else:
            with pytest.raises(
                TurnError, match=f"Key {key.verifier.key_id.hex()} has signed a tree of {size} "
            ):
                open_checkpoint(note(size, key), log)


def test_the_last_tree_of_a_key_is_the_one_that_the_next_goes_on_from() -> None:
    other = sign_checkpoint(Checkpoint(ORIGIN, 5, ROOTS[6]), FIRST)
    with pytest.raises(TurnError, match="another tree of 5 entries"):
        open_checkpoint(other, follow(SECOND.verifier, [ONE]))


def test_before_any_succession_the_first_key_signs_whatever_size() -> None:
    assert open_checkpoint(note(29, FIRST), FIRST.verifier).size == 29


def test_a_succession_is_no_checkpoint_and_a_checkpoint_no_succession() -> None:
    for name in (ORIGIN, "5", "vidne-key-succession/v1"):
        old, new = Signer.generate(name), Signer.generate(name)
        made = sign_succession(old, new, Checkpoint(name, 5, ROOTS[5]))
        with pytest.raises(NoteError):
            open_checkpoint(made, old.verifier)
        with pytest.raises(NoteError, match="malformed"):
            Succession.from_note(sign_checkpoint(Checkpoint(name, 5, ROOTS[5]), old, new))


def signed_by(*signers: Signer) -> bytes:
    return sign_note(split_note(ONE)[0], signers)


@pytest.mark.parametrize(
    "made",
    [
        signed_by(FIRST),
        signed_by(SECOND),
        signed_by(EVIL, SECOND),
        signed_by(FIRST, EVIL),
        signed_by(EVIL),
        ONE.replace(b"\n5\n", b"\n6\n"),
        sign_note(split_note(ONE)[0] + b"more\n", [FIRST, SECOND]),
        sign_note(split_note(ONE)[0].replace(b"\n5\n", b"\n05\n"), [FIRST, SECOND]),
        sign_note(split_note(ONE)[0].replace(b"\n5\n", b"\n0\n"), [FIRST, SECOND]),
        sign_note(split_note(ONE)[0].replace(b"/v1", b"/v2"), [FIRST, SECOND]),
        sign_succession(FIRST, FIRST, Checkpoint(ORIGIN, 5, ROOTS[5])),
        sign_succession(FIRST, Signer.generate("another/log"), Checkpoint(ORIGIN, 5, ROOTS[5])),
        sign_succession(FIRST, SECOND, Checkpoint("another/log", 5, ROOTS[5])),
        sign_succession(FIRST, SECOND, Checkpoint(ORIGIN, 5, b"short")),
        b"",
        b"\xff\n\n" + b"\xe2\x80\x94 x AAAAAAA=\n",
    ],
)
def test_what_not_both_keys_have_signed_in_its_one_form_is_no_succession(made: bytes) -> None:
    with pytest.raises(NoteError):
        follow(FIRST.verifier, [made])
    with pytest.raises(NoteError):
        follow(SECOND.verifier, [made])


@pytest.mark.parametrize("size", [2, 5, 8])
def test_with_the_stolen_old_key_no_second_successor_can_be_made(size: int) -> None:
    rival = sign_succession(FIRST, EVIL, Checkpoint(ORIGIN, size, ROOTS[size]))
    for key in (FIRST, SECOND, EVIL):
        with pytest.raises(NoteError):
            follow(key.verifier, [ONE, rival])


def test_a_succession_in_the_place_of_the_true_one_does_not_lead_to_the_true_key() -> None:
    rival = sign_succession(FIRST, EVIL, Checkpoint(ORIGIN, 5, ROOTS[5]))
    with pytest.raises(NoteError, match="leads neither from nor to key"):
        follow(SECOND.verifier, [rival])


@pytest.mark.parametrize(
    "second",
    [
        sign_succession(SECOND, THIRD, Checkpoint(ORIGIN, 5, ROOTS[5])),
        sign_succession(SECOND, THIRD, Checkpoint(ORIGIN, 4, ROOTS[4])),
        sign_succession(SECOND, FIRST, Checkpoint(ORIGIN, 9, ROOTS[9])),
    ],
)
def test_sizes_grow_along_the_keys_and_no_key_comes_again(second: bytes) -> None:
    with pytest.raises(NoteError):
        follow(FIRST.verifier, [ONE, second])


# In the ledger


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return complete_scene(tmp_path)


def grow(scene: Scene, count: int = 1, said: str = "later") -> None:
    for _ in range(count):
        scene.file(f"{said}-{scene.ledger.filed}")
    scene.sequence()


def publish(scene: Scene) -> None:
    publisher = Publisher(
        scene.ledger, scene.store, scene.verifier, prefix="ledger/", work=scene.folder / "work"
    )
    publisher.run_once()


def keys_check(scene: Scene, verifier: Verifier | None = None) -> Check | None:
    found = check_log(scene.ledger, scene.store, verifier or scene.verifier, "ledger/")
    return next((item for item in found if item.name == "keys"), None)


def test_a_case_that_several_keys_have_signed_passes(scene: Scene) -> None:
    old_note = scene.ledger.latest_checkpoint()
    assert old_note is not None
    for _ in range(3):
        scene.rotate()
        grow(scene)
    report = scene.verify(seen=(old_note,))
    assert (report.exit_code, failed(report)) == (0, set())
    assert "the last trees of 3 earlier keys" in check(report, "consistency").reason


def test_the_sequencer_signs_with_the_new_key_alone(scene: Scene) -> None:
    old = scene.rotate()
    grow(scene)
    newest = scene.ledger.latest_checkpoint()
    assert newest is not None
    assert open_checkpoint(newest, scene.signer.verifier).size == scene.ledger.size()
    with pytest.raises(NoteError, match="no signature"):
        open_checkpoint(newest, old.verifier)


def test_an_old_key_that_signs_past_its_last_size_is_caught(scene: Scene) -> None:
    publish(scene)
    old = scene.rotate()
    grow(scene, 2)
    scene.rebuild_tree(old)  # the very same entries: only the signature is by the key in other hands
    report = scene.verify()
    assert (report.exit_code, "checkpoint-signature" in failed(report)) == (1, True)
    assert (
        f"only key {scene.signer.verifier.key_id.hex()} may" in check(report, "checkpoint-signature").reason
    )
    with pytest.raises(IntegrityError, match="where only key"):
        publish(scene)
    scene.file("more")
    with pytest.raises(IntegrityError, match="where only key"):
        Sequencer(scene.ledger, scene.signer, scene.verifier).run_once()
    (tree, *_) = check_log(scene.ledger, scene.store, scene.verifier, "ledger/")
    assert (tree.status, "where only key" in tree.reason) == (Status.FAIL, True)


def test_a_checkpoint_seen_before_by_an_old_key_past_its_end_is_an_integrity_failure(scene: Scene) -> None:
    old = scene.rotate()
    grow(scene, 2)
    size = scene.ledger.size()
    forged = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), old)
    report = scene.verify(seen=(forged,))
    (defect,) = check(report, "consistency").defects
    assert (report.exit_code, defect.cause) == (1, Cause.INTEGRITY)


def test_what_a_stolen_old_key_signs_within_its_sizes_departs_from_the_log(scene: Scene) -> None:
    old = scene.rotate()
    grow(scene)
    forged = sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), old)
    report = scene.verify(seen=(forged,))
    assert (report.exit_code, failed(report)) == (1, {"consistency"})


def test_history_before_the_rotation_that_is_rewritten_with_the_new_key_is_caught(scene: Scene) -> None:
    scene.rotate()
    grow(scene)
    scene.ledger.rows[1] = replace(
        scene.ledger.rows[1], entry=scene.ledger.rows[1].entry.replace(b"system", b"nobody")
    )
    scene.rebuild_tree(scene.signer)
    report = scene.verify()
    assert "its last tree" in check(report, "consistency").reason
    assert report.exit_code == 1


def test_a_succession_whose_root_is_not_the_logs_is_caught(scene: Scene) -> None:
    old, size = scene.signer, scene.ledger.size()
    scene.rotate()
    grow(scene)
    other = sign_succession(old, scene.signer, Checkpoint(ORIGIN, size, bytes(32)))
    scene.former = follow(scene.signer.verifier, [other]).former
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (1, {"consistency"})


def test_a_tail_that_was_deleted_to_before_the_rotation_is_caught(scene: Scene) -> None:
    before, tree = dict(scene.ledger.checkpoints), scene.ledger.tree
    scene.rotate()
    size = max(before)
    del scene.ledger.rows[size:]
    scene.ledger.checkpoints, scene.ledger.tree = before, tree
    report = scene.verify()
    assert report.exit_code == 0, "a ledger at the very end of a key is whole, as far as a case can tell"
    publish(scene)
    (keys,) = [
        item
        for item in check_log(scene.ledger, scene.store, scene.verifier, "ledger/")
        if item.name == "keys"
    ]
    assert (keys.status, "No entry of the log says so" in keys.reason) == (Status.FAIL, True)


# In the whole log


def test_entries_and_store_say_what_the_keys_do(scene: Scene) -> None:
    publish(scene)
    assert keys_check(scene) is None
    for _ in range(2):
        scene.rotate()
        publish(scene)
    found = check_log(scene.ledger, scene.store, scene.verifier, "ledger/")
    assert {(item.name, item.status) for item in found} == {
        ("tree", Status.PASS), ("published", Status.PASS), ("keys", Status.PASS),
    }  # fmt: skip


def test_a_succession_that_the_log_does_not_name_is_told(scene: Scene) -> None:
    old = scene.rotate()
    publish(scene)
    other = sign_succession(old, EVIL, Checkpoint(ORIGIN, scene.former[0].size, scene.former[0].root))
    found = keys_check(scene, follow(EVIL.verifier, [other]))
    assert "is not among those of the log's key" in str(found)
    assert "another note in its place" in str(found)


def test_a_succession_that_is_planted_in_the_store_is_told(scene: Scene) -> None:
    scene.rotate()
    publish(scene)
    path = scene.folder / "objects" / "ledger" / succession_path(3)
    path.write_bytes(sign_succession(FIRST, SECOND, Checkpoint(ORIGIN, 3, ROOTS[3])))
    assert "ledger/key/3: No key of the log was followed" in str(keys_check(scene))


def test_a_succession_that_is_gone_from_the_store_is_told_and_published_again(scene: Scene) -> None:
    scene.rotate()
    publish(scene)
    (scene.folder / "objects" / "ledger" / succession_path(scene.former[0].size)).unlink()
    assert "does not have its note" in str(keys_check(scene))
    publish(scene)
    found = keys_check(scene)
    assert found is not None
    assert found.status is Status.PASS


# Receipts


def test_a_receipt_verifies_by_the_other_keys_of_the_log_with_the_succession(tmp_path: Path) -> None:
    scene = complete_scene(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"clip")
    statement = statement_of(tmp_path / "clip.mp4")

    def receipt() -> bytes:
        row = next(row for row in scene.ledger.rows if row.event_id == receipt_id(SUBMISSION))
        at = scene.ledger.latest_checkpoint() or b""
        leaves = [leaf_hash(item.entry) for item in scene.ledger.rows]
        proof = EntryProof(row.index, tuple(inclusion_proof(leaves, row.index)), at)
        return assemble(row.entry, scene.ledger.kept[row.event_id], proof, scene.signer.verifier).to_bytes()

    scene.ledger.file(receipt_event(SUBMISSION, statement, AT))
    scene.sequence()
    before, old = receipt(), scene.signer.verifier
    scene.rotate()
    after, new = receipt(), scene.signer.verifier
    notes = [item.note for item in scene.former]
    assert verify_receipt(before, old).exit_code == 0
    assert verify_receipt(after, new).exit_code == 0
    assert verify_receipt(before, new).exit_code == 1
    assert verify_receipt(after, old).exit_code == 1
    for raw in (before, after):
        for key in (old, new):
            assert verify_receipt(raw, key, successions=notes).exit_code == 0
    assert (
        "was not compared"
        in check(verify_receipt(before, new, successions=notes), "checkpoint-signature").reason
    )
    assert verify_receipt(before, new, successions=[b"no note"]).exit_code == 1
    assert keys_told(new, Checkpoint(ORIGIN, 9, ROOTS[9])) == ""
