"""A package with an original of 3 GB: verified by the program, and by verify.html in a browser."""

import os

import pytest
from playwright.sync_api import Browser

from evidence.exhibits import Role
from evidence.ports import NewObject
from hashing.digests import digest_file
from hashing.keys import fingerprint
from hashing.package import verify_package
from hashing.verify import ExpectedObject
from tests.disclosure.packages import Tampered, export_all, filed, stored
from tests.disclosure.test_verify_html import browser, told
from tests.hashing.cases import CASE, Scene

SIZE = 3 * 1024**3 + 12_345

__all__ = ["browser"]  # the fixture


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A case of one exhibit, mostly zeros, with something at both ends."""
    found = Scene(tmp_path_factory.mktemp("large"))
    source = found.folder / "large.mp4"
    with source.open("wb") as file:
        file.write(b"begins")
        file.truncate(SIZE - 4)
        file.seek(SIZE - 4)
        file.write(b"ends")
    digests = digest_file(source)
    key = f"cases/{CASE}/EX-0001/original/{digests.sha256}"
    found.store.put([NewObject(key, source, digests.sha256, digests.size)], consume=True)
    original = ExpectedObject("EX-0001", Role.ORIGINAL, "original", key, "0", digests)
    found.rows.append(original)
    filed(found, "case:opened", "case.opened", {})
    filed(found, "sub-1:file.received", "file.received", {"filename": "large.mp4"}, original)
    stored(found, "job-1:object.stored", original)
    found.sequence()
    return found


@pytest.fixture(scope="module")
def package(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Tampered:
    return Tampered(export_all(scene, tmp_path_factory.mktemp("package") / "P"))


def test_it_passes_and_its_last_byte_changed_fails_in_both(
    browser: Browser,
    scene: Scene,
    package: Tampered,
) -> None:
    verifier = scene.signer.verifier
    assert verify_package(package.root, verifier, subject="P").exit_code == 0
    assert told(browser, package.root, key=fingerprint(verifier), seconds=900).verdict == "allgood"
    path = package.root / "data" / "EX-0001.original.mp4"
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"S")
    report = verify_package(package.root, verifier, subject="P")
    [digest] = [check for check in report.checks if check.name == "digest"]
    assert report.exit_code == 1
    assert f"bytes {SIZE // (4 * 1024**2) * 4 * 1024**2} to {SIZE}" in digest.reason
    assert told(browser, package.root, key=fingerprint(verifier), seconds=900).failed == {"digest"}
