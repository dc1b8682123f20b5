"""The slow stage, after the two before it: its keyframes are the frames that a bare ffmpeg decodes."""

import json
import struct
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import (
    B_FRAMES,
    FLIPPED,
    H264,
    PICTURES,
    TURNED,
    Maker,
    derivation,
    made,
    shown_as,
    slowed,
)
from transcode.model import Made, StageReport
from transcode.values import objects

SMALL = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
FIFTY = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=2")
WHOLE_COLOURS = ("-sws_flags", "bicubic+accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24")
LOSSLESS = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p", "-threads", "1")


def keyframes(report: StageReport) -> list[Made]:
    return [one for one in report.made if one.role is Role.KEYFRAME]


def decoded_hashes(source: Path, *input_options: str) -> list[str]:
    """What ffmpeg, run bare, says of every frame of the first picture."""
    command = ["ffmpeg", "-v", "error", *input_options, "-i", str(source), "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "framehash", "-hash", "sha256", "-"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.rpartition(",")[2].strip() for line in listing.splitlines() if not line.startswith("#")]


def first_picture(source: Path, size: tuple[int, int]) -> Image.Image:
    """The first frame as ffmpeg, run bare, turns it."""
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-frames:v", "1", *WHOLE_COLOURS]
    return Image.frombytes(
        "RGB", size, subprocess.run([*command, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
    )


def quality(report: StageReport) -> JsonObject:
    section = report.sections["quality"]
    assert isinstance(section, dict)
    return section


def measure(report: StageReport, beginning: str) -> JsonObject:
    """The one measure whose name begins so."""
    [found] = [m for m in objects(quality(report)["measures"]) if str(m["name"]).startswith(beginning)]
    return found


def codes(report: StageReport) -> list[str]:
    return [problem.code for problem in report.problems]


def assert_frames_are_those_of(report: StageReport, hashes: list[str]) -> None:
    details = [one.detail for one in keyframes(report)]
    assert len(details) >= 2
    for detail in details:
        assert isinstance(detail["frame"], int)
        assert detail["pixel_sha256"] == hashes[detail["frame"]]
    assert (details[0]["frame"], details[-1]["frame"]) == (0, len(hashes) - 1)


@pytest.fixture(scope="module")
def plain(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> StageReport:
    """What becomes of a plain clip."""
    return slowed(clip, tmp_path_factory.mktemp("plain") / "work")


def test_the_keyframes_of_a_plain_clip_are_frames_of_the_original(clip: Path, plain: StageReport) -> None:
    assert_frames_are_those_of(plain, decoded_hashes(clip))
    assert (plain.state, plain.reason, plain.problems) == (ExhibitState.PROCESSED, "", ())
    for number, one in enumerate(keyframes(plain), 1):
        assert one.name == f"keyframe-{number:03d}.png"
        assert one.detail["stored_frame"] == one.detail["frame"]
        assert one.detail["time_s"] == pytest.approx(int(str(one.detail["frame"])) / 25, abs=1e-6)
        with Image.open(one.path) as picture:
            assert (picture.format, picture.size, picture.mode) == ("PNG", (320, 240), "RGB")


def test_a_plain_clip_has_one_contact_sheet_and_no_other_working_copy(plain: StageReport) -> None:
    [sheet] = made(plain, Role.CONTACT_SHEET).values()
    with Image.open(sheet) as page:
        assert page.format == "JPEG"
    assert made(plain, Role.WORKING) == {}
    assert derivation(plain)["verdict"] == "packets identical"


def test_what_is_found_is_json_without_nan_and_claims_no_density_class(plain: StageReport) -> None:
    assert json.loads(json.dumps(plain.sections, allow_nan=False)) == plain.sections
    density = quality(plain)["density_class"]
    assert isinstance(density, dict)
    assert density["class"] is None
    assert str(density["text"]).startswith("Cannot be determined")
    [line] = objects(plain.sections["timeline"])
    assert (line["frames"], line["rate"], line["rate_is_constant"]) == (50, 25.0, True)


@pytest.mark.parametrize(
    ("matrix", "size"), [(TURNED, (240, 320)), (FLIPPED, (320, 240))], ids=["turned", "mirrored"]
)
def test_keyframes_of_a_turned_clip_are_upright(
    film: Maker, tmp_path: Path, matrix: bytes, size: tuple[int, int]
) -> None:
    source = shown_as(film("plain.mp4", *H264), matrix, tmp_path / "turned.mp4")
    report = slowed(source, tmp_path / "work")
    hashes = decoded_hashes(source)
    assert hashes != decoded_hashes(source, "-noautorotate")
    assert_frames_are_those_of(report, hashes)
    for one in keyframes(report):
        with Image.open(one.path) as picture:
            assert picture.size == size
    with Image.open(keyframes(report)[0].path) as picture:
        # As a bare ffmpeg shows it, but for a rounding.
        difference = ImageChops.difference(picture, first_picture(source, size))
    assert max(ImageStat.Stat(difference).mean) < 1


def delayed(source: Path, target: Path) -> Path:
    """A copy of an MP4 of one track, whose edit list begins with an empty edit of a second."""
    data = source.read_bytes()
    at = data.index(b"elst")
    count = int.from_bytes(data[at + 8 : at + 12], "big")
    entry = struct.pack(">Iii", 1000, -1, 1 << 16)
    longer = bytearray(data[: at + 8] + (count + 1).to_bytes(4, "big") + entry + data[at + 12 :])
    for box in (b"elst", b"edts", b"trak", b"moov"):
        start = longer.index(box) - 4
        size = int.from_bytes(longer[start : start + 4], "big") + len(entry)
        longer[start : start + 4] = size.to_bytes(4, "big")
    target.write_bytes(longer)
    return target


@pytest.mark.parametrize("late", [False, True])
def test_the_stored_number_of_a_frame_counts_those_hidden_by_an_edit_list(
    film: Maker, tmp_path: Path, *, late: bool
) -> None:
    whole = film("whole.mp4", *B_FRAMES)
    source = film("edited.mp4", "-c", "copy", of=("-ss", "0.6", "-i", str(whole)))
    if late:
        source = delayed(source, tmp_path / "late.mp4")
    report = slowed(source, tmp_path / "work")
    shown, stored = decoded_hashes(source), decoded_hashes(source, "-ignore_editlist", "1")
    assert len(stored) - len(shown) == 15
    assert_frames_are_those_of(report, shown)
    numbers = [one.detail["stored_frame"] for one in keyframes(report)]
    assert numbers == [stored.index(str(one.detail["pixel_sha256"])) for one in keyframes(report)]


def test_of_what_does_not_decode_no_working_copy_is_made(film: Maker, tmp_path: Path) -> None:
    clear = film("clear.mp4", *LOSSLESS, of=SMALL).read_bytes()
    start, end = clear.index(b"mdat") + 4, clear.index(b"moov") - 4
    source = tmp_path / "spoilt.mp4"
    source.write_bytes(clear[:start] + bytes([0x55]) * (end - start) + clear[end:])
    report = slowed(source, tmp_path / "work")
    assert report.state is ExhibitState.UNPLAYABLE
    assert report.reason.startswith("Nothing in it decodes")
    assert report.made == ()
    assert (derivation(report)["method"], derivation(report)["verdict"]) == ("none", "nothing was made")
    assert report.problems != ()


def test_of_a_cut_file_it_is_said_how_much_is_left(film: Maker, tmp_path: Path) -> None:
    data = film("film.mkv", *H264).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 3 // 5])
    report = slowed(cut, tmp_path / "work")
    left = len(decoded_hashes(cut))
    assert 20 < left < 45
    assert report.state is ExhibitState.PARTIAL
    assert (
        f"What decodes: {left} frames, {left / 25:.1f} s of the 2.0 s that its header states."
        in report.reason
    )
    assert codes(report)[0] == "partial"
    assert derivation(report)["partial"] == report.reason
    assert keyframes(report)[-1].detail["frame"] == left - 1


def test_a_black_clip_is_called_black(film: Maker, tmp_path: Path) -> None:
    report = slowed(
        film("black.mp4", *H264, of=("-f", "lavfi", "-i", "color=black:s=160x120:d=2")), tmp_path / "w"
    )
    assert "black" in codes(report)
    assert measure(report, "black")["runs_s"] == [[0.0, 1.96]]
    assert measure(report, "share of luma <= 16")["value"] == 1


def test_three_frozen_seconds_are_found_with_their_time(film: Maker, tmp_path: Path) -> None:
    freeze = ("-vf", "loop=loop=75:size=1:start=25")
    source = film("frozen.mkv", *freeze, *LOSSLESS, of=SMALL)
    hashes = decoded_hashes(source)
    equal = [n for n, one in enumerate(hashes) if hashes.count(one) > 1]
    assert len(equal) == 76
    report = slowed(source, tmp_path / "work")
    assert measure(report, "static or frozen")["runs_s"] == [[equal[0] / 25, equal[-1] / 25]]
    assert "black" not in codes(report)


def test_a_static_scene_with_noise_is_not_called_frozen(film: Maker, tmp_path: Path) -> None:
    noisy = ("-f", "lavfi", "-i", "color=gray:s=160x120:d=4,noise=alls=6:allf=t")
    report = slowed(film("static.mkv", *LOSSLESS, of=noisy), tmp_path / "work")
    assert measure(report, "static or frozen")["runs_s"] == []
    assert quality(report)["camera"] == "fixed"


@pytest.mark.parametrize(("weave", "woven"), [("null", False), ("tinterlace=interleave_top", True)])
def test_the_flag_of_interlacing_and_what_the_frames_show_are_told_apart(
    film: Maker, tmp_path: Path, weave: str, *, woven: bool
) -> None:
    # idet takes the fine lines of the sharp test picture for combing.
    filters = ("-vf", f"gblur=sigma=4,{weave},setfield=tff")
    source = film("fields.mkv", *filters, *LOSSLESS, "-flags", "+ildct+ilme", of=FIFTY)
    report = slowed(source, tmp_path / "work")
    assert measure(report, "interlaced flag")["value"] in ("tt", "tb")
    told = measure(report, "interlaced, measured")
    frames = 50 if woven else 100
    said = (
        f"of {frames} frames {frames * woven} show two moments, {frames * (not woven)} one, 0 cannot be told"
    )
    assert told["value"] == said
    assert bool(told["advice"]) is woven


def test_each_of_two_cameras_has_keyframes_of_its_own(film: Maker, tmp_path: Path) -> None:
    source = film("dashcam.mp4", "-map", "0", "-map", "1", *H264, of=(*PICTURES, *SMALL))
    report = slowed(source, tmp_path / "work")
    streams = {str(one.name).rpartition("-")[0]: one.detail["stream"] for one in keyframes(report)}
    assert streams == {"keyframe": 0, "keyframe-2": 1}
    assert set(made(report, Role.CONTACT_SHEET)) == {"contact-sheet.jpg", "contact-sheet-2.jpg"}
    assert [line["stream"] for line in objects(report.sections["timeline"])] == [0, 1]
