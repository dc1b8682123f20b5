"""Keyframes as files: PNG of the whole picture, upright, in its true colours; and their sheet."""

import hashlib
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evidence.errors import VidneError
from evidence.exhibits import Role
from tests.transcode.bare import assert_hashed_as, hashes, keyframes
from tests.transcode.conftest import H264, Maker, made, shown_as, slowed
from transcode import keyframe_files
from transcode.analysis import Look
from transcode.frames import Frame, Plane
from transcode.keyframes import CEILING, Kept, Keyframes, Seen
from transcode.model import Made
from transcode.picture import Picture
from transcode.sandbox import Limits

PICTURE = Picture(
    index=3,
    codec="h264",
    coded=(64, 48),
    width=64,
    height=48,
    pixel_format="yuv420p",
    tick=Fraction(1, 1000),
    packets=9,
    discarded=0,
    sar=Fraction(1),
    interlaced=False,
    transfer="",
    matrix="bt709",
    full_range=False,
    nominal_rate=Fraction(25),
    bit_rate=None,
    promised_s=1.0,
)
# Sizes in chroma are rounded up.
ODD = replace(PICTURE, coded=(65, 49), width=65, height=49)


def frame_of(picture: Picture, luma: int, u: int = 128, v: int = 128) -> Plane:
    """A frame of one colour."""
    pixels = picture.width * picture.height
    chroma = (picture.frame_size - pixels) // 2
    return np.repeat(np.array([luma, u, v], np.uint8), [pixels, chroma, chroma])


def written(
    folder: Path, picture: Picture, frames: dict[int, Plane], stored: dict[int, int] | None = None
) -> list[Made]:
    """The files of frames that are kept, by their numbers; each is a scene of its own."""
    keyframes = Keyframes(folder / "frames", picture.frame_size)
    for number, frame in frames.items():
        luma = np.zeros((4, 4), np.uint8)
        keyframes.add(Seen(Frame(number, frame, luma), number * 2.0, Look(0.5, 3.14159, is_cut=True)))
    kept, _ = keyframes.finish("moving")
    series = keyframe_files.Series(picture, kept, "keyframe", stored or {})
    files = keyframe_files.write(series, keyframes, folder / "files", Limits())
    keyframes.close()
    return files


def colour(path: Path) -> tuple[int, ...]:
    """The colour in the middle of a picture."""
    with Image.open(path) as picture:
        found = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(found, tuple)
    return tuple(int(part) for part in found)


def test_each_frame_is_a_file_that_says_when_and_where_it_was(tmp_path: Path) -> None:
    frames = {n: frame_of(PICTURE, 40 * n + 40) for n in range(4)}
    *pages, sheet = written(tmp_path, PICTURE, frames, stored={n: n + 10 for n in range(4)})
    assert [one.name for one in pages] == [f"keyframe-00{n}.png" for n in (1, 2, 3, 4)]
    assert sheet.name == "contact-sheet.jpg"
    assert (sheet.role, {one.role for one in pages}) == (Role.CONTACT_SHEET, {Role.KEYFRAME})
    for number, one in enumerate(pages):
        assert one.detail["frame"] == number
        assert (one.detail["time_s"], one.detail["stream"]) == (number * 2.0, 3)
        assert (one.detail["stored_frame"], one.detail["sharpness"]) == (number + 10, 3.14)
        assert one.detail["pixel_sha256"] == hashlib.sha256(frames[number].tobytes()).hexdigest()
        with Image.open(one.path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (64, 48))
        grey = round((40 * number + 40 - 16) * 255 / 219)
        assert colour(one.path) == pytest.approx((grey, grey, grey), abs=1)


def test_a_frame_whose_stored_number_is_not_known_has_none(tmp_path: Path) -> None:
    [one, _] = written(tmp_path, PICTURE, {0: frame_of(PICTURE, 90)})
    assert one.detail["stored_frame"] is None


def test_of_no_frames_there_are_no_files(tmp_path: Path) -> None:
    assert written(tmp_path, PICTURE, {}) == []


def test_as_many_as_the_ceiling_allows_are_all_written(tmp_path: Path) -> None:
    count = CEILING - 2  # two places are for the first frame and the last
    files = written(tmp_path, PICTURE, {n: frame_of(PICTURE, 16 + n) for n in range(count)})
    found = [file for file in files if file.role is Role.KEYFRAME]
    assert [file.detail["frame"] for file in found] == list(range(count))
    greys = [colour(file.path)[0] for file in found]
    assert greys == sorted(set(greys))


def test_a_picture_of_odd_size_is_written_whole(tmp_path: Path) -> None:
    *pages, _ = written(tmp_path, ODD, {n: frame_of(ODD, 60 + n * 90, 100, 160) for n in range(2)})
    for number, one in enumerate(pages):
        with Image.open(one.path) as picture:
            assert picture.size == (65, 49)
            corners = {picture.getpixel(at) for at in ((0, 0), (64, 0), (0, 48), (64, 48))}
        assert corners == {colour(one.path)}
        assert (colour(one.path)[0] > 128) is bool(number)


@pytest.mark.parametrize(
    ("changes", "red"),
    [
        ({"matrix": "bt709"}, (255, 24, 0)),
        ({"matrix": "smpte170m"}, (254, 0, 0)),
        ({"matrix": ""}, (254, 0, 0)),
        ({"matrix": "", "coded": (1280, 720)}, (255, 24, 0)),
    ],
    ids=["HD", "SD", "not stated, small", "not stated, large"],
)
def test_colours_are_made_by_the_stated_matrix_or_that_of_the_size(
    tmp_path: Path, changes: dict[str, object], red: tuple[int, int, int]
) -> None:
    picture = replace(PICTURE, **changes)  # type: ignore[arg-type]
    [one, _] = written(tmp_path, picture, {0: frame_of(picture, 81, 90, 240)})
    assert colour(one.path) == pytest.approx(red, abs=2)


