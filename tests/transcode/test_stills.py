"""Stills are described and copied in the sandbox; a bomb is refused before it is decoded."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import hastened
from transcode import quality, stills
from transcode.child import Finished
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.stills import _checked
from transcode.values import objects


def png(path: Path, width: int, height: int, extra: bytes = b"") -> Path:
    """A PNG whose header claims a size, with no picture behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compress(b"\0" * 4096)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def photograph(path: Path, size: tuple[int, int] = (64, 48), orientation: int = 1) -> Path:
    """A JPEG, black on the left and white on the right, from a camera that stood in Copenhagen."""
    image = Image.new("RGB", size)
    image.paste((255, 255, 255), (size[0] // 2, 0, *size))
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:03:14 22:17:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (55.0, 40.0, 30.0), 3: "W", 4: (12.0, 34.0, 12.0)})
    image.save(path, "JPEG", exif=exif, quality=95)
    return path


@pytest.mark.parametrize(
    ("width", "height"), [(30_000, 30_000), (65_535, 65_535), (2**31 - 1, 1), (1, 2**31 - 1)]
)
def test_a_picture_larger_than_any_camera_makes_is_refused_cheaply(
    tmp_path: Path, width: int, height: int
) -> None:
    report = inspect(png(tmp_path / "bomb.png", width, height), tmp_path, "bomb.png")
    assert report.state is ExhibitState.REFUSED
    assert f"{width} x {height} pixels" in report.reason


def test_a_jpeg_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(photograph(tmp_path / "bomb.jpg").read_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 64_250, 64_250)
    (tmp_path / "bomb.jpg").write_bytes(data)
    assert "64250 x 64250" in stills.describe(tmp_path / "bomb.jpg", "JPEG").refused


def test_text_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    text = b"Comment\0\0" + zlib.compress(b"\0" * 300_000_000)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    report = inspect(png(tmp_path / "bomb.png", 1, 1, chunk), tmp_path, "bomb.png")
    assert report.state is ExhibitState.REFUSED
    assert "inflates" in report.reason


def test_a_photograph_is_described_with_its_position_and_time(tmp_path: Path) -> None:
    report = inspect(photograph(tmp_path / "photo.jpg"), tmp_path, "photo.jpg")
    assert report.state is None
    section = report.sections["metadata"]
    assert isinstance(section, dict)
    places = objects(section["positions"])
    assert [place["source"] for place in places] == ["EXIF GPS (Pillow)", "exiftool Composite:GPSPosition"]
    for place in places:
        assert place["latitude"] == pytest.approx(55.675)
        assert place["longitude"] == pytest.approx(-12.57)
    assert [(time["source"], time["value"]) for time in objects(section["capture_times"])] == [
        ("exifread", "2026:03:14 22:17:00"),
        ("exiftool ExifIFD:DateTimeOriginal", "2026:03:14 22:17:00"),
    ]
    assert section["device"] == [
        {"what": "make", "value": "Maker", "source": "exifread: Image Make"},
        {"what": "make", "value": "Maker", "source": "exiftool IFD0:Make"},
    ]
    assert report.problems == ()


CLIP = b"\0\0\0\x14ftypmp42\0\0\0\0isom" + b"\0\0\0\x10mdat12345678" + b"\0\0\0\x08moov"


def xmp(text: str, source: Path) -> bytes:
    """The photograph's bytes with an XMP block of this text."""
    body = b"http://ns.adobe.com/xap/1.0/\0" + text.encode()
    data = photograph(source).read_bytes()
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


MICRO = 'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{}"'
CONTAINER = '<Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="{}"/>'


@pytest.mark.parametrize(
    ("text", "before", "after", "found_by"),
    [
        (MICRO.format(len(CLIP)), b"", b"", "XMP MicroVideoOffset"),
        (CONTAINER.format(len(CLIP)), b"", b"", "XMP Container"),
        (
            "nothing",
            b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data",
            b"SEFH\x6a\0\0\0\1\0\0\0",
            "Samsung MotionPhoto_Data",
        ),
        ("nothing", (len(CLIP) + 8).to_bytes(4, "big") + b"mpvd", b"", "mpvd box"),
        ("nothing", b"\0\0\0\1mpvd" + (len(CLIP) + 16).to_bytes(8, "big"), b"", "mpvd box"),
        (CONTAINER.format(999_999), b"", b"", "search for its first box"),
    ],
)
def test_the_clip_of_a_motion_photo_is_taken_out_byte_for_byte(
    tmp_path: Path, text: str, before: bytes, after: bytes, found_by: str
) -> None:
    source = tmp_path / "photo.jpg"
    still = xmp(text, source)
    source.write_bytes(still + before + CLIP + after)
    report = inspect(source, tmp_path, "photo.jpg")
    [made] = report.made
    assert (made.role, made.name, made.parent) == (Role.EMBEDDED, "clip.mp4", "original")
    assert made.path.read_bytes() == CLIP
    assert made.detail == {
        "offset": len(still + before),
        "size": len(CLIP),
        "found_by": found_by,
        "cut": False,
    }
    assert [problem.code for problem in report.problems] == ["motion-photo"]
    assert "is clip.mp4." in report.problems[0].text


