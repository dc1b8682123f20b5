"""All stages over one file, one after the other, as the jobs of an exhibit do them; nothing is filed."""

from collections.abc import Callable, Iterator
from pathlib import Path

from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.model import StageReport
from transcode.slow import slow


def each_stage(source: Path, work: Path) -> Iterator[tuple[Path, StageReport]]:
    """The folder and the report of each stage; the last one has a state. `work` is an empty folder.

    Raises VidneError as the stages do.
    """
    sections: JsonObject = {}
    stages: tuple[tuple[str, Callable[[Path], StageReport]], ...] = (
        ("inspect", lambda out: inspect(source, out, source.name)),
        ("fast", lambda out: fast(source, out, sections)),
        ("slow", lambda out: slow(source, out, sections)),
    )
    for name, stage in stages:
        out = work / name
        out.mkdir(parents=True)
        report = stage(out)
        sections |= report.sections
        yield out, report
        if report.state is not None:
            return
    raise RuntimeError("the last stage did not say what became of the file")


def run_stages(source: Path, work: Path) -> tuple[JsonObject, ExhibitState]:
    """The sections and the state of the file at `source`; see `each_stage`."""
    sections: JsonObject = {}
    state = ExhibitState.SEALED
    for _, report in each_stage(source, work):
        sections |= report.sections
        state = report.state or state
    return sections, state