def test_a_sheet_shows_every_frame_in_order_in_rows_of_five(tmp_path: Path) -> None:
    *pages, sheet = written(tmp_path, PICTURE, {n: frame_of(PICTURE, 30 + 25 * n) for n in range(7)})
    assert len(pages) == 7
    with Image.open(sheet.path) as page:
        # Small pictures of 240 x 180 with a caption of 20 and a margin of 4 pixels.
        assert page.size == (4 + 5 * 244, 4 + 2 * 204)
        for number in range(7):
            x, y = 4 + number % 5 * 244 + 120, 4 + number // 5 * 204 + 90
            grey = (30 + 25 * number - 16) * 255 / 219
            assert page.convert("L").getpixel((x, y)) == pytest.approx(grey, abs=3)
        caption = page.convert("L").crop((4 + 244, 4 + 180, 4 + 2 * 244, 4 + 200))
        assert min(caption.tobytes()) < 80


def test_small_pictures_have_the_shape_that_a_screen_shows(tmp_path: Path) -> None:
    wide = replace(PICTURE, sar=Fraction(2))
    [_, sheet] = written(tmp_path, wide, {0: frame_of(wide, 90)})
    with Image.open(sheet.path) as page:
        assert page.size == (4 + 244, 4 + 90 + 24)


def test_frames_that_cannot_be_written_are_no_keyframes(tmp_path: Path) -> None:
    keyframes = Keyframes(tmp_path / "frames", PICTURE.frame_size)
    # A frame that was never stored: ffmpeg finds no such place in the file.
    kept = [Kept(0, 0.0, ("first frame",), 1.0, -1, 0, 7)]
    series = keyframe_files.Series(PICTURE, kept, "keyframe", {})
    with pytest.raises(VidneError):
        keyframe_files.write(series, keyframes, tmp_path / "files", Limits())
    keyframes.close()


SHORT = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
WHITE = ("-f", "lavfi", "-i", "color=white:s=64x48:r=25:d=0.2")


@pytest.mark.parametrize(
    ("name", "options", "layout"),
    [
        ("full.mkv", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"), "yuvj420p"),
        ("deep.avi", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj422p"), "yuv420p"),
        ("phone.mp4", (*SHORT, "-pix_fmt", "yuvj420p"), "yuvj420p"),
        ("common.mp4", H264, "yuv420p"),
        (
            "ten.mkv",
            (*SHORT, "-vf", "scale=out_range=pc", "-pix_fmt", "yuv420p10le", "-color_range", "pc"),
            "yuv420p",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_white_stays_white_and_hashes_are_ffmpegs_own_whatever_the_range(
    film: Maker, tmp_path: Path, name: str, options: tuple[str, ...], layout: str
) -> None:
    source = film(name, *options, of=WHITE)
    report = slowed(source, tmp_path / "work")
    assert {one.detail["pixel_format"] for one in keyframes(report)} == {layout}
    assert_hashed_as(report, hashes(source, layout=layout))
    for one in keyframes(report):
        assert min(colour(one.path)) >= 253


QUARTERS = "".join(
    (
        *(f"color={name}:s=80x60:r=25:d=0.2[{name[0]}];" for name in ("red", "lime", "blue", "white")),
        "[r][l]hstack[top];[b][w]hstack[bottom];[top][bottom]vstack",
    )
)
NAMES = {"r": (255, 0, 0), "l": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}


def quarters(picture: Image.Image) -> str:
    """The names of the colours of its four quarters, row by row."""
    wide, high = picture.size
    found = ""
    for at in ((x, y) for y in (high // 4, high * 3 // 4) for x in (wide // 4, wide * 3 // 4)):
        seen = picture.getpixel(at)
        assert isinstance(seen, tuple)
        found += min(NAMES, key=lambda name: sum(abs(a - b) for a, b in zip(NAMES[name], seen, strict=True)))
    return found


# What is stored is rl above bw.
@pytest.mark.parametrize(
    ("cells", "size", "upright"),
    [
        ((0, 1, 0, -1, 0, 0), (120, 160), "brwl"),
        ((-1, 0, 0, 0, -1, 0), (160, 120), "wblr"),
        ((0, -1, 0, 1, 0, 0), (120, 160), "lwrb"),
        ((-1, 0, 0, 0, 1, 0), (160, 120), "lrwb"),
        ((1, 0, 0, 0, -1, 0), (160, 120), "bwrl"),
    ],
    ids=["90", "180", "270", "mirrored", "upside down mirrored"],
)
def test_keyframes_and_copy_of_a_turned_picture_are_upright(
    film: Maker, tmp_path: Path, cells: tuple[int, ...], size: tuple[int, int], upright: str
) -> None:
    matrix = struct.pack(">9i", *(cell << 16 for cell in cells), 0, 0, 0x40000000)
    flat = film("flat.mp4", "-c:v", "mpeg4", "-q:v", "2", of=("-f", "lavfi", "-i", QUARTERS))
    report = slowed(shown_as(flat, matrix, tmp_path / "turned.mp4"), tmp_path / "work")
    for one in keyframes(report):
        with Image.open(one.path) as picture:
            assert (picture.size, quarters(picture)) == (size, upright)
    # Whether a matrix is left or not, no player may turn it again.
    bare = ["ffmpeg", "-v", "error", "-i", str(made(report, Role.WORKING)["working.mp4"]), "-frames:v", "1"]
    raw = subprocess.run([*bare, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], check=True, capture_output=True)
    assert quarters(Image.frombytes("RGB", size, raw.stdout)) == upright
