"""Time stamps in export packages: what holds passes with its coverage told, and every change is caught."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from disclosure.package import write_package
from evidence.custody import KeptStamp
from evidence.errors import IntegrityError
from evidence.exhibits import Role
from hashing.merkle import consistency_proof, root_of
from hashing.note_keys import Signer
from hashing.notes import Checkpoint, sign_checkpoint
from hashing.package import verify_package
from hashing.package_files import CHECKPOINT
from hashing.proof_file import ConsistencyProof
from hashing.publication import authority_id
from hashing.report import Check, Status, VerificationReport
from hashing.timestamps import make_request
from tests.disclosure.packages import (
    FILES,
    Tampered,
    case_scene,
    export_all,
    origin_of,
    packaged,
    request_of,
    stored,
)  # fmt: skip
from tests.hashing.cases import ORIGIN, OTHER_CASE, Scene, check, failed
from tests.tsa import Authority, authority

URL, OTHER_URL = "https://tsa.example.org/", "https://other.example.org/"
ID, OTHER_ID = authority_id(URL), authority_id(OTHER_URL)
TSA = "custody/tsa/"
STAMP_FILES = (
    f"{TSA}10-{ID}.chain.pem",
    f"{TSA}10-{ID}.tsr",
    f"{TSA}10-{OTHER_ID}.chain.pem",
    f"{TSA}10-{OTHER_ID}.tsr",
    f"{TSA}10.checkpoint",
    f"{TSA}10.consistency",
    f"{TSA}5-{ID}.chain.pem",
    f"{TSA}5-{ID}.tsr",
    f"{TSA}5.checkpoint",
    f"{TSA}5.consistency",
)


@dataclass(frozen=True)
class Made:
    """A package with three time stamps, the scene it is of, and the two authorities."""

    root: Path
    scene: Scene
    tsa: Authority
    other: Authority


def stamp(scene: Scene, tsa: Authority, size: int, url: str = URL) -> KeptStamp:
    response = tsa.reply(make_request(scene.ledger.checkpoints[size]).der)
    chain = tsa.leaf.pem + tsa.middle.pem + tsa.root.pem
    return KeptStamp(size, url, response, chain=chain)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("stamped")
    tsa, other = authority(folder / "tsa"), authority(folder / "other")
    scene = case_scene(folder)
    stamps = [
        stamp(scene, tsa, 5),
        stamp(scene, tsa, 10),
        stamp(scene, other, 10, OTHER_URL),
        KeptStamp(10, "https://silent.example.org/", None, "It could not be reached."),
    ]
    return Made(export_all(scene, folder / "P", stamps), scene, tsa, other)


@pytest.fixture
def package(made: Made, tmp_path: Path) -> Iterator[Tampered]:
    """A copy that a test may meddle with."""
    shutil.copytree(made.root, tmp_path / "P")
    yield Tampered(tmp_path / "P")
    shutil.rmtree(tmp_path / "P", ignore_errors=True)


def verified(
    made: Made, package: Tampered, *roots: Authority, at: datetime | None = None
) -> VerificationReport:
    trusted = [one.root.certificate for one in roots or (made.tsa, made.other)]
    return verify_package(package.root, made.scene.signer.verifier, tsa_roots=trusted, at=at)


def named(report: VerificationReport) -> set[str]:
    return {defect.subject for defect in check(report, "time-stamp").defects}


def caught(made: Made, package: Tampered) -> Check:
    """The failed check of a package whose lists were made right again, in which nothing else fails."""
    report = verified(made, package.reseal())
    assert (report.exit_code, failed(report)) == (1, {"time-stamp"})
    return check(report, "time-stamp")


def test_a_package_has_each_stamp_its_chain_its_checkpoint_and_a_proof(made: Made) -> None:
    there = [str(path.relative_to(made.root)) for path in made.root.rglob("*") if path.is_file()]
    assert sorted(there) == sorted((*FILES, *STAMP_FILES))
    for size in (5, 10):
        assert (made.root / f"{TSA}{size}.checkpoint").read_bytes() == made.scene.ledger.checkpoints[size]
    proof = (made.root / f"{TSA}10.consistency").read_text().splitlines()
    assert proof[0] == "old 10"
    assert {len(line) for line in proof[1:]} == {44}


def test_stamps_hold_and_it_is_told_when_by_whom_and_over_how_many_entries(
    made: Made, package: Tampered
) -> None:
    report = verified(made, package)
    found = check(report, "time-stamp")
    assert (report.exit_code, found.status, found.checked) == (0, Status.PASS, 3)
    assert f"{datetime.now(UTC):%Y-%m-%d}" in found.reason
    assert (
        "CN=Test Time-Stamp Authority stamped the tree of 10 entries, 8 of the 11 of the case" in found.reason
    )
    assert "entries 9 to 11 are behind the last time stamp that counts, as an export's own" in found.reason
    assert "3 time stamps hold" in found.reason


def test_where_only_the_exports_own_entry_is_behind_that_is_said_and_no_defect(
    made: Made, tmp_path: Path
) -> None:
    scene = case_scene(tmp_path)
    scene.sequence()
    root = export_all(scene, tmp_path / "P", [stamp(scene, made.tsa, 12)])
    report = verify_package(root, scene.signer.verifier, tsa_roots=[made.tsa.root.certificate])
    assert report.exit_code == 0
    assert "10 of the 11 of the case" in check(report, "time-stamp").reason
    assert "entry 11 is behind the last time stamp" in check(report, "time-stamp").reason


def test_without_roots_it_is_said_what_the_stamps_are_over_and_what_is_missing(
    made: Made, package: Tampered
) -> None:
    report = verify_package(package.root, made.scene.signer.verifier)
    found = check(report, "time-stamp")
    assert (report.exit_code, found.status, found.checked) == (6, Status.PENDING, 3)
    assert "The root certificates of the authorities are missing: give them with --tsa-roots." in found.reason
    package.write(f"{TSA}5-{ID}.tsr", package.read(f"{TSA}10-{ID}.tsr"))
    report = verify_package(package.reseal().root, made.scene.signer.verifier)
    assert (report.exit_code, failed(report)) == (1, {"time-stamp"})
    assert "over other bytes" in check(report, "time-stamp").reason


def test_a_stamp_over_another_checkpoint_is_caught(made: Made, package: Tampered) -> None:
    package.write(f"{TSA}10-{ID}.tsr", package.read(f"{TSA}5-{ID}.tsr"))
    found = caught(made, package)
    assert found.reason == f"{TSA}10-{ID}.tsr: The time stamp is over other bytes."


def test_a_stamp_by_an_authority_nobody_trusts_is_caught(made: Made, package: Tampered) -> None:
    report = verified(made, package, made.tsa)
    assert (report.exit_code, named(report)) == (1, {f"{TSA}10-{OTHER_ID}.tsr"})
    assert "which no root here has issued" in check(report, "time-stamp").reason


def test_a_chain_in_the_package_makes_no_authority_trusted(
    made: Made, package: Tampered, tmp_path: Path
) -> None:
    intruder = authority(tmp_path / "intruder")
    forged = stamp(made.scene, intruder, 5)
    package.write(f"{TSA}5-{ID}.tsr", forged.response or b"").write(f"{TSA}5-{ID}.chain.pem", forged.chain)
    assert "which no root here has issued" in caught(made, package).reason


def test_a_changed_note_is_caught_even_with_a_right_signature(made: Made, package: Tampered) -> None:
    path = f"{TSA}5.checkpoint"
    whole = package.read(path)
    package.write(path, whole.replace(b"\n5\n", b"\n4\n", 1))
    assert "signature" in caught(made, package).reason
    line = Signer.generate("witness.example/w1").signature_line(whole.partition(b"\n\n")[0] + b"\n")
    package.write(path, whole + line)
    assert "over other bytes" in caught(made, package).reason


def test_a_note_of_another_log_or_size_is_caught(made: Made, package: Tampered) -> None:
    whole = package.read(f"{TSA}10.checkpoint")
    root = root_of([row.leaf_hash for row in made.scene.ledger.rows[:10]])
    other = sign_checkpoint(Checkpoint(ORIGIN, 10, root), Signer.generate(ORIGIN))
    package.write(f"{TSA}10.checkpoint", other)
    assert "no signature by" in caught(made, package).reason
    package.write(f"{TSA}10.checkpoint", whole).write(f"{TSA}5.checkpoint", whole)
    assert "named for 5 entries is over 10" in caught(made, package).reason


def test_a_stamped_history_that_the_checkpoint_does_not_extend_is_caught(
    made: Made, package: Tampered
) -> None:
    """Who has the log's key wrote the history anew behind a stamp, and keeps the stamp of the old one."""
    old = sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), made.scene.signer)
    package.write(f"{TSA}5.checkpoint", old)
    package.write(f"{TSA}5-{ID}.tsr", made.tsa.reply(make_request(old).der))
    assert "does not show that the tree of 13 entries begins with that of 5" in caught(made, package).reason


