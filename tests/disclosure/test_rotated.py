"""Packages of a log whose key was followed by others: who has any of its keys can verify them."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from hashing.keys import fingerprint, public_pem
from hashing.note_keys import Signer, Verifier
from hashing.notes import Checkpoint, checkpoint_of, sign_checkpoint
from hashing.package import verify_package
from hashing.package_files import CHECKPOINT, KEYS
from hashing.succession import sign_succession
from tests.disclosure.packages import Tampered, export_all
from tests.disclosure.test_verify_html import browser, told
from tests.disclosure.test_verify_sh import Shell, failures, shell
from tests.hashing.cases import ORIGIN, Scene, check, failed
from tests.hashing.test_package_stamps import stamp
from tests.tsa import authority

__all__ = ["browser", "shell"]  # fixtures


@pytest.fixture
def keys(scene: Scene) -> list[Verifier]:
    """The keys of the scene's log, the first one first; the last one signs the package."""
    found = [scene.signer.verifier]
    for _ in range(2):
        scene.rotate()
        found.append(scene.signer.verifier)
    return found


@pytest.fixture
def package(scene: Scene, keys: list[Verifier], tmp_path: Path) -> Tampered:
    return Tampered(export_all(scene, tmp_path / "a package"))


def pem(verifier: Verifier, path: Path) -> Path:
    path.write_bytes(public_pem(verifier))
    return path


def test_it_has_the_successions_and_verifies_by_every_key(package: Tampered, keys: list[Verifier]) -> None:
    names = sorted(item.name for item in (package.root / KEYS).iterdir())
    assert names == ["10.consistency", "10.succession", "13.consistency", "13.succession"]
    for key in keys:
        report = verify_package(package.root, key)
        assert (report.exit_code, failed(report)) == (0, set())
        assert "signed up to 10 entries, and was followed" in check(report, "checkpoint-signature").reason


def test_by_its_own_key_alone_the_earlier_fingerprints_are_told(
    package: Tampered, keys: list[Verifier]
) -> None:
    report = verify_package(package.root)
    assert report.exit_code == 6
    assert all(fingerprint(key) in check(report, "checkpoint-signature").reason for key in keys)


def test_a_key_that_is_none_of_the_logs_is_refused(package: Tampered) -> None:
    report = verify_package(package.root, Signer.generate(ORIGIN).verifier)
    assert (
        report.exit_code,
        "leads neither from nor to" in check(report, "checkpoint-signature").reason,
    ) == (1, True)


def test_without_the_successions_an_old_key_shows_nothing_and_with_them_at_hand_it_does(
    package: Tampered, keys: list[Verifier]
) -> None:
    notes = [package.read(f"{KEYS}{size}.succession") for size in (10, 13)]
    shutil.rmtree(package.root / KEYS)
    package.reseal()
    assert verify_package(package.root, keys[2]).exit_code == 0
    assert verify_package(package.root, keys[0]).exit_code == 1
    assert verify_package(package.root, keys[0], successions=notes).exit_code == 0


def test_a_package_from_before_verifies_for_ever_by_the_old_key_and_by_the_new_with_the_succession(
    scene: Scene, tmp_path: Path
) -> None:
    root = export_all(scene, tmp_path / "before")
    old = scene.signer.verifier
    scene.rotate()
    new = scene.signer.verifier
    notes = [item.note for item in scene.former]
    assert not (root / KEYS).exists()
    assert verify_package(root, old).exit_code == 0
    assert verify_package(root, new).exit_code == 1
    report = verify_package(root, new, successions=notes)
    assert report.exit_code == 0
    assert "was not compared" in check(report, "checkpoint-signature").reason


def test_stamps_over_checkpoints_of_earlier_keys_hold(scene: Scene, tmp_path: Path) -> None:
    tsa, stamps = authority(tmp_path / "tsa"), []
    for _ in range(3):
        stamps.append(stamp(scene, tsa, scene.ledger.size()))
        scene.rotate()
    root = export_all(scene, tmp_path / "P", stamps)
    for key in (scene.former[0].key, scene.signer.verifier):
        report = verify_package(root, key, tsa_roots=[tsa.root.certificate])
        assert (report.exit_code, failed(report)) == (0, set())
        assert "3 time stamps hold" in check(report, "time-stamp").reason


# Attacks


def test_a_package_that_a_stolen_old_key_signs_after_its_end_is_refused(
    scene: Scene, keys: list[Verifier], package: Tampered
) -> None:
    old = Signer.generate(ORIGIN)  # a log of its own, so that this test has the secret half
    scene = Scene(scene.folder / "second", signer=old)
    scene.file("opened")
    scene.sequence()
    scene.rotate()
    note = scene.former[0].note
    package.rebuild(package.entries(), old)  # 11 entries, by the key whose last size is 1
    (package.root / KEYS / "1.succession").write_bytes(note)
    for path in (package.root / KEYS).iterdir():
        if not path.name.startswith("1."):
            path.unlink()
    package.reseal()
    for key in (old.verifier, scene.signer.verifier):
        report = verify_package(package.root, key)
        assert report.exit_code == 1
        assert "where only key" in check(report, "checkpoint-signature").reason
    (package.root / KEYS / "1.succession").unlink()
    package.reseal()
    assert verify_package(package.root, old.verifier, successions=[note]).exit_code == 1
    assert verify_package(package.root, scene.signer.verifier).exit_code == 1


