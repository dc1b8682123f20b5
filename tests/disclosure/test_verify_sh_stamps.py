"""verify.sh on time stamps: what it says of when the entries were there is what the program says."""

import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import disclosure
from disclosure.package import write_package
from evidence.exhibits import Role
from hashing.keys import public_pem
from hashing.merkle import consistency_proof
from hashing.package import verify_package
from hashing.proof_file import ConsistencyProof
from hashing.report import Check
from hashing.timestamps import verify_response
from tests.disclosure.packages import (
    Tampered,
    case_scene,
    export_all,
    origin_of,
    packaged,
    request_of,
    stored,
)  # fmt: skip
from tests.disclosure.test_verify_sh import Shell, failures, shell
from tests.hashing.cases import OTHER_CASE, Scene, check
from tests.hashing.test_package_stamps import ID, OTHER_ID, TSA, Made, made, package, stamp
from tests.tsa import authority

__all__ = ["made", "package", "shell"]  # fixtures


@pytest.fixture
def pem(made: Made, tmp_path: Path) -> Path:
    path = tmp_path / "log.pem"
    path.write_bytes(public_pem(made.scene.signer.verifier))
    return path


def of_stamps(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[6:].startswith("time stamps: ")]


def time_of(made: Made, package: Tampered, file: str) -> datetime:
    note = package.read(f"{file.partition('-')[0]}.checkpoint")
    roots = [made.tsa.root.certificate, made.other.root.certificate]
    return verify_response(package.read(f"{file}.tsr"), note, roots, at=datetime.now(UTC)).time


def told_by_the_program(made: Made, package: Tampered) -> Check:
    roots = [made.tsa.root.certificate, made.other.root.certificate]
    return check(verify_package(package.root, made.scene.signer.verifier, tsa_roots=roots), "time-stamp")


def test_each_says_how_many_entries_were_there_and_when(
    shell: Shell, made: Made, package: Tampered, pem: Path
) -> None:
    """Relative paths are those of the folder in which it is started."""
    shutil.copy(made.tsa.roots, pem.parent / "first roots.pem")
    done = shell.verify(
        package.root, pem.name, package.root, "first roots.pem", made.other.roots, cwd=pem.parent
    )
    assert (done.returncode, failures(done), done.stderr) == (0, "", "")
    lines = of_stamps(done.stdout)
    files = sorted((f"{TSA}10-{ID}", f"{TSA}10-{OTHER_ID}", f"{TSA}5-{ID}"))
    for line, file in zip(lines, files, strict=True):
        at = time_of(made, package, file)
        assert line.startswith(f"ok    time stamps: at {at:%Y-%m-%dT%H:%M:%S}Z the first ")
        assert line.endswith(f" entries were there, by {file}.tsr")
    total = len(package.read("custody/entries.jsonl").splitlines())
    covered = [line.split(" the first ")[1].split()[0] for line in lines]
    assert covered[0] == covered[1] > covered[2]
    assert (
        f", {covered[0]} of the {total} of the case among them" in told_by_the_program(made, package).reason
    )


def with_status_text(response: bytes, text: bytes) -> bytes:
    """The same token in an answer that says more, which no signature covers."""
    granted = bytes.fromhex("3003020100")
    token = response[response.index(granted) + len(granted) :]
    told = _der(0x30, bytes.fromhex("020100") + _der(0x30, _der(0x0C, text)))
    return _der(0x30, told + token)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
    return bytes([tag]) + size + content


def test_the_time_is_that_of_the_token_whatever_is_written_around_it(
    shell: Shell, made: Made, package: Tampered, pem: Path
) -> None:
    file = f"{TSA}5-{ID}"
    at = time_of(made, package, file)
    early = b"Time stamp: Jan  2 03:04:05 2020 GMT\nTime stamp: Xxx  2 03:04:05 2020 GMT\n"
    package.write(f"{file}.tsr", with_status_text(package.read(f"{file}.tsr"), b"ok\n" + early)).reseal()
    assert time_of(made, package, file) == at, "the program takes it for what it is"
    done = shell.verify(package.root, pem, package.root, made.tsa.roots, made.other.roots)
    assert (done.returncode, failures(done)) == (0, "")
    [line] = [line for line in of_stamps(done.stdout) if line.endswith(f"{file}.tsr")]
    assert line.startswith(f"ok    time stamps: at {at:%Y-%m-%dT%H:%M:%S}Z ")


