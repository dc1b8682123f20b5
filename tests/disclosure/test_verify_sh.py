"""verify.sh in two shells, with nothing in PATH but the tools that it names, agrees with the program."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidence.custody import KeptStamp
from hashing.cosignatures import Cosigner
from hashing.keys import fingerprint, public_pem
from hashing.package_files import BODIES, CHECKPOINT, ENTRIES, proof_path
from hashing.timestamps import make_request
from tests.disclosure.packages import FILES, Tampered, case_scene, export_all
from tests.disks import small_disk
from tests.hashing.cases import Scene
from tests.hashing.test_package import HOSTILE, rewritten
from tests.hashing.test_package_witness import BESIDE, SECONDS, W1, W2, cosigned_at_every_size
from tests.hashing.test_package_witness import exported as cosigned_package
from tests.tsa import authority

TOOLS = ("openssl", "awk", "xxd", "mktemp", "rm", "wc")


@dataclass(frozen=True)
class Shell:
    """A shell, and a folder that holds nothing but the tools."""

    command: tuple[str, ...]
    path: Path

    def verify(
        self, root: Path, *args: str | Path, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, str(root / "verify.sh"), *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd or "/",
            env={"PATH": str(self.path)},
            timeout=120,
        )


def busybox() -> str:
    found = shutil.which("busybox")
    if found is None:
        pytest.skip("busybox is not installed")
    return found


@pytest.fixture(scope="module", params=["dash", "busybox"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("path")
    if request.param == "busybox":
        command: tuple[str, ...] = (busybox(), "sh")
        for tool in TOOLS[1:]:
            (folder / tool).symlink_to(busybox())
        (folder / "openssl").symlink_to(str(shutil.which("openssl")))
    else:
        dash = shutil.which("dash")
        if dash is None:
            pytest.skip("dash is not installed")
        command = (dash,)
        for tool in TOOLS:
            (folder / tool).symlink_to(str(shutil.which(tool)))
    return Shell(command, folder)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    folder = tmp_path_factory.mktemp("exported")
    scene = case_scene(folder)
    return export_all(scene, folder / "P"), scene


@pytest.fixture
def package(exported: tuple[Path, Scene], tmp_path: Path) -> Tampered:
    """A copy in a folder whose name has spaces, to meddle with."""
    place = tmp_path / "a package of 'two' exhibits"
    shutil.copytree(exported[0], place)
    return Tampered(place)


@pytest.fixture(scope="module")
def with_witnesses(tmp_path_factory: pytest.TempPathFactory, exported: tuple[Path, Scene]) -> Path:
    folder = tmp_path_factory.mktemp("cosigned")
    scene = case_scene(folder, exported[1].signer)
    return cosigned_package(scene, folder / "P", (10, W1), (13, W2))


@pytest.fixture
def cosigned(with_witnesses: Path, tmp_path: Path) -> Tampered:
    """A package of which W1 cosigned an earlier checkpoint, of 10 entries, and W2 its own."""
    shutil.copytree(with_witnesses, tmp_path / "cosigned")
    return Tampered(tmp_path / "cosigned")


@pytest.fixture
def pem(exported: tuple[Path, Scene], tmp_path: Path) -> Path:
    path = tmp_path / "the log's key.pem"
    path.write_bytes(public_pem(exported[1].signer.verifier))
    return path


def failures(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAIL"))


def test_a_whole_package_passes_and_its_key_is_told(
    shell: Shell, package: Tampered, exported: tuple[Path, Scene]
) -> None:
    done = shell.verify(package.root)
    assert (done.returncode, failures(done), done.stderr) == (0, "", "")
    assert sum(line.startswith("ok  ") for line in done.stdout.splitlines()) == 8
    assert fingerprint(exported[1].signer.verifier) in done.stdout
    assert "COMPARE IT" in done.stdout
    assert "11 entries are in the signed tree" in done.stdout


def test_with_the_logs_key_nothing_is_left_to_compare(shell: Shell, package: Tampered, pem: Path) -> None:
    done = shell.verify(package.root, pem.name, cwd=pem.parent)
    assert (done.returncode, failures(done)) == (0, "")
    assert "COMPARE IT" not in done.stdout


def test_a_copy_from_elsewhere_checks_a_folder_that_is_named(
    shell: Shell, package: Tampered, pem: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(package.root / "verify.sh", tmp_path / "mine")
    package.write("verify.sh", b"echo all is well\n")
    done = shell.verify(tmp_path / "mine", pem, package.root)
    assert done.returncode == 1
    assert "verify.sh does not have its listed digest" in done.stdout
    package.reseal()
    assert shell.verify(tmp_path / "mine", pem, package.root).returncode == 0


def test_it_works_inside_of_the_folder_and_leaves_it_as_it_was(shell: Shell, package: Tampered) -> None:
    before = {path: path.stat().st_mtime_ns for path in package.root.rglob("*")}
    done = subprocess.run(
        [*shell.command, "verify.sh"],
        capture_output=True,
        text=True,
        check=False,
        cwd=package.root,
        env={"PATH": str(shell.path)},
    )
    assert done.returncode == 0, done.stdout
    assert {path: path.stat().st_mtime_ns for path in package.root.rglob("*")} == before


def test_without_a_witnesss_key_its_lines_are_passed_over(shell: Shell, cosigned: Tampered) -> None:
    done = shell.verify(cosigned.root)
    assert (done.returncode, failures(done)) == (0, "")
    assert "witnesses without their keys" in done.stdout


def test_what_each_witness_has_seen_is_told_with_its_time(
    shell: Shell, cosigned: Tampered, pem: Path
) -> None:
    """Of the ten entries that W1 saw two are of another case; three of the case came after them."""
    done = shell.verify(cosigned.root, pem, cosigned.root, W1.verifier.vkey, W2.verifier.vkey)
    assert (done.returncode, failures(done), done.stderr) == (3, "", "")
    when = f"{datetime.fromtimestamp(SECONDS, UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert f"by {when} {W1.name} had seen entries 1 to 8; the 3 behind came later" in done.stdout
    assert f"by {when} {W2.name} had seen all 11 entries of the case" in done.stdout
    assert "witnesses without" not in done.stdout


def test_the_signed_tree_begins_with_every_earlier_one(shell: Shell, tmp_path: Path) -> None:
    root, witnesses = cosigned_at_every_size(tmp_path)
    done = shell.verify(root, "", root, *(one.verifier.vkey for one in witnesses))
    assert (done.returncode, failures(done)) == (3, "")
    assert done.stdout.count("had seen entries 1 to") == len(witnesses) == 9


@pytest.mark.parametrize("path", [CHECKPOINT, f"{BESIDE}10.checkpoint"])
def test_a_line_that_was_taken_out_is_missed(shell: Shell, cosigned: Tampered, path: str) -> None:
    witness = W2 if path == CHECKPOINT else W1
    cosigned.without_lines_of(witness.name, path)
    done = shell.verify(cosigned.root, "", cosigned.root, witness.verifier.vkey)
    assert done.returncode == 1
    assert failures(done) == (
        f"FAIL  witness: {witness.name} has signed nothing here: ask for the package anew, or ask the witness"
    )


def test_a_line_with_another_time_or_by_another_key_fails(shell: Shell, cosigned: Tampered) -> None:
    cosigned.with_another_time(CHECKPOINT, W2)
    done = shell.verify(cosigned.root, "", cosigned.root, W2.verifier.vkey)
    assert f"{CHECKPOINT} is damaged, or a line in it under the name of {W2.name} is not by" in failures(done)
    stranger = Cosigner.generate(W1.name)  # the same name, another key: nothing here is by it
    done = shell.verify(cosigned.root, "", cosigned.root, stranger.verifier.vkey)
    assert "has signed nothing here" in failures(done)


@pytest.mark.parametrize("change", ["hash", "size", "gone", "more"])
def test_an_earlier_tree_that_is_not_the_beginning_fails(
    shell: Shell, cosigned: Tampered, change: str
) -> None:
    path = f"{BESIDE}10.consistency"
    old, first, *rest = cosigned.read(path).splitlines(keepends=True)
    hashes = {
        "hash": [old, first, first, *rest[1:]],
        "size": [b"old 9\n", first, *rest],
        "gone": [old, *rest],
    }
    cosigned.write(path, b"".join(hashes.get(change, [old, first, *rest, first]))).reseal()
    done = shell.verify(cosigned.root, "", cosigned.root, W1.verifier.vkey)
    assert done.returncode == 1
    assert f"does not begin with that of {BESIDE}10.checkpoint" in failures(done)


def test_a_rewritten_log_is_caught_by_what_a_witness_cosigned(
    shell: Shell, cosigned: Tampered, exported: tuple[Path, Scene], tmp_path: Path
) -> None:
    """The log's own key has signed it all again: by that key alone everything holds."""
    (tmp_path / "other").mkdir()
    other = case_scene(tmp_path / "other", exported[1].signer)
    root = Tampered(cosigned_package(other, tmp_path / "Q", (13, W2)))
    assert shell.verify(root.root).returncode == 0
    (root.root / BESIDE).mkdir()
    root.write(f"{BESIDE}10.checkpoint", cosigned.read(f"{BESIDE}10.checkpoint"))
    root.write(f"{BESIDE}10.consistency", cosigned.read(f"{BESIDE}10.consistency")).reseal()
    done = shell.verify(root.root, "", root.root, W1.verifier.vkey)
    assert done.returncode == 1
    assert "does not begin with" in failures(done)


