"""Frames and their stamps are read from pipes as they come, in any pieces, and joined by their numbers."""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import pytest

from transcode.frames import (
    NUMBERED,
    PIPE_SIZE,
    Frame,
    Pictures,
    Stamp,
    Stamps,
    read_frames,
    stamps_in,
    widen,
)

WIDTH, HEIGHT, FULL = 4, 2, 12


def line(number: int, pts: int | str) -> bytes:
    """What the `metadata` filter prints of a frame."""
    return f"frame:{number:<4} pts:{pts:<7} pts_time:0.04\nv=0\n".encode()


def small(number: int) -> bytes:
    return bytes([number] * WIDTH * HEIGHT)


def full(number: int) -> bytes:
    return bytes([100 + number] * FULL)


def mark(number: int, tenth: int = 0) -> bytes:
    """The stamp of a full frame: its number below a multiple of NUMBERED."""
    return line(0, number + NUMBERED * tenth)


def read(smalls: bytes, stamps: bytes, fulls: bytes, marks: bytes, *, piece: int = 65536) -> list[Frame]:
    """What is read of four pipes, into each of which a thread writes in pieces."""
    with ExitStack() as stack:
        ends = []
        for data in (smalls, stamps, fulls, marks):
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            thread = threading.Thread(target=_write, args=(writing, data, piece))
            thread.start()
            stack.callback(thread.join)
            ends.append(reading)
        sinks = Pictures(ends[0], WIDTH * HEIGHT), Stamps(ends[1]), Pictures(ends[2], FULL), Stamps(ends[3])
        return list(read_frames(*sinks, WIDTH))


def _write(descriptor: int, data: bytes, piece: int) -> None:
    for at in range(0, len(data), piece):
        os.write(descriptor, data[at : at + piece])
    os.close(descriptor)


def joined(make: Callable[[int], bytes], numbers: Sequence[int]) -> bytes:
    return b"".join(make(number) for number in numbers)


def full_numbers(frames: Sequence[Frame]) -> dict[int, int]:
    """Of each frame that came at full size which one it was made as."""
    return {frame.index: int(frame.full[0]) - 100 for frame in frames if frame.full is not None}


def test_a_line_gives_number_and_time_and_one_without_time_is_kept() -> None:
    printed = line(0, -5) + line(1, "NOPTS") + b"lavfi.x=frame:9 pts:9 \n" + line(2, 90000)
    assert stamps_in(printed) == [Stamp(0, -5), Stamp(1, None), Stamp(2, 90000)]


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_frames_come_whole_and_in_order_however_they_are_cut_up(piece: int) -> None:
    stamps = b"".join(line(n, n * 3600) for n in range(20))
    fulls = range(0, 20, 3)
    frames = read(joined(small, range(20)), stamps, joined(full, fulls), joined(mark, fulls), piece=piece)
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.pts for frame in frames] == [n * 3600 for n in range(20)]
    assert all(frame.luma.shape == (HEIGHT, WIDTH) for frame in frames)
    assert all(np.all(frame.luma == frame.index) for frame in frames)
    assert full_numbers(frames) == {n: n for n in fulls}


@pytest.mark.parametrize("pts", [7, "NOPTS"])
def test_a_full_frame_joins_its_own_small_one_where_all_have_one_time_or_none(pts: int | str) -> None:
    stamps = b"".join(line(n, pts) for n in range(9))
    fulls = [0, 3, 6, 7, 8]
    frames = read(joined(small, range(9)), stamps, joined(full, fulls), joined(mark, fulls))
    assert full_numbers(frames) == {n: n for n in fulls}


def test_what_stands_above_the_number_in_a_full_frames_time_is_passed_over() -> None:
    stamps = b"".join(line(n, n) for n in range(4))
    frames = read(joined(small, range(4)), stamps, full(0) + full(3), mark(0, tenth=5) + mark(3, tenth=2**31))
    assert full_numbers(frames) == {0: 0, 3: 3}


def test_numbers_that_begin_anew_are_joined_within_their_part() -> None:
    # As after a change of size: 5 frames, then 4.
    stamps = b"".join(line(n, n) for n in range(5)) + b"".join(line(n, 5 + n) for n in range(4))
    frames = read(
        joined(small, range(9)), stamps, joined(full, [0, 3, 5, 8]), mark(0) + mark(3) + mark(0) + mark(3)
    )
    assert [frame.index for frame in frames] == list(range(9))
    assert full_numbers(frames) == {0: 0, 3: 3, 5: 5, 8: 8}


def test_a_frame_that_is_cut_off_is_none() -> None:
    frames = read(small(0) + small(1)[:-1], line(0, 0) + line(1, 1), full(0)[:-1], mark(0))
    assert [(frame.index, frame.full) for frame in frames] == [(0, None)]


def test_a_line_that_is_cut_off_gives_no_frame() -> None:
    assert len(read(small(0) + small(1), line(0, 0) + b"frame:1 pts:36", b"", b"")) == 1


def test_of_nothing_there_are_no_frames() -> None:
    assert read(b"", b"", b"", b"") == []


def test_a_line_without_end_is_not_kept() -> None:
    reading, writing = os.pipe()
    stamps = Stamps(reading)
    for _ in range(8):
        os.write(writing, b"x" * 60000)
        stamps.read()
    assert len(stamps._rest) <= 4096
    os.write(writing, b"\n" + line(3, 4))
    os.close(writing)
    while stamps.read():
        pass
    os.close(reading)
    assert list(stamps.values) == [Stamp(3, 4)]


def test_a_pipe_is_widened() -> None:
    reading, writing = os.pipe()
    widen(writing)
    os.set_blocking(writing, False)
    assert os.write(writing, bytes(PIPE_SIZE)) == PIPE_SIZE
    os.close(reading)
    os.close(writing)
