import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evidence.custody import CustodyEvent, EventObject, LedgerEntry
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.ports import StoredObject
from hashing import canonical
from hashing.digests import PIECE_SIZE, digest_file
from hashing.entries import ERASED
from hashing.merkle import leaf_hash
from hashing.note_keys import Signer
from hashing.report import Cause, Check, Defect, Status, VerificationReport
from hashing.sequencer import Sequencer
from hashing.verify import verify_case, verify_file
from retention.folder import FolderStore
from tests.hashing.cases import AT, CASE, ORIGIN, Scene, case_rows, check, complete_scene, event, failed
from tests.hashing.memory_ledger import MemoryLedger


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return complete_scene(tmp_path)


def test_an_untouched_case_passes_and_says_what_was_not_checked(scene: Scene) -> None:
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (0, set())
    assert report.verdict == "passed; not checked: consistency, witness, time-stamp, stream-proof"
    assert {c.name: c.checked for c in report.checks if c.status is Status.PASS} == {
        "complete": 6, "record": 6, "digest": 6, "canonical": 4, "case-chain": 4, "bodies": 4,
        "inclusion": 4, "checkpoint-signature": 1, "sequenced": 4,
    }  # fmt: skip
    assert {c.name for c in report.checks if c.status is Status.NOT_CHECKED} == {
        "consistency", "witness", "time-stamp", "stream-proof",
    }  # fmt: skip


def test_the_report_is_one_json_object(scene: Scene) -> None:
    value = json.loads(json.dumps(scene.verify().as_json()))
    assert (value["exit_code"], value["verdict"]) == (0, scene.verify().verdict)
    assert all(item["reason"] and "status" in item for item in value["checks"])


def test_progress_counts_every_byte(scene: Scene) -> None:
    seen: list[int] = []
    verify_case(
        scene.ledger,
        scene.tree,
        scene.store,
        scene.signer.verifier,
        case=CASE,
        expected=scene.rows,
        progress=seen.append,
    )
    assert sum(seen) == sum(row.digests.size for row in scene.rows)


def test_an_exhibit_alone_is_checked_without_the_others(scene: Scene) -> None:
    other = next(row for row in scene.rows if row.exhibit == "EX-0002")
    scene.overwrite(other, b"changed")
    assert scene.verify(exhibit="EX-0001").exit_code == 0
    report = scene.verify(exhibit="EX-0002")
    assert (report.exit_code, check(report, "digest").checked) == (1, 3)