def test_a_clip_whose_last_box_runs_to_the_end_is_taken_out_whole(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    endless = CLIP[:20] + b"\0\0\0\0mdat" + b"x" * 100
    source.write_bytes(xmp(MICRO.format(len(endless)), source) + endless)
    report = inspect(source, tmp_path, "photo.jpg")
    assert report.made[0].path.read_bytes() == endless
    assert "cut short" not in report.problems[0].text


def test_a_clip_that_is_cut_short_is_taken_out_and_said_to_be_cut(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(xmp(MICRO.format(len(CLIP)), source) + CLIP[:-12])
    report = inspect(source, tmp_path, "photo.jpg")
    assert report.made[0].path.read_bytes() == CLIP[:-12]
    assert "cut short" in report.problems[0].text


@pytest.mark.parametrize("length", ["0", "1", "99999999999", "20"])
def test_a_photograph_that_only_calls_itself_a_motion_photo_gives_no_clip(
    tmp_path: Path, length: str
) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(xmp(MICRO.format(length), source))
    report = inspect(source, tmp_path, "photo.jpg")
    assert report.made == ()
    assert "no clip was found" in report.problems[0].text


def copied(source: Path, work: Path) -> tuple[Image.Image, str]:
    work.mkdir()
    report = fast(source, work, inspect(source, work, source.name).sections)
    [made] = report.made
    assert made.role is Role.WORKING
    with Image.open(made.path) as image:
        image.load()
    return image, made.name


def test_the_copy_stands_upright_and_carries_no_metadata(tmp_path: Path) -> None:
    source = photograph(tmp_path / "photo.jpg", orientation=6)  # turn by 90 degrees clockwise
    image, name = copied(source, tmp_path / "work")
    assert name == "working.jpg"
    assert image.size == (48, 64)
    top, bottom = image.convert("L").getpixel((24, 4)), image.convert("L").getpixel((24, 60))
    assert isinstance(top, int)
    assert isinstance(bottom, int)
    assert top < 20
    assert bottom > 235
    assert dict(image.getexif()) == {}


def test_a_png_is_copied_without_loss(tmp_path: Path) -> None:
    source = tmp_path / "screen.png"
    original = Image.effect_noise((80, 60), 90).convert("RGB")
    original.save(source)
    image, name = copied(source, tmp_path / "work")
    assert name == "working.png"
    assert image.tobytes() == original.tobytes()


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF", "AVIF"])
def test_other_formats_become_what_a_browser_shows(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "picture"
    Image.linear_gradient("L").convert("RGB").save(source, kind)
    image, _ = copied(source, tmp_path / "work")
    assert image.size == (256, 256)


def test_a_heic_photograph_is_copied(tmp_path: Path) -> None:
    import pillow_heif  # noqa: PLC0415

    source = tmp_path / "phone.heic"
    pillow_heif.from_pillow(Image.linear_gradient("L").convert("RGB")).save(source)
    image, name = copied(source, tmp_path / "work")
    assert (image.size, name) == ((256, 256), "working.jpg")


def test_a_cut_photograph_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    source = photograph(tmp_path / "photo.jpg", size=(640, 480))
    source.write_bytes(source.read_bytes()[:-300])
    report = fast(source, tmp_path, inspect(source, tmp_path, "photo.jpg").sections)
    assert [problem.code for problem in report.problems] == ["partial"]
    derivation = report.sections["derivation"]
    assert isinstance(derivation, dict)
    assert "truncated" in str(derivation["partial"])
    assert len(report.made) == 1


def test_a_still_of_which_nothing_decodes_is_unplayable(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 200)
    report = inspect(source, tmp_path, "photo.jpg")
    assert report.state is ExhibitState.UNPLAYABLE
    assert report.made == ()


def answer(text: bytes, returncode: int = 0) -> Finished:
    return Finished(returncode, text, "", 0.0, 0.0, "")


@pytest.mark.parametrize("said", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_an_answer_of_another_form_is_a_failure(said: bytes) -> None:
    assert _checked(answer(said)).failed


def test_an_answer_is_believed_only_in_its_types() -> None:
    report = _checked(
        answer(
            b'{"width": "x", "height": -5, "frames": [], "name": "../../etc/passwd",'
            b' "exif": [["a"], ["b", 1], ["c", "d"]], "gps": {"latitude": 91, "longitude": 0},'
            b' "shown": [1], "motion_photo": "yes"}'
        )
    )
    assert (report.width, report.frames, report.name, report.shown) == (0, 1, "", (0, 0))
    assert report.exif == (("c", "d"),)
    assert report.position is None
    assert not report.motion_photo


def exposure(source: Path, work: Path) -> dict[str, JsonObject]:
    """The measures of a still after its stages, by their names."""
    work.mkdir()
    section = hastened(source, work).sections["quality"]
    assert isinstance(section, dict)
    assert section["density_class"] == quality.density_class()
    return {str(measure["name"]): measure for measure in objects(section["measures"])}


def test_light_and_size_of_a_photograph_are_measured_on_the_copy(tmp_path: Path) -> None:
    found = exposure(photograph(tmp_path / "photo.jpg", orientation=6), tmp_path / "work")
    assert found["shown size"]["value"] == "48x64"
    for name in ("share of luma <= 16", "share of luma >= 235"):
        assert found[name]["value"] == pytest.approx(0.5, abs=0.03)
        assert found[name]["advice"] != ""


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_are_measured_as_eight_are(tmp_path: Path, ending: str) -> None:
    levels = np.tile(np.arange(256, dtype=np.uint16) * 257, (16, 1))
    Image.fromarray(levels).save(tmp_path / f"deep.{ending}")
    found = exposure(tmp_path / f"deep.{ending}", tmp_path / "work")
    assert found["share of luma <= 16"]["value"] == round(17 / 256, 4)
    assert found["share of luma >= 235"]["value"] == round(21 / 256, 4)


def test_a_transparent_white_picture_is_measured_as_white(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    found = exposure(tmp_path / "clear.png", tmp_path / "work")
    assert found["share of luma >= 235"]["value"] == 1