def test_a_proof_that_does_not_hold_is_caught(made: Made, package: Tampered) -> None:
    path = f"{TSA}10.consistency"
    whole = package.read(path)
    first, *rest = ConsistencyProof.from_bytes(whole).hashes
    for changed in (
        ConsistencyProof(10, (bytes(32), *rest)),
        ConsistencyProof(10, (*rest, first)),
        ConsistencyProof(10, tuple(rest)),
        ConsistencyProof(10, (first, *rest, first)),
        ConsistencyProof(10, ()),
        ConsistencyProof(9, (first, *rest)),
    ):
        package.write(path, changed.to_bytes())
        assert "The proof does not show" in caught(made, package).reason
    for raw in (b"", b"old 10", b"old 010\n", b"old 10\nAA==\n", whole[:-1], whole + b"\n", b"\xff" + whole):
        package.write(path, raw)
        assert caught(made, package).defects[0].subject.startswith(f"{TSA}10-")


def test_a_stamp_whose_chain_has_expired_counts_no_more_and_ends_6(made: Made, package: Tampered) -> None:
    report = verified(made, package, at=datetime.now(UTC) + timedelta(days=40_000))
    assert (report.exit_code, failed(report)) == (6, {"time-stamp"})
    assert "no package shows" in check(report, "time-stamp").reason


