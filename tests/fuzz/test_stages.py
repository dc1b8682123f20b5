"""Whatever bytes a file has, its stages end with a state or with an error for a reader, and leave nothing."""

import ctypes
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.fuzz.case import COUNT, FIRST, case
from tests.fuzz.stages import ended, nothing_left_running

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2): who outlives its parent becomes our child, and is seen


@pytest.mark.parametrize("number", range(FIRST, FIRST + COUNT))
def test_a_damaged_file_ends_in_a_state_and_leaves_nothing_behind(
    tmp_path: Path, bases: Sequence[Path], number: int, record_property: Callable[[str, object], None]
) -> None:
    damaged = case(number, bases)
    source = damaged.write(tmp_path)
    try:
        with nothing_left_running():
            record_property("end", ended(source, tmp_path))
        assert source.read_bytes() == damaged.data
    except BaseException as error:
        raise AssertionError(damaged.keep()) from error
    shutil.rmtree(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def adopted_orphans() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    assert libc.prctl(_SUBREAPER, 0, 0, 0, 0) == 0