@pytest.mark.parametrize("language", [0, 1])
def test_verify_txt_has_the_time_read_from_the_token_and_leaves_nothing_behind(
    made: Made, package: Tampered, language: int
) -> None:
    file = f"{TSA}5-{ID}"
    at = time_of(made, package, file)
    forged = b"Time stamp: Jan  2 03:04:05 2020 GMT\n"
    package.write(f"{file}.tsr", with_status_text(package.read(f"{file}.tsr"), forged))
    before = sorted(package.root.rglob("*"))
    command = re.findall(r"openssl ts -reply.*\n.*-text", package.read("VERIFY.txt").decode())[language]
    command = command.replace("custody/tsa/N-XXXX", file)
    done = subprocess.run(["sh", "-c", command], cwd=package.root, capture_output=True, text=True, check=True)
    times = re.findall(r"^Time stamp: .*$", done.stdout, re.MULTILINE)
    assert times == [f"Time stamp: {at:%b} {at.day:2} {at:%H:%M:%S %Y} GMT"]
    assert sorted(package.root.rglob("*")) == before, "else no check of the package would pass any more"


def test_any_time_is_read_right(shell: Shell) -> None:
    """Leap days, the ends of months and years, and what 32 bits do not hold."""
    script = (Path(disclosure.__file__).parent / "verify.sh").read_text()
    [program] = re.findall(r"^when_stamped='\n(.*?)'$", script, re.MULTILINE | re.DOTALL)
    days = [(1, 1), (1, 31), (2, 1), (2, 28), (3, 1), (6, 30), (12, 31)]
    dates = [(year, *day) for year in (1999, 2000, 2024, 2026, 2038, 2100, 2199) for day in days]
    for year, month, day in [*dates, (2000, 2, 29), (2024, 2, 29)]:
        at = datetime(year, month, day, 23, 14, 8, tzinfo=UTC)
        told = f"Hash Algorithm: sha256\nTime stamp: {at:%b} {at.day:2} {at:%H:%M:%S}.502 {at.year} GMT\n"
        done = subprocess.run(
            [shell.path / "awk", program], input=told, capture_output=True, text=True, check=True
        )
        assert done.stdout == str(int(at.timestamp()))


def test_without_root_certificates_they_are_said_not_to_be_checked(
    shell: Shell, package: Tampered, pem: Path
) -> None:
    done = shell.verify(package.root, pem)
    assert (done.returncode, of_stamps(done.stdout)) == (0, [])
    assert "time stamps without their authorities' root certificates" in done.stdout


def test_one_by_an_authority_whose_root_was_not_given_fails(
    shell: Shell, made: Made, package: Tampered, pem: Path
) -> None:
    done = shell.verify(package.root, pem, package.root, made.tsa.roots)
    assert done.returncode == 1
    assert f"{TSA}10-{OTHER_ID}.tsr is no stamp" in failures(done)
    assert len(failures(done).splitlines()) == 1


@pytest.mark.parametrize("what", ["another stamp", "another checkpoint", "noise", "another tree", "no proof"])
def test_one_that_is_not_over_the_beginning_of_the_signed_tree_fails(
    shell: Shell, made: Made, package: Tampered, pem: Path, tmp_path: Path, what: str
) -> None:
    match what:
        case "another stamp":
            package.write(f"{TSA}5-{ID}.tsr", package.read(f"{TSA}10-{ID}.tsr"))
        case "another checkpoint":
            package.write(f"{TSA}5.checkpoint", package.read(f"{TSA}10.checkpoint"))
        case "noise":
            package.write(f"{TSA}5-{ID}.tsr", b"no token")
        case "another tree":  # what a thief of the key has stamped: a past of the same length
            other = Scene(tmp_path, signer=made.scene.signer)
            for number in range(5):
                other.file(f"another-{number}")
            other.sequence()
            package.write(f"{TSA}5-{ID}.tsr", stamp(other, made.tsa, 5).response or b"")
            package.write(f"{TSA}5.checkpoint", other.ledger.checkpoints[5])
        case _:
            (package.root / f"{TSA}5.consistency").unlink()
    done = shell.verify(package.reseal().root, pem, package.root, made.tsa.roots, made.other.roots)
    assert done.returncode == 1
    assert f"{TSA}5-{ID}.tsr" in failures(done)
    assert sum(line.startswith("ok") for line in of_stamps(done.stdout)) >= 1, "the others still hold"


