"""Many sketches against one: what is found, where, and that nothing else is."""

import numpy as np

from transcode.likeness import ALIKE, BITS, RECORD
from transcode.proof import SAMPLED_BYTES
from transcode.sketches import Alike, Shared, alike, shared

CHANCE = np.random.default_rng(1)


def looks(count: int) -> bytes:
    records = np.zeros(count, RECORD)
    records["bits"] = CHANCE.integers(0, 256, records["bits"].shape, np.uint8)
    records["ms"] = np.arange(count) * 500
    return records.tobytes()


def with_flipped(sketch: bytes, bits: int) -> bytes:
    """The first look of a sketch, with so many other bits."""
    record = np.frombuffer(sketch, RECORD)[:1].copy()
    record["bits"][0] ^= np.packbits(np.arange(BITS) < bits)
    return record.tobytes()


def test_a_look_is_found_where_it_is_near_and_told_with_its_time() -> None:
    others = [looks(50), looks(1), looks(50)]
    sought = np.frombuffer(others[2], RECORD)[7:8].tobytes()
    assert alike(sought, others) == {2: Alike(frames=1, of_file=1, bits=0, time_s=3.5)}


def test_the_limit_is_met_to_the_bit() -> None:
    known = looks(3)
    assert alike(with_flipped(known, ALIKE), [known])[0].bits == ALIKE
    assert alike(with_flipped(known, ALIKE + 1), [known]) == {}


def test_frames_that_agree_are_counted() -> None:
    known = looks(9)
    half = known[: 4 * RECORD.itemsize] + looks(5)
    assert alike(half, [looks(9), known]) == {1: Alike(frames=4, of_file=9, bits=0, time_s=0.0)}


def test_nothing_is_like_nothing() -> None:
    assert alike(b"", [looks(3)]) == {}
    assert alike(looks(3), []) == {}
    assert shared(b"", [b"12345678"]) == {}


def test_packets_in_common_are_counted_once_each() -> None:
    known = CHANCE.bytes(100 * SAMPLED_BYTES)
    excerpt = known[40 * SAMPLED_BYTES : 50 * SAMPLED_BYTES]
    other = CHANCE.bytes(100 * SAMPLED_BYTES)
    assert shared(excerpt + excerpt, [other, known]) == {1: Shared(count=10, of_file=10, of_exhibit=100)}


def test_a_packet_that_two_clips_happen_to_share_tells_nothing() -> None:
    assert not Shared(count=1, of_file=1, of_exhibit=1).tells
    assert not Shared(count=2, of_file=40, of_exhibit=50).tells
    assert Shared(count=2, of_file=3, of_exhibit=50).tells
    assert Shared(count=8, of_file=400, of_exhibit=500).tells
