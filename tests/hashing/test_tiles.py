"""Tiles: where they lie, which a tree has, and that proofs read from them are those of the whole tree."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import IntegrityError
from hashing import merkle
from hashing.tiles import WIDTH, Tile, TiledTree, added, tile_at


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


def tiles_over(leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """Every tile, made of the definition in tlog-tiles: each hash is a root over a range of leaves."""
    made = {}
    for tile in added(0, len(leaves)):
        span = WIDTH**tile.level
        first = tile.index * WIDTH
        roots = [
            merkle.root_of(leaves[at * span : (at + 1) * span]) for at in range(first, first + tile.width)
        ]
        made[tile] = b"".join(roots)
    return made


@pytest.fixture(scope="module")
def large() -> list[bytes]:
    return leaves_of(70_000)


def test_paths_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067, WIDTH).path == "tile/0/x001/x234/067"
    assert Tile(3, 5, 17).path == "tile/3/005.p/17"
    assert Tile(0, 999, WIDTH).bundle_path == "tile/entries/999"
    assert Tile(0, 1000, 1).bundle_path == "tile/entries/x001/000.p/1"


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(added(0, 70_000))
    assert sum(tile.level == 0 and tile.width == WIDTH for tile in tiles) == 273
    assert [(tile.level, tile.width) for tile in tiles if tile.width < WIDTH] == [(0, 112), (1, 17), (2, 1)]
    assert sum(tile.level == 1 and tile.width == WIDTH for tile in tiles) == 1


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it() -> None:
    assert list(added(0, 256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]


@given(st.integers(0, 200_000), st.integers(0, 2000))
def test_what_is_added_is_what_the_larger_tree_has_and_the_smaller_has_not(old: int, more: int) -> None:
    before, after = set(added(0, old)), set(added(0, old + more))
    assert set(added(old, old + more)) == after - before


@settings(max_examples=60)
@given(st.data())
def test_roots_and_proofs_are_those_of_the_whole_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 1200))
    leaves = leaves_of(size)
    tree = TiledTree(size, tiles_over(leaves).__getitem__)
    assert tree.root() == merkle.root_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    first = index // WIDTH * WIDTH
    assert tree.leaves(index // WIDTH) == b"".join(leaves[first : first + WIDTH])
    assert tree.inclusion_proof(index) == merkle.inclusion_proof(leaves, index)
    old = data.draw(st.integers(0, size))
    assert tree.consistency_proof(old) == merkle.consistency_proof(leaves, old)


def test_a_proof_in_a_large_tree_verifies_and_reads_a_handful_of_tiles(large: list[bytes]) -> None:
    tiles, asked = tiles_over(large), []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    tree = TiledTree(len(large), read)
    proof = tree.inclusion_proof(40_000)
    root = merkle.root_of(large)
    assert merkle.verify_inclusion(large[40_000], 40_000, len(large), proof, root)
    assert len(asked) <= 5
    old = tree.consistency_proof(65_537)
    assert merkle.verify_consistency(65_537, merkle.root_of(large[:65_537]), len(large), root, old)


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 33, b"x" * 32 * 6])
def test_a_tile_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"tile/0/000\.p/5 has \d+ bytes, not 160"):
        TiledTree(5, lambda _: raw).root()


def test_a_changed_tile_gives_a_proof_that_does_not_verify() -> None:
    leaves = leaves_of(600)
    tiles = tiles_over(leaves)
    tile = tile_at(0, 1, 600)
    tiles[tile] = tiles[tile][: 7 * 32] + merkle.leaf_hash(b"forged") + tiles[tile][8 * 32 :]
    tree = TiledTree(600, tiles.__getitem__)
    proof = tree.inclusion_proof(300)
    assert not merkle.verify_inclusion(leaves[300], 300, 600, proof, merkle.root_of(leaves))
