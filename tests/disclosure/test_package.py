"""Writing of export packages: what goes in, what is left out, and that nothing half is ever left behind."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import bagit
import pytest

from disclosure.package import write_package
from disclosure.selection import PackagedObject
from evidence.custody import CustodyEvent, EventBody, LedgerEntry
from evidence.errors import (
    ConflictError,
    IncompleteError,
    IntegrityError,
    NotFoundError,
    StorageFullError,
    UsageError,
)
from evidence.exhibits import Role
from hashing.entries import parse_entry
from hashing.package import verify_package
from hashing.package_files import BODIES, ENTRIES, BodyState, PackagedBody
from hashing.proof_file import EntryProof
from tests.disclosure.packages import (
    NUMBER,
    Tampered,
    export_all,
    filed,
    origin_of,
    packaged,
    request_of,
)  # fmt: skip
from tests.disks import fill, small_disk
from tests.hashing.cases import CASE, Scene, check, failed


def bodies_of(package: Path) -> dict[str, PackagedBody]:
    lines = (package / BODIES).read_bytes().splitlines()
    return {item.body.event_id: item for item in map(PackagedBody.from_line, lines)}


def left_out(package: Path) -> set[str]:
    return {name for name, item in bodies_of(package).items() if item.state is BodyState.LEFT_OUT}


def test_a_package_holds_the_stored_bytes_and_no_link_to_them(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    for item in packaged(scene):
        copy = package / item.path
        assert sha256(copy.read_bytes()).hexdigest() == item.digests.sha256
        assert copy.stat().st_nlink == 1


def test_bagit_finds_the_bag_valid(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    bag = bagit.Bag(str(package))
    assert bag.is_valid()
    assert bag.version_info == (1, 0)
    assert bag.info["External-Identifier"] == NUMBER
    assert len(list(bag.payload_files())) == 6
    Tampered(package).flip("data/EX-0001.working.mp4")
    assert not bagit.Bag(str(package)).is_valid()


def test_the_last_entry_is_the_export_and_names_the_payload_manifest(scene: Scene, tmp_path: Path) -> None:
    made = write_package(tmp_path / "P", request_of(packaged(scene)), origin_of(scene))
    lines = (tmp_path / "P" / ENTRIES).read_bytes().splitlines()
    last = parse_entry(lines[-1])
    manifest = (tmp_path / "P" / "manifest-sha256.txt").read_bytes()
    assert (last.type, last.case, last.case_seq) == ("export.created", CASE, 11)
    assert [(item.exhibit, item.role, item.sha256, item.size) for item in last.objects] == [
        ("", "export-manifest", sha256(manifest).hexdigest(), len(manifest))
    ]
    assert (made.case_seq, made.files, made.manifest_sha256) == (11, 6, sha256(manifest).hexdigest())
    said = json.loads(bodies_of(tmp_path / "P")[last.event_id].body.body or b"")
    assert said["exhibits"] == ["EX-0001", "EX-0002"]
    assert (said["whole_case"], said["files"], said["size"]) == (True, 6, made.size)


def test_entries_stand_byte_for_byte_as_they_were_sequenced(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    rows = list(scene.ledger.case_entries(CASE))
    assert (package / ENTRIES).read_bytes() == b"".join(row.entry + b"\n" for row in rows)
    for row in rows:
        raw = (package / f"custody/proofs/{row.case_seq}.tlog-proof").read_bytes()
        proof = EntryProof.from_bytes(raw)
        assert proof.index == row.index
        assert proof.verify(row.entry, scene.signer.verifier).size == 13


def test_what_comes_after_the_export_is_not_in_it(scene: Scene, tmp_path: Path) -> None:
    origin = origin_of(scene)

    def file_event(event: CustodyEvent) -> LedgerEntry:
        row = origin.file_event(event)
        filed(scene, "later:case.closed", "case.closed", {})
        scene.sequence()
        return row

    later = replace(origin, file_event=file_event)
    write_package(tmp_path / "P", request_of(packaged(scene)), later)
    assert len((tmp_path / "P" / ENTRIES).read_bytes().splitlines()) == 11
    assert verify_package(tmp_path / "P", scene.signer.verifier).exit_code == 0


def test_a_second_export_ends_with_its_own_entry(scene: Scene, tmp_path: Path) -> None:
    export_all(scene, tmp_path / "P")
    request = request_of(packaged(scene), export_id="x2")
    assert write_package(tmp_path / "Q", request, origin_of(scene)).case_seq == 12
    for name in "PQ":
        assert verify_package(tmp_path / name, scene.signer.verifier).exit_code == 0


def test_of_one_exhibit_all_entries_are_there_and_the_others_bodies_are_not(
    scene: Scene, tmp_path: Path
) -> None:
    request = request_of(packaged(scene, "EX-0001"), is_whole=False)
    write_package(tmp_path / "P", request, origin_of(scene))
    assert len((tmp_path / "P" / ENTRIES).read_bytes().splitlines()) == 11
    others = {"sub-2:file.received", "job-2:object.stored", "job-12:object.stored", "job-12:fast"}
    assert left_out(tmp_path / "P") == {*others, "rec:recorder.added"}
    assert b"clip 2.mp4" not in (tmp_path / "P" / BODIES).read_bytes()
    report = verify_package(tmp_path / "P", scene.signer.verifier)
    assert report.exit_code == 0
    assert "5 were left out" in check(report, "bodies").reason


def test_the_recorder_of_an_exhibit_goes_with_it(scene: Scene, tmp_path: Path) -> None:
    made = next(row for row in scene.rows if (row.exhibit, row.role) == ("EX-0002", Role.ORIGINAL))
    filed(scene, "rec:linked", "recorder.linked", {"recorder": "R-01"}, made)
    for label, recorder in (("EX-0001", True), ("EX-0002", False)):
        output = tmp_path / label
        request = request_of(packaged(scene, label), is_whole=False, export_id=label)
        write_package(output, request, origin_of(scene))
        assert ("rec:recorder.added" in left_out(output)) is recorder


@pytest.mark.parametrize("with_contact", [True, False])
def test_contact_data_goes_only_where_it_is_asked_for(
    scene: Scene, tmp_path: Path, *, with_contact: bool
) -> None:
    filed(scene, "sub-1:contact.given", "contact.given", {"telephone": "12345678"})
    request = replace(request_of(packaged(scene)), with_contact=with_contact)
    write_package(tmp_path / "P", request, origin_of(scene))
    assert (b"12345678" in (tmp_path / "P" / BODIES).read_bytes()) is with_contact
    assert verify_package(tmp_path / "P", scene.signer.verifier).exit_code == 0


def test_an_erased_body_is_told_as_erased(scene: Scene, tmp_path: Path) -> None:
    event_id = "sub-1:file.received"
    scene.ledger.kept[event_id] = EventBody(event_id, None, None)
    package = export_all(scene, tmp_path / "P")
    assert bodies_of(package)[event_id].state is BodyState.ERASED
    report = verify_package(package, scene.signer.verifier)
    assert (report.exit_code, failed(report)) == (3, {"bodies"})  # nothing says so: the ledger has lost it
    filed(scene, "e:body.erased", "body.erased", {"entries": [2], "reason": "asked for"})
    write_package(tmp_path / "Q", request_of(packaged(scene), export_id="x2"), origin_of(scene))
    report = verify_package(tmp_path / "Q", scene.signer.verifier)
    assert report.exit_code == 0
    assert "1 were erased" in check(report, "bodies").reason


def test_a_body_survives_its_line_whatever_its_bytes() -> None:
    for raw in (b'{"a":"\xc3\xa6"}', b"\xff\x00\n", b""):
        item = PackagedBody.of(EventBody("e", b"s" * 32, raw), is_wanted=True)
        line = item.to_line()
        assert line.count(b"\n") == 1
        assert PackagedBody.from_line(line[:-1]) == item


def test_a_folder_that_is_there_is_never_touched(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "P").mkdir()
    with pytest.raises(ConflictError, match="exists already"):
        export_all(scene, tmp_path / "P")
    (tmp_path / "Q").symlink_to("nowhere")
    with pytest.raises(ConflictError, match="exists already"):
        export_all(scene, tmp_path / "Q")
    with pytest.raises(NotFoundError, match="There is no folder"):
        export_all(scene, tmp_path / "none" / "P")
    assert list((tmp_path / "P").iterdir()) == []
    assert len(scene.ledger.inbox) == 2  # nothing was filed: only what waited before waits


def test_nothing_is_exported_of_nothing(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to export"):
        write_package(tmp_path / "P", request_of([]), origin_of(scene))


def test_an_object_that_is_not_what_was_filed_leaves_no_package_and_no_event(
    scene: Scene, tmp_path: Path
) -> None:
    scene.overwrite(scene.rows[0], b"replaced")
    with pytest.raises(IntegrityError, match=r"data/EX-0001.original.mp4 is not what was filed"):
        export_all(scene, tmp_path / "P")
    assert leftovers(tmp_path) == []
    assert "x1:export.created" not in scene.ledger.kept


def test_an_object_that_is_gone_is_told_as_missing(scene: Scene, tmp_path: Path) -> None:
    path = scene.store.local_path(scene.rows[1].key, "0")
    assert path is not None
    path.unlink()
    with pytest.raises(IncompleteError, match=r"data/EX-0001.working.mp4 is missing from the store"):
        export_all(scene, tmp_path / "P")
    assert leftovers(tmp_path) == []


def test_progress_counts_what_is_copied_and_what_is_read_back(scene: Scene, tmp_path: Path) -> None:
    seen: list[int] = []
    write_package(tmp_path / "P", request_of(packaged(scene)), origin_of(scene), seen.append)
    listed = sum(p.stat().st_size for p in (tmp_path / "P").rglob("*") if p.is_file())
    listed -= (tmp_path / "P" / "tagmanifest-sha256.txt").stat().st_size
    assert sum(seen) == sum(item.digests.size for item in packaged(scene)) + listed


def test_a_package_that_does_not_verify_is_not_left_there(scene: Scene, tmp_path: Path) -> None:
    event_id = "sub-1:file.received"
    old = scene.ledger.kept[event_id]
    scene.ledger.kept[event_id] = EventBody(event_id, old.salt, b'{"filename":"another"}')
    with pytest.raises(IntegrityError, match="does not verify"):
        export_all(scene, tmp_path / "P")
    assert leftovers(tmp_path) == []


def test_an_object_that_no_entry_names_is_not_exported(scene: Scene, tmp_path: Path) -> None:
    scene.put(b"never filed", Role.KEYFRAME, "keyframe-001.png")
    with pytest.raises(IntegrityError, match="record"):
        export_all(scene, tmp_path / "P")
    assert leftovers(tmp_path) == []


def test_two_files_of_one_name_are_refused(scene: Scene, tmp_path: Path) -> None:
    first = packaged(scene)[0]
    twin = PackagedObject(first.path.upper(), first.key, first.version_id, first.digests)
    with pytest.raises(IntegrityError, match="Two files"):
        write_package(tmp_path / "P", request_of([first, twin]), origin_of(scene))


def test_a_full_disk_leaves_nothing_and_says_so(scene: Scene, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        fill(disk, leave=3 << 20)
        before = sorted(disk.iterdir())
        with pytest.raises(StorageFullError, match="no room for the package"):
            export_all(scene, disk / "P")
        assert sorted(disk.iterdir()) == before
    assert "x1:export.created" not in scene.ledger.kept


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith((".P", "P"))]
