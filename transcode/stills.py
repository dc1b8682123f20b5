"""Stills: described and copied by a child in the sandbox (stills_child.py), whose answer is checked here."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from transcode.child import Finished
from transcode.model import Made, Tool
from transcode.sandbox import Command, Limits, output_file, run
from transcode.tools import identify_library
from transcode.values import decimal, json_object, whole

_CHILD = Path(__file__).with_name("stills_child.py")  # runs in the sandbox; never imported here
CLIP = "clip.mp4"
_LIMITS = Limits(cpu_s=120, wall_s=180, file_bytes=1024**3)


@dataclass(frozen=True, slots=True)
class Clip:
    """The bytes of a clip inside of a still: the first one's offset, their number, how they were found.

    `is_cut` tells that its last box is longer than what is left of the file.
    """

    offset: int
    size: int
    found_by: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class StillReport:
    """What the child said, checked: either `refused` or `failed` is a sentence, or the rest is set.

    `exif` holds (tag, value) pairs as `source` (exifread or Pillow) printed them; sizes are pixels as stored;
    `luma` counts the copy's samples by value, 0 to 255; `square` is that in 64 x 64 samples.
    """

    width: int = 0
    height: int = 0
    format: str = ""
    mode: str = ""
    frames: int = 1
    source: str = ""
    exif: tuple[tuple[str, str], ...] = ()
    exif_trouble: str = ""
    position: tuple[float, float, str] | None = None
    motion_photo: bool = False
    clip: Clip | None = None
    name: str = ""
    shown: tuple[int, int] = (0, 0)
    partial: str = ""
    luma: tuple[int, ...] = ()
    square: bytes = b""
    refused: str = ""
    failed: str = ""


def describe(source: Path, format_name: str) -> StillReport:
    """Size and metadata of the still, without decoding it; `format_name` is the sniffed one."""
    return _checked(_run("describe", source, format_name, None))


def copy(source: Path, format_name: str, out: Path) -> StillReport:
    """Write `working.jpg` or `working.png`, upright, into the folder `out`."""
    report = _checked(_run("copy", source, format_name, out))
    if not (report.refused or report.failed) and output_file(out, report.name) is None:
        return StillReport(failed="The copy was not written.")
    return report


def take_clip(source: Path, clip: Clip, out: Path) -> Made | None:
    """Copy the clip's bytes, unchanged, into `out` as `clip.mp4`; None where the file does not have them."""
    path = out / CLIP
    with source.open("rb") as original, path.open("wb") as target:
        original.seek(clip.offset)
        left = clip.size
        while left and (block := original.read(min(left, 1024**2))):
            target.write(block)
            left -= len(block)
    if left:
        path.unlink()
        return None
    detail: JsonObject = {
        "offset": clip.offset,
        "size": clip.size,
        "found_by": clip.found_by,
        "cut": clip.is_cut,
    }
    args = (f"bytes={clip.offset}-{clip.offset + clip.size - 1}",)
    return Made(Role.EMBEDDED, CLIP, path, identify_library("vidne", __file__), args, detail=detail)


def tool(format_name: str) -> Tool:
    """What makes the copy."""
    library = "pillow-heif" if format_name == "HEIF" else "pillow"
    return identify_library(library, str(_CHILD))


def arguments(action: str, format_name: str) -> tuple[str, ...]:
    """The child's command line, without the interpreter."""
    return ("stills_child.py", action, format_name)


def _run(action: str, source: Path, format_name: str, out: Path | None) -> Finished:
    argv = [sys.executable, "-I", "-B", "/in/stills_child.py", action, format_name]
    inputs = {"src": source, "stills_child.py": _CHILD}
    return run(Command(argv, inputs=inputs, out=out, limits=_LIMITS, python=True), stdout_limit=4 * 1024**2)


def _checked(finished: Finished) -> StillReport:
    if not finished.ok:
        return StillReport(failed=f"It cannot be opened. {finished.explain()}")
    values = json_object(finished.stdout)
    if not values:
        return StillReport(failed="The program that opens it gave no answer.")
    if values.get("refused") or values.get("failed"):
        return StillReport(refused=_text(values, "refused"), failed=_text(values, "failed"))
    name = _text(values, "name")
    return StillReport(
        width=whole(values.get("width")) or 0,
        height=whole(values.get("height")) or 0,
        format=_text(values, "format"),
        mode=_text(values, "mode"),
        frames=whole(values.get("frames")) or 1,
        source=_text(values, "source"),
        exif=_pairs(values.get("exif")),
        exif_trouble=_text(values, "exif_trouble"),
        position=_position(values.get("gps")),
        motion_photo=values.get("motion_photo") is True,
        clip=_clip(values.get("clip")),
        name=name if name in ("working.jpg", "working.png") else "",
        shown=_size(values.get("shown")),
        partial=_text(values, "partial"),
        luma=_counts(values.get("luma")),
        square=_bytes(_text(values, "square")),
    )


def _text(values: Mapping[str, Json], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _pairs(value: Json) -> tuple[tuple[str, str], ...]:
    entries = value if isinstance(value, list) else []
    return tuple(
        (entry[0], entry[1])
        for entry in entries
        if isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], str)
    )


def _size(value: Json) -> tuple[int, int]:
    width, height = value if isinstance(value, list) and len(value) == 2 else (0, 0)
    return whole(width) or 0, whole(height) or 0


def _counts(value: Json) -> tuple[int, ...]:
    counts = [whole(entry) for entry in value] if isinstance(value, list) else []
    return tuple(count for count in counts if count is not None and count >= 0)


def _clip(value: Json) -> Clip | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    offset, size, found_by = whole(value[0]), whole(value[1]), value[2]
    if offset is None or size is None or offset <= 0 or size <= 0 or not isinstance(found_by, str):
        return None
    return Clip(offset, size, found_by[:100], value[3] is True)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _position(value: Json) -> tuple[float, float, str] | None:
    fix: JsonObject = value if isinstance(value, dict) else {}
    latitude, longitude = decimal(fix.get("latitude")), decimal(fix.get("longitude"))
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return latitude, longitude, _text(fix, "verbatim")
