"""Runs in the sandbox, alone: reads the still at /in/src, prints one JSON object, may write a copy to /out.

`stills_child.py describe|copy FORMAT`. It imports nothing of Vidne's: only the interpreter, Pillow,
pillow-heif and exifread are to be seen from inside. What it prints is checked by `transcode.stills`.
"""

import json
import mmap
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, ImageOps

SOURCE = Path("/in/src")
OUT = Path("/out")
# The largest sensors have 150 megapixels; four bytes a pixel, twice over, still fit the memory limit.
MAX_PIXELS = 200_000_000
MAX_VALUE = 4096
SQUARE = 64  # samples a side of what is told of the copy's looks
# What parsers of untrusted bytes raise besides what they document.
UNDOCUMENTED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


def describe(image: Image.Image) -> dict[str, Any]:
    """Size, form and metadata; nothing is decoded."""
    exif, trouble = _exifread()
    source = "exifread"
    if not exif:
        exif, source = _pillow_exif(image), "Pillow"
    head = SOURCE.read_bytes()[: 256 * 1024]
    return {
        "frames": int(getattr(image, "n_frames", 1)),
        "mode": image.mode,
        "source": source,
        "exif": exif,
        "exif_trouble": trouble,
        "gps": _gps_pillow(image),
        "motion_photo": any(mark in head for mark in (b"MotionPhoto", b"MicroVideo", b"mpvd")),
        "clip": clip(),
    }


def clip() -> list[Any] | None:
    """Where the clip of a motion photo stands: first byte, number of bytes, how found, whether it is cut.

    Only places where an MP4 begins count; its end is that of its last whole box.
    """
    with SOURCE.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, kind in _clip_places(data):
            if 0 < start < len(data) - 12 and data[start + 4 : start + 8] == b"ftyp":
                end, cut = _end_of_boxes(data, start)
                return [start, end - start, kind, cut]
    return None


def _clip_places(data: mmap.mmap) -> Iterator[tuple[int, str]]:
    """Where a clip may begin, the surest first."""
    box = data.find(b"mpvd", 4)
    if box > 0:
        yield box + 4, "mpvd box"
        yield box + 12, "mpvd box"  # with a size of 64 bits
    head = data[: 256 * 1024]
    found = re.search(rb"MicroVideoOffset\D{1,3}(\d{1,12})\b", head)
    if found:
        yield len(data) - int(found[1]), "XMP MicroVideoOffset"
    found = re.search(rb"Semantic\W{1,3}MotionPhoto\b[^<>]{0,200}?Length\W{1,3}(\d{1,12})\b", head)
    if found:
        yield len(data) - int(found[1]), "XMP Container"
    mark = data.find(b"MotionPhoto_Data")
    if mark > 0:
        yield mark + 16, "Samsung MotionPhoto_Data"
    if any(mark in head for mark in (b"MotionPhoto", b"MicroVideo")):
        # A file that was cut: its lengths count from an end that is gone.
        yield data.find(b"ftyp", 64) - 4, "search for its first box"


def _end_of_boxes(data: mmap.mmap, start: int) -> tuple[int, bool]:
    """The end of the boxes that follow each other from `start`, and whether the last is cut by the end."""
    at = start
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size == 0 and at > start:  # to the end of the file
            return len(data), False
        if size < 8 or not re.fullmatch(rb"[A-Za-z0-9 ]{4}", kind):
            return at, False
        if at + size > len(data):
            return len(data), True
        at += size
    return at, False


