"""What revocation lists say of a stamp: RFC 3161, section 4, and RFC 5280, sections 5 and 6.3."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.x509 import (
    CRLReason,
    DeltaCRLIndicator,
    ExtensionType,
    InvalidityDate,
    IssuingDistributionPoint,
    ReasonFlags,
    UniformResourceIdentifier,
)

from evidence.custody import CustodyEvent, EventObject, KeptStamp
from hashing.publication import put_objects, revocation_list_path
from hashing.report import Cause, Check, Status
from hashing.revocation import (
    LIST_ROLE,
    NO_LISTS,
    RevocationListError,
    RevocationLists,
    RevokedError,
    lists_in,
    pem_of,
)
from hashing.revocation_checks import NAME, STAMPED_EVENT, kept_lists, recorded_lists
from hashing.timestamp_checks import TimeEvidence
from hashing.timestamps import STAMP_ROLE, TimeStamp, make_request, verify_response
from tests.hashing.cases import AT, Scene, check, complete_scene, failed
from tests.hashing.test_timestamp_checks import recorded, stamped
from tests.tsa import Authority, authority, issue, revocation_list

URL = "https://tsa.example.org/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CRL = "http://lists.example.org/middle.crl"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa"), crl=CRL)


@pytest.fixture(scope="module")
def stamp(tsa: Authority) -> TimeStamp:
    response = tsa.reply(make_request(b"content").der)
    return verify_response(response, b"content", [tsa.root.certificate], at=now())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return complete_scene(tmp_path)


def idp(uri: str | None = None, **scope: object) -> IssuingDistributionPoint:
    given: dict[str, object] = {
        "full_name": [UniformResourceIdentifier(uri)] if uri else None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return IssuingDistributionPoint(**(given | scope))  # type: ignore[arg-type]


def clean(tsa: Authority) -> list[bytes]:
    """A list by each authority of the chain below the root, and by the root, that names nobody."""
    return [revocation_list(tsa.middle), revocation_list(tsa.root)]


def test_lists_that_name_nobody_leave_a_stamp_as_it_is(tsa: Authority, stamp: TimeStamp) -> None:
    found = RevocationLists(clean(tsa)).standing(stamp)
    assert (found.until, found.unlisted) == (None, ())


def test_without_a_list_it_is_said_by_whom_one_is_missing(tsa: Authority, stamp: TimeStamp) -> None:
    assert NO_LISTS.standing(stamp).unlisted == ("CN=Test Intermediate", "CN=Test Root")
    only_one = RevocationLists([revocation_list(tsa.middle)])
    assert only_one.standing(stamp).unlisted == ("CN=Test Root",)


@pytest.mark.parametrize("about", [(), (CRLReason(ReasonFlags.superseded),)], ids=["no reason", "superseded"])
def test_a_stamp_made_after_the_revocation_is_none_whatever_the_reason(
    tsa: Authority, stamp: TimeStamp, about: Sequence[ExtensionType]
) -> None:
    lists = RevocationLists([revocation_list(tsa.middle, tsa.leaf, since=now() - HOUR, about=about)])
    with pytest.raises(RevokedError, match=r"CN=Test Time-Stamp Authority was revoked on"):
        lists.standing(stamp)


@pytest.mark.parametrize(
    ("reason", "spares"),
    [
        (ReasonFlags.unspecified, True),
        (ReasonFlags.affiliation_changed, True),
        (ReasonFlags.superseded, True),
        (ReasonFlags.cessation_of_operation, True),
        (ReasonFlags.key_compromise, False),
        (ReasonFlags.ca_compromise, False),
        (ReasonFlags.certificate_hold, False),
        (ReasonFlags.privilege_withdrawn, False),
        (None, False),
    ],
)
def test_a_stamp_made_before_the_revocation_counts_with_the_reasons_of_rfc_3161_alone(
    tsa: Authority, stamp: TimeStamp, reason: ReasonFlags | None, spares: bool
) -> None:
    since = now().replace(microsecond=0) + DAY
    about = [CRLReason(reason)] if reason else []
    listed = revocation_list(tsa.middle, tsa.leaf, since=since, end=now() + 9 * DAY, about=about)
    found = RevocationLists([*clean(tsa), listed]).standing(stamp)
    assert (found.until, "not merely given up" in found.why) == ((None, False) if spares else (since, True))


def test_a_certificate_of_the_middle_of_the_chain_counts_as_the_signers_does(
    tsa: Authority, stamp: TimeStamp
) -> None:
    with pytest.raises(RevokedError, match="CN=Test Intermediate was revoked"):
        RevocationLists([revocation_list(tsa.root, tsa.middle)]).standing(stamp)


def test_a_key_that_was_known_to_be_lost_before_counts_from_then(tsa: Authority, stamp: TimeStamp) -> None:
    about = [CRLReason(ReasonFlags.superseded), InvalidityDate((now() - HOUR).replace(tzinfo=None))]
    lists = RevocationLists([revocation_list(tsa.middle, tsa.leaf, since=now() + HOUR, about=about)])
    with pytest.raises(RevokedError):
        lists.standing(stamp)


def test_a_list_by_somebody_else_says_nothing(tsa: Authority, stamp: TimeStamp) -> None:
    namesake = issue("Test Intermediate")
    lists = RevocationLists([revocation_list(namesake, tsa.leaf)])
    assert lists.standing(stamp).unlisted[0] == "CN=Test Intermediate"
    assert lists.strangers(stamp.chain) == 1
    assert RevocationLists(clean(tsa)).strangers(stamp.chain) == 0


@pytest.mark.parametrize(
    ("start", "end", "is_in_force"),
    [(-2 * DAY, DAY, True), (-2 * DAY, -HOUR, False), (DAY, 2 * DAY, True), (400 * DAY, 401 * DAY, False)],
    ids=["then", "before", "later, while the certificate lived", "after the certificate had expired"],
)
def test_a_list_counts_that_was_in_force_or_came_while_the_certificate_was_valid(
    tsa: Authority, stamp: TimeStamp, start: timedelta, end: timedelta, is_in_force: bool
) -> None:
    raw = revocation_list(tsa.middle, start=now() + start, end=now() + end)
    found = RevocationLists([raw]).standing(stamp)
    assert ("CN=Test Intermediate" not in found.unlisted) is is_in_force


@pytest.mark.parametrize(
    ("said", "is_about"),
    [
        (idp(CRL), True),
        (idp("http://lists.example.org/other.crl"), False),
        (idp(only_contains_user_certs=True), True),
        (idp(only_contains_ca_certs=True), False),
        (idp(indirect_crl=True), False),
        (idp(only_some_reasons=frozenset([ReasonFlags.key_compromise])), False),
        (DeltaCRLIndicator(1), False),
    ],
    ids=["this place", "another place", "users", "authorities", "indirect", "some reasons", "delta"],
)
def test_a_list_whose_scope_leaves_the_certificate_out_says_nothing(
    tsa: Authority, stamp: TimeStamp, said: ExtensionType, is_about: bool
) -> None:
    found = RevocationLists([revocation_list(tsa.middle, critical=[said])]).standing(stamp)
    assert ("CN=Test Intermediate" not in found.unlisted) is is_about


def test_lists_go_through_a_file_in_pem(tsa: Authority) -> None:
    pem = pem_of([*clean(tsa)])
    assert len(lists_in(pem)) == 2
    assert pem_of(lists_in(pem)) == pem
    for raw in (b"", b"garbage", pem + b"x", tsa.root.pem):
        with pytest.raises(RevocationListError):
            lists_in(raw)
    with pytest.raises(RevocationListError, match="It is no revocation list"):
        RevocationLists([b"garbage"])


# The check, in the verification of a case


def looked(scene: Scene, tsa: Authority, lists: RevocationLists, *kept: KeptStamp) -> tuple[int, Check]:
    evidence = TimeEvidence(now(), kept or [stamped(scene, tsa, 6)], [tsa.root.certificate], [URL], lists)
    report = scene.verify(stamps=evidence)
    return report.exit_code, check(report, NAME)


def test_a_case_whose_stamps_are_by_no_revoked_certificate_passes(scene: Scene, tsa: Authority) -> None:
    code, found = looked(scene, tsa, RevocationLists(clean(tsa)))
    assert (code, found.status, found.checked) == (0, Status.PASS, 1)


def test_where_no_list_was_kept_it_is_said_that_revocation_was_not_checked(
    scene: Scene, tsa: Authority
) -> None:
    code, found = looked(scene, tsa, NO_LISTS)
    assert (code, found.status) == (0, Status.NOT_CHECKED)
    assert "no list in force then is at hand by CN=Test Intermediate; CN=Test Root" in found.reason
    report = scene.verify(stamps=TimeEvidence(now(), [stamped(scene, tsa, 6)], [tsa.root.certificate], [URL]))
    assert "revocation" in report.verdict


def test_a_stamp_by_a_certificate_that_was_revoked_then_is_an_integrity_failure_and_covers_nothing(
    scene: Scene, tsa: Authority
) -> None:
    lists = RevocationLists([*clean(tsa), revocation_list(tsa.middle, tsa.leaf)])
    kept = stamped(scene, tsa, 6)
    report = scene.verify(stamps=TimeEvidence(now(), [kept], [tsa.root.certificate], [URL], lists))
    assert (report.exit_code, failed(report)) == (1, {NAME, "time-stamp"})
    assert check(report, NAME).defects[0].cause is Cause.INTEGRITY
    assert "0 of 4 are" in check(report, "time-stamp").reason


def test_after_a_lost_key_its_stamps_count_no_more_unless_they_were_stamped_anew_before(
    scene: Scene, tsa: Authority, tmp_path: Path
) -> None:
    later = authority(tmp_path / "later", root=tsa.root)
    lost = revocation_list(
        tsa.middle,
        tsa.leaf,
        since=now() + HOUR,
        end=now() + 9 * DAY,
        about=[CRLReason(ReasonFlags.key_compromise)],
    )
    lists = RevocationLists([*clean(tsa), revocation_list(later.middle), lost])
    old = stamped(scene, tsa, 6)

    def at(when: timedelta, *kept: KeptStamp) -> tuple[int, Check]:
        evidence = TimeEvidence(now() + when, kept, [tsa.root.certificate], [URL], lists)
        report = scene.verify(stamps=evidence)
        return report.exit_code, check(report, "time-stamp")

    code, found = at(2 * DAY, old)
    assert (code, found.status) == (6, Status.FAIL)
    assert "It counts no more: the certificate of CN=Test Time-Stamp Authority was revoked" in found.reason
    recorded(scene, old)
    code, found = at(2 * DAY, old, stamped(scene, later, 7))
    assert (code, found.status) == (0, Status.PASS)
    assert "tree of 6 entries" in found.reason


def test_lists_that_the_log_says_were_kept_are_read_out_of_the_store_and_missed(
    scene: Scene, tsa: Authority
) -> None:
    kept, lists = stamped(scene, tsa, 6), clean(tsa)
    digests = [sha256(raw).hexdigest() for raw in lists]
    objects = [EventObject("", LIST_ROLE, digest, 1) for digest in digests]
    stamp_object = EventObject("", STAMP_ROLE, sha256(kept.response or b"").hexdigest(), 1)
    scene.ledger.file(
        CustodyEvent("time-stamp:6:x", STAMPED_EVENT, AT, "worker", "", (stamp_object, *objects))
    )
    assert recorded_lists(scene.ledger) == {stamp_object.sha256: tuple(digests)}, "before it has its place"
    scene.sequence()
    assert recorded_lists(scene.ledger) == {stamp_object.sha256: tuple(digests)}
    paths = [revocation_list_path(digest) for digest in digests]
    put_objects(scene.store, "ledger/", scene.folder / "work", dict(zip(paths, lists, strict=True)))
    assert looked(scene, tsa, kept_lists(scene.ledger, scene.store, "ledger/"), kept)[0] == 0

    lying = [scene.folder / "objects" / "ledger" / path for path in paths]
    lying[0].unlink()
    code, found = looked(scene, tsa, kept_lists(scene.ledger, scene.store, "ledger/"), kept)
    assert (code, [defect.subject for defect in found.defects]) == (3, [f"ledger/{paths[0]}"])
    lying[0].write_bytes(lists[1])
    code, found = looked(scene, tsa, kept_lists(scene.ledger, scene.store, "ledger/"), kept)
    assert (code, found.defects[0].what) == (
        1,
        "It is not the revocation list that was kept with a time stamp.",
    )