@pytest.mark.parametrize("key", ["", "w1", "w1+01234567+AAAA", "log", "id"])
def test_what_is_no_key_of_a_witness_is_said(
    shell: Shell, cosigned: Tampered, exported: tuple[Path, Scene], key: str
) -> None:
    log, (name, _, rest) = exported[1].signer.verifier.vkey, W1.verifier.vkey.split("+", 2)
    given = {"log": log, "id": f"{name}+01234567+{rest}"}.get(key, key)
    done = shell.verify(cosigned.root, "", cosigned.root, given)
    assert done.returncode == 1
    assert "is no key of a witness" in failures(done)


def test_time_stamps_are_passed_over_and_their_digests_are_not(shell: Shell, tmp_path: Path) -> None:
    scene, tsa = case_scene(tmp_path), authority(tmp_path / "tsa")
    response = tsa.reply(make_request(scene.ledger.checkpoints[5]).der)
    stamp = KeptStamp(5, "https://tsa.example.org/", response, chain=tsa.root.pem)
    root = export_all(scene, tmp_path / "P", [stamp])
    done = shell.verify(root)
    assert (done.returncode, failures(done)) == (0, "")
    (file,) = (root / "custody" / "tsa").glob("*.tsr")
    Tampered(root).flip(str(file.relative_to(root)))
    assert file.name in failures(shell.verify(root))


