"""A package of the first form verifies for ever; each attack on it is caught by the check that should."""

import shutil
from pathlib import Path

import pytest

from hashing.keys import parse_public
from hashing.note_keys import Verifier
from hashing.package import verify_package
from tests.golden.build import GONE, TAMPERED, VALID
from tests.hashing.cases import failed

# What catches it, and the exit code.
CAUGHT: dict[str, tuple[set[str], int]] = {
    "a-bit-of-the-original": ({"digest"}, 1),
    "a-bit-of-the-copy": ({"digest"}, 1),
    "original-replaced-and-lists-made-right": ({"record", "export-entry"}, 1),
    "entry-edited": ({"case-chain", "inclusion"}, 1),
    "entry-written-otherwise": ({"canonical", "case-chain", "inclusion", "bodies"}, 1),
    "entry-with-a-key-twice": ({"canonical", "case-chain", "inclusion", "bodies"}, 1),
    "entry-left-out-in-the-middle": ({"case-chain"}, 1),
    "last-entry-left-out": ({"export-entry"}, 1),
    "proofs-swapped": ({"case-chain", "inclusion"}, 1),
    "body-edited": ({"bodies"}, 1),
    "checkpoint-of-another-key": ({"checkpoint-signature"}, 1),
    "history-signed-with-another-key": ({"checkpoint-signature"}, 1),
    # Who holds the log's key can write another history: only an anchor outside tells (docs/threat-model.md).
    "history-signed-with-the-stolen-key": (set(), 0),
    "path-that-leaves-the-folder": ({"bag", "export-entry"}, 1),
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
