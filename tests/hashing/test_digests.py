import hashlib
import io
import os
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import IntegrityError, UnreadableError
from evidence.exhibits import Digests
from hashing.digests import (
    CHUNK_SIZE,
    HEADS,
    PIECE_SIZE,
    Difference,
    Digester,
    blake3_file,
    chunks,
    digest_file,
    first_difference,
    require_not_empty,
    sha256_file,
)

SIZES = [
    0,
    1,
    65535,
    65536,
    65537,
    PIECE_SIZE - 1,
    PIECE_SIZE,
    PIECE_SIZE + 1,
    2 * PIECE_SIZE,
    3 * PIECE_SIZE + 7,
]


def by_hand(content: bytes, piece_size: int = PIECE_SIZE) -> Digests:
    """The digests as their definition has them."""
    pieces = [content[start : start + piece_size] for start in range(0, len(content), piece_size)]
    return Digests(
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        blake3=blake3(content).hexdigest(),
        piece_size=piece_size,
        pieces_blake3=tuple(blake3(piece).hexdigest() for piece in pieces),
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_file_has_the_digests_of_its_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "clip"
    path.write_bytes(content)
    assert digest_file(path) == by_hand(content)
    assert sha256_file(path) == by_hand(content).sha256
    with path.open("rb") as stream:
        assert digest_file(stream) == by_hand(content)
    assert digest_file(io.BytesIO(content)) == by_hand(content)


@pytest.mark.parametrize("size", [0, 4095, 4096, 65536, 1024**2 - 1, 1024**2, PIECE_SIZE + 1])
@pytest.mark.parametrize("piece_size", [PIECE_SIZE, 1000])
def test_the_first_bytes_have_digests_of_their_own(size: int, piece_size: int) -> None:
    content = os.urandom(size)
    found = digest_file(io.BytesIO(content), piece_size=piece_size)
    assert found == by_hand(content, piece_size)
    assert found.heads == tuple((n, blake3(content[:n]).hexdigest()) for n in HEADS if n <= size)


class OnlyRead:
    """A stream that offers nothing but read, as an HTTP response may."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        return self._inner.read(min(size, 1000))


def test_a_stream_that_gives_little_at_a_time_has_the_same_digests() -> None:
    content = os.urandom(50_123)
    assert digest_file(cast("BinaryIO", OnlyRead(content))) == by_hand(content)


@given(st.binary(max_size=3000), st.lists(st.integers(1, 900)), st.integers(1, 700))
def test_digests_do_not_depend_on_how_the_bytes_arrive(
    content: bytes, cuts: list[int], piece_size: int
) -> None:
    digester = Digester(piece_size)
    rest = memoryview(content)
    for cut in cuts:
        digester.update(rest[:cut])
        rest = rest[cut:]
    digester.update(rest)
    assert digester.size == len(content)
    assert digester.finish() == by_hand(content, piece_size)


def test_a_piece_has_bytes() -> None:
    with pytest.raises(ValueError, match="cannot have 0 bytes"):
        Digester(0)


def test_large_chunks_are_digested_beside_the_caller_and_in_order(tmp_path: Path) -> None:
    content = os.urandom(CHUNK_SIZE * 5 + 3)
    path, copy = tmp_path / "clip", tmp_path / "copy"
    path.write_bytes(content)
    digester = Digester()
    with path.open("rb", buffering=0) as source, copy.open("wb") as target:
        for chunk in chunks(source):
            digester.update(chunk)
            target.write(chunk)
    assert digester.finish() == by_hand(content)
    assert copy.read_bytes() == content


def test_progress_is_told_of_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(bytes(CHUNK_SIZE + 70_000))
    seen: list[int] = []
    digest_file(path, seen.append)
    assert sum(seen) == CHUNK_SIZE + 70_000


def test_an_unreadable_path_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UnreadableError, match=str(path)):
            digest_file(path)
        with pytest.raises(UnreadableError, match=str(path)):
            sha256_file(path)
        with pytest.raises(UnreadableError, match=str(path)):
            blake3_file(path)


def test_a_digest_alone_is_the_same_as_beside_the_others(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(os.urandom(CHUNK_SIZE + 70_000))
    digests = digest_file(path)
    assert (sha256_file(path), blake3_file(path)) == (digests.sha256, digests.blake3)


def test_the_digest_of_nothing_for_a_file_with_bytes_is_an_error() -> None:
    nothing = hashlib.sha256().hexdigest()
    require_not_empty(nothing, 0)
    with pytest.raises(IntegrityError, match="5 bytes"):
        require_not_empty(nothing, 5)
    with pytest.raises(IntegrityError):
        require_not_empty("ab" * 32, 0)


# Where a copy departs


def departs(recorded: bytes, copy: bytes, piece_size: int = 10) -> Difference | None:
    expected = by_hand(recorded, piece_size)
    found = first_difference(expected, by_hand(copy, piece_size))
    assert first_difference(expected, io.BytesIO(copy)) == found
    return found


CONTENT = bytes(range(35))


def test_a_true_copy_departs_nowhere() -> None:
    assert departs(CONTENT, CONTENT) is None
    assert departs(b"", b"") is None


@pytest.mark.parametrize(
    ("place", "start", "end"), [(0, 0, 10), (9, 0, 10), (10, 10, 20), (29, 20, 30), (34, 30, 35)]
)
def test_a_changed_byte_is_placed_in_its_piece(place: int, start: int, end: int) -> None:
    copy = bytearray(CONTENT)
    copy[place] ^= 1
    assert departs(CONTENT, bytes(copy)) == Difference("changed", start, end)


def test_the_first_of_two_changes_is_named() -> None:
    copy = bytearray(CONTENT)
    copy[12] ^= 1
    copy[33] ^= 1
    assert departs(CONTENT, bytes(copy)) == Difference("changed", 10, 20)


@pytest.mark.parametrize(("left", "start"), [(0, 0), (5, 0), (10, 10), (25, 20), (34, 30)])
def test_a_truncated_copy_is_placed_after_the_last_whole_piece(left: int, start: int) -> None:
    assert departs(CONTENT, CONTENT[:left]) == Difference("truncated", start, 35)


def test_a_change_before_the_cut_comes_first() -> None:
    assert departs(CONTENT, b"X" + CONTENT[1:25]) == Difference("changed", 0, 10)


def test_bytes_after_the_end_are_placed() -> None:
    assert departs(CONTENT, CONTENT + b"more") == Difference("extended", 30, 39)
    assert departs(CONTENT[:30], CONTENT[:30] + b"more") == Difference("extended", 30, 34)


def test_a_record_that_contradicts_itself_is_not_placed() -> None:
    expected = by_hand(CONTENT, 10)
    odd = Digests(expected.size, "ab" * 32, expected.blake3, 10, expected.pieces_blake3)
    assert first_difference(odd, by_hand(CONTENT, 10)) == Difference("unplaced", 0, 35)


def test_pieces_of_different_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different sizes"):
        first_difference(by_hand(CONTENT, 10), by_hand(CONTENT, 20))


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=200), st.integers(1, 30))
def test_what_lies_before_the_named_range_is_the_same(recorded: bytes, copy: bytes, piece_size: int) -> None:
    found = departs(recorded, copy, piece_size)
    if found is None:
        assert recorded == copy
    else:
        assert recorded != copy
        assert recorded[: found.start] == copy[: found.start]
        assert recorded[found.start : found.end] != copy[found.start : found.end]
