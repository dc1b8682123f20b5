"""Witnesses in packages and receipts: who saw which entries when, and each line that is missing or forged."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from disclosure.anchors import Anchors
from disclosure.package import write_package
from evidence.errors import IntegrityError, TrustMaterialError
from hashing.cosignatures import Cosigner, parse_witness_keys
from hashing.merkle import leaf_hash, root_of
from hashing.notes import Checkpoint, checkpoint_of, sign_checkpoint, split_note, with_lines
from hashing.package import verify_package
from hashing.package_files import CHECKPOINT, PROOFS
from hashing.receipt import Receipt
from hashing.receipt_checks import verify_receipt
from hashing.report import Cause, Check, Status, VerificationReport
from tests.disclosure.packages import Tampered, case_scene, origin_of, packaged, request_of
from tests.hashing.cases import ORIGIN, Scene, check, failed
from tests.hashing.receipts import SIGNER, issued
from tests.hashing.test_receipt import STATEMENT

W1, W2 = Cosigner.generate("witness.example/w1"), Cosigner.generate("witness.example/w2")
STRANGER = Cosigner.generate(W1.name)
SECONDS = 1_795_600_000
BESIDE = "custody/witness/"


def line_on(note: bytes, cosigner: Cosigner = W1) -> bytes:
    return cosigner.signature(split_note(note)[0], SECONDS).line


def exported(scene: Scene, output: Path, *cosigned: tuple[int, Cosigner]) -> Path:
    """A package of a scene whose witnesses cosigned these sizes; its export makes the tree of 13."""
    origin = origin_of(scene)

    def anchors(_last: object) -> Anchors:
        lines: dict[int, list[bytes]] = {}
        for size, cosigner in cosigned:
            lines.setdefault(size, []).append(line_on(scene.ledger.checkpoints[size], cosigner))
        return Anchors(cosigned=lines)

    write_package(output, request_of(packaged(scene)), replace(origin, anchors=anchors))
    return output


def cosigned_at_every_size(folder: Path) -> tuple[Path, list[Cosigner]]:
    """A package that has a checkpoint of each size before its own, each cosigned by a witness of its own."""
    scene = case_scene(folder)
    leaves = [leaf_hash(row.entry) for row in scene.ledger.rows]
    witnesses = {size: Cosigner.generate(f"w{size}") for size in range(1, len(leaves))}
    for size in witnesses:
        earlier = Checkpoint(ORIGIN, size, root_of(leaves[:size]))
        scene.ledger.checkpoints[size] = sign_checkpoint(earlier, scene.signer)
    return exported(scene, folder / "P", *witnesses.items()), list(witnesses.values())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return case_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def made(scene: Scene) -> Path:
    """Under a checkpoint that two witnesses have cosigned."""
    return exported(scene, scene.folder / "P", (13, W1), (13, W2))


@pytest.fixture
def package(made: Path, tmp_path: Path) -> Tampered:
    """A copy that a test may meddle with."""
    shutil.copytree(made, tmp_path / "P")
    return Tampered(tmp_path / "P")


@pytest.fixture
def behind(tmp_path: Path) -> tuple[Scene, Tampered]:
    """A package whose witness was away at the export: an earlier checkpoint alone is cosigned."""
    (tmp_path / "behind").mkdir()
    scene = case_scene(tmp_path / "behind")
    return scene, Tampered(exported(scene, tmp_path / "behind" / "P", (5, W2), (10, W1)))


def verified(scene: Scene, package: Tampered, *witnesses: Cosigner) -> VerificationReport:
    keys = [one.verifier for one in witnesses]
    return verify_package(package.root, scene.signer.verifier, witnesses=keys)


def found(report: VerificationReport) -> Check:
    return check(report, "witness")


def test_a_package_has_the_lines_on_its_checkpoint_whose_bytes_stay(scene: Scene, package: Tampered) -> None:
    signed = scene.ledger.checkpoints[13]
    note = package.read(CHECKPOINT)
    assert note == with_lines(signed, [line_on(signed), line_on(signed, W2)])
    assert all(path.read_bytes().endswith(note) for path in (package.root / PROOFS).iterdir())


def test_what_a_witness_saw_is_told_with_its_time(scene: Scene, package: Tampered) -> None:
    report = verified(scene, package, W1)
    assert (report.exit_code, found(report).status, found(report).checked) == (0, Status.PASS, 11)
    assert "witness.example/w1 cosigned the tree of 13 entries at 2026-11-25T" in found(report).reason
    assert "All 11 entries of the case are among what was cosigned" in found(report).reason


def test_without_a_witnesss_key_the_lines_are_counted_and_not_checked(
    scene: Scene, package: Tampered, behind: tuple[Scene, Tampered]
) -> None:
    assert found(verified(scene, package)).status is Status.NOT_CHECKED
    assert found(verified(scene, package)).reason == "2 further signatures; they are not checked."
    report = verified(*behind)
    assert (report.exit_code, found(report).status) == (0, Status.NOT_CHECKED)
    assert "2 earlier checkpoints with some are beside it" in found(report).reason


def test_one_of_two_witnesses_is_enough_and_the_silent_one_is_named(scene: Scene, package: Tampered) -> None:
    note = package.read(CHECKPOINT)
    package.write(CHECKPOINT, note.replace(line_on(scene.ledger.checkpoints[13], W2), b"")).reseal()
    report = verified(scene, package, W1, W2)
    assert report.exit_code == 0
    assert "nothing by witness.example/w2" in found(report).reason


def test_a_line_that_was_stripped_is_told_to_who_has_the_witnesss_key(
    scene: Scene, package: Tampered
) -> None:
    package.write(CHECKPOINT, scene.ledger.checkpoints[13]).reseal()
    assert verified(scene, package).exit_code == 0, "nothing in the package tells of it"
    report = verified(scene, package, W1)
    assert (report.exit_code, failed(report)) == (6, {"witness"})
    assert "No cosignature by witness.example/w1 is in the package" in found(report).reason


def test_a_line_by_a_namesake_counts_for_nothing(scene: Scene, tmp_path: Path) -> None:
    other = case_scene(tmp_path)
    package = Tampered(exported(other, tmp_path / "P", (13, STRANGER)))
    report = verified(other, package, W1)
    assert (report.exit_code, failed(report)) == (6, {"witness"})


def test_a_line_under_a_witnesss_key_that_is_not_by_it_fails(scene: Scene, package: Tampered) -> None:
    forged = line_on(scene.ledger.checkpoints[10])
    package.write(CHECKPOINT, scene.ledger.checkpoints[13] + forged).reseal()
    report = verified(scene, package, W1)
    assert report.exit_code == 1
    assert found(report).defects[0].cause is Cause.INTEGRITY
    assert "is not over this text" in found(report).reason


def test_where_the_witness_was_away_the_entries_behind_its_last_word_are_named(
    behind: tuple[Scene, Tampered],
) -> None:
    report = verified(*behind, W1)
    assert (report.exit_code, failed(report), found(report).status) == (3, {"witness"}, Status.PENDING)
    assert "Entries 9 to 11 of the case are behind what was cosigned" in found(report).reason
    assert "the tree of 10 entries" in found(report).reason
    report = verified(*behind, W1, W2)
    assert "the tree of 5 entries" in found(report).reason


def test_an_earlier_checkpoint_that_was_taken_out_is_told_as_a_stripped_line(
    behind: tuple[Scene, Tampered],
) -> None:
    scene, package = behind
    shutil.rmtree(package.root / BESIDE)
    assert verified(scene, package.reseal(), W1).exit_code == 6


@pytest.mark.parametrize("key", [True, False], ids=["with the key", "without"])
def test_a_cosigned_history_that_the_package_does_not_extend_is_caught(
    behind: tuple[Scene, Tampered], *, key: bool
) -> None:
    """Who has the log's key wrote the history anew behind what the witness saw: a split view."""
    scene, package = behind
    other = sign_checkpoint(Checkpoint(ORIGIN, 10, bytes(32)), scene.signer)
    package.write(f"{BESIDE}10.checkpoint", other + line_on(other)).reseal()
    report = verified(scene, package, *[W1] * key)
    assert (report.exit_code, failed(report)) == (1, {"witness"})
    assert "does not show that the tree of 13 entries begins with that of 10" in found(report).reason