def test_one_changed_byte_names_the_exhibit_the_object_and_the_range(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    content = bytearray(PIECE_SIZE * 2 + 100)
    row = scene.put(bytes(content), Role.ORIGINAL, "original")
    scene.file("job-1:received", row)
    scene.sequence()
    content[PIECE_SIZE + 5] ^= 1
    scene.overwrite(row, bytes(content))
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (1, {"digest"})
    (defect,) = check(report, "digest").defects
    assert defect.subject == "EX-0001 original"
    assert defect.detail["range"] == [PIECE_SIZE, 2 * PIECE_SIZE]


def test_every_defect_is_gathered(scene: Scene) -> None:
    scene.overwrite(scene.rows[0], b"changed")
    scene.overwrite(scene.rows[3], b"changed too")
    scene.ledger.kept.pop("job-1:stored")
    scene.edit_entry(0, scene.ledger.rows[0].entry + b" ")
    report = scene.verify()
    assert report.exit_code == 1
    assert {"digest", "bodies", "canonical", "inclusion", "case-chain"} <= failed(report)
    assert len(check(report, "digest").defects) == 2


# Attacks on objects and rows


def test_a_replaced_object_is_caught(scene: Scene) -> None:
    scene.overwrite(scene.rows[0], b"other footage")
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (1, {"digest"})


def test_an_edited_row_is_caught(scene: Scene) -> None:
    digests = replace(scene.rows[1].digests, sha256="ab" * 32)
    scene.rows[1] = replace(scene.rows[1], digests=digests)
    assert {"record", "digest"} <= failed(scene.verify())
    assert scene.verify().exit_code == 1


def test_an_object_replaced_together_with_its_row_is_caught(scene: Scene) -> None:
    old = scene.rows[0]
    scene.overwrite(old, b"other footage")
    path = scene.store.local_path(old.key, "0")
    assert path is not None
    scene.rows[0] = replace(old, digests=digest_file(path))
    report = scene.verify()
    assert (report.exit_code, check(report, "digest").status) == (1, Status.PASS)
    assert "EX-0001 original" in check(report, "record").reason
    assert "complete" in failed(report), "what was recorded is no longer listed"


def test_a_row_whose_blake3_was_edited_is_caught(scene: Scene) -> None:
    digests = replace(scene.rows[1].digests, pieces_blake3=("cd" * 32,))
    scene.rows[1] = replace(scene.rows[1], digests=digests)
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (1, {"digest"})


@pytest.mark.parametrize("piece_size", [-1, 0, 1, 1000])
def test_a_row_with_a_senseless_piece_size_is_caught(scene: Scene, piece_size: int) -> None:
    scene.rows[1] = replace(scene.rows[1], digests=replace(scene.rows[1].digests, piece_size=piece_size))
    assert scene.verify().exit_code == 1


def test_rows_that_exchanged_their_roles_are_caught(scene: Scene) -> None:
    scene.rows[0] = replace(scene.rows[0], role=Role.WORKING)
    assert "record" in failed(scene.verify())


def test_rows_that_exchanged_their_names_are_caught(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    one, two = (scene.put(name.encode(), Role.KEYFRAME, name) for name in ("k1.png", "k2.png"))
    scene.file("job-1:stored", one, two, scene.put_manifest(one, two))
    scene.sequence()
    assert scene.verify().exit_code == 0
    scene.rows[:2] = [replace(one, name=two.name), replace(two, name=one.name)]
    assert failed(scene.verify()) == {"record"}


def test_a_deleted_row_leaves_the_case_incomplete(scene: Scene) -> None:
    del scene.rows[1]
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (3, {"complete"})


def test_a_deleted_object_leaves_the_case_incomplete_and_is_named(scene: Scene) -> None:
    path = scene.store.local_path(scene.rows[4].key, "0")
    assert path is not None
    path.unlink()
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (3, {"complete"})
    assert check(report, "complete").defects[0].subject == "EX-0002 working.mp4"


def test_an_exhibit_that_is_moved_to_another_number_is_caught(scene: Scene) -> None:
    scene.rows[0] = replace(scene.rows[0], exhibit="EX-0002")
    assert "record" in failed(scene.verify())


def test_a_long_list_is_recorded_by_its_manifest_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    frames = [scene.put(f"frame {n}".encode(), Role.KEYFRAME, f"k{n}.png") for n in range(30)]
    manifest = scene.put_manifest(*frames)
    scene.file("job-1:stored", manifest)
    scene.sequence()
    assert scene.verify().exit_code == 0
    scene.rows.append(scene.put(b"slipped in", Role.KEYFRAME, "k99.png"))
    assert failed(scene.verify()) == {"record"}


def test_a_manifest_that_the_ledger_does_not_name_proves_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    original = scene.put(b"original", Role.ORIGINAL, "original")
    scene.file("job-1:received", original)
    scene.put_manifest(scene.put(b"slipped in", Role.WORKING, "working.mp4"))
    scene.sequence()
    assert len(check(scene.verify(), "record").defects) == 2


def test_a_manifest_of_another_exhibit_is_caught(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    manifest = scene.put_manifest(scene.put(b"frame", Role.KEYFRAME, "k.png", "EX-0002"))
    moved = replace(manifest, exhibit="EX-0001")
    scene.rows = [moved]
    scene.file("job-1:stored", moved)
    scene.sequence()
    assert "another exhibit" in check(scene.verify(), "record").reason


def test_an_object_that_cannot_be_read_is_unreadable_not_changed(scene: Scene) -> None:
    path = scene.store.local_path(scene.rows[0].key, "0")
    assert path is not None
    path.unlink()
    path.symlink_to("/proc/self/mem")  # a file that opens, and fails to read
    report = scene.verify()
    assert report.exit_code == 4
    assert check(report, "digest").defects[0].cause is Cause.UNREADABLE


class Overlaid(FolderStore):
    """A store with versions, in which another version or a delete marker lies over an object."""

    over: StoredObject | None = None

    def stat(self, key: str) -> StoredObject | None:
        del key
        return self.over


@pytest.mark.parametrize("over", [None, StoredObject("key", "2", 5)])
def test_a_version_or_delete_marker_over_an_object_is_caught(scene: Scene, over: StoredObject | None) -> None:
    store = Overlaid(scene.folder / "objects")
    store.over = over
    report = verify_case(
        scene.ledger, scene.tree, store, scene.signer.verifier, case=CASE, expected=scene.rows
    )
    assert (report.exit_code, failed(report)) == (1, {"complete"})
    assert check(report, "digest").status is Status.PASS, "the version that was recorded is still there"


# Attacks on the ledger


def test_an_edited_entry_is_caught(scene: Scene) -> None:
    scene.edit_entry(0, scene.ledger.rows[0].entry.replace(b'"actor":"system"', b'"actor":"nobody"'))
    report = scene.verify()
    assert report.exit_code == 1
    assert {"inclusion", "case-chain"} <= failed(report)
    assert check(report, "inclusion").defects[0].subject == "entry 0"


def test_an_edited_entry_with_its_leaf_hash_is_caught(scene: Scene) -> None:
    raw = scene.ledger.rows[5].entry.replace(b'"actor":"system"', b'"actor":"nobody"')
    scene.edit_entry(5, raw, with_leaf=True)
    assert failed(scene.verify()) == {"inclusion"}


def test_an_entry_of_another_case_that_was_edited_is_caught(scene: Scene) -> None:
    scene.edit_entry(1, scene.ledger.rows[1].entry + b" ", with_leaf=True)
    assert failed(scene.verify()) == {"inclusion"}


def test_an_entry_whose_row_says_other_than_its_bytes_is_caught(scene: Scene) -> None:
    scene.ledger.rows[0] = replace(scene.ledger.rows[0], event_id="another")
    assert "canonical" in failed(scene.verify())


def test_a_deleted_tail_is_caught(scene: Scene) -> None:
    del scene.ledger.rows[-1]
    report = scene.verify()
    assert report.exit_code == 1
    assert "6 entries, and 5 are there" in check(report, "inclusion").reason


def test_a_deleted_entry_in_the_middle_is_caught(scene: Scene) -> None:
    del scene.ledger.rows[2]
    assert {"inclusion", "case-chain"} <= failed(scene.verify())


def test_a_tail_deleted_with_its_checkpoints_is_caught_by_its_objects(scene: Scene) -> None:
    del scene.ledger.rows[3:]
    del scene.ledger.checkpoints[6]
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (1, {"record"})


def test_a_rollback_of_everything_is_caught_by_a_checkpoint_seen_before(scene: Scene) -> None:
    seen = scene.ledger.checkpoints[6]
    del scene.ledger.rows[3:]
    del scene.ledger.checkpoints[6]
    del scene.rows[3:]
    assert scene.verify().exit_code == 0, "nothing inside tells of it: the documentation says so"
    report = scene.verify(seen=(seen,))
    assert (report.exit_code, failed(report)) == (1, {"consistency"})


def test_a_history_signed_again_with_the_stolen_key_is_caught_by_a_checkpoint_seen_before(
    scene: Scene,
) -> None:
    seen = scene.ledger.checkpoints[3]
    rewritten = Scene(scene.folder, signer=scene.signer, rows=scene.rows)
    for number in (1, 2):
        of_exhibit = [row for row in scene.rows if row.exhibit == f"EX-{number:04d}"]
        rewritten.file(f"job-{number}:never-happened", *of_exhibit)
        rewritten.file(f"job-{number}:neither", *of_exhibit)
    rewritten.sequence()
    assert rewritten.verify().exit_code == 0, "who holds database and key can rewrite what no anchor holds"
    report = rewritten.verify(seen=(seen,))
    assert (report.exit_code, failed(report)) == (1, {"consistency"})


def replaced_throughout(scene: Scene) -> None:
    """Another original, its row, its entry and each entry behind that: what who holds the catalogue does."""
    row = scene.rows[0]
    scene.overwrite(row, b"another clip")
    found = digest_file(scene.store.local_path(row.key, "0"))
    old, new = row.digests, found
    scene.rows[0] = replace(row, digests=new)
    previous: dict[str, str] = {}
    for index, entry in enumerate(scene.ledger.rows):
        value = json.loads(entry.entry)
        for item in value["objects"]:
            if item["sha256"] == old.sha256:
                item["sha256"], item["size"] = new.sha256, new.size
        value["case_prev"] = previous.get(entry.case, value["case_prev"])
        raw = canonical.encode(value)
        previous[entry.case] = leaf_hash(raw).hex()
        scene.edit_entry(index, raw)


def test_an_object_replaced_with_its_row_and_the_tree_is_caught_by_the_key(scene: Scene) -> None:
    verifier = scene.signer.verifier
    replaced_throughout(scene)
    scene.rebuild_tree(Signer.generate(ORIGIN))
    report = scene.verify(verifier=verifier)
    assert (report.exit_code, failed(report)) == (1, {"checkpoint-signature"})


def test_an_object_replaced_with_row_and_tree_by_who_holds_the_key_is_caught_from_outside_alone(
    scene: Scene,
) -> None:
    seen = scene.ledger.checkpoints[3]
    replaced_throughout(scene)
    scene.rebuild_tree(scene.signer)
    assert (scene.verify().exit_code, failed(scene.verify())) == (0, set()), "nothing inside tells of it"
    report = scene.verify(seen=(seen,))
    assert (report.exit_code, failed(report)) == (1, {"consistency"})


def test_a_ledger_that_grew_is_consistent_with_what_was_seen_of_it(scene: Scene) -> None:
    report = scene.verify(seen=(scene.ledger.checkpoints[3], scene.ledger.checkpoints[6]))
    assert (report.exit_code, check(report, "consistency").checked) == (0, 2)


def test_a_split_view_is_caught(scene: Scene) -> None:
    other = Scene(scene.folder, signer=scene.signer)
    for number in range(6):
        other.file(f"told-to-others-{number}")
    other.sequence()
    report = scene.verify(seen=(other.ledger.checkpoints[6],))
    assert failed(report) == {"consistency"}


def test_a_checkpoint_seen_before_that_another_key_signed_is_no_measure(scene: Scene) -> None:
    stranger = Scene(scene.folder, signer=Signer.generate(ORIGIN))
    stranger.file("one")
    stranger.sequence()
    report = scene.verify(seen=(stranger.ledger.checkpoints[1],))
    assert (report.exit_code, failed(report)) == (6, {"consistency"})


def test_a_tree_signed_with_another_key_is_caught(scene: Scene) -> None:
    scene.rebuild_tree(Signer.generate(ORIGIN))
    report = scene.verify()
    assert report.exit_code == 1
    assert check(report, "inclusion").status is Status.NOT_CHECKED


def test_reordering_within_a_case_is_caught_even_when_signed_again(scene: Scene) -> None:
    entries = scene.ledger.rows
    entries[0], entries[2] = entries[2], entries[0]
    scene.rebuild_tree(scene.signer)
    assert "case-chain" in failed(scene.verify())


def test_reordering_across_cases_is_caught_by_the_tree(scene: Scene) -> None:
    entries = scene.ledger.rows
    entries[0], entries[1] = replace(entries[1], index=0), replace(entries[0], index=1)
    assert failed(scene.verify()) == {"inclusion"}


def test_an_entry_left_out_of_the_chain_is_caught_even_when_signed_again(scene: Scene) -> None:
    del scene.ledger.rows[2]
    scene.rebuild_tree(scene.signer)
    assert "case-chain" in failed(scene.verify())


def test_an_entry_moved_to_another_case_is_caught(scene: Scene) -> None:
    last = scene.ledger.rows[4]
    scene.ledger.rows[4] = replace(last, case=CASE, case_seq=5)
    assert {"canonical", "case-chain"} & failed(scene.verify())


def test_an_entry_that_was_serialised_anew_is_caught_even_when_signed_again(scene: Scene) -> None:
    value = json.loads(scene.ledger.rows[5].entry)
    scene.edit_entry(5, json.dumps(value).encode())
    scene.rebuild_tree(scene.signer)
    assert failed(scene.verify()) == {"canonical", "record"}


def test_a_duplicated_key_is_caught_even_when_signed_again(scene: Scene) -> None:
    raw = scene.ledger.rows[5].entry.replace(b'{"actor"', b'{"actor":"nobody","actor"')
    scene.edit_entry(5, raw)
    scene.rebuild_tree(scene.signer)
    assert "same key twice" in check(scene.verify(), "canonical").reason


def test_an_entry_slipped_in_behind_the_last_one_signed_is_caught(scene: Scene) -> None:
    forged = scene.ledger.rows[-1]
    scene.ledger.rows.append(replace(forged, index=6, case="elsewhere", case_seq=1))
    assert failed(scene.verify()) == {"inclusion"}


def test_a_chain_begun_anew_is_caught_by_the_objects_that_it_no_longer_names(scene: Scene) -> None:
    scene.ledger.rows = scene.ledger.rows[3:]
    scene.rebuild_tree(scene.signer)
    assert {"case-chain", "record"} <= failed(scene.verify())


def test_an_edited_body_is_caught(scene: Scene) -> None:
    body = scene.ledger.kept["job-1:received"]
    scene.ledger.kept["job-1:received"] = replace(body, body=b'{"said":"otherwise"}')
    assert (scene.verify().exit_code, failed(scene.verify())) == (1, {"bodies"})


def test_an_erased_body_leaves_the_ledger_verifiable_where_an_entry_says_so(scene: Scene) -> None:
    body = scene.ledger.kept["job-1:received"]
    scene.ledger.kept["job-1:received"] = replace(body, salt=None, body=None)
    report = scene.verify()
    assert (report.exit_code, failed(report)) == (3, {"bodies"})
    assert "no entry says that they were erased: of entries 1." in check(report, "bodies").reason
    said: JsonObject = {"entries": [1], "reason": "asked for"}
    scene.ledger.file(CustodyEvent("e:body.erased", ERASED, AT, "tester", CASE, (), said))
    scene.sequence()
    report = scene.verify()
    assert (report.exit_code, check(report, "bodies").checked) == (0, 4)
    assert "1 were erased" in check(report, "bodies").reason


def test_a_body_that_lost_only_its_salt_was_not_erased_but_damaged(scene: Scene) -> None:
    body = scene.ledger.kept["job-1:received"]
    scene.ledger.kept["job-1:received"] = replace(body, salt=None)
    assert scene.verify().exit_code == 1


def test_a_clock_set_back_moves_nothing_in_the_chain(scene: Scene) -> None:
    scene.ledger.file(replace(event("job-9:late", CASE), at="1999-12-31T23:59:59.000000Z"))
    scene.sequence()
    assert scene.verify().exit_code == 0
    assert case_rows(scene)[-1].event_id == "job-9:late"


@dataclass
class BusyLedger(MemoryLedger):
    """A ledger that grows by an entry of the case whenever somebody has read something of it."""

    sequencer: Sequencer | None = None

    def _grow(self) -> None:
        sequencer, self.sequencer = self.sequencer, None
        if sequencer:
            self.file(event(f"meanwhile-{self.filed}"))
            sequencer.run_all()
            self.sequencer = sequencer

    def case_entries(self, case: str) -> Iterator[LedgerEntry]:
        found = super().case_entries(case)
        self._grow()
        return found

    def size(self) -> int:
        found = super().size()
        self._grow()
        return found

    def latest_checkpoint(self) -> bytes | None:
        found = super().latest_checkpoint()
        self._grow()
        return found


def test_a_ledger_that_grows_while_it_is_verified_passes(tmp_path: Path) -> None:
    ledger = BusyLedger()
    scene = Scene(tmp_path, ledger=ledger)
    scene.file("job-1:received", scene.put(b"original", Role.ORIGINAL, "original"))
    scene.sequence()
    ledger.sequencer = Sequencer(ledger, scene.signer)
    assert scene.verify().exit_code == 0
    assert len(ledger.rows) == 5


# What is missing, or still to come


def test_a_missing_key_is_missing_trust_material(scene: Scene) -> None:
    report = verify_case(scene.ledger, scene.tree, scene.store, None, case=CASE, expected=scene.rows)
    assert (report.exit_code, report.verdict.split(";")[0]) == (6, "trust material missing")
    assert check(report, "digest").status is Status.PASS


def test_a_missing_checkpoint_is_missing_trust_material(scene: Scene) -> None:
    scene.ledger.checkpoints.clear()
    assert scene.verify().exit_code == 6


def test_an_event_that_waits_for_its_place_is_pending_not_wrong(scene: Scene) -> None:
    scene.file("job-3:stored", scene.put(b"late", Role.WORKING, "late.mp4", "EX-0003"))
    report = scene.verify()
    assert (report.exit_code, report.verdict.split(";")[0]) == (3, "authentic but incomplete")
    assert {check(report, name).status for name in ("record", "sequenced")} == {Status.PENDING}


def test_a_report_is_sound_where_only_time_is_lacking_and_not_where_something_is_wrong(scene: Scene) -> None:
    assert scene.verify().is_sound
    scene.ledger.file(event("job-3:late"))
    late = scene.verify()
    assert (late.exit_code, late.is_sound) == (3, True)
    scene.overwrite(scene.rows[0], b"changed")
    assert not scene.verify().is_sound


def test_an_object_on_its_way_into_the_store_is_pending(scene: Scene) -> None:
    scene.rows[0] = replace(scene.rows[0], version_id=None)
    report = scene.verify()
    assert (report.exit_code, check(report, "complete").status) == (3, Status.PENDING)


def test_a_waiting_event_of_another_object_is_no_excuse(scene: Scene) -> None:
    scene.rows.append(scene.put(b"slipped in", Role.WORKING, "extra.mp4"))
    scene.ledger.file(event("job-9:stored", CASE, EventObject("EX-0009", "working", "ab" * 32, 5)))
    assert scene.verify().exit_code == 1


def test_a_case_of_which_nothing_is_recorded_does_not_pass(tmp_path: Path) -> None:
    report = Scene(tmp_path).verify()
    assert report.exit_code == 6  # there is no checkpoint
    assert check(report, "canonical").status is Status.FAIL


def test_a_case_without_exhibits_passes_on_its_ledger_and_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.file("case:opened")
    scene.sequence()
    report = scene.verify()
    assert (report.exit_code, check(report, "digest").status) == (0, Status.NOT_CHECKED)


# One file


def test_a_file_whose_bytes_stand_in_the_ledger_is_known(scene: Scene) -> None:
    report = verify_file(
        scene.ledger,
        scene.tree,
        scene.signer.verifier,
        found=scene.rows[0].digests,
        cases=[CASE],
        subject="clip.mp4",
    )
    assert (report.exit_code, report.subject) == (0, "clip.mp4")


def test_a_file_that_no_case_knows_is_unknown(scene: Scene) -> None:
    report = verify_file(
        scene.ledger, scene.tree, scene.signer.verifier, found=scene.rows[0].digests, cases=[]
    )
    assert (report.exit_code, report.verdict) == (5, "unknown file")


def test_a_file_that_only_the_catalogue_knows_is_an_integrity_failure(scene: Scene) -> None:
    slipped_in = scene.put(b"slipped in", Role.ORIGINAL, "original")
    report = verify_file(
        scene.ledger, scene.tree, scene.signer.verifier, found=slipped_in.digests, cases=[CASE]
    )
    assert report.exit_code == 1


# The report itself


@pytest.mark.parametrize(
    ("causes", "code"),
    [
        ((Cause.INCOMPLETE, Cause.INTEGRITY), 1),
        ((Cause.INCOMPLETE, Cause.UNREADABLE), 4),
        ((Cause.TRUST, Cause.INCOMPLETE), 6),
        ((Cause.UNKNOWN_FILE,), 5),
    ],
)
def test_the_gravest_cause_gives_the_exit_code(causes: tuple[Cause, ...], code: int) -> None:
    defects = tuple(Defect(cause, "x", "y") for cause in causes)
    report = VerificationReport(
        "x", (Check("c", Status.FAIL, "r", 1, defects), Check("d", Status.PASS, "r", 1))
    )
    assert report.exit_code == code


def test_a_report_in_which_nothing_passed_is_not_a_pass() -> None:
    assert VerificationReport("x", (Check("c", Status.NOT_CHECKED, "r"),)).exit_code == 3
    assert VerificationReport("x", ()).exit_code == 3


def test_the_case_chain_numbers_from_one_and_names_the_entry_before(scene: Scene) -> None:
    values = [json.loads(row.entry) for row in case_rows(scene)]
    assert [value["case_seq"] for value in values] == [1, 2, 3, 4]
    assert [value["case_prev"] for value in values] == [
        "0" * 64, *(row.leaf_hash.hex() for row in case_rows(scene)[:-1]),
    ]  # fmt: skip