def test_a_succession_in_the_place_of_the_true_one_is_refused(
    scene: Scene, keys: list[Verifier], package: Tampered
) -> None:
    thief, former = Signer.generate(ORIGIN), scene.former[1]
    rival = sign_succession(thief, scene.signer, Checkpoint(ORIGIN, former.size, former.root))
    package.write(f"{KEYS}{former.size}.succession", rival).reseal()
    for key in keys:
        assert verify_package(package.root, key).exit_code == 1


def test_a_succession_whose_root_is_not_the_packages_log_is_refused(scene: Scene, tmp_path: Path) -> None:
    old = scene.signer
    scene.rotate()
    package = Tampered(export_all(scene, tmp_path / "P"))
    other = sign_succession(old, scene.signer, Checkpoint(ORIGIN, scene.former[0].size, bytes(32)))
    package.write(f"{KEYS}{scene.former[0].size}.succession", other).reseal()
    for key in (old.verifier, scene.signer.verifier):
        report = verify_package(package.root, key)
        assert (report.exit_code, "begins with that of" in check(report, "checkpoint-signature").reason) == (
            1,
            True,
        )


@pytest.mark.parametrize(
    ("path", "raw", "code"),
    [
        ("10.consistency", b"old 10\n", 1),
        ("10.consistency", None, 3),
        ("10.succession", None, 3),
        ("10.succession", b"", 1),
        ("7.succession", b"copy", 1),
        ("notes.txt", b"x", 1),
    ],
)
def test_what_is_wrong_in_custody_keys_is_told(
    package: Tampered, keys: list[Verifier], path: str, raw: bytes | None, code: int
) -> None:
    place = package.root / KEYS / path
    if raw is None:
        place.unlink()
    else:
        place.write_bytes(package.read(f"{KEYS}10.succession") if raw == b"copy" else raw)
    package.reseal()
    assert verify_package(package.root, keys[2]).exit_code == code


# By the other programs


def test_verify_sh_goes_from_any_key_to_the_one_that_signed(
    shell: Shell, package: Tampered, keys: list[Verifier], tmp_path: Path
) -> None:
    done = shell.verify(package.root)
    assert (done.returncode, failures(done), done.stderr) == (0, "", "")
    assert all(fingerprint(key) in done.stdout for key in keys)
    for key in keys:
        done = shell.verify(package.root, pem(key, tmp_path / "key.pem"))
        assert (done.returncode, failures(done), done.stderr) == (0, "", "")


def test_verify_sh_refuses_what_the_program_refuses(
    shell: Shell, package: Tampered, keys: list[Verifier], scene: Scene, tmp_path: Path
) -> None:
    old, new = pem(keys[0], tmp_path / "old.pem"), pem(keys[2], tmp_path / "new.pem")
    assert (
        shell.verify(package.root, pem(Signer.generate(ORIGIN).verifier, tmp_path / "x.pem")).returncode == 1
    )
    kept = package.read(f"{KEYS}13.succession")
    forged = sign_succession(Signer.generate(ORIGIN), scene.signer, Checkpoint(ORIGIN, 13, bytes(32)))
    for raw in (forged, kept.replace(b"\n13\n", b"\n12\n"), b"", b"x\n" * 9):
        package.write(f"{KEYS}13.succession", raw).reseal()
        assert shell.verify(package.root, old).returncode == 1
        assert shell.verify(package.root, new).returncode == 0, "its own key still signs the rest"


def test_an_old_key_past_its_end_fails_in_the_shell_and_in_the_browser(
    shell: Shell, browser: Browser, tmp_path: Path, scene: Scene
) -> None:
    old = scene.rotate()
    package = Tampered(export_all(scene, tmp_path / "P"))
    signed = checkpoint_of(package.read(CHECKPOINT))
    package.write(CHECKPOINT, sign_checkpoint(signed, old)).reseal()
    done = shell.verify(package.root, pem(old.verifier, tmp_path / "old.pem"))
    assert (done.returncode, "followed by another key at" in failures(done)) == (1, True)
    assert "checkpoint-signature" in told(browser, package.root, key=fingerprint(old.verifier)).failed


def test_verify_html_goes_from_any_key_to_the_one_that_signed(
    browser: Browser, package: Tampered, keys: list[Verifier]
) -> None:
    for key in keys:
        for given in (fingerprint(key), key.vkey, public_pem(key).decode()):
            seen = told(browser, package.root, key=given)
            assert (seen.verdict, set(seen.checks.values())) == ("allgood", {"pass"})
    assert told(browser, package.root).verdict == "own"
    assert told(browser, package.root, key="ab" * 32).failed == {"key"}
    package.write(f"{KEYS}10.succession", b"").reseal()
    assert told(browser, package.root, key=fingerprint(keys[0])).failed == {"key"}
    assert told(browser, package.root, key=keys[0].vkey).failed == {"checkpoint-signature"}