@pytest.mark.parametrize(
    ("name", "code"),
    [("10.checkpoint", 6), ("10.consistency", 6), ("x.checkpoint", 1), ("10.line", 1)],
)
def test_a_file_that_is_missing_or_none_of_theirs_is_named(
    behind: tuple[Scene, Tampered], name: str, code: int
) -> None:
    scene, package = behind
    if code == 6:
        (package.root / BESIDE / name).unlink()
    else:
        package.write(BESIDE + name, b"x")
    report = verified(scene, package.reseal(), W1)
    assert report.exit_code == code
    assert any(name.partition(".")[0] in defect.subject for defect in found(report).defects)


def test_a_checkpoint_named_for_another_size_is_caught(behind: tuple[Scene, Tampered]) -> None:
    scene, package = behind
    package.write(f"{BESIDE}10.checkpoint", package.read(f"{BESIDE}5.checkpoint")).reseal()
    assert "named for 10 entries is over 5" in found(verified(scene, package, W1)).reason


def test_a_witness_that_never_saw_the_case_does_not_go_into_its_package(tmp_path: Path) -> None:
    scene = case_scene(tmp_path)
    first = next(row.index for row in scene.ledger.case_entries("case2b"))
    assert first == 0, "the case's first entry is the log's"
    package = Tampered(exported(scene, tmp_path / "P"))
    assert not (package.root / BESIDE).exists()


