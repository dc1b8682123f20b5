"""A package of the first form verifies for ever; each attack on it is caught by the check that should."""

import shutil
from pathlib import Path

import pytest

from hashing.keys import fingerprint, parse_public
from hashing.notes import Verifier
from hashing.package import verify_package
from tests.golden.build import GONE, TAMPERED, VALID
from tests.hashing.cases import failed

# What catches it, and the exit code. Who holds the log's key can rewrite history: only an anchor outside tells.
CAUGHT: dict[str, tuple[set[str], int]] = {
    "a-bit-of-the-original": {"digest"},
    "a-bit-of-the-copy": {"digest"},
}


@pytest.fixture
def key() -> Verifier:
    """In real life it comes from elsewhere than the package does."""
    return parse_public((VALID / "log.vkey").read_bytes(), "the golden package's key")


def tampered(attack: str, folder: Path) -> Path:
    package = Path(shutil.copytree(VALID, folder / "P"))
    changes = TAMPERED / attack
    if (changes / GONE).exists():
        for path in (changes / GONE).read_text().splitlines():
            (package / path).unlink()
    shutil.copytree(changes, package, dirs_exist_ok=True, ignore=shutil.ignore_patterns(GONE))
    return package


def test_the_package_of_the_first_form_still_verifies(key: Verifier) -> None:
    report = verify_package(VALID, key)
    assert (report.exit_code, failed(report)) == (0, set())


def test_each_attack_that_is_kept_stands_in_the_table() -> None:
    assert {path.name for path in TAMPERED.iterdir()} == set(CAUGHT)


@pytest.mark.parametrize("attack", sorted(CAUGHT))
def test_an_attack_is_caught_by_what_should_catch_it(attack: str, key: Verifier, tmp_path: Path) -> None:
    report = verify_package(tampered(attack, tmp_path), key)
    assert (failed(report), report.exit_code) == CAUGHT[attack]
