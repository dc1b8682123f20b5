"""All stages over one file, one after the other, as the jobs of an exhibit do them; nothing is filed."""

from collections.abc import Callable
from pathlib import Path

from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.model import StageReport
from transcode.slow import slow


def run_stages(source: Path, work: Path) -> tuple[JsonObject, ExhibitState]:
    """The sections and the state of the file at `source`; `work` is an empty folder for what is made.

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
        out.mkdir()
        report = stage(out)
        sections |= report.sections
        if report.state is not None:
            return sections, report.state
    raise RuntimeError("the last stage did not say what became of the file")
