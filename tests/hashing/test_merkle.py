from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]

from hashing import merkle

# The eight leaves and roots that implementations of RFC 6962 are commonly tested against.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(size)]


def oracle(size: int) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for number in range(size):
        tree.append_entry(number.to_bytes(2, "big"))
    return tree


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.root_of([]) == sha256(b"").digest() == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_known_vectors(size: int) -> None:
    assert merkle.root_of(merkle.leaf_hash(leaf) for leaf in LEAVES[:size]).hex() == ROOTS[size - 1]


def test_proofs_are_those_of_the_known_vectors() -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    assert [node.hex() for node in merkle.inclusion_proof(leaves, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [node.hex() for node in merkle.consistency_proof(leaves, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 33, 100, 257])
def test_roots_are_those_of_another_implementation(size: int) -> None:
    assert merkle.root_of(leaves_of(size)) == oracle(size).get_root(size)


def test_every_inclusion_proof_up_to_33_leaves_verifies_and_no_other_place_does() -> None:
    for size in range(1, 34):
        leaves = leaves_of(size)
        root = merkle.root_of(leaves)
        for index in range(size):
            proof = merkle.inclusion_proof(leaves, index)
            accepted = [
                place
                for place in range(size)
                if merkle.verify_inclusion(leaves[index], place, size, proof, root)
            ]
            assert accepted == [index]


def test_every_consistency_proof_up_to_33_leaves_verifies() -> None:
    leaves = leaves_of(33)
    roots = [merkle.root_of(leaves[:size]) for size in range(34)]
    for new in range(34):
        for old in range(new + 1):
            proof = merkle.consistency_proof(leaves[:new], old)
            assert merkle.verify_consistency(old, roots[old], new, roots[new], proof)


@given(st.data())
def test_a_changed_inclusion_proof_is_rejected(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    root = merkle.root_of(leaves)
    proof = merkle.inclusion_proof(leaves, index)
    place = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    for bad in ([*proof[:place], flipped, *proof[place + 1 :]], proof[:-1], [*proof, root], proof[1:], []):
        assert not merkle.verify_inclusion(leaves[index], index, size, bad, root)
    for wrong in (-1, size, size + 1, 2**80):
        assert not merkle.verify_inclusion(leaves[index], wrong, size, proof, root)
    assert not merkle.verify_inclusion(root, index, size, proof, root)


@given(st.data())
def test_a_changed_consistency_proof_is_rejected(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    leaves = leaves_of(new)
    old_root, new_root = merkle.root_of(leaves[:old]), merkle.root_of(leaves)
    proof = merkle.consistency_proof(leaves, old)
    place = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    for bad in ([*proof[:place], flipped, *proof[place + 1 :]], proof[:-1], [*proof, new_root], []):
        assert not merkle.verify_consistency(old, old_root, new, new_root, bad)
    forged = merkle.leaf_hash(b"another history")
    assert not merkle.verify_consistency(old, forged, new, new_root, proof)
    assert not merkle.verify_consistency(old, old_root, new, forged, proof)
    assert not merkle.verify_consistency(new, new_root, old, old_root, proof)


def test_trees_of_equal_or_no_size_need_an_empty_proof() -> None:
    root, other = merkle.root_of(leaves_of(4)), merkle.root_of(leaves_of(3))
    assert merkle.verify_consistency(4, root, 4, root, [])
    assert not merkle.verify_consistency(4, root, 4, other, [])
    assert not merkle.verify_consistency(4, root, 4, root, [root])
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 4, root, [])
    assert not merkle.verify_consistency(0, other, 4, root, [])


@given(st.integers(0, 300), st.integers(0, 40))
def test_a_frontier_that_was_stored_grows_as_one_that_was_not(size: int, more: int) -> None:
    leaves = leaves_of(size + more)
    frontier = merkle.Frontier()
    for leaf in leaves[:size]:
        frontier.append(leaf)
    restored = merkle.Frontier(frontier.size, frontier.hashes)
    assert restored.root() == merkle.root_of(leaves[:size])
    for leaf in leaves[size:]:
        restored.append(leaf)
    assert restored.root() == merkle.root_of(leaves)


@pytest.mark.parametrize(
    ("size", "hashes"), [(-1, []), (1, []), (3, [bytes(32)]), (1, [bytes(31)]), (0, [bytes(32)])]
)
def test_hashes_that_are_no_frontier_of_that_size_are_rejected(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(ValueError, match="no frontier"):
        merkle.Frontier(size, hashes)


def test_proofs_out_of_range_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_proof(leaves_of(3), 3)
    with pytest.raises(ValueError, match="no beginning"):
        merkle.consistency_proof(leaves_of(3), 4)


def test_roots_of_all_sizes_differ() -> None:
    roots = [merkle.root_of(leaves_of(size)) for size in range(65)]
    assert all(one != other for one, other in pairwise(roots))
    assert len(set(roots)) == len(roots)
