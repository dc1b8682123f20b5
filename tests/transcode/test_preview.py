"""Previews are a few intra frames at their true times, upright and of square pixels; none is a finding."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from evidence.exhibits import Role
from tests.transcode.conftest import (
    B_FRAMES,
    FLIPPED,
    H264,
    PICTURES,
    SOUND,
    TURNED,
    Maker,
    boxes,
    derivation,
    hastened,
    made,
    shown_as,
    without_intra_frames,
)
from transcode import preview
from transcode.fast import UNDECODABLE
from transcode.model import StageReport
from transcode.probe import probe
from transcode.values import objects

# Red above, blue below, green on the left: whatever turns or mirrors it is seen.
FLAG = (
    "-f", "lavfi", "-i",
    "color=red:s=320x240:r=25:d=1,drawbox=y=120:h=120:color=blue:t=fill,drawbox=w=100:color=lime:t=fill",
)  # fmt: skip


def times(report: StageReport) -> list[float]:
    found = [one.detail["time_s"] for one in report.made if one.role is Role.PREVIEW]
    return [float(str(time_s)) for time_s in found]


def colours(path: Path) -> str:
    """What stands at the top, right, bottom and left edge, by the first letter."""
    with Image.open(path) as image:
        wide, high = image.size
        picture = image.convert("RGB")
    names = {0: "r", 1: "g", 2: "b"}
    found = ""
    for place in ((wide * 3 // 4, 5), (wide - 5, high * 3 // 4), (wide * 3 // 4, high - 5), (5, high // 2)):
        value = picture.getpixel(place)
        assert isinstance(value, tuple)
        found += names[value.index(max(value))]
    return found


def test_the_flag_of_these_tests_is_seen_as_it_is(film: Maker, tmp_path: Path) -> None:
    report = hastened(film("flag.mp4", *H264, of=FLAG), tmp_path / "work")
    assert colours(made(report, Role.PREVIEW)["preview-001.jpg"]) == "rbbg"


def test_a_picture_turned_clockwise_is_shown_so(film: Maker, tmp_path: Path) -> None:
    source = shown_as(film("flag.mp4", *H264, of=FLAG), TURNED, tmp_path / "turned.mp4")
    path = made(hastened(source, tmp_path / "work"), Role.PREVIEW)["preview-001.jpg"]
    with Image.open(path) as image:
        assert image.size == (240, 320)
        # The left has become the top, the top the right.
        places = [image.convert("RGB").getpixel(place) for place in ((120, 10), (230, 240), (10, 240))]
    assert ["rgb"[value.index(max(value))] for value in places if isinstance(value, tuple)] == ["g", "r", "b"]


def test_a_mirrored_picture_is_shown_so(film: Maker, tmp_path: Path) -> None:
    source = shown_as(film("flag.mp4", *H264, of=FLAG), FLIPPED, tmp_path / "flipped.mp4")
    assert colours(made(hastened(source, tmp_path / "work"), Role.PREVIEW)["preview-001.jpg"]) == "brrg"


@pytest.mark.parametrize(("shape", "size"), [("16/11", (465, 240)), ("1/1", (320, 240)), ("1/2", (320, 480))])
def test_pixels_are_made_square(film: Maker, tmp_path: Path, shape: str, size: tuple[int, int]) -> None:
    source = film("shape.mp4", "-vf", f"setsar={shape}", *H264)
    path = made(hastened(source, tmp_path / "work"), Role.PREVIEW)["preview-001.jpg"]
    with Image.open(path) as image:
        assert image.size == pytest.approx(size, abs=1)


def test_a_large_picture_becomes_960_wide(film: Maker, tmp_path: Path) -> None:
    large = ("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25:d=0.2")
    report = hastened(film("large.mp4", *H264, of=large), tmp_path / "work")
    with Image.open(made(report, Role.PREVIEW)["preview-001.jpg"]) as image:
        assert image.size == (960, 540)


def test_intra_frames_alone_are_taken_at_least_a_second_apart(film: Maker, tmp_path: Path) -> None:
    slow = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=6")
    source = film("gop.mp4", *B_FRAMES, "-force_key_frames", "0.4,0.8,1.52,4,4.2", "-g", "1000", of=slow)
    assert probe(source).pictures[0].packets.key == 6
    assert times(hastened(source, tmp_path / "work")) == [0.0, 1.52, 4.0]


def test_there_are_never_more_than_twelve_and_they_reach_to_the_end(film: Maker, tmp_path: Path) -> None:
    long = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=100")
    report = hastened(film("long.mp4", *H264, "-g", "5", of=long), tmp_path / "work")
    assert preview.CEILING == 12
    assert len(times(report)) == 12
    assert times(report)[-1] > 90


def test_times_after_many_hours_are_exact(film: Maker, tmp_path: Path) -> None:
    # Three pictures: at 0 s, 12,345.678 s, 99,999.999 s.
    moments = "setpts='if(eq(N,0),0,if(eq(N,1),12345678,99999999))',settb=1/1000"
    source = film(
        "day.mkv", "-vf", f"settb=1/1000,{moments}", "-fps_mode", "passthrough", "-enc_time_base", "1:1000",
        *H264, "-g", "1", "-frames:v", "3",
    )  # fmt: skip
    assert times(hastened(source, tmp_path / "work")) == [0.0, 12345.678, 99999.999]


def test_a_preview_shows_the_frame_of_its_time(film: Maker, tmp_path: Path) -> None:
    source = film("plain.mp4", *B_FRAMES)
    report = hastened(source, tmp_path / "work")
    assert times(report) == [0.0, 1.0]
    for name, time_s in zip(made(report, Role.PREVIEW), times(report), strict=True):
        exact = film(f"at-{time_s}.png", "-frames:v", "1", of=("-ss", str(time_s), "-i", str(source)))
        other = film("at-other.png", "-frames:v", "1", of=("-ss", str(time_s + 0.2), "-i", str(source)))
        path = made(report, Role.PREVIEW)[name]
        assert apart(path, exact) < 3 < apart(path, other)


def apart(one: Path, other: Path) -> float:
    """The mean difference of two pictures, of 255."""
    with Image.open(one) as left, Image.open(other) as right:
        difference = ImageChops.difference(left.convert("L"), right.convert("L"))
    return ImageStat.Stat(difference).mean[0]


def test_a_preview_that_was_not_written_to_its_end_is_none(film: Maker, tmp_path: Path) -> None:
    work = tmp_path / "work"
    hastened(film("plain.mp4", *B_FRAMES), work)
    assert [path.name for path, _ in preview.collect(work)] == ["preview-001.jpg", "preview-002.jpg"]
    first = work / "preview-001.jpg"
    first.write_bytes(first.read_bytes()[:-100])
    (work / "preview-002.jpg").unlink()
    (work / "preview-002.jpg").symlink_to("/etc/hostname")
    assert preview.collect(work) == []
    assert preview.collect(tmp_path) == []


# Nothing decodes


def test_a_remux_of_which_no_intra_frame_decodes_is_not_taken_as_it_is(film: Maker, tmp_path: Path) -> None:
    source = without_intra_frames(film("plain.mp4", *H264), tmp_path / "dark.mp4")
    report = hastened(source, tmp_path / "work")
    found = derivation(report)
    assert (found["method"], found["verdict"], found["reason"]) == ("encode", "pending", UNDECODABLE)
    assert UNDECODABLE == (
        "None of its intra frames can be decoded, so the packets are not taken as they are."
    )
    assert [copy["method"] for copy in objects(found["copies"])] == ["encode"]
    assert [stream["action"] for stream in objects(found["streams"])] == ["encode"]
    assert (found["proofs"], report.made, report.state) == ([], (), None)
    assert "no-intra-frame" in [problem.code for problem in report.problems]


def test_an_exact_rewrap_of_it_stays(film: Maker, tmp_path: Path) -> None:
    recorded = film("dvr.mov", *H264, "-c:a", "pcm_alaw", of=(*PICTURES, *SOUND))
    report = hastened(without_intra_frames(recorded, tmp_path / "dark.mov"), tmp_path / "work")
    assert derivation(report)["method"] == "encode"
    assert (list(made(report, Role.WORKING)), list(made(report, Role.REWRAP))) == ([], ["rewrap.mkv"])
    assert list(made(report, Role.PROOF)) == ["rewrap.mkv.proof.txt"]


def test_the_copy_of_a_second_picture_stays(film: Maker, tmp_path: Path) -> None:
    small = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
    both = film("dashcam.mp4", "-map", "0", "-map", "1", *H264, of=(*PICTURES, *small))
    report = hastened(without_intra_frames(both, tmp_path / "dark.mp4"), tmp_path / "work")
    assert list(made(report, Role.WORKING)) == ["working-2.mp4"]
    assert [copy["method"] for copy in objects(derivation(report)["copies"])] == ["encode", "remux"]


def test_one_intra_frame_that_decodes_is_enough(film: Maker, tmp_path: Path) -> None:
    source = film("plain.mp4", *H264)
    dark = without_intra_frames(source, tmp_path / "dark.mp4").read_bytes()
    half = tmp_path / "half.mp4"
    whole = source.read_bytes()
    assert "mdat" in boxes(whole)
    half.write_bytes(dark[: len(dark) // 4] + whole[len(dark) // 4 :])
    report = hastened(half, tmp_path / "work")
    assert derivation(report)["verdict"] == "packets identical"
    assert times(report) == [1.0]


# Sound


def test_sound_that_is_cut_short_is_partial(film: Maker, tmp_path: Path) -> None:
    whole = film("call.mka", "-c:a", "libopus", of=SOUND).read_bytes()
    source = tmp_path / "cut.mka"
    source.write_bytes(whole[: len(whole) // 2])
    report = hastened(source, tmp_path / "work")
    assert list(made(report, Role.WORKING)) == ["working.m4a"]
    assert report.state is not None
    assert (report.state.value, report.reason) == (
        "partial",
        "The file ends before its container says so; what is left of it is shown. It has no pictures.",
    )