def test_a_stamp_that_counts_no_more_is_told_beside_one_that_does(made: Made, tmp_path: Path) -> None:
    scene, hour = case_scene(tmp_path), timedelta(hours=1)
    brief = authority(tmp_path / "brief", end=datetime.now(UTC) + hour)
    stamps = [stamp(scene, made.tsa, 5), stamp(scene, brief, 10, OTHER_URL)]
    root = export_all(scene, tmp_path / "P", stamps)
    trusted = [made.tsa.root.certificate, brief.root.certificate]
    for at, told in ((0 * hour, "8 of the 11"), (2 * hour, "4 of the 11")):
        report = verify_package(root, scene.signer.verifier, tsa_roots=trusted, at=datetime.now(UTC) + at)
        found = check(report, "time-stamp")
        assert (report.exit_code, told in found.reason) == (0, True)
        assert ("1 of them count no more" in found.reason) is bool(at)


def test_a_stamp_from_the_future_tells_of_the_clock(made: Made, package: Tampered) -> None:
    report = verified(made, package, at=datetime.now(UTC) - timedelta(days=1))
    assert (report.exit_code, failed(report)) == (6, {"time-stamp"})
    assert "clock" in check(report, "time-stamp").reason


def also_failing(name: str) -> set[str]:
    return set() if name.endswith(".chain.pem") else {"time-stamp"}


@pytest.mark.parametrize("name", STAMP_FILES)
def test_one_flipped_bit_in_any_file_of_a_stamp_fails_and_names_it(
    made: Made, package: Tampered, name: str
) -> None:
    package.flip(name)
    report = verified(made, package)
    assert report.exit_code == 1
    assert failed(report) == {"digest"} | also_failing(name)
    assert name in {defect.subject for defect in check(report, "digest").defects}


