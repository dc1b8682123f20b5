"""The check `time-stamp`: stamps over this log, by an authority that is trusted, over the whole case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.custody import CustodyEvent, EventObject, KeptStamp
from hashing.note_keys import Signer
from hashing.report import Check, Status
from hashing.timestamp_checks import NAME, TimeEvidence
from hashing.timestamps import STAMP_ROLE, make_request
from hashing.verify import verify_file
from tests.hashing.cases import AT, CASE, ORIGIN, Scene, check, complete_scene, event, failed
from tests.tsa import Authority, authority, issue

URL = "https://tsa.example.org/"
DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return complete_scene(tmp_path)


def another(scene: Scene) -> Scene:
    (scene.folder / "other").mkdir()
    return complete_scene(scene.folder / "other")


def stamped(scene: Scene, tsa: Authority, size: int, url: str = URL) -> KeptStamp:
    return KeptStamp(size, url, tsa.reply(make_request(scene.ledger.checkpoints[size]).der))


def evidence(tsa: Authority, *kept: KeptStamp, at: datetime | None = None) -> TimeEvidence:
    return TimeEvidence(at or now(), kept, [tsa.root.certificate], [URL])


def verify(scene: Scene, tsa: Authority, *kept: KeptStamp, at: datetime | None = None) -> tuple[int, Check]:
    report = scene.verify(stamps=evidence(tsa, *kept, at=at))
    return report.exit_code, check(report, NAME)


def test_a_stamp_over_the_whole_case_passes_and_says_when_by_whom_and_over_what(
    scene: Scene, tsa: Authority
) -> None:
    code, found = verify(scene, tsa, stamped(scene, tsa, 6))
    assert (code, found.status, found.checked) == (0, Status.PASS, 1)
    assert f"{now():%Y-%m-%d}" in found.reason
    assert "CN=Test Time-Stamp Authority stamped the tree of 6 entries, all 4 of the case" in found.reason


def test_the_first_stamp_over_the_whole_case_is_the_one_that_is_told(scene: Scene, tsa: Authority) -> None:
    scene.file("elsewhere", case="othercase")
    scene.sequence()
    code, found = verify(scene, tsa, stamped(scene, tsa, 3), stamped(scene, tsa, 6), stamped(scene, tsa, 7))
    assert (code, found.checked) == (0, 3)
    assert "tree of 6 entries" in found.reason


def test_entries_behind_the_last_stamped_size_are_named_as_not_stamped_yet(
    scene: Scene, tsa: Authority
) -> None:
    code, found = verify(scene, tsa, stamped(scene, tsa, 3))
    assert (code, found.status) == (3, Status.PENDING)
    assert "Entries 3 to 4 of the case are not stamped yet; 2 of 4 are." in found.reason


def test_an_authority_that_was_asked_and_has_not_answered_is_pending(scene: Scene, tsa: Authority) -> None:
    code, found = verify(scene, tsa, KeptStamp(6, URL, None, "It could not be reached."))
    assert (code, found.status) == (3, Status.PENDING)
    assert any("could not be reached" in defect.what for defect in found.defects)
    assert "Entries 1 to 4 of the case are not stamped yet; 0 of 4 are." in found.reason


def test_an_authority_that_is_set_up_and_was_not_asked_yet_is_pending(scene: Scene, tsa: Authority) -> None:
    assert verify(scene, tsa)[1].status is Status.PENDING


def test_of_two_authorities_one_that_is_down_is_told_and_takes_nothing_away(
    scene: Scene, tsa: Authority
) -> None:
    waiting = KeptStamp(6, "https://other.example.org/", None)
    code, found = verify(scene, tsa, stamped(scene, tsa, 6), waiting)
    assert (code, found.status) == (0, Status.PASS)
    assert "1 asked for, without an answer yet" in found.reason


def test_without_an_authority_nothing_is_checked_and_that_is_said(scene: Scene) -> None:
    found = check(scene.verify(stamps=TimeEvidence(now())), NAME)
    assert (found.status, found.reason) == (Status.NOT_CHECKED, "No time-stamp authority is set up.")
    assert check(scene.verify(), NAME) == found


def test_missing_roots_are_missing_trust_material(scene: Scene, tsa: Authority) -> None:
    report = scene.verify(stamps=TimeEvidence(now(), [stamped(scene, tsa, 6)]))
    assert (report.exit_code, failed(report)) == (6, {NAME})
    assert "VIDNE_TSA_ROOTS" in check(report, NAME).reason


def test_a_stamp_over_another_checkpoint_is_caught(scene: Scene, tsa: Authority) -> None:
    moved = replace(stamped(scene, tsa, 3), size=6)
    code, found = verify(scene, tsa, moved)
    assert (code, found.status) == (1, Status.FAIL)
    assert "over other bytes" in found.reason


def test_a_stamp_by_an_authority_nobody_trusts_is_caught(
    scene: Scene, tsa: Authority, tmp_path: Path
) -> None:
    stranger = authority(tmp_path / "stranger", root=issue("Test Root"))
    code, found = verify(scene, tsa, stamped(scene, stranger, 6))
    assert (code, found.status) == (1, Status.FAIL)
    assert "no root here has issued" in found.reason


def test_one_bad_stamp_beside_a_good_one_is_named(scene: Scene, tsa: Authority) -> None:
    bad = KeptStamp(3, URL, b"garbage")
    code, found = verify(scene, tsa, stamped(scene, tsa, 6), bad)
    assert (code, found.status, len(found.defects)) == (1, Status.FAIL, 1)
    assert found.defects[0].subject == f"stamp over 3 entries by {URL}"


def test_a_stamp_whose_checkpoint_is_gone_is_caught(scene: Scene, tsa: Authority) -> None:
    kept = stamped(scene, tsa, 3)
    del scene.ledger.checkpoints[3]
    code, found = verify(scene, tsa, kept)
    assert code == 1
    assert "no checkpoint over 3 entries" in found.reason


def test_a_history_written_anew_with_the_stolen_key_is_caught_by_the_stamp(
    scene: Scene, tsa: Authority
) -> None:
    kept, note = stamped(scene, tsa, 3), scene.ledger.checkpoints[3]
    del scene.ledger.rows[1]  # of another case: no chain of this one shows it
    scene.rebuild_tree(scene.signer)
    scene.ledger.checkpoints[3] = note
    report = scene.verify(stamps=evidence(tsa, kept))
    assert failed(report) == {NAME}
    assert "does not begin with the tree that was stamped" in check(report, NAME).reason


def test_a_log_cut_back_behind_a_stamp_is_caught(scene: Scene, tsa: Authority) -> None:
    kept, note = stamped(scene, tsa, 6), scene.ledger.checkpoints[6]
    del scene.ledger.rows[3:]
    scene.rebuild_tree(scene.signer)
    scene.ledger.append([], scene.ledger.tree, None)
    small = scene.ledger.checkpoints[3]
    scene.ledger.checkpoints = {3: small}
    assert verify(scene, tsa, kept)[0] == 1
    scene.ledger.checkpoints = {3: small, 6: note}
    assert verify(scene, tsa, kept)[0] == 1


def test_a_stamped_checkpoint_that_another_key_signed_is_caught(scene: Scene, tsa: Authority) -> None:
    other = another(scene)
    other.rebuild_tree(Signer.generate(ORIGIN))
    scene.ledger.checkpoints[3] = other.ledger.checkpoints[6]
    code, found = verify(scene, tsa, stamped(scene, tsa, 3))
    assert code == 1
    assert "carries no signature" in found.reason


def test_a_stamp_from_the_future_tells_that_the_clock_is_wrong_not_the_ledger(
    scene: Scene, tsa: Authority
) -> None:
    code, found = verify(scene, tsa, stamped(scene, tsa, 6), at=now() - DAY)
    assert (code, found.status) == (6, Status.FAIL)
    assert "Set this machine's clock" in found.reason


def test_a_clock_set_back_does_not_move_the_time_that_a_stamp_shows(scene: Scene, tsa: Authority) -> None:
    scene.ledger.file(replace(event("job-9:late"), at="1999-12-31T23:59:59.000000Z"))
    scene.sequence()
    code, found = verify(scene, tsa, stamped(scene, tsa, 7))
    assert (code, "all 5 of the case" in found.reason) == (0, True)
    assert found.reason.startswith(f"{now():%Y-%m-%d}"), "not the time that the entry says"


def test_a_file_is_told_of_the_stamps_over_its_case(scene: Scene, tsa: Authority) -> None:
    report = verify_file(
        scene.ledger,
        scene.tree,
        scene.signer.verifier,
        found=scene.rows[0].digests,
        cases=[CASE],
        stamps=evidence(tsa, stamped(scene, tsa, 6)),
    )
    assert (report.exit_code, check(report, NAME).status) == (0, Status.PASS)


# Chains that expire


def recorded(scene: Scene, kept: KeptStamp) -> None:
    """The entry that a stamp was received, as the program makes it."""
    assert kept.response is not None
    digest = sha256(kept.response).hexdigest()
    thing = EventObject("", STAMP_ROLE, digest, len(kept.response))
    scene.ledger.file(CustodyEvent(f"time-stamp:{digest}", "checkpoint.stamped", AT, "worker", "", (thing,)))
    scene.sequence()


@pytest.fixture
def ageing(tsa: Authority, tmp_path: Path) -> Authority:
    """An authority below the same root whose certificate ends in ten days."""
    return authority(tmp_path / "ageing", root=tsa.root, end=now() + 10 * DAY)


LATER = now() + 20 * DAY


def test_a_stamp_whose_chain_has_expired_counts_no_more(
    scene: Scene, tsa: Authority, ageing: Authority
) -> None:
    kept = stamped(scene, ageing, 6)
    assert verify(scene, tsa, kept)[0] == 0
    code, found = verify(scene, tsa, kept, at=LATER)
    assert (code, found.status) == (6, Status.FAIL)
    assert "was not stamped anew" in found.reason


def test_a_stamp_that_was_stamped_anew_in_time_still_counts(
    scene: Scene, tsa: Authority, ageing: Authority
) -> None:
    old = stamped(scene, ageing, 6)
    recorded(scene, old)
    code, found = verify(scene, tsa, old, stamped(scene, tsa, 7), at=LATER)
    assert (code, found.status) == (0, Status.PASS)
    assert "tree of 6 entries" in found.reason, "the time is still the old stamp's"


def test_a_later_stamp_that_does_not_cover_the_record_of_the_old_one_does_not_uphold_it(
    scene: Scene, tsa: Authority, ageing: Authority
) -> None:
    old = stamped(scene, ageing, 6)
    scene.ledger.file(event("elsewhere", "othercase"))
    scene.sequence()
    new = stamped(scene, tsa, 7)
    code, found = verify(scene, tsa, old, new, at=LATER)
    assert code == 0
    assert "tree of 7 entries" in found.reason
    assert "1 earlier ones have lapsed" in found.reason
    recorded(scene, old)
    assert "tree of 7 entries" in verify(scene, tsa, old, new, at=LATER)[1].reason, "recorded too late"


def test_a_record_that_is_not_in_the_signed_tree_upholds_nothing(
    scene: Scene, tsa: Authority, ageing: Authority
) -> None:
    old = stamped(scene, ageing, 6)
    scene.ledger.file(event("log:event", ""))
    scene.sequence()
    new = stamped(scene, tsa, 7)
    other = another(scene)
    recorded(other, old)
    leaf = scene.ledger.rows[6].leaf_hash
    scene.ledger.rows[6] = replace(other.ledger.rows[6], leaf_hash=leaf)
    found = check(scene.verify(stamps=evidence(tsa, old, new, at=LATER)), NAME)
    assert "tree of 7 entries" in found.reason