def test_a_read_only_medium_will_do(shell: Shell, package: Tampered, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16 << 20) as disk:
        shutil.copytree(package.root, disk / "P")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        done = shell.verify(disk / "P", cwd=disk)
        assert (done.returncode, failures(done), done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_fails_and_names_it(shell: Shell, package: Tampered, name: str) -> None:
    if name == "verify.sh":
        package.flip(name, at=-2)  # in its last line: the shell has to get as far as the check
        assert "verify.sh does not have its listed digest" in shell.verify(package.root).stdout
        return
    package.flip(name)
    done = shell.verify(package.root)
    assert done.returncode == 1
    assert name in failures(done)


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_an_entry_left_out_in_the_middle_fails_the_chain(
    shell: Shell, package: Tampered, number: int
) -> None:
    done = shell.verify(package.without_entry(number).root)
    assert done.returncode == 1
    assert "case chain" in failures(done)


def test_the_last_entry_left_out_fails(shell: Shell, package: Tampered) -> None:
    done = shell.verify(package.without_entry(11).root)
    assert done.returncode == 1
    assert failures(done).startswith("FAIL  export entry")


def test_a_changed_payload_with_every_list_made_right_again_fails(shell: Shell, package: Tampered) -> None:
    package.flip("data/EX-0002.original.mp4")
    done = shell.verify(package.reseal_payload().root)
    assert done.returncode == 1
    assert "export entry" in failures(done)
    assert "no entry names data/EX-0002.original.mp4" in failures(done)


def test_a_history_by_another_key_fails_by_the_logs_own(shell: Shell, package: Tampered, pem: Path) -> None:
    rewritten(package)
    assert shell.verify(package.root).returncode == 0  # which is why the key is to be compared
    done = shell.verify(package.root, pem)
    assert done.returncode == 1
    assert "checkpoint" in failures(done)


def test_an_entry_changed_in_place_fails_inclusion(shell: Shell, package: Tampered) -> None:
    package.write(ENTRIES, package.read(ENTRIES).replace(b'"actor":"system"', b'"actor":"nobody"', 1))
    done = shell.verify(package.reseal().root)
    assert "inclusion: custody/proofs/1.tlog-proof" in failures(done)
    assert "case chain: entry 2" in failures(done)


def test_a_zero_byte_among_the_entries_fails(shell: Shell, package: Tampered) -> None:
    package.write(ENTRIES, package.read(ENTRIES).replace(b'"actor"', b'"act\0or"', 1))
    assert "case chain" in failures(shell.verify(package.reseal().root))


def test_the_proof_of_another_entry_fails(shell: Shell, package: Tampered) -> None:
    package.write(proof_path(3), package.read(proof_path(4)))
    done = shell.verify(package.reseal().root)
    assert "custody/proofs/3.tlog-proof" in failures(done)


def test_a_proof_that_is_too_long_fails(shell: Shell, package: Tampered) -> None:
    magic, index, rest = package.read(proof_path(3)).split(b"\n", 2)
    line = rest.split(b"\n")[0] + b"\n"
    for times in (1, 64):
        package.write(proof_path(3), magic + b"\n" + index + b"\n" + line * times + rest)
        assert "custody/proofs/3.tlog-proof" in failures(shell.verify(package.reseal().root))


def test_a_checkpoint_of_another_size_fails(shell: Shell, package: Tampered) -> None:
    package.write(CHECKPOINT, package.read(CHECKPOINT).replace(b"\n13\n", b"\n12\n"))
    done = shell.verify(package.reseal().root)
    assert "checkpoint" in failures(done)
    assert "inclusion" in failures(done)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_line_in_the_manifest_fails(shell: Shell, package: Tampered, path: str) -> None:
    manifest = package.read("manifest-sha256.txt")
    package.write("manifest-sha256.txt", manifest + f"{'0' * 64}  {path}\n".encode())
    done = shell.verify(package.reseal().root)
    assert done.returncode == 1
    assert "manifest-sha256.txt" in failures(done)


def test_carriage_returns_fail(shell: Shell, package: Tampered) -> None:
    package.write("manifest-sha256.txt", package.read("manifest-sha256.txt").replace(b"\n", b"\r\n"))
    assert "manifest-sha256.txt: line 1" in failures(shell.verify(package.reseal().root))


def test_links_and_files_that_no_manifest_lists_fail(shell: Shell, package: Tampered) -> None:
    (package.root / "data" / "EX-0001.working.mp4").unlink()
    (package.root / "data" / "EX-0001.working.mp4").symlink_to("EX-0002.working.mp4")
    (package.root / "custody" / ".hidden").write_bytes(b"")
    (package.root / "custody" / "x\x1b[2J").write_bytes(b"")
    done = shell.verify(package.root)
    assert "data/EX-0001.working.mp4 is missing, or is no file" in failures(done)
    assert "no manifest lists custody/.hidden" in failures(done)
    assert "\x1b" not in done.stdout


def test_a_key_that_is_none_stops_it(shell: Shell, package: Tampered, tmp_path: Path) -> None:
    done = shell.verify(package.root, tmp_path / "nowhere.pem")
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert "no public key" in done.stdout


def test_a_tool_that_is_missing_is_named(shell: Shell, package: Tampered, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = Shell(shell.command, tmp_path / "bin").verify(package.root)
    if shell.command[-1] == "sh":  # busybox has the others inside
        assert "openssl is not installed" in done.stdout
    assert done.returncode == 1


def test_sha256sum_checks_both_manifests(package: Tampered) -> None:
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run(["sha256sum", "-c", "--strict", "--quiet", name], cwd=package.root, check=True)
    package.flip("data/EX-0001.working.mp4")
    done = subprocess.run(
        ["sha256sum", "-c", "manifest-sha256.txt"], cwd=package.root, capture_output=True, check=False
    )
    assert done.returncode == 1


def test_bodies_are_said_not_to_be_checked(shell: Shell, package: Tampered) -> None:
    package.write(BODIES, package.read(BODIES).replace(b"clip 1.mp4", b"clip 7.mp4"))
    done = shell.verify(package.reseal().root)
    assert done.returncode == 0
    assert "Not checked here: bodies" in done.stdout
