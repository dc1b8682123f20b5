"""Files made to mislead or to exhaust: each ends soon, in a state with its reason."""

import io
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from evidence.exhibits import ExhibitState
from tests.fuzz.parts import boxes
from tests.fuzz.stages import ended, nothing_left_running
from tests.transcode.conftest import H264, PICTURES, SOUND, Maker
from tests.transcode.test_stills import photograph, png
from transcode import stills
from transcode.inspect import inspect
from transcode.model import StageReport

TINY = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1")


def judged(folder: Path, content: bytes, name: str = "clip.mp4") -> StageReport:
    source = folder / name
    source.write_bytes(content)
    return inspect(source, folder, name)


def endings(folder: Path, content: bytes, name: str = "clip.mp4") -> str:
    """How all stages of a file of this content end."""
    source, work = folder / name, folder / "work"
    source.write_bytes(content)
    work.mkdir()
    with nothing_left_running():
        end = ended(source, work)
    assert source.read_bytes() == content
    return end


def chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF of the stated size whose frames are one pixel each."""
    frame = b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    palette = bytes(6)
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + palette + frame * frames + b";"


def webp(width: int, height: int) -> bytes:
    """A WebP whose header claims the size; its picture has one pixel."""
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "WEBP")
    picture = small.getvalue()[12:]
    claim = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + chunk(b"VP8X", claim) + picture
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("name", "content", "state", "says"),
    [
        ("lie.gif", gif(65_535, 65_535), ExhibitState.REFUSED, "65535 x 65535 pixels"),
        ("lie.gif", gif(30_000, 30_000), ExhibitState.REFUSED, "30000 x 30000 pixels"),
        ("lie.webp", webp(30_000, 30_000), ExhibitState.UNPLAYABLE, "could not create decoder"),
    ],
)
def test_a_gif_or_webp_that_lies_about_its_size_is_not_decoded(
    tmp_path: Path, name: str, content: bytes, state: ExhibitState, says: str
) -> None:
    report = judged(tmp_path, content, name)
    assert report.state is state
    assert says in report.reason


def test_international_text_that_inflates_without_end_is_refused(tmp_path: Path) -> None:
    text = b"Comment\0\1\0en\0\0" + zlib.compress(b"\0" * 300_000_000)
    bomb = struct.pack(">I", len(text)) + b"iTXt" + text + struct.pack(">I", zlib.crc32(b"iTXt" + text))
    report = inspect(png(tmp_path / "bomb.png", 1, 1, bomb), tmp_path, "bomb.png")
    assert report.state is ExhibitState.REFUSED
    assert "inflates" in report.reason


def test_a_gif_of_forty_thousand_frames_is_one_still_and_says_how_many(tmp_path: Path) -> None:
    (tmp_path / "many.gif").write_bytes(gif(8, 8, 40_000))
    assert stills.describe(tmp_path / "many.gif", "GIF").frames == 40_000
    report = inspect(tmp_path / "many.gif", tmp_path, "many.gif")
    assert [problem.code for problem in report.problems] == ["several-pictures"]


def test_a_clip_of_forty_thousand_frames_in_as_many_milliseconds_is_processed(
    film: Maker, tmp_path: Path
) -> None:
    grey = ("-f", "lavfi", "-i", "color=c=gray:s=16x16:r=1000:d=40")
    assert endings(tmp_path, film("fast.mp4", *H264, of=grey).read_bytes()) == "processed"


@pytest.mark.parametrize("count", [0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("box", [b"stts", b"stsz", b"ctts", b"stsc", b"stco", b"elst", b"stss"])
def test_a_table_that_claims_two_thousand_million_entries_ends_soon(
    film: Maker, tmp_path: Path, box: bytes, count: int
) -> None:
    data = bytearray(film("clip.mp4", *H264, "-bf", "1", of=TINY).read_bytes())
    at = data.index(box) + (12 if box == b"stsz" else 8)
    data[at : at + 4] = struct.pack(">I", count)
    began = time.monotonic()
    assert endings(tmp_path, bytes(data)) in ("unplayable", "partial", "processed")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(("scale", "length"), [(0, 1), (1, 0xFFFFFFFF), (0xFFFFFFFF, 1), (1, 0x7FFFFFFF)])
def test_a_time_base_or_duration_that_is_absurd_ends_soon(
    film: Maker, tmp_path: Path, scale: int, length: int
) -> None:
    data = bytearray(film("clip.mp4", *H264, of=TINY).read_bytes())
    for box in (b"mvhd", b"mdhd"):
        at = data.index(box) + 16
        data[at : at + 8] = struct.pack(">II", scale, length)
    began = time.monotonic()
    assert endings(tmp_path, bytes(data)) in ("unplayable", "partial", "processed")
    assert time.monotonic() - began < 60


def nested(depth: int) -> bytes:
    """`moov` boxes one inside of the other."""
    content = b""
    for _ in range(depth):
        content = struct.pack(">I4s", 8 + len(content), b"moov") + content
    return struct.pack(">I4s8s", 16, b"ftyp", b"isom\0\0\0\0") + content


def test_a_thousand_nested_boxes_are_unplayable_with_their_reason(tmp_path: Path) -> None:
    report = judged(tmp_path, nested(1000))
    assert report.state is ExhibitState.UNPLAYABLE
    assert report.reason.endswith("Its boxes are nested deeper than any real file's.")


def test_a_clip_cut_at_any_of_its_boxes_ends_in_a_state_with_its_reason(film: Maker, tmp_path: Path) -> None:
    sound = (*TINY, "-f", "lavfi", "-i", "sine=r=8000:d=1")
    data = film("whole.mp4", *H264, "-c:a", "aac", "-movflags", "+faststart", of=sound).read_bytes()
    found = list(boxes(data))
    assert {"moov", "stbl", "stts", "mdat"} <= {box.name for box in found}
    ends = {}
    for number, box in enumerate(found):
        folder = tmp_path / str(number)
        folder.mkdir()
        report = judged(folder, data[: box.start])
        ends[box.name] = report.state
        assert report.state is None or report.reason.endswith("."), box
    assert ends["moov"] is ExhibitState.UNPLAYABLE
    (tmp_path / "mdat").mkdir()
    index = next(box for box in found if box.name == "mdat")
    assert endings(tmp_path / "mdat", data[: index.start]) == "unplayable"


WORDS = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "sql": "'; DROP TABLE exhibit; --",
    "shell": "$(touch owned) `touch owned`; touch owned",
    "control": "a\x1b[31mred\x07\x08\x7f",
    "right to left": "exe\u202egpj.\u2066x\u2069",
    "format": "%s%n{0}{}%(x)s",
}


@pytest.mark.parametrize("kind", WORDS)
def test_hostile_words_in_metadata_are_kept_as_they_are_and_run_nowhere(
    film: Maker, tmp_path: Path, kind: str
) -> None:
    path = film("named.mkv", *H264, "-metadata", f"title={WORDS[kind]}", of=TINY)
    source = tmp_path / "named.mkv"
    source.write_bytes(path.read_bytes())
    report = inspect(source, tmp_path, source.name)
    assert report.state is None
    assert WORDS[kind] in told(report.sections["metadata"])
    assert endings(tmp_path, path.read_bytes(), "again.mkv") == "processed"
    assert not list(tmp_path.rglob("owned"))


def told(value: object) -> list[str]:
    """Every text in a section."""
    if isinstance(value, dict):
        return [text for entry in value.values() for text in told(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in told(entry)]
    return [value] if isinstance(value, str) else []


def test_a_clip_that_holds_a_pdf_is_a_clip(film: Maker, tmp_path: Path) -> None:
    data = film("clip.mp4", *H264, of=TINY).read_bytes()
    (size,) = struct.unpack_from(">I", data)
    document = b"\n%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    # A box behind the index moves nothing that the index points to.
    both = data + struct.pack(">I4s", 8 + len(document), b"free") + document
    assert data[4:8] == b"ftyp"
    assert size < 100
    assert endings(tmp_path, both) == "processed"


def test_a_document_that_holds_a_clip_is_a_document(film: Maker, tmp_path: Path) -> None:
    clip = film("clip.mp4", *H264, of=(*PICTURES, *SOUND)).read_bytes()
    report = judged(tmp_path, b"%PDF-1.4\n%%EOF\n" + clip)
    assert (report.state, report.made) == (ExhibitState.REFUSED, ())
    assert "document" in report.reason


def test_a_photograph_that_is_a_zip_as_well_is_a_photograph(tmp_path: Path) -> None:
    path = photograph(tmp_path / "photo.jpg")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("program.exe", b"MZ" + bytes(100))
    assert zipfile.is_zipfile(path)
    report = inspect(path, tmp_path, "photo.jpg")
    assert report.state is None
    assert endings(tmp_path, path.read_bytes(), "again.jpg") == "processed"


@pytest.mark.parametrize("suffix", [".mp4", ".JPG", ".MOV"])
@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\n", ExhibitState.REFUSED),
        (b"MZ\x90\x00" + bytes(60), ExhibitState.REFUSED),
        (b"\x7fELF\x02\x01\x01" + bytes(57), ExhibitState.REFUSED),
        (b"", ExhibitState.UNPLAYABLE),
    ],
)
def test_the_name_of_a_file_changes_nothing_of_what_it_is(
    tmp_path: Path, content: bytes, state: ExhibitState, suffix: str
) -> None:
    assert judged(tmp_path, content, f"clip{suffix}").state is state