def test_a_line_that_does_not_verify_does_not_leave_the_house(tmp_path: Path) -> None:
    scene = case_scene(tmp_path)
    origin = replace(origin_of(scene), witnesses=[W1.verifier])
    wrong = Anchors(cosigned={10: [line_on(scene.ledger.checkpoints[5])]})
    with pytest.raises(IntegrityError, match="is not over this text"):
        write_package(
            tmp_path / "P",
            request_of(packaged(scene)),
            replace(origin, anchors=lambda _last: wrong),
        )
    assert not (tmp_path / "P").exists()


# Receipts


def cosigned_receipt(*cosigners: Cosigner) -> Receipt:
    receipt = issued(STATEMENT)
    note = receipt.inclusion.checkpoint
    lines = b"".join(line_on(note, one) for one in cosigners)
    return replace(receipt, proof=receipt.proof + lines)


def receipt_report(raw: bytes, *witnesses: Cosigner) -> VerificationReport:
    return verify_receipt(raw, SIGNER.verifier, witnesses=[one.verifier for one in witnesses])


def test_a_receipt_says_which_witness_saw_its_entry_and_when() -> None:
    raw = cosigned_receipt(W1).to_bytes()
    report = receipt_report(raw, W1, W2)
    assert (report.exit_code, found(report).status) == (0, Status.PASS)
    assert "was cosigned by witness.example/w1 at 2026-11-25T" in found(report).reason
    assert "nothing by witness.example/w2" in found(report).reason
    assert found(receipt_report(raw)).reason == "1 further signatures; they are not checked."


def test_a_stripped_or_forged_line_of_a_receipt_is_told() -> None:
    report = receipt_report(issued(STATEMENT).to_bytes(), W1)
    assert (report.exit_code, failed(report)) == (6, {"witness"})
    receipt = issued(STATEMENT)
    other = sign_checkpoint(Checkpoint(ORIGIN, 8, bytes(32)), SIGNER)
    forged = replace(receipt, proof=receipt.proof + line_on(other))
    report = receipt_report(forged.to_bytes(), W1)
    assert (report.exit_code, failed(report)) == (1, {"witness"})
    assert checkpoint_of(forged.inclusion.checkpoint).size == 8


# Keys


def test_keys_are_read_one_a_line_and_nothing_else_is_one() -> None:
    both = f"{W1.verifier.vkey}\n\n{W2.verifier.vkey}\n"
    assert parse_witness_keys(both, "keys") == (W1.verifier, W2.verifier)
    for text in ("", "\n", "no key", SIGNER.verifier.vkey, W1.verifier.vkey[:-4], f"{both}x"):
        with pytest.raises(TrustMaterialError, match="key of a witness"):
            parse_witness_keys(text, "It")
