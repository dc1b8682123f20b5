"""Custody's attacks on the store, made on a real S3 server by somebody who holds its keys, and caught."""

import io
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hashing.digests import digest_file
from tests.servers import S3Server, s3_server
from tests.system.program import CASE, Program


class Archive:
    """A case of some notes, and the attacker's own client."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.folder = folder
        self.bucket = server.new_bucket()
        self.client = server.client()
        self.program = Program(folder / "data", server.settings(self.bucket, folder / "secret"))
        self.program.open_case()

    def submit(self, *names: str) -> None:
        for name in names:
            (self.folder / name).write_text(f"{name} was seen at nine.\n")
        paths = (self.folder / name for name in names)
        self.program.run("submit", *paths, "--case", CASE, "--wait", check=3)

    def original(self, number: int) -> str:
        keys = self.program.query(
            "SELECT key FROM stored_object JOIN exhibit ON exhibit.id = exhibit_id"
            " WHERE role = 'original' ORDER BY number"
        )
        return str(keys[number - 1][0])

    def newest_checkpoint(self) -> str:
        [(size,)] = self.program.query("SELECT max(size) FROM ledger_checkpoint")
        return f"ledger/checkpoint/{size}"

    def newest_tile(self) -> str:
        [(size,)] = self.program.query("SELECT max(size) FROM ledger_checkpoint")
        return f"ledger/tile/0/000.p/{size}"

    def hide(self, key: str) -> None:
        self.client.remove_object(self.bucket, key)

    def overlay(self, key: str, content: bytes = b"forged") -> str:
        put = self.client.put_object(self.bucket, key, io.BytesIO(content), len(content))
        return str(put.version_id)

    def defects(self) -> dict[str, str]:
        """The checks of the archive that fail, with all that they say."""
        report: dict[str, Any] = self.program.run("verify", "archive", "--json", check=1).json
        return {
            check["name"]: "\n".join(f"{item['subject']}: {item['what']}" for item in check["defects"])
            for check in report["checks"]
            if check["status"] == "fail"
        }


@pytest.fixture
def archive(s3: S3Server, tmp_path: Path) -> Archive:
    made = Archive(s3, tmp_path)
    made.submit("a", "b")
    made.program.run("verify", "archive")
    return made


def test_a_delete_marker_and_another_version_over_originals_are_caught(archive: Archive) -> None:
    archive.hide(archive.original(1))
    archive.overlay(archive.original(2))
    found = archive.defects()
    assert set(found) == {"complete"}
    assert "EX-0001 original: A delete marker" in found["complete"]
    assert "EX-0002 original: Another version" in found["complete"]
    # What was filed lies below, locked, and is still what is given out.
    archive.program.run("exhibit", "fetch", f"{CASE}/EX-0002", "--original", "-o", archive.folder / "out")
    assert next((archive.folder / "out").iterdir()).read_bytes() == (archive.folder / "b").read_bytes()


@pytest.mark.parametrize("attack", [Archive.hide, Archive.overlay])
@pytest.mark.parametrize("place", [Archive.newest_checkpoint, Archive.newest_tile])
def test_what_lies_over_the_published_log_is_caught(
    archive: Archive, place: Callable[[Archive], str], attack: Callable[[Archive, str], object]
) -> None:
    key = place(archive)
    attack(archive, key)
    found = archive.defects()
    assert set(found) - {"inclusion"} == {"published"}  # proofs are made of the tiles that are there
    assert f"{key}: A delete marker or a second version" in found["published"]


def test_an_object_replaced_together_with_its_rows_is_caught(archive: Archive) -> None:
    key = archive.original(1)
    forged = archive.folder / "forged"
    forged.write_bytes(b"c was seen at ten.\n")
    digests = digest_file(forged)
    version = archive.overlay(key, forged.read_bytes())
    values = {"sha": digests.sha256, "blake": digests.blake3, "size": digests.size}
    values |= {"pieces": json.dumps(list(digests.pieces_blake3))}
    archive.program.execute(
        "UPDATE exhibit SET sha256 = :sha, blake3 = :blake, size = :size, pieces_blake3 = :pieces"
        " WHERE number = 1",
        **values,
    )
    archive.program.execute(
        "UPDATE stored_object SET sha256 = :sha, blake3 = :blake, size = :size, pieces_blake3 = :pieces,"
        " version_id = :version WHERE key = :key",
        version=version,
        key=key,
        **values,
    )
    found = archive.defects()
    assert "record" in found
    assert f"No entry of its case names these bytes (SHA-256 {digests.sha256})" in found["record"]
    assert sha256((archive.folder / "a").read_bytes()).hexdigest() in found["complete"]


def test_a_store_and_a_database_rolled_back_together_pass_but_for_an_anchor_outside(tmp_path: Path) -> None:
    """Nothing inside tells a whole yesterday from today: only a checkpoint that somebody else kept does."""
    data, stored, kept = tmp_path / "data", tmp_path / "server", tmp_path / "kept-by-the-court"
    with s3_server(stored) as server:
        archive = Archive(server, tmp_path)
        archive.submit("a")
    shutil.copytree(data, tmp_path / "data-before")
    shutil.copytree(stored, tmp_path / "server-before")
    with s3_server(stored) as server:
        settings = server.settings(archive.bucket, tmp_path / "secret")
        archive.program = Program(data, settings)
        archive.submit("b")
        kept.write_text(archive.program.run("ledger", "head").out)
    for now, before in ((data, tmp_path / "data-before"), (stored, tmp_path / "server-before")):
        shutil.rmtree(now)
        before.rename(now)
    with s3_server(stored) as server:
        program = Program(data, server.settings(archive.bucket, tmp_path / "secret"))
        program.run("verify", "archive")
        done = program.run("verify", "case", CASE, "--checkpoint", kept, "--json", check=1)
        [check] = [item for item in done.json["checks"] if item["name"] == "consistency"]
        assert check["status"] == "fail"
