"""A stream without a container, or behind a recorder's private header, is found and becomes a copy."""

import re
import subprocess
from pathlib import Path

import pytest

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import Maker, hastened, made
from transcode import rawstream
from transcode.rawstream import Opening
from transcode.sniff import Kind, sniff
from transcode.stages import each_stage

SMALL = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1")
RECORDER = ("-c:v", "libx264", "-profile:v", "baseline", "-bf", "0", "-g", "25", "-threads", "1")
# A header with start codes of its own, at which ffmpeg gives up.
HEADER = b"PRIVHEAD" + (b"\x00\x00\x01\xf0" + bytes(range(60, 80))) * 40


def through_all_stages(source: Path, work: Path) -> tuple[JsonObject, ExhibitState | None, set[str]]:
    """The sections, the state, and the names of what was made."""
    sections: JsonObject = {}
    names: set[str] = set()
    for _, report in each_stage(source, work):
        sections |= report.sections
        names |= {item.name for item in report.made}
    return sections, report.state, names


def behind(header: bytes, stream: Path, name: str) -> Path:
    target = stream.with_name(name)
    target.write_bytes(header + stream.read_bytes())
    return target


def test_h264_behind_a_private_header_is_rewrapped_bit_by_bit(film: Maker, tmp_path: Path) -> None:
    hidden = behind(HEADER, film("clip.h264", *RECORDER, of=SMALL), "export.dat")
    sections, state, names = through_all_stages(hidden, tmp_path)
    derivation = sections["derivation"]
    assert isinstance(derivation, dict)
    assert (state, derivation["method"], derivation["verdict"]) == (
        ExhibitState.PROCESSED,
        "remux",
        "packets identical",
    )
    assert derivation["input_options"] == {"f": "h264", "skip_initial_bytes": len(HEADER), "r": 25}
    assert derivation["assumptions"] == [
        f"Its first {len(HEADER)} bytes are a private header; the rest is read as h264.",
        "The frame rate is not known; 25 a second is assumed.",
    ]
    assert {"working.mp4", "working.mp4.proof.txt"} <= names
    assert [line["frames"] for line in sections["timeline"]] == [25]  # type: ignore[union-attr,index,call-overload]


def test_the_frames_of_a_rewrapped_raw_stream_are_evenly_spaced(film: Maker, tmp_path: Path) -> None:
    stream = film("clip.h264", *RECORDER, of=("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=3"))
    copy = made(hastened(stream, tmp_path / "fast"), Role.WORKING)["working.mp4"]
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", str(copy)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    times = [float(line.rstrip(",")) for line in listed]
    assert times == pytest.approx([number / 25 for number in range(75)])


@pytest.mark.parametrize(
    ("ending", "options", "demuxer"),
    [
        ("h264", RECORDER, "h264"),
        ("hevc", ("-c:v", "libx265", "-x265-params", "log-level=none:pools=1"), "hevc"),
        ("ps", (*RECORDER, "-f", "mpeg"), "mpeg"),
        ("ts", RECORDER, "mpegts"),
        ("m2v", ("-c:v", "mpeg2video"), "mpegvideo"),
        ("m4v", ("-c:v", "mpeg4", "-f", "m4v"), "m4v"),
        ("mjpeg", ("-c:v", "mjpeg", "-f", "mjpeg"), "mjpeg"),
    ],
)
def test_the_first_byte_of_a_stream_is_found_behind_a_header(
    film: Maker, ending: str, options: tuple[str, ...], demuxer: str
) -> None:
    header = b"recorder " + bytes(range(128, 256)) * 7
    hidden = behind(header, film(f"clip.{ending}", *options, of=SMALL), "export.dat")
    assert rawstream.find(hidden) == Opening(demuxer, len(header))


def test_bytes_that_are_no_stream_are_not_taken_for_one(tmp_path: Path) -> None:
    noise = tmp_path / "noise.dat"
    noise.write_bytes(HEADER + b"\x00\x00\x01\x67" + bytes(5000) + b"\x00\x00\x01\x68")
    assert rawstream.find(noise) is None


def test_a_motion_jpeg_stream_is_no_still(film: Maker, tmp_path: Path) -> None:
    stream = film("cam.mjpeg", "-c:v", "mjpeg", "-f", "mjpeg", of=SMALL)
    assert sniff(stream).kind is Kind.MEDIA
    sections, state, _ = through_all_stages(stream, tmp_path)
    assert state is ExhibitState.PROCESSED
    assert [line["frames"] for line in sections["timeline"]] == [25]  # type: ignore[union-attr,index,call-overload]


def test_one_picture_and_one_with_its_previews_stay_stills(film: Maker, tmp_path: Path) -> None:
    stream = film("cam.mjpeg", "-c:v", "mjpeg", "-f", "mjpeg", of=SMALL).read_bytes()
    pictures = re.split(rb"(?<=\xff\xd9)(?=\xff\xd8\xff)", stream)
    one, two, declared = tmp_path / "one.jpg", tmp_path / "two.jpg", tmp_path / "declared.jpg"
    one.write_bytes(pictures[0])
    two.write_bytes(b"".join(pictures[:2]))
    # APP2 with the mark of the multi-picture format, CIPA DC-007 5.1
    declared.write_bytes(pictures[0][:2] + b"\xff\xe2\x00\x06MPF\x00" + stream[2:])
    assert [sniff(path).kind for path in (one, two, declared)] == [Kind.STILL] * 3