def copy(image: Image.Image) -> dict[str, Any]:
    """Decode, turn upright, and write what a browser shows; a cut file is decoded as far as it goes."""
    partial = ""
    try:
        image.load()
    except (OSError, SyntaxError) as error:
        partial = str(error)
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        image = Image.open(SOURCE)
        image.load()
    profile = image.info.get("icc_profile")
    shown = ImageOps.exif_transpose(image)
    lossless = image.format in ("PNG", "GIF") or "A" in shown.getbands() or shown.mode.startswith("I")
    name = "working.png" if lossless else "working.jpg"
    if lossless:
        shown.save(OUT / name, "PNG", icc_profile=profile)
    else:
        same_profile = shown.mode in ("RGB", "L")
        shown = shown if same_profile else shown.convert("RGB")
        kept = profile if same_profile else None
        shown.save(OUT / name, "JPEG", quality=95, subsampling=0, icc_profile=kept)
    luma = _luma(shown)
    return {
        "name": name,
        "shown": list(shown.size),
        "partial": partial,
        "luma": luma.histogram(),
        "square": luma.resize((SQUARE, SQUARE), Image.Resampling.BOX).tobytes().hex(),
    }


def _luma(shown: Image.Image) -> Image.Image:
    """The picture's luma, 0 to 255; 16 bits are brought to 8, which Pillow would cut off."""
    if shown.mode.startswith("I"):
        shown = shown.convert("I").point(lambda value: value * (1 / 257))
    return shown.convert("L")


def _exifread() -> tuple[list[list[str]], str]:
    """Every tag as exifread prints it, and what went wrong; it is known to fail on real photographs."""
    import exifread  # noqa: PLC0415 - not needed for a copy
    from exifread.core.exceptions import ExifError  # noqa: PLC0415

    try:
        with SOURCE.open("rb") as file:
            tags = exifread.process_file(file, details=False)
    except (ExifError, *UNDOCUMENTED) as error:
        return [], f"exifread: {type(error).__name__} {error}".strip()
    return [[name, str(value)[:MAX_VALUE]] for name, value in tags.items() if "Thumbnail" not in name], ""


def _pillow_exif(image: Image.Image) -> list[list[str]]:
    from PIL import ExifTags  # noqa: PLC0415

    exif = image.getexif()
    found = {ExifTags.TAGS.get(tag, f"0x{tag:04x}"): value for tag, value in exif.items()}
    found |= {ExifTags.TAGS.get(tag, f"0x{tag:04x}"): value for tag, value in exif.get_ifd(0x8769).items()}
    return [
        [f"EXIF {name}", str(value)[:MAX_VALUE]]
        for name, value in found.items()
        if not isinstance(value, dict)
    ]


def _gps_pillow(image: Image.Image) -> dict[str, Any] | None:
    """The EXIF position in signed degrees, with the values it was made of."""
    try:
        block = image.getexif().get_ifd(0x8825)
        verbatim = " ".join(str(block[tag]) for tag in (1, 2, 3, 4))
        return {
            "latitude": _degrees(block[2]) * (-1 if block[1] == "S" else 1),
            "longitude": _degrees(block[4]) * (-1 if block[3] == "W" else 1),
            "verbatim": verbatim[:MAX_VALUE],
        }
    except UNDOCUMENTED:
        return None


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def main(action: str, format_name: str) -> dict[str, Any]:
    """Open the file, refuse one that is too large before it is decoded, then do what was asked."""
    Image.MAX_IMAGE_PIXELS = None  # our own check, with its own sentence, follows at once
    if format_name in ("HEIF", "AVIF"):
        import pillow_heif  # noqa: PLC0415 - a large library, needed for this format only

        pillow_heif.register_heif_opener()
    image = Image.open(SOURCE)
    width, height = image.size
    report: dict[str, Any] = {"format": image.format, "width": width, "height": height}
    if width * height > MAX_PIXELS:
        return {**report, "refused": f"It claims {width} x {height} pixels, more than any camera makes."}
    return report | (describe(image) if action == "describe" else copy(image))


if __name__ == "__main__":
    try:
        answer = main(sys.argv[1], sys.argv[2])
    except ValueError as error:  # Pillow's guard against text that inflates without end
        inflates = "too large" in str(error)
        answer = {"refused": "Text in it inflates beyond measure."} if inflates else {"failed": str(error)}
    except (OSError, SyntaxError, MemoryError, EOFError) as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)
