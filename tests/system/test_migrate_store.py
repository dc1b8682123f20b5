"""An archive moves from the folder to S3: nothing changes but the place, however often the move is killed."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samples.generator import clip
from tests.faulty_http import FaultyProxy, faulty_proxy, late
from tests.servers import S3Server
from tests.system.program import CASE, Program, kill_group, wait_until

KILLS = 5


@pytest.fixture
def archive(tmp_path: Path) -> Program:
    """Two clips and some notes in a folder."""
    program = Program(tmp_path / "data")
    program.open_case()
    clips = [clip(tmp_path / f"clip{n}.mp4", seconds=1, seed=n) for n in range(2)]
    notes = []
    for number in range(20):
        notes.append(tmp_path / f"note{number}.txt")
        notes[-1].write_text(f"note {number}")
    program.run("submit", *clips, *notes, "--case", CASE, "--wait", check=3)
    return program


def rows(program: Program) -> list[tuple[Any, ...]]:
    return program.query("SELECT key, sha256, blake3, size, role, state FROM stored_object ORDER BY key")


def entries(program: Program) -> list[tuple[Any, ...]]:
    return program.query("SELECT entry FROM ledger_entry ORDER BY position")


def copied(program: Program) -> int:
    [(count,)] = program.query("SELECT count(*) FROM relocated_object")
    return int(count)


@pytest.fixture
def slow_line(s3: S3Server) -> Iterator[FaultyProxy]:
    """A way to the store on which a move lasts long enough to be killed."""
    with faulty_proxy(s3.endpoint) as proxy:
        proxy.always = late(0.05)
        yield proxy


def test_an_archive_is_moved_with_every_digest_and_proof_though_the_move_is_killed_again_and_again(
    archive: Program, s3: S3Server, slow_line: FaultyProxy, tmp_path: Path
) -> None:
    bucket = s3.new_bucket()
    settings = s3.settings(bucket, tmp_path / "secret")
    del settings["VIDNE_STORE_URL"]
    url = f"s3+http://{slow_line.endpoint}/{bucket}"
    mover = Program(archive.data, settings)
    before, log = rows(archive), entries(archive)
    archive.run("ledger", "proof", "0", "-o", tmp_path / "proof")
    kept = tmp_path / "checkpoint"
    kept.write_text(archive.run("ledger", "head").out)

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    moved = 0
    for _ in range(KILLS):
        process = mover.start("migrate-store", "--to", url)

        wait_until(lambda then=moved: copied(archive) > then, 120, "the next object")  # type: ignore[misc]
        time.sleep(chance.random() / 10)
        kill_group(process)
        moved = copied(archive)
    assert 0 < moved < len(before)
    slow_line.always = None
    archive.run("verify", "archive")  # the folder is the store until the move is finished

    done = mover.run("migrate-store", "--to", url, "--json").json
    assert done["finished"]
    assert done["objects"] == len(before) - moved
    assert rows(archive) == before
    assert entries(archive)[: len(log)] == log

    # The old place is refused, the new one has all, and needs nothing of the old.
    assert f"Set VIDNE_STORE_URL={url}" in archive.run("verify", "archive", check=2).err
    (archive.data / "objects").rename(tmp_path / "old-objects")
    on_s3 = Program(archive.data, {**settings, "VIDNE_STORE_URL": url})
    report = on_s3.run("verify", "archive", "--json").json
    assert {check["name"] for check in report["checks"] if check["status"] == "pass"} >= {
        "tree", "published", "complete", "record", "digest", "canonical", "case-chain", "bodies", "inclusion",
        "checkpoint-signature", "sequenced",
    }  # fmt: skip
    on_s3.run("ledger", "consistency", kept)
    versions = list(s3.client().list_objects(bucket, recursive=True, include_version=True))
    assert len(versions) == len({version.object_name for version in versions})

    events = on_s3.query("SELECT entry FROM ledger_entry WHERE event_id LIKE 'move-%'")
    named = [json.loads(entry) for (entry,) in events]
    assert len(named) == 22
    assert {item["type"] for item in named} == {"object.relocated"}
    assert sum(len(item["objects"]) for item in named) == len(before)
    bodies = on_s3.query("SELECT body FROM ledger_body WHERE event_id LIKE 'move-%'")
    places = [record["store"] for (body,) in bodies for record in json.loads(body)["objects"]]
    filed = dict(on_s3.query("SELECT key, version_id FROM stored_object"))
    assert {place["key"]: place["version_id"] for place in places} == filed
    assert {place["bucket"] for place in places} == {bucket}

    # Work goes on at the new place.
    (tmp_path / "more.txt").write_text("more")
    on_s3.run("submit", tmp_path / "more.txt", "--case", CASE, "--wait", check=3)
    on_s3.run("verify", "archive")
    tags = s3.client().get_object_tags(bucket, places[0]["key"])
    assert dict(tags or {}) == {"case-number": CASE}


def test_what_is_damaged_is_named_and_nothing_is_switched(
    archive: Program, s3: S3Server, tmp_path: Path
) -> None:
    settings = s3.settings(s3.new_bucket(), tmp_path / "secret")
    url = settings.pop("VIDNE_STORE_URL")
    mover = Program(archive.data, settings)
    damaged = archive.objects()[0]
    intact = damaged.read_bytes()
    damaged.chmod(0o600)
    damaged.write_bytes(b"!" + intact[1:])
    done = mover.run("migrate-store", "--to", url, check=4)
    assert done.err.count("not moved") == 1
    assert "are not those that were filed" in done.err
    assert archive.query("SELECT DISTINCT version_id FROM stored_object") == [("0",)]
    damaged.write_bytes(intact)
    archive.run("verify", "archive")
    mover.run("migrate-store", "--to", url)


def test_a_move_is_refused_where_it_cannot_be_meant(program: Program, s3: S3Server, tmp_path: Path) -> None:
    program.open_case()
    settings = s3.settings(s3.new_bucket(object_lock=False), tmp_path / "secret")
    url = settings.pop("VIDNE_STORE_URL")
    mover = Program(program.data, settings)
    assert "does not lock" in mover.run("migrate-store", "--to", url, check=2).err
    assert "s3://host:port/bucket" in mover.run("migrate-store", "--to", "folder", check=2).err
    already = Program(program.data, {**settings, "VIDNE_STORE_URL": url})
    assert "Only the objects of a folder" in already.run("migrate-store", "--to", url, check=2).err
