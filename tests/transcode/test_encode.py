"""An encoded copy shows every frame of the original at its time and upright, and says that it is derived."""

import os
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import Maker, derivation, made, shown_as, slowed
from transcode.comparison import Comparison
from transcode.model import Made, StageReport
from transcode.probe import Probed, probe
from transcode.values import objects

MOVING = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
FFV1 = ("-c:v", "ffv1")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2")
UNEVEN = (
    "-vf", "settb=1/90000,setpts=(N+0.35*sin(N*0.7))*3600", "-fps_mode", "passthrough",
    "-enc_time_base", "1:90000",
)  # fmt: skip
HEVC_HLG = (
    "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
    "log-level=none:pools=1:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
)  # fmt: skip
RGB = ("-sws_flags", "bicubic+accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")


LABEL = "working copy, derived from the original"


def copied(report: StageReport) -> Made:
    """The one working copy."""
    [copy] = [one for one in report.made if one.role is Role.WORKING]
    return copy


def compared(report: StageReport) -> JsonObject:
    section = copied(report).detail["comparison"]
    assert isinstance(section, dict)
    assert objects(derivation(report)["copies"])[0]["comparison"] == section
    return section


def ssim(report: StageReport) -> JsonObject:
    section = compared(report)["ssim"]
    assert isinstance(section, dict)
    return section


