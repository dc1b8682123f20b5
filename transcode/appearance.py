"""What a file shows, for finding exhibits that show the same: the looks of a few of its frames."""

from pathlib import Path

import numpy as np

from evidence.jsontypes import JsonObject
from evidence.marks import Marks
from transcode import ffmpeg, likeness, listings, stills
from transcode.picture import tone_mapped
from transcode.preview import INTRA
from transcode.products import input_options
from transcode.sandbox import Command, run
from transcode.task import Task, tasks

_CEILING = 240  # frames that are looked at
_GAP_S = 0.5  # between two of them, at least
_WHOLE_S = 120.0  # a longer clip is not decoded but for its intra frames


def appearance(source: Path, work: Path, sections: JsonObject) -> list[Marks]:
    """The looks of each picture of a file, or of a still; `sections` are those of its inspection.

    `work` is an empty folder of this call's own. Raises SandboxError, ToolMissingError.
    """
    media, plan = sections.get("media"), sections.get("derivation")
    if not isinstance(media, dict) or not isinstance(plan, dict) or plan.get("method") == "none":
        return []
    if media.get("kind") == "still":
        return [likeness.of_still(stills.copy(source, str(media.get("format")), work).square)]
    return [_of_picture(task) for task in tasks(source, work, sections)]


def _of_picture(task: Task) -> Marks:
    is_long = (task.duration_s or 0.0) > _WHOLE_S
    looks = _looks(task, INTRA) if is_long else b""
    # Some recorders write one intra frame, or none.
    return Marks(str(task.seen.index), looks=looks or _looks(task, {}))


def _looks(task: Task, options: ffmpeg.Options) -> bytes:
    gap_s = max(_GAP_S, (task.duration_s or 0.0) / _CEILING)
    frames = ffmpeg.open_input(options={**input_options(task.options), **options}).stream(
        str(task.seen.index)
    )
    chosen = frames.filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{gap_s:.3f})")
    if task.seen.is_hdr:
        chosen = tone_mapped(chosen, task.seen)
    small = chosen.filter("scale", likeness.SIDE, likeness.SIDE, flags="area").filter("format", "gray")
    raw: ffmpeg.Options = {"f": "rawvideo", "fps_mode": "passthrough", "frames:v": _CEILING}
    size = likeness.SIDE**2
    command = Command(
        ffmpeg.command(ffmpeg.output([small], "pipe:1", raw)),
        inputs={"src": task.source},
        limits=listings.limits(task.source),
    )
    shown = np.frombuffer(run(command, stdout_limit=_CEILING * size).stdout, np.uint8)
    looks = likeness.Looks()
    planes = shown[: len(shown) // size * size].reshape(-1, likeness.SIDE, likeness.SIDE)
    for place, plane in enumerate(planes):
        looks.add(plane, place * gap_s)
    return looks.sketch()
