"""Paths in a bag: whatever the text, none that is taken leaves the folder, hides or needs escapes."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.bag import is_safe, manifest_bytes, read_bag
from hashing.package_files import may_stand

PARTS = st.sampled_from(
    ["..", ".", "", "a", "data", "/", "\\", "~", "A.b", "\0", "\n", "é", " ", "-", "_x", "x" * 241]
)


@given(
    st.one_of(st.text(), st.lists(PARTS, max_size=10).map("/".join), st.lists(PARTS, max_size=6).map("".join))
)
def test_a_path_that_is_taken_stays_below_its_folder(path: str) -> None:
    if not is_safe(path):
        return
    root = Path("/some/bag")
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path
    assert (root / path).resolve().is_relative_to(root)
    assert str(PurePosixPath(path)) == path
    assert all(part[0] not in ".-_~" for part in path.split("/"))


@pytest.mark.parametrize("path", ["data/EX-0001.original.mp4", "bagit.txt", "custody/proofs/12.tlog-proof"])
def test_the_paths_of_a_package_are_taken(path: str) -> None:
    assert is_safe(path)


def test_a_bag_of_nothing_fails(tmp_path: Path) -> None:
    bag, check = read_bag(tmp_path, may_stand)
    assert (dict(bag.files), dict(bag.listed), check.status) == ({}, {}, "fail")


def test_a_manifest_is_sorted_by_path_and_ends_each_line() -> None:
    assert manifest_bytes({"b": "2" * 64, "a": "1" * 64}).decode() == f"{'1' * 64}  a\n{'2' * 64}  b\n"
