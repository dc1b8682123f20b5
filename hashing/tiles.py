"""The tree in tiles (C2SP tlog-tiles): where each lies, what it holds, and proofs from the few they need.

A tile is 256 hashes in a row at one level, every eighth of the tree; at level 0 they are leaf hashes. The
last tile of a level is partial where the tree's size says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from evidence.errors import IntegrityError
from hashing.merkle import (
    HASH_SIZE,
    consistency_ranges,
    inclusion_ranges,
    node_hash,
    perfect_root,
    root_of,
    split,
)

WIDTH = 256
_BITS = 8  # of the levels of the tree that a tile spans
_TILES_KEPT, _ROOTS_KEPT = 64, 1024


@dataclass(frozen=True, slots=True)
class Tile:
    """Hashes `WIDTH * index` and on, `width` of them, at `level`."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is published: `tile/0/x001/234`, or `tile/0/x001/234.p/5`."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"

    @property
    def bundle_path(self) -> str:
        """Where the entries under a tile of level 0 are published: `tile/entries/x001/234`."""
        return f"tile/entries/{_place(self.index, self.width)}"


def tile_at(level: int, index: int, size: int) -> Tile:
    """Tile `index` of `level` as it is in a tree of `size` leaves."""
    there = (size >> (_BITS * level)) - index * WIDTH
    return Tile(level, index, min(WIDTH, there))


def added(old_size: int, size: int) -> Iterator[Tile]:
    """The tiles that a tree of `size` leaves has and one of `old_size` has not, the lowest level first."""
    level = 0
    while size >> (_BITS * level):
        before, now = old_size >> (_BITS * level), size >> (_BITS * level)
        for index in range(before // WIDTH, -(-now // WIDTH)):
            tile = tile_at(level, index, size)
            if before < index * WIDTH + tile.width:
                yield tile
        level += 1


class TiledTree:
    """A tree of which only the tiles are read that a question needs; 64 of them are kept, and 1,024 roots.

    What it answers is as good as the tiles: it has to be verified against a signed root.
    """

    def __init__(self, size: int, read: Callable[[Tile], bytes]) -> None:
        """`read` gives a tile's hashes, 32 bytes each, and may raise IntegrityError for want of them."""
        self.size = size
        self._read = lru_cache(maxsize=_TILES_KEPT)(read)
        self._root_of = lru_cache(maxsize=_ROOTS_KEPT)(self._perfect_root)

    def leaves(self, tile: int) -> bytes:
        """The leaf hashes of one tile, one behind the other."""
        first = tile * WIDTH
        return self._hashes(0, first, min(WIDTH, self.size - first))

    def root(self, start: int = 0, end: int | None = None) -> bytes:
        """The root over the leaves from `start` to before `end`, all where it is None."""
        end = self.size if end is None else end
        count = end - start
        if count <= 0:
            return root_of(())
        if not count & (count - 1) and not start % count:
            return self._root_of(start, count)
        middle = start + split(count)
        return node_hash(self.root(start, middle), self.root(middle, end))

    def _perfect_root(self, start: int, count: int) -> bytes:
        level = (count.bit_length() - 1) // _BITS
        return perfect_root(self._hashes(level, start >> (_BITS * level), count >> (_BITS * level)))

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The proof that leaf `index` is in the tree; raises ValueError out of range."""
        return [self.root(start, end) for start, end in inclusion_ranges(index, self.size)]

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """The proof that the tree extends that of its first `old_size` leaves; raises ValueError."""
        return [self.root(start, end) for start, end in consistency_ranges(old_size, self.size)]

    def _hashes(self, level: int, first: int, count: int) -> bytes:
        """`count` hashes of a level, which lie in one tile, one behind the other."""
        tile = tile_at(level, first // WIDTH, self.size)
        raw = self._read(tile)
        if len(raw) != tile.width * HASH_SIZE:
            raise IntegrityError(f"{tile.path} has {len(raw)} bytes, not {tile.width * HASH_SIZE}.")
        place = first % WIDTH * HASH_SIZE
        return raw[place : place + count * HASH_SIZE]


def _place(index: int, width: int) -> str:
    """`x001/x234/067`, and `.p/<width>` behind it for a partial tile."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"