def test_one_whose_chain_has_ended_counts_no_more(shell: Shell, tmp_path: Path) -> None:
    scene = case_scene(tmp_path)
    until = datetime.now(UTC) + timedelta(seconds=3)
    tsa = authority(tmp_path / "tsa", end=until)
    root = export_all(scene, tmp_path / "P", [stamp(scene, tsa, 5)])
    time.sleep(max((until - datetime.now(UTC)).total_seconds(), 0) + 1.5)
    done = shell.verify(root, "", root, tsa.roots)
    assert done.returncode == 1
    assert [line[:4] for line in of_stamps(done.stdout)] == ["OLD ", "FAIL"]
    assert "none of the 1 in the package counts" in failures(done)


@pytest.mark.parametrize("turn", [1, -1])
def test_roots_of_one_name_may_stand_in_one_file_in_any_order(
    shell: Shell, made: Made, package: Tampered, pem: Path, tmp_path: Path, turn: int
) -> None:
    """Whatever else stands in it, or in what the package calls a chain, is passed over."""
    locked = made.tsa.root.pem.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,00\n\n", 1)
    package.write(f"{TSA}5-{ID}.chain.pem", locked + package.read(f"{TSA}5-{ID}.chain.pem"))
    parts = [locked, made.tsa.root.pem, made.other.root.pem.replace(b"\n", b"\r\n")][::turn]
    (tmp_path / "both.pem").write_bytes(b"Our roots:\n" + b"\n".join(parts))
    done = shell.verify(package.reseal().root, pem, package.root, tmp_path / "both.pem")
    assert (done.returncode, failures(done)) == (0, "")
    assert len(of_stamps(done.stdout)) == 3


def test_one_over_no_entry_of_the_case_fails(shell: Shell, made: Made, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.file("before", case=OTHER_CASE)
    scene.sequence()
    early = stamp(scene, made.tsa, 1)
    stored(scene, "stored", scene.put(b"x" * 100, Role.ORIGINAL, "original"))
    scene.sequence()
    root = tmp_path / "P"
    origin = origin_of(scene, [early, stamp(scene, made.tsa, 2)])
    write_package(root, request_of(packaged(scene)), origin)
    package = Tampered(root).write(f"{TSA}1-{ID}.tsr", early.response or b"")
    leaves = [row.leaf_hash for row in scene.ledger.rows]
    proof = ConsistencyProof(1, tuple(consistency_proof(leaves, 1)))
    package.write(f"{TSA}1.checkpoint", scene.ledger.checkpoints[1])
    package.write(f"{TSA}1.consistency", proof.to_bytes()).reseal()
    done = shell.verify(root, "", root, made.tsa.roots)
    assert done.returncode == 1
    assert failures(done) == f"FAIL  time stamps: {TSA}1-{ID}.tsr covers no entry of the case"


def test_a_package_without_any_fails_where_roots_were_given(shell: Shell, made: Made, tmp_path: Path) -> None:
    root = export_all(case_scene(tmp_path), tmp_path / "P")
    done = shell.verify(root, "", root, made.tsa.roots)
    assert (done.returncode, failures(done)) == (1, "FAIL  time stamps: none of the 0 in the package counts")


def test_a_file_without_certificates_stops_it(shell: Shell, package: Tampered, pem: Path) -> None:
    done = shell.verify(package.root, pem, package.root, pem)
    assert done.returncode == 1
    assert failures(done) == f"FAIL  time stamps: {pem} has no certificate in PEM"
