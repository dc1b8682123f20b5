"""All stages of a file as the pipeline runs them, and what must hold of each whatever its bytes are."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from evidence.errors import SandboxError, ToolMissingError, VidneError
from evidence.exhibits import ExhibitState
from hashing import canonical
from tests.system.program import children_of
from transcode.model import StageReport
from transcode.stages import each_stage

# For files of a few kB and a second: far more than any of them needs on a busy machine.
PATIENCE_S = 120
_ENDS = {ExhibitState.PROCESSED, ExhibitState.PARTIAL, ExhibitState.UNPLAYABLE, ExhibitState.REFUSED}


class HungError(Exception):
    pass


def ended(source: Path, work: Path) -> str:
    """How the stages end, as the pipeline runs them."""
    done = 0
    try:
        with patience(PATIENCE_S):
            for folder, report in each_stage(source, work):
                assert_can_be_filed(report, folder)
                done += 1
    except (SandboxError, ToolMissingError):
        raise  # of the machine, not of the file
    except VidneError as error:
        return f"{('inspect', 'fast', 'slow')[done]}: {error}"
    assert report.state in _ENDS
    assert report.reason or report.state is ExhibitState.PROCESSED
    return str(report.state)


def assert_can_be_filed(report: StageReport, folder: Path) -> None:
    """The files are plain and have content, and all words and numbers go into catalogue, ledger, manifest."""
    names = [made.name for made in report.made]
    assert len(names) == len(set(names))
    for made in report.made:
        assert made.name.isascii()
        assert made.path.resolve().is_relative_to(folder.resolve())
        assert made.path.is_file()
        assert not made.path.is_symlink()
        assert made.path.stat().st_size > 0, made.name
        canonical.encode([canonical.floats_as_text(made.detail), *made.args])
    json.dumps(report.sections, allow_nan=False).encode("ascii")
    told = canonical.floats_as_text(report.sections.get("derivation"))
    canonical.encode([told, report.reason, *(problem.as_json() for problem in report.problems)])


@contextmanager
def nothing_left_running() -> Iterator[None]:
    """Of what is started inside the block nothing runs behind it; servers of other tests may run before."""
    others = set(children_of(os.getpid()))
    yield
    deadline = time.monotonic() + 10
    while left := set(children_of(os.getpid())) - others:
        for pid in left:
            os.waitpid(pid, os.WNOHANG)
        assert time.monotonic() < deadline, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
        time.sleep(0.01)


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise HungError(f"not at its end after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
