"""Preview frames: a few of the intra frames, which decode alone and so cost little; not the keyframes."""

import re
from pathlib import Path

from evidence.jsontypes import JsonObject
from transcode import ffmpeg
from transcode.products import input_options
from transcode.sandbox import output_file

CEILING = 12
WIDTH = 960
_TIMES = "previews.txt"
# Only decoders heed it, so that one reading serves copies and previews.
INTRA: ffmpeg.Options = {"skip_frame:v": "nokey"}
# In microseconds: ffmpeg prints seconds with six digits only.
_LINE = re.compile(r"^frame:(\d+)\s+pts:(-?\d+)\s", re.MULTILINE)


def output(video: JsonObject, duration_s: float | None, plan: JsonObject) -> ffmpeg.Output:
    """The part of a command that writes them: JPEG, upright, square pixels, at most 960 wide.

    `video` is an entry of the section `streams`, `plan` the section `derivation`. They are spread over
    the duration, at least a second apart.
    """
    gap = max(1.0, (duration_s or 0.0) / CEILING)
    frames = (
        ffmpeg.open_input(options={**input_options(plan), **INTRA})
        .stream(str(video["index"]))
        .filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{gap:.3f})")
        .filter("scale", f"min({WIDTH},iw*max(sar,1))", "ow*ih/(iw*sar)")
        .filter("setsar", 1)
        .filter("format", "yuvj420p")
        .filter("settb", "AVTB")
        .filter("metadata", mode="add", key="preview", value="1")
        .filter("metadata", mode="print", file=f"/out/{_TIMES}")
    )
    options: ffmpeg.Options = {
        "f": "image2",
        "c:v": "mjpeg",
        "q:v": 3,
        "fps_mode": "passthrough",
        "frames:v": CEILING,
    }
    return ffmpeg.output([frames], "/out/preview-%03d.jpg", options)


def collect(out: Path) -> list[tuple[Path, float]]:
    """The files that were written to their end, each with its time in seconds."""
    listing = output_file(out, _TIMES)
    if listing is None:
        return []
    times = _LINE.findall(listing.read_text("ascii", "replace"))
    found = (
        (output_file(out, f"preview-{int(number) + 1:03d}.jpg"), int(ticks) / 1_000_000)
        for number, ticks in times
    )
    return [(path, time_s) for path, time_s in found if path is not None and _is_whole(path)]


def _is_whole(path: Path) -> bool:
    """Whether a JPEG has its beginning and its end."""
    data = path.read_bytes()
    return data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")
