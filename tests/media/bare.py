"""What bare ffmpeg makes of a file, without our code: how a clip is made, its frames, its first picture."""

import subprocess
from pathlib import Path

from tests.media.browser import SAMPLE
from tests.media.cell import Cell


def make(cell: Cell, folder: Path) -> Path:
    """The clip of a cell, in an empty folder."""
    path = folder / cell.name
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *cell.of, *cell.options, str(path)]
    subprocess.run(command, check=True, capture_output=True)
    if cell.change:
        cell.change(path)
    return path


def frames(path: Path, *reader: str) -> int:
    """How many frames are shown of the first picture; 0 where there is none."""
    return _count(path, "frames", *reader)


def packets(path: Path, *reader: str) -> int:
    """How many packets of the first picture are stored."""
    return _count(path, "packets", *reader)


def _count(path: Path, what: str, *reader: str) -> int:
    command = [
        "ffprobe",
        "-v",
        "quiet",
        *reader,
        f"-count_{what}",
        "-select_streams",
        "V:0",
        "-of",
        "csv=p=0",
    ]
    command += ["-show_entries", f"stream=nb_read_{what}", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    # A stream of a program (MPEG-TS) is listed twice.
    return int(told[0].strip(",")) if told else 0


def first_picture(path: Path, *reader: str) -> list[float]:
    """The first frame, upright, as grey samples, rows of SAMPLE; empty where there is none.

    Grey of its RGB, as a browser's is, which is not the luma of every colour matrix.
    """
    command = [
        "ffmpeg",
        "-v",
        "quiet",
        "-nostdin",
        *reader,
        "-i",
        str(path),
        "-map",
        "0:V:0?",
        "-frames:v",
        "1",
    ]
    command += ["-vf", f"scale={SAMPLE[0]}:{SAMPLE[1]}:flags=area,format=rgb24", "-f", "rawvideo", "-"]
    rgb = subprocess.run(command, check=False, capture_output=True).stdout
    return [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(rgb[::3], rgb[1::3], rgb[2::3], strict=True)]


def sounds(path: Path) -> int:
    """How many streams of sound a file has."""
    command = ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=index"]
    told = subprocess.run([*command, "-of", "csv=p=0", str(path)], check=True, capture_output=True, text=True)
    return len(told.stdout.split())