@pytest.mark.parametrize("name", [n for n in STAMP_FILES if not n.endswith(".chain.pem")])
def test_a_changed_file_with_its_digest_made_right_again_is_caught_or_says_the_same(
    made: Made, package: Tampered, name: str
) -> None:
    said = check(verified(made, package), "time-stamp").reason
    rng = random.Random(name)
    whole = package.read(name)
    for _ in range(6):
        at = rng.randrange(len(whole))
        package.write(name, whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
        report = verified(made, package.reseal())
        if report.exit_code == 0:
            # Some bytes of a response are not signed, as the version of its form: nothing is read from them.
            assert (name.endswith(".tsr"), check(report, "time-stamp").reason) == (True, said)
        else:
            assert failed(report) == {"time-stamp"}


@pytest.mark.parametrize("name", STAMP_FILES)
def test_a_missing_file_of_a_stamp_is_incomplete_and_named(made: Made, package: Tampered, name: str) -> None:
    (package.root / name).unlink()
    report = verified(made, package)
    assert report.exit_code == 3
    assert name in {defect.subject for defect in check(report, "bag").defects}
    # A chain is a help for openssl: without it, nothing is missing that is checked.
    assert verified(made, package.reseal()).exit_code == (0 if name.endswith(".chain.pem") else 3)


def test_a_file_beside_the_stamps_that_is_none_of_theirs_is_named(made: Made, package: Tampered) -> None:
    package.write(f"{TSA}1.tsr", b"a token")
    assert caught(made, package).defects[0].subject == f"{TSA}1.tsr"


def test_a_stamp_before_the_cases_first_entry_does_not_go_into_its_package(
    made: Made, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    scene.file("before", case=OTHER_CASE)
    scene.sequence()
    early = stamp(scene, made.tsa, 1)
    stored(scene, "stored", scene.put(b"x" * 100, Role.ORIGINAL, "original"))
    scene.sequence()
    write_package(tmp_path / "P", request_of(packaged(scene)), origin_of(scene, [early]))
    assert not (tmp_path / "P" / TSA).exists()
    write_package(
        tmp_path / "Q",
        request_of(packaged(scene), export_id="x2"),
        origin_of(scene, [early, stamp(scene, made.tsa, 2)]),
    )
    assert {path.name.partition(".")[0] for path in (tmp_path / "Q" / TSA).iterdir()} == {"2", f"2-{ID}"}
    leaves = [row.leaf_hash for row in scene.ledger.rows]
    proof = ConsistencyProof(1, tuple(consistency_proof(leaves, 1)))
    package = Tampered(tmp_path / "Q").write(f"{TSA}1-{ID}.tsr", early.response or b"")
    package.write(f"{TSA}1.checkpoint", scene.ledger.checkpoints[1])
    package.write(f"{TSA}1.consistency", proof.to_bytes()).reseal()
    report = verify_package(package.root, scene.signer.verifier, tsa_roots=[made.tsa.root.certificate])
    assert check(report, "time-stamp").reason == f"{TSA}1-{ID}.tsr: It covers no entry of the case."


def test_a_stamp_over_another_ledger_is_not_exported(made: Made, tmp_path: Path) -> None:
    scene = case_scene(tmp_path)
    with pytest.raises(IntegrityError, match=r"does not verify.*over other bytes"):
        export_all(scene, tmp_path / "P", [stamp(made.scene, made.tsa, 5)])
    assert not (tmp_path / "P").exists()


@pytest.mark.parametrize("language", [0, 1])
def test_the_command_in_verify_txt_holds_with_openssl(made: Made, package: Tampered, language: int) -> None:
    text = package.read("VERIFY.txt").decode()
    command = re.findall(r"openssl ts -verify[^\n]*\\\n[^\n]*\\\n[^\n]*", text)[language]
    (package.root / "roots.pem").write_bytes(made.tsa.root.pem)
    command = (
        re.sub(r"\\\n\s*", "", command).replace("N-XXXX", f"5-{ID}").replace("N.checkpoint", "5.checkpoint")
    )
    right = subprocess.run(command.split(), cwd=package.root, capture_output=True, text=True, check=False)
    assert (right.returncode, "Verification: OK" in right.stdout + right.stderr) == (0, True), right.stderr
    package.write(f"{TSA}5.checkpoint", package.read(CHECKPOINT))
    wrong = subprocess.run(command.split(), cwd=package.root, capture_output=True, text=True, check=False)
    assert (wrong.returncode, "Verification: FAILED" in wrong.stdout + wrong.stderr) == (1, True)
