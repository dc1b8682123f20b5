"""Names in a package are ours, and what is not sealed is not exported."""

import pytest

from disclosure.selection import packaged_objects
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow
from evidence.errors import IncompleteError, IntegrityError
from evidence.exhibits import Digests, ExhibitState, Role

DIGESTS = Digests(1, "a" * 64, "b" * 64, 4, ("b" * 64,))


def exhibit(state: ExhibitState = ExhibitState.PROCESSED) -> Exhibit:
    return Exhibit("x", "case2b", "0100-10293-00001-26", 7, DIGESTS, state, "", "now", None)


def row(role: Role, name: str) -> ObjectRow:
    return ObjectRow(role, name, f"cases/{name}", DIGESTS, version_id="0")


ORIGINAL = row(Role.ORIGINAL, "original")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("clip.mp4", "data/EX-0007.original.mp4"),
        ("CLIP.MOV", "data/EX-0007.original.MOV"),
        ("../../etc/passwd", "data/EX-0007.original"),
        ("clip.mp4/../../x", "data/EX-0007.original"),
        ("clip.m p4", "data/EX-0007.original"),
        ("clip.mp4\n", "data/EX-0007.original"),
        ("clip.æøå", "data/EX-0007.original"),
        ("clip.muchtoolong", "data/EX-0007.original"),
        ("\udcff.avi", "data/EX-0007.original.avi"),
        ("", "data/EX-0007.original"),
    ],
)
def test_of_a_submitters_name_only_a_plain_suffix_is_kept(name: str, path: str) -> None:
    (item,) = packaged_objects(exhibit(), [ORIGINAL], name, with_copies=True)
    assert item.path == path


def test_copies_go_by_their_own_names_and_proofs_into_streams() -> None:
    rows = [ORIGINAL, row(Role.WORKING, "working.mp4"), row(Role.PROOF, "working.mp4.proof.txt")]
    found = [item.path for item in packaged_objects(exhibit(), rows, "a.avi", with_copies=True)]
    assert found == [
        "data/EX-0007.original.avi",
        "data/EX-0007.working.mp4",
        "streams/EX-0007.working.mp4.framehash",
    ]
    alone = packaged_objects(exhibit(), rows, "a.avi", with_copies=False)
    assert [item.path for item in alone] == ["data/EX-0007.original.avi"]


def test_an_exhibit_that_is_not_sealed_is_not_exported() -> None:
    with pytest.raises(IncompleteError, match="EX-0007 is received"):
        packaged_objects(exhibit(ExhibitState.RECEIVED), [], "a.mp4", with_copies=True)


def test_a_stored_object_of_a_hostile_name_is_refused() -> None:
    with pytest.raises(IntegrityError, match="no name"):
        packaged_objects(exhibit(), [ORIGINAL, row(Role.KEYFRAME, "../x")], "a.mp4", with_copies=True)
