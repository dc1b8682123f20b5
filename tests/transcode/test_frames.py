"""Frames and their stamps are read from pipes as they come, in any pieces, and joined by their numbers."""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from transcode.frames import NUMBERED, PIPE_SIZE, Pictures, Stamp, Stamps, read_frames, stamps_in, widen

FULL = 12


def line(number: int, pts: int | str) -> bytes:
    """What the `metadata` filter prints of a frame."""
    return f"frame:{number:<4} pts:{pts:<7} pts_time:0.04\nv=0\n".encode()


def full(number: int) -> bytes:
    return bytes([100 + number] * FULL)


def mark(number: int, hundredth: int = 0) -> bytes:
    """The stamp of a full frame: its number below a multiple of NUMBERED."""
    return line(0, number + NUMBERED * hundredth)


def read(
    lines: bytes, fulls: bytes, marks: bytes, *, piece: int = 65536
) -> tuple[dict[int, int], list[Stamp]]:
    """What is read of three pipes, into each of which a thread writes in pieces.

    Of each frame its number and which one it was made as; and all stamps.
    """
    with ExitStack() as stack:
        ends = []
        for data in (lines, fulls, marks):
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            thread = threading.Thread(target=_write, args=(writing, data, piece))
            thread.start()
            stack.callback(thread.join)
            ends.append(reading)
        stamps = Stamps(ends[0])
        frames = {}
        for index, frame in read_frames(stamps, Pictures(ends[1], FULL), Stamps(ends[2])):
            assert index < len(stamps.values)
            assert set(frame) == {frame[0]}
            frames[index] = int(frame[0]) - 100
        return frames, stamps.values


def _write(descriptor: int, data: bytes, piece: int) -> None:
    for at in range(0, len(data), piece):
        os.write(descriptor, data[at : at + piece])
    os.close(descriptor)


def joined(make: Callable[[int], bytes], numbers: Sequence[int]) -> bytes:
    return b"".join(make(number) for number in numbers)


def test_a_line_gives_number_and_time_and_one_without_time_is_kept() -> None:
    printed = line(0, -5) + line(1, "NOPTS") + b"lavfi.x=frame:9 pts:9 \n" + line(2, 90000)
    assert stamps_in(printed) == [Stamp(0, -5), Stamp(1, None), Stamp(2, 90000)]


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_frames_come_whole_and_in_order_however_they_are_cut_up(piece: int) -> None:
    lines = b"".join(line(n, n * 3600) for n in range(20))
    fulls = range(0, 20, 3)
    frames, stamps = read(lines, joined(full, fulls), joined(mark, fulls), piece=piece)
    assert list(frames.items()) == [(n, n) for n in fulls]
    assert stamps == [Stamp(n, n * 3600) for n in range(20)]


@pytest.mark.parametrize("pts", [7, "NOPTS"])
def test_a_frame_has_its_own_number_where_all_have_one_time_or_none(pts: int | str) -> None:
    fulls = [0, 3, 6, 7, 8]
    frames, _ = read(b"".join(line(n, pts) for n in range(9)), joined(full, fulls), joined(mark, fulls))
    assert frames == {n: n for n in fulls}


def test_what_stands_above_the_number_in_a_frames_time_is_passed_over() -> None:
    lines = b"".join(line(n, n) for n in range(4))
    frames, _ = read(lines, full(0) + full(3), mark(0, hundredth=5) + mark(3, hundredth=2**31))
    assert frames == {0: 0, 3: 3}


def test_numbers_that_begin_anew_count_on_from_their_part() -> None:
    # As after changes of size: 5 frames, then 1, 1 and 4.
    lines = b"".join(line(n, 0) for part in (5, 1, 1, 4) for n in range(part))
    marks = joined(mark, [0, 3, 0, 0, 0, 3])
    frames, _ = read(lines, joined(full, [0, 3, 5, 6, 7, 10]), marks)
    assert frames == {n: n for n in (0, 3, 5, 6, 7, 10)}


def test_a_frame_that_is_cut_off_is_none() -> None:
    assert read(line(0, 0) + line(1, 1), full(0) + full(1)[:-1], mark(0) + mark(1))[0] == {0: 0}


def test_a_frame_whose_line_is_cut_off_is_none() -> None:
    assert read(line(0, 0) + b"frame:1 pts:36", full(0) + full(1), mark(0) + mark(1))[0] == {0: 0}
    assert read(line(0, 0) + line(1, 1), full(0) + full(1), mark(0) + mark(1)[:9])[0] == {0: 0}


def test_of_nothing_there_are_no_frames() -> None:
    assert read(b"", b"", b"") == ({}, [])


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
