"""Filing: announced, put, read back, tagged with the case number of now."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.catalogue.cases import renumber_case
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import unfinished_keys
from evidence.clock import system_clock, timestamp
from evidence.errors import IntegrityError, ObjectExistsError, VidneError
from evidence.exhibits import Role
from hashing.digests import digest_file
from ingest.filing import CASE_TAG, Pending, manifest_row, original_row, rendition_rows, retag, store_all
from retention.folder import FolderStore
from tests.ingest.conftest import NUMBER, Desk
from transcode.model import Made, Tool

TOOL = Tool("ffmpeg", "5.1", "0" * 64)
OTHER = "0200-10293-00007-26"


@pytest.fixture
def owner(desk: Desk, note: Path) -> Exhibit:
    desk.intaker().receive(note, "note.txt")
    return desk.exhibits()[0]


def made(path: Path, name: str = "working.mp4") -> Made:
    return Made(Role.WORKING, name, path, TOOL, ("-c", "copy"))


def copy_of(path: Path, name: str, content: bytes) -> Path:
    target = path.with_name(name)
    target.write_bytes(content)
    return target


def test_what_is_stored_can_be_read_back_under_its_digest_and_has_the_case_number_as_tag(
    desk: Desk, owner: Exhibit, note: Path
) -> None:
    pending = Pending(original_row(owner), copy_of(note, "copy", note.read_bytes()))
    stored = store_all(desk.catalogue, desk.store, owner, "seal", [pending])
    ((key, version),) = stored.versions.items()
    assert key.endswith(owner.digests.sha256)
    with desk.store.open(key, version) as stream:
        assert sha256(stream.read()).hexdigest() == owner.digests.sha256
    assert desk.store.get_tags(key, version) == {CASE_TAG: NUMBER}


def test_an_object_is_announced_before_it_is_put(desk: Desk, owner: Exhibit, note: Path) -> None:
    announced: list[list[str]] = []

    class Watched(FolderStore):
        def put(self, files, *, consume=False):  # type: ignore[no-untyped-def]
            with desk.catalogue.read() as connection:
                announced.append(unfinished_keys(connection))
            return super().put(files, consume=consume)

    row = original_row(owner)
    store_all(desk.catalogue, Watched(desk.data / "objects"), owner, "seal", [Pending(row, note)])
    assert announced == [[row.key]]


def test_other_bytes_than_were_received_are_never_taken_for_the_original(
    desk: Desk, owner: Exhibit, note: Path
) -> None:
    changed = copy_of(note, "changed", b"X" + note.read_bytes()[1:])
    with pytest.raises(IntegrityError, match="other bytes"):
        store_all(desk.catalogue, desk.store, owner, "seal", [Pending(original_row(owner), changed)])
    assert desk.rows("SELECT state FROM stored_object") == [("storing",)]
    with pytest.raises(ObjectExistsError):
        store_all(desk.catalogue, desk.store, owner, "seal", [Pending(original_row(owner), note)])


def test_a_run_that_was_cut_short_can_be_repeated(desk: Desk, owner: Exhibit, note: Path) -> None:
    for _ in range(2):
        pending = Pending(original_row(owner), copy_of(note, "copy", note.read_bytes()))
        store_all(desk.catalogue, desk.store, owner, "seal", [pending])
    assert desk.rows("SELECT count(*) FROM stored_object") == [(1,)]
    assert len(list(desk.store.list_keys("cases/"))) == 1


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/hostname"), os.mkfifo, os.mkdir])
def test_a_thing_that_is_no_plain_file_is_not_filed(owner: Exhibit, tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "working.mp4"
    make(path)
    with pytest.raises(VidneError, match="not a plain file"):
        rendition_rows(owner, "fast-1", [made(path)])


def test_a_rendition_says_what_made_it_of_what(owner: Exhibit, note: Path) -> None:
    (pending,) = rendition_rows(owner, "fast-1", [made(note)])
    row = pending.row
    assert row.tool == {"name": "ffmpeg", "version": "5.1", "sha256": "0" * 64}
    assert (row.args, row.parent) == (("-c", "copy"), "original")
    assert row.digests == digest_file(note)


def test_the_manifest_lists_every_rendition_under_its_digest(
    owner: Exhibit, note: Path, tmp_path: Path
) -> None:
    pending = rendition_rows(owner, "fast-1", [made(note), made(note, "rewrap.mkv")])
    manifest = manifest_row(owner, "fast-1", "fast", pending, tmp_path)
    text = manifest.path.read_text()
    assert manifest.row.role is Role.MANIFEST
    assert manifest.row.digests == digest_file(manifest.path)
    for item in pending:
        assert item.row.name in text
        assert item.row.digests.sha256 in text
    assert owner.case_number not in text


def sealed(desk: Desk) -> tuple[str, str]:
    desk.work()
    return next((key, version) for key, version in desk.rows("SELECT key, version_id FROM stored_object"))


def renumber(desk: Desk, old: str, new: str) -> None:
    with desk.catalogue.write() as connection:
        renumber_case(connection, desk.case(old), new, timestamp(system_clock()))


def test_retagging_sets_the_number_of_now(desk: Desk, owner: Exhibit) -> None:
    key, version = sealed(desk)
    renumber(desk, NUMBER, OTHER)
    assert retag(desk.catalogue, desk.store, owner.case_id) == OTHER
    assert desk.store.get_tags(key, version) == {CASE_TAG: OTHER}


def test_retagging_that_is_overtaken_by_another_renumbering_ends_with_the_last_number(
    desk: Desk, owner: Exhibit
) -> None:
    key, version = sealed(desk)
    renumber(desk, NUMBER, OTHER)
    third = "0300-10293-00009-26"

    class Overtaken(FolderStore):
        def set_tags(self, key, version_id, tags):  # type: ignore[no-untyped-def]
            if desk.rows("SELECT count(*) FROM case_number") == [(2,)]:
                renumber(desk, OTHER, third)
                retag(desk.catalogue, desk.store, owner.case_id)
            super().set_tags(key, version_id, tags)

    retag(desk.catalogue, Overtaken(desk.data / "objects"), owner.case_id)
    assert desk.store.get_tags(key, version) == {CASE_TAG: third}
