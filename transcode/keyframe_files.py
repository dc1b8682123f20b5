"""The chosen keyframes as files: a PNG each at its own resolution, and one contact sheet with their times."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from evidence.errors import VidneError
from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg
from transcode.frames import Plane
from transcode.keyframes import Kept, Keyframes
from transcode.model import Made
from transcode.picture import Picture, rgb
from transcode.sandbox import Command, Limits, output_file, run
from transcode.tools import identify, identify_library

_THUMB_WIDTH = 240
_COLUMNS = 5
_CAPTION = 20  # pixels below each small picture
_MARGIN = 4
_PAPER, _INK = 255, (0, 0, 0)
_JPEG_QUALITY = 88
# A fifth of the time of the defaults, and no more bytes.
_PNG: ffmpeg.Options = {"compression_level": 1, "pred": "up"}


@dataclass(frozen=True, slots=True)
class Series:
    """The keyframes of one picture: `names` begins their file names, `stored` gives stored frame numbers.

    `stored` maps a shown frame's number to its number among all that are stored, where that is known.
    """

    picture: Picture
    kept: Sequence[Kept]
    names: str
    stored: dict[int, int]


def write(series: Series, keyframes: Keyframes, out: Path, limits: Limits) -> list[Made]:
    """Write them into the new folder `out`; raises VidneError where ffmpeg cannot."""
    if not series.kept:
        return []
    out.mkdir()
    by_slot = sorted(series.kept, key=lambda kept: kept.slot)
    size = _thumb_size(series.picture)
    command = _command(series, [kept.slot for kept in by_slot], size)
    finished = run(
        Command(command, inputs={"frames": keyframes.path}, out=out, limits=limits, background=True),
        stdout_limit=3 * size[0] * size[1] * len(by_slot),
    )
    if not finished.ok or len(finished.stdout) != 3 * size[0] * size[1] * len(by_slot):
        raise VidneError(f"The keyframes could not be written. {finished.explain()}")
    thumbs = np.frombuffer(finished.stdout, np.uint8).reshape(-1, size[1], size[0], 3)
    pages = dict(zip((kept.index for kept in by_slot), thumbs, strict=True))
    made = []
    for position, kept in enumerate(by_slot, 1):
        path = output_file(out, f"slot-{position:03d}.png")
        if path is None:
            raise VidneError(f"The keyframe at {kept.time_s:.3f} s was not written.")
        made.append((kept, path))
    made.sort(key=lambda pair: pair[0].index)
    files = [
        Made(
            Role.KEYFRAME,
            f"{series.names}-{number:03d}.png",
            path,
            identify("ffmpeg"),
            command,
            detail=_detail(series, kept, keyframes.frame(kept)),
        )
        for number, (kept, path) in enumerate(made, 1)
    ]
    return [*files, _sheet(series, pages, out)]


def _command(series: Series, slots: Sequence[int], thumb: tuple[int, int]) -> tuple[str, ...]:
    """One reading of the kept frames, in the order of their slots."""
    seen = series.picture
    raw: ffmpeg.Options = {
        "f": "rawvideo",
        "format_whitelist": "rawvideo",
        "pixel_format": "yuv420p",
        "s": f"{seen.width}x{seen.height}",
    }
    frames = ffmpeg.open_input("/in/frames", raw).stream("v:0").filter("select", ffmpeg.numbered(slots))
    large, small = frames.split(2)
    pages = rgb(large, seen, "rgb24")
    thumbs = rgb(small.filter("scale", *thumb, flags="area"), seen, "bgr24")
    return ffmpeg.command(
        ffmpeg.output(
            [pages],
            "/out/slot-%03d.png",
            {"f": "image2", "c:v": "png", **_PNG, "fps_mode": "passthrough"},
        ),
        ffmpeg.output([thumbs], "pipe:1", {"f": "rawvideo", "fps_mode": "passthrough"}),
    )


def _detail(series: Series, kept: Kept, frame: bytes) -> JsonObject:
    """`frame` is the frame's number among those shown; the hash is of its samples in `pixel_format`.

    They are as they were decoded where that is 8-bit 4:2:0; those of PQ and HLG are tone-mapped.
    """
    reasons: list[Json] = list(kept.reasons)
    return {
        "time_s": round(kept.time_s, 6),
        "frame": kept.index,
        "stored_frame": series.stored.get(kept.index),
        "stream": series.picture.index,
        "sharpness": round(kept.sharpness, 2),
        "reasons": reasons,
        "pixel_format": series.picture.layout,
        "pixel_sha256": hashlib.sha256(frame).hexdigest(),
        **({"tone_mapped": True} if series.picture.is_hdr else {}),
    }


def _thumb_size(seen: Picture) -> tuple[int, int]:
    """Width and height of the small pictures: square pixels, at most three times as high as wide."""
    width, height = seen.shown
    return _THUMB_WIDTH, min(max(2, round(_THUMB_WIDTH * height / max(1, width))), 3 * _THUMB_WIDTH)


def _sheet(series: Series, pages: dict[int, Plane], out: Path) -> Made:
    """All small pictures on one page, each with its time and number below."""
    width, height = _thumb_size(series.picture)
    columns = min(_COLUMNS, len(series.kept))
    rows = -(-len(series.kept) // columns)
    cell_w, cell_h = width + _MARGIN, height + _CAPTION + _MARGIN
    page = np.full((rows * cell_h + _MARGIN, columns * cell_w + _MARGIN, 3), _PAPER, np.uint8)
    for place, kept in enumerate(sorted(series.kept, key=lambda entry: entry.index)):
        x, y = _MARGIN + place % columns * cell_w, _MARGIN + place // columns * cell_h
        page[y : y + height, x : x + width] = pages[kept.index]
        caption = f"{kept.time_s:.3f} s   frame {kept.index}"
        cv2.putText(page, caption, (x, y + height + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    name = f"{series.names.replace('keyframe', 'contact-sheet')}.jpg"
    path = out / name
    written, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not written:
        raise VidneError("The contact sheet could not be written.")
    path.write_bytes(data.tobytes())
    tool = identify_library("opencv-python-headless", __file__)
    return Made(Role.CONTACT_SHEET, name, path, tool, ("keyframe_files.py", "contact sheet"))