def times(source: Path) -> list[float]:
    """When a bare ffprobe says that each frame of the first picture is shown."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"]
    command += ["-show_entries", "frame=best_effort_timestamp_time", str(source)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(line.strip(",")) for line in listing.split()]


def first_picture(source: Path, size: tuple[int, int]) -> Image.Image:
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-frames:v", "1", *RGB]
    return Image.frombytes("RGB", size, subprocess.run(command, check=True, capture_output=True).stdout)


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def viewable(report: StageReport) -> Probed:
    """The copy's probe, once it is seen to be what every browser plays."""
    probed = probe(copied(report).path)
    [picture] = probed.pictures
    assert (picture.text("codec_name"), picture.text("profile")) == ("h264", "High")
    assert picture.text("pix_fmt") == "yuv420p"
    assert (picture.rotation, picture.is_mirrored) == (0, False)
    return probed


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("variable.mp4", (*X264, "-pix_fmt", "yuv422p", *UNEVEN, "-video_track_timescale", "90000")),
        ("variable.mkv", (*FFV1, *UNEVEN)),
        ("late.mkv", (*FFV1, "-output_ts_offset", "3.5")),
        ("stream.ts", ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2")),
        ("ten.mp4", (*X264, "-pix_fmt", "yuv420p10le")),
        ("gap.mkv", (*FFV1, "-vf", "select='lt(n,8)+gt(n,14)'", "-fps_mode", "passthrough")),
        ("old.avi", MPEG4),
    ],
)
def test_every_frame_of_the_original_is_shown_at_its_time(
    film: Maker, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    source = film(name, *options, of=MOVING)
    report = slowed(source, tmp_path / "work")
    viewable(report)
    before, after = times(source), times(copied(report).path)
    assert len(after) == len(before) >= 18
    comparison = compared(report)
    tick, offset = comparison["tick_s"], comparison["offset_s"]
    assert isinstance(tick, float)
    assert isinstance(offset, float)
    # Times of a copy are from the start of the file.
    assert [late - offset for late in after] == pytest.approx(
        [t - before[0] for t in before], abs=tick * 1.01
    )
    assert (comparison["frames"], comparison["times_equal"]) == (len(before), True)
    assert ssim(report)["alike"] is True
    assert (report.state, report.reason) == (ExhibitState.PROCESSED, "")
    assert {problem.code for problem in report.problems} <= {"dropped-frames"}


def test_an_encoded_copy_is_called_derived_and_never_identical(film: Maker, tmp_path: Path) -> None:
    report = slowed(film("plain.mkv", *FFV1, of=MOVING), tmp_path / "work")
    assert (derivation(report)["method"], derivation(report)["verdict"]) == ("encode", "derived from")
    copy = copied(report)
    assert (copy.name, copy.parent) == ("working.mp4", "original")
    assert copy.detail["label"] == LABEL
    assert "identical" not in str(derivation(report)) + str(copy.detail)
    assert copy.tool.name == "ffmpeg"
    assert copy.args[copy.args.index("-crf") + 1] == "18"
    assert compared(report)["crf"] == 18


def test_interlaced_frames_become_two_each_half_a_frame_apart(film: Maker, tmp_path: Path) -> None:
    fields = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=50:d=1,gblur=sigma=2,tinterlace=interleave_top")
    options = (*X264, "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-vf", "setfield=tff")
    source = film("fields.mkv", *options, of=fields)
    report = slowed(source, tmp_path / "work")
    [picture] = viewable(report).pictures
    assert picture.text("field_order") == "progressive"
    assert copied(report).detail["label"] == f"{LABEL}, deinterlaced at field rate"
    before, after = times(source), times(copied(report).path)
    assert (len(before), len(after)) == (25, 50)
    assert [later - earlier for earlier, later in pairwise(after)] == pytest.approx([0.02] * 49, abs=0.0011)
    assert compared(report)["times_equal"] is True
    assert ssim(report)["alike"] is True


def test_hlg_is_tone_mapped_to_what_a_common_screen_shows(film: Maker, tmp_path: Path) -> None:
    source = film("hlg.mp4", *HEVC_HLG, of=MOVING)
    report = slowed(source, tmp_path / "work")
    [picture] = viewable(report).pictures
    colours = [picture.text(f"color_{name}") for name in ("transfer", "primaries", "space")]
    assert colours == ["bt709", "bt709", "bt709"]
    assert picture.text("color_range") == "tv"
    assert copied(report).detail["label"] == f"{LABEL}, tone-mapped"
    assert len(times(copied(report).path)) == len(times(source))
    assert compared(report)["times_equal"] is True
    size = (160, 120)
    assert apart(first_picture(copied(report).path, size), first_picture(source, size)) > 5


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one core")
@pytest.mark.parametrize("recorded", [HEVC_HLG, MPEG4], ids=["HLG", "MPEG-4"])
def test_on_one_core_the_copy_and_its_keyframes_are_the_same_as_on_all(
    film: Maker, tmp_path: Path, recorded: tuple[str, ...]
) -> None:
    source = film("plain.mkv", *recorded, of=("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=2"))
    cores = os.sched_getaffinity(0)
    on_all = slowed(source, tmp_path / "all")
    os.sched_setaffinity(0, {min(cores)})
    try:
        on_one = slowed(source, tmp_path / "one")
    finally:
        os.sched_setaffinity(0, cores)
    files = [[one.path.read_bytes() for one in report.made] for report in (on_all, on_one)]
    assert len(files[0]) > 2
    assert files[0] == files[1]


def test_colours_of_which_only_the_matrix_is_stated_are_stated_in_full(film: Maker, tmp_path: Path) -> None:
    small = ("-f", "lavfi", "-i", "testsrc2=s=256x144:r=25:d=0.4")
    source = film(
        "only-matrix.mov", "-c:v", "dnxhd", "-profile:v", "dnxhr_sq", "-pix_fmt", "yuv422p", of=small
    )
    report = slowed(source, tmp_path / "work")
    names = [f"color_{name}" for name in ("space", "primaries", "transfer")]
    assert [probe(source).pictures[0].text(name) for name in names] == ["bt709", "", ""]
    assert [viewable(report).pictures[0].text(name) for name in names] == ["bt709"] * 3
    assert copied(report).detail["label"] == f"{LABEL}, colours stated in full"


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize(
    "stated", [":colorprim=bt2020:colormatrix=bt2020nc", ""], ids=["stated", "not stated"]
)
def test_pq_and_hlg_are_shown_at_a_plausible_light_whether_or_not_all_colours_are_stated(
    film: Maker, tmp_path: Path, transfer: str, stated: str
) -> None:
    deep = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
    params = f"log-level=none:pools=1:transfer={transfer}{stated}"
    source = film("hdr.mp4", *deep, "-x265-params", params, "-frames:v", "8", of=MOVING)
    report = slowed(source, tmp_path / "work")
    [picture] = viewable(report).pictures
    assert picture.text("color_transfer") == "bt709"
    mean = ImageStat.Stat(first_picture(copied(report).path, (160, 120)).convert("L")).mean[0]
    assert 70 < mean < 140  # 111 as it is stored
    assert report.state is ExhibitState.PROCESSED
    details = [one.detail for one in report.made if one.role is Role.KEYFRAME]
    assert {detail["tone_mapped"] for detail in details} == {True}


@pytest.mark.parametrize(("size", "even"), [((161, 121), (162, 122)), ((160, 121), (160, 122))])
def test_odd_sizes_are_padded_to_even_ones(
    film: Maker, tmp_path: Path, size: tuple[int, int], even: tuple[int, int]
) -> None:
    options = ("-vf", f"scale={size[0]}:{size[1]}", "-pix_fmt", "yuv444p")
    source = film(f"odd-{size[0]}.mkv", *FFV1, *options, of=MOVING)
    report = slowed(source, tmp_path / "work")
    [picture] = viewable(report).pictures
    assert (picture.width, picture.height) == even
    assert copied(report).detail["label"] == f"{LABEL}, padded to {even[0]}x{even[1]}"
    shown = first_picture(copied(report).path, even).crop((0, 0, *size))
    assert apart(shown.convert("L"), first_picture(source, size).convert("L")) < 6
    assert ssim(report)["alike"] is True


def test_pixels_that_are_not_square_keep_their_shape(film: Maker, tmp_path: Path) -> None:
    report = slowed(film("wide.mkv", *FFV1, "-vf", "setsar=16/11", of=MOVING), tmp_path / "work")
    [picture] = viewable(report).pictures
    assert picture.text("sample_aspect_ratio") == "16:11"
    assert (picture.width, picture.height) == (160, 120)


@pytest.mark.parametrize(
    ("cells", "size"),
    [
        ((0, 1, 0, -1, 0, 0), (120, 160)),
        ((-1, 0, 0, 0, -1, 0), (160, 120)),
        ((0, -1, 0, 1, 0, 0), (120, 160)),
    ],
    ids=["90", "180", "270"],
)
def test_a_turned_picture_is_encoded_upright(
    film: Maker, tmp_path: Path, cells: tuple[int, ...], size: tuple[int, int]
) -> None:
    matrix = struct.pack(">9i", *(cell << 16 for cell in cells), 0, 0, 0x40000000)
    source = shown_as(film("flat.mp4", *MPEG4, of=MOVING), matrix, tmp_path / "turned.mp4")
    report = slowed(source, tmp_path / "work")
    [picture] = viewable(report).pictures
    assert (picture.width, picture.height) == size
    upright = first_picture(source, size)
    shown = first_picture(copied(report).path, size)
    assert apart(shown, upright) < 6
    assert apart(shown.rotate(180), upright) > 20


def test_both_tracks_of_sound_are_kept(film: Maker, tmp_path: Path) -> None:
    sounds = ("-f", "lavfi", "-i", "sine=r=8000:d=1", "-f", "lavfi", "-i", "sine=r=44100:d=1:f=300")
    tracks = ("-map", "0", "-map", "1", "-map", "2", "-c:a:0", "pcm_alaw", "-c:a:1", "aac")
    source = film("talk.mkv", *FFV1, *tracks, of=(*MOVING, *sounds))
    report = slowed(source, tmp_path / "work")
    first, second = viewable(report).sounds
    assert [sound.text("codec_name") for sound in (first, second)] == ["aac", "aac"]
    assert (first.number("sample_rate"), second.number("sample_rate")) == (8000, 44100)
    assert second.packets.count == probe(source).sounds[1].packets.count
    assert copied(report).detail["streams"] == [0, 1, 2]


def test_a_copy_that_is_not_like_the_original_is_made_again_finer(film: Maker, tmp_path: Path) -> None:
    noise = ("-f", "lavfi", "-i", "color=gray:s=128x96:r=25:d=0.8,noise=alls=12:allf=t")
    source = film("noise.mkv", *FFV1, "-pix_fmt", "yuv420p", of=noise)
    report = slowed(source, tmp_path / "work")
    copy = copied(report)
    assert copy.args[copy.args.index("-crf") + 1] == "14"
    assert (compared(report)["crf"], compared(report)["times_equal"]) == (14, True)
    assert len(times(copy.path)) == len(times(source)) == 20
    assert ssim(report)["alike"] is True
    assert "copy-differs" not in [problem.code for problem in report.problems]
    assert derivation(report)["verdict"] == "derived from"
    assert list(made(report, Role.WORKING)) == ["working.mp4"]


def test_a_copy_is_alike_only_if_its_mean_and_its_worst_frame_are() -> None:
    def alike(mean: float | None, worst: float | None) -> bool:
        return Comparison(25, 25, 0.0, 0.0, 0.04, mean, worst, 25, 18).is_alike

    assert alike(0.97, 0.95)
    assert not alike(0.9699, 0.95)
    assert not alike(0.99, 0.9499)
    assert not alike(None, None)
