"""The Merkle tree of RFC 6962 (section 2.1) and its proofs (RFC 9162, section 2.1.3 and 2.1.4).

Hashes are 32 bytes. A frontier is the list of roots of the perfect subtrees that a tree of n leaves splits
into, largest first: one for each 1 in the binary form of n.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree to which leaves are appended: it keeps only what later roots need, at most 64 hashes."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """The frontier of a tree of `size` leaves; raises ValueError where `hashes` cannot be its own."""
        if size < 0 or len(hashes) != size.bit_count() or any(len(item) != HASH_SIZE for item in hashes):
            raise ValueError(f"{len(hashes)} hashes are no frontier of a tree of {size} leaves")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add the leaf hash `leaf`: each trailing 1 of the size is a subtree that becomes full."""
        carry = self._size
        while carry & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            carry >>= 1
        self._hashes.append(leaf)
        self._size += 1

    def root(self) -> bytes:
        """The root of the tree; of an empty one, SHA-256 of nothing."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def perfect_root(hashes: bytes) -> bytes:
    """The root over a power of two of hashes, one behind the other, which is quicker than root_of."""
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), 2 * HASH_SIZE)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in pairs])
    return hashes


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves `(first, behind last)` under each hash of a proof of leaf `index`, from its sibling up.

    Raises ValueError where the tree of `size` leaves has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes from leaf `index` up to the root over `leaves`; raises ValueError out of range."""
    return [root_of(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves))]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that `leaf` is number `index` in the tree of `size` leaves with this root."""
    sides = _left_siblings(index, size - 1, len(proof)) if 0 <= index < size else None
    if sides is None:
        return False
    computed = leaf
    for sibling, is_left in zip(proof, sides, strict=True):
        computed = node_hash(sibling, computed) if is_left else node_hash(computed, sibling)
    return compare_digest(computed, root)


def consistency_ranges(old_size: int, size: int) -> list[tuple[int, int]]:
    """The leaves `(first, behind last)` under each hash of the proof that a tree extends one of `old_size`.

    None where the old tree is empty or is the whole; raises ValueError where it is larger.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {old_size} leaves is no beginning of one of {size}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while start < old_size < end:
        middle = start + split(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if old_size and start:  # else the old tree is a subtree whose root the verifier knows
        ranges.append((start, end))
    return ranges[::-1]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Hashes that show the first `old_size` leaves to be the beginning of `leaves`: see the ranges."""
    return [root_of(leaves[start:end]) for start, end in consistency_ranges(old_size, len(leaves))]


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the old tree is the beginning of the new one."""
    if old_size == new_size:
        return not proof and compare_digest(old_root, new_root)
    if old_size == 0:  # anything begins with nothing
        return not proof and new_size > 0 and compare_digest(old_root, EMPTY_ROOT)
    if not 0 < old_size < new_size:
        return False
    # A perfect old tree is a node of the new one, so the proof begins with it and need not say it.
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    shift = (old_size ^ (old_size - 1)).bit_length() - 1  # levels below the node that the proof begins with
    sides = _left_siblings((old_size - 1) >> shift, (new_size - 1) >> shift, len(path) - 1)
    if sides is None:
        return False
    old = new = path[0]
    for sibling, is_left in zip(path[1:], sides, strict=True):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    return compare_digest(old, old_root) and compare_digest(new, new_root)


def _left_siblings(position: int, last: int, length: int) -> list[bool] | None:
    """For each step from node `position` to the root, whether its sibling is on the left.

    `last` is the last node of the same level. None where the way is not `length` steps long.
    """
    sides: list[bool] = []
    while last:
        if position == last and not position & 1:  # the right edge has no sibling here: one level up
            position, last = position >> 1, last >> 1
            continue
        sides.append(bool(position & 1))
        if len(sides) > length:
            return None
        position, last = position >> 1, last >> 1
    return sides if len(sides) == length else None


def split(size: int) -> int:
    """The largest power of two below `size`, where a tree of `size` leaves divides."""
    return 1 << (size - 1).bit_length() - 1
