"""Which time stamps go into a package: each entry that matters bounded as tightly as can be, and no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.x509 import CRLReason, ReasonFlags

from disclosure.anchors import MOST_STAMPS, Anchors, chosen_stamps
from disclosure.package import write_package
from evidence.custody import CustodyEvent, EventObject, KeptStamp, LedgerEntry
from evidence.exhibits import Role
from hashing.notes import checkpoint_of
from hashing.package import verify_package
from hashing.package_files import CHECKPOINT, REVOCATION_LISTS
from hashing.publication import authority_id, put_objects, revocation_list_path
from hashing.report import Status
from hashing.revocation import LIST_ROLE, lists_in, pem_of
from hashing.revocation_checks import STAMPED_EVENT
from hashing.timestamps import STAMP_ROLE, make_request
from tests.disclosure.packages import Tampered, case_scene, origin_of, packaged, request_of, stored
from tests.hashing.cases import AT, CASE, OTHER_CASE, Scene, check, failed
from tests.tsa import Authority, authority, openssl_accepts, revocation_list

URL, OTHER_URL = "https://tsa.example.org/", "https://other.example.org/"
TSA = "custody/tsa/"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa"))


def real(scene: Scene, tsa: Authority, size: int, url: str = URL) -> KeptStamp:
    response = tsa.reply(make_request(scene.ledger.checkpoints[size]).der)
    return KeptStamp(size, url, response, chain=tsa.leaf.pem + tsa.middle.pem + tsa.root.pem)


def long_scene(folder: Path, *, exhibits: int, between: int) -> Scene:
    """Exhibits of one case, and `between` entries of another case behind each; all sequenced one by one."""
    scene = Scene(folder)
    for number in range(1, exhibits + 1):
        original = scene.put(f"{number}".encode() * 50, Role.ORIGINAL, "original", f"EX-{number:04d}")
        stored(scene, f"job-{number}:object.stored", original)
        scene.sequence()
        for more in range(between):
            scene.file(f"other-{number}-{more}", case=OTHER_CASE)
            scene.sequence()
    return scene


def fakes(scene: Scene, *urls: str, expires: str = "") -> list[KeptStamp]:
    """As if every checkpoint had been stamped."""
    return [KeptStamp(size, url, b"x", expires=expires) for url in urls for size in scene.ledger.checkpoints]


def test_of_hundreds_of_stamps_each_exhibit_keeps_its_earliest_and_the_package_verifies(
    tmp_path: Path, tsa: Authority
) -> None:
    scene = long_scene(tmp_path, exhibits=3, between=70)
    kept = [real(scene, tsa, size) for size in scene.ledger.checkpoints]
    assert len(kept) == 3 * 71
    write_package(tmp_path / "P", request_of(packaged(scene)), origin_of(scene, kept))
    names = {path.name for path in (tmp_path / "P" / TSA).glob("*.tsr")}
    # The three exhibits are entries 0, 71 and 142; no stamp is over the export, so the newest is taken.
    assert names == {f"{size}-{authority_id(URL)}.tsr" for size in (1, 72, 143, 213)}
    report = verify_package(tmp_path / "P", scene.signer.verifier, tsa_roots=[tsa.root.certificate])
    assert report.exit_code == 0
    assert "received were EX-0001 by 20" in check(report, "time-stamp").reason
    assert "entry 4 is behind the last time stamp" in check(report, "time-stamp").reason


def test_the_choice_is_the_earliest_over_the_export_the_entry_before_and_the_ends_of_each_exhibit(
    tmp_path: Path,
) -> None:
    scene = long_scene(tmp_path, exhibits=2, between=3)  # entries 0 and 4 of 8
    scene.file("closed", *scene.rows[:1])  # entry 8 is the last of EX-0001
    scene.sequence()
    scene.file("export")
    scene.sequence()
    rows = list(scene.ledger.case_entries(CASE))
    stamps = fakes(scene, URL, OTHER_URL)
    both = ["EX-0001", "EX-0002"]
    for url in (URL, OTHER_URL):
        found = [kept.size for kept in chosen_stamps(stamps, rows, both, AT) if kept.authority == url]
        assert found == [1, 5, 9, 10]
    assert chosen_stamps(stamps[::-1], rows, both, AT) == chosen_stamps(stamps, rows, both, AT)
    found = [kept.size for kept in chosen_stamps(fakes(scene, URL), rows, ["EX-0002"], AT)]
    assert found == [5, 9, 10]
    few = [kept for kept in fakes(scene, URL) if kept.size in (3, 7)]
    assert [kept.size for kept in chosen_stamps(few, rows, both, AT)] == [3, 7]


def test_stamps_that_expired_are_left_out_where_there_are_others(tmp_path: Path) -> None:
    scene = long_scene(tmp_path, exhibits=1, between=2)
    rows = list(scene.ledger.case_entries(CASE))
    old, alive = fakes(scene, URL, expires="2020-01-01"), fakes(scene, URL, expires="2099-01-01")
    mixed = [old[0], alive[1]]
    assert chosen_stamps(mixed, rows, ["EX-0001"], AT) == [alive[1]]
    assert chosen_stamps(old, rows, ["EX-0001"], AT) == [old[0]]
    assert chosen_stamps([replace(old[0], response=None)], rows, ["EX-0001"], AT) == []


def test_there_is_a_most_with_the_first_and_the_last_among_them(tmp_path: Path) -> None:
    scene = long_scene(tmp_path, exhibits=MOST_STAMPS + 40, between=0)
    rows = list(scene.ledger.case_entries(CASE))
    labels = [f"EX-{number:04d}" for number in range(1, MOST_STAMPS + 41)]
    found = [kept.size for kept in chosen_stamps(fakes(scene, URL), rows, labels, AT)]
    assert (len(found), found[0], found[-1]) == (MOST_STAMPS, 1, MOST_STAMPS + 40)
    assert max(after - before for before, after in pairwise(found)) == 2


def test_a_stamp_over_more_than_was_cosigned_takes_the_checkpoint_with_it(
    tmp_path: Path, tsa: Authority
) -> None:
    scene = case_scene(tmp_path)
    origin = origin_of(scene)

    def anchors(_last: LedgerEntry) -> Anchors:
        scene.file("while-the-witness-was-asked", case=OTHER_CASE)
        scene.sequence()
        return Anchors([real(scene, tsa, 14)], {13: []})

    write_package(tmp_path / "P", request_of(packaged(scene)), replace(origin, anchors=anchors))
    assert checkpoint_of((tmp_path / "P" / CHECKPOINT).read_bytes()).size == 14
    report = verify_package(tmp_path / "P", scene.signer.verifier, tsa_roots=[tsa.root.certificate])
    assert report.exit_code == 0
    assert "11 of the 11 of the case" in check(report, "time-stamp").reason


# Revocation lists


def listed(folder: Path, tsa: Authority, *lists: bytes) -> tuple[Scene, Path]:
    """A package with a stamp with which these lists were kept."""
    scene = case_scene(folder)
    kept = real(scene, tsa, 10)
    digests = [sha256(raw).hexdigest() for raw in lists]
    objects = [(STAMP_ROLE, sha256(kept.response or b"").hexdigest()), *((LIST_ROLE, d) for d in digests)]
    things = tuple(EventObject("", role, digest, 1) for role, digest in objects)
    scene.ledger.file(CustodyEvent("time-stamp:10:x", STAMPED_EVENT, AT, "worker", "", things))
    paths = [revocation_list_path(digest) for digest in digests]
    put_objects(scene.store, "ledger/", folder / "work", dict(zip(paths, lists, strict=True)))
    write_package(folder / "P", request_of(packaged(scene)), origin_of(scene, [kept]))
    return scene, folder / "P"


def test_the_lists_of_the_chosen_stamps_go_in_and_are_read(tmp_path: Path, tsa: Authority) -> None:
    lists = [revocation_list(tsa.middle), revocation_list(tsa.root)]
    scene, root = listed(tmp_path, tsa, *lists)
    assert len(lists_in((root / REVOCATION_LISTS).read_bytes())) == 2
    roots = [tsa.root.certificate]
    report = verify_package(root, scene.signer.verifier, tsa_roots=roots)
    assert (report.exit_code, check(report, "revocation").status) == (0, Status.PASS)
    without = verify_package(root, scene.signer.verifier)
    assert (without.exit_code, check(without, "revocation").status) == (6, Status.NOT_CHECKED)
    (root / REVOCATION_LISTS).unlink()
    report = verify_package(Tampered(root).reseal().root, scene.signer.verifier, tsa_roots=roots)
    assert (report.exit_code, check(report, "revocation").status) == (0, Status.NOT_CHECKED)


def test_openssl_reads_the_lists_of_a_package(tmp_path: Path, tsa: Authority) -> None:
    _, root = listed(tmp_path, tsa, revocation_list(tsa.middle), revocation_list(tsa.root))
    stamp = f"{TSA}10-{authority_id(URL)}.tsr"
    response, note = (root / stamp).read_bytes(), (root / f"{TSA}10.checkpoint").read_bytes()
    trusted = tmp_path / "roots-and-lists.pem"
    trusted.write_bytes(tsa.root.pem + (root / REVOCATION_LISTS).read_bytes())
    assert openssl_accepts(response, note, trusted, tmp_path, "-crl_check_all")
    trusted.write_bytes(tsa.root.pem + revocation_list(tsa.middle, tsa.leaf))
    assert not openssl_accepts(response, note, trusted, tmp_path, "-crl_check")
    trusted.write_bytes(tsa.root.pem)
    assert not openssl_accepts(response, note, trusted, tmp_path, "-crl_check")


@pytest.mark.parametrize("reason", [ReasonFlags.superseded, ReasonFlags.key_compromise])
def test_a_certificate_that_was_revoked_later_counts_by_its_reason(
    tmp_path: Path, tsa: Authority, reason: ReasonFlags
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    listed_later = revocation_list(
        tsa.middle, tsa.leaf, since=later, end=later + timedelta(days=9), about=[CRLReason(reason)]
    )
    scene, root = listed(tmp_path, tsa, listed_later, revocation_list(tsa.root))
    at = later + timedelta(days=1)
    report = verify_package(root, scene.signer.verifier, tsa_roots=[tsa.root.certificate], at=at)
    if reason is ReasonFlags.superseded:
        assert (report.exit_code, failed(report)) == (0, set())
    else:
        assert (report.exit_code, failed(report)) == (6, {"time-stamp"})
        assert "no package shows" in check(report, "time-stamp").reason


def test_a_stamp_by_a_certificate_that_was_revoked_then_fails(tmp_path: Path, tsa: Authority) -> None:
    scene, root = listed(tmp_path, tsa, revocation_list(tsa.middle, tsa.leaf))
    report = verify_package(root, scene.signer.verifier, tsa_roots=[tsa.root.certificate])
    assert report.exit_code == 1
    assert "was revoked on" in check(report, "revocation").reason


@pytest.mark.parametrize("by_another", [True, False])
def test_a_list_that_was_changed_is_caught(tmp_path: Path, tsa: Authority, *, by_another: bool) -> None:
    scene, root = listed(tmp_path, tsa, revocation_list(tsa.middle), revocation_list(tsa.root))
    package = Tampered(root)
    raw = package.read(REVOCATION_LISTS)
    other = authority(tmp_path / "other")
    more = pem_of([revocation_list(other.middle)])
    package.write(REVOCATION_LISTS, raw + more if by_another else raw[: raw.index(b"-----END")])
    report = verify_package(package.reseal().root, scene.signer.verifier, tsa_roots=[tsa.root.certificate])
    assert report.exit_code == 1
    assert REVOCATION_LISTS in {defect.subject for item in report.checks for defect in item.defects}


def test_a_list_that_the_store_has_lost_is_told_and_keeps_nobody_from_a_package(
    tmp_path: Path, tsa: Authority
) -> None:
    scene, root = listed(tmp_path, tsa, revocation_list(tsa.middle), revocation_list(tsa.root))
    (stamp,) = (root / TSA).glob("*.tsr")
    kept = KeptStamp(10, URL, stamp.read_bytes(), chain=tsa.leaf.pem)
    lost, *_ = (tmp_path / "objects" / "ledger" / "timestamp").rglob("*.crl")
    lost.unlink()
    made = write_package(
        tmp_path / "Q", request_of(packaged(scene), export_id="x2"), origin_of(scene, [kept])
    )
    (lack,) = made.lacks
    assert lost.stem in lack
    assert len(lists_in((tmp_path / "Q" / REVOCATION_LISTS).read_bytes())) == 1
