"""The one decode: a frame keeps its number, damage stays where it is, what was not seen is not told."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.errors import VidneError
from evidence.exhibits import ExhibitState, Role
from samples.scene import Figure, Scene
from tests.transcode.bare import RATE, assert_hashed_as, filmed, hashes, keyframes, streams, told
from tests.transcode.conftest import H264, SOUND, Maker, derivation, made, slowed
from transcode import copying, decode, encode
from transcode.inspect import inspect
from transcode.keyframes import Keyframes
from transcode.model import StageReport
from transcode.picture import picture
from transcode.reproof import StoredCopy, prove_again
from transcode.sandbox import Limits
from transcode.task import task_of
from transcode.values import objects

FFV1 = ("-c:v", "ffv1")
SMALL = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
LONG = ("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25:d=40")
EVENT = {"event: first", "event: largest", "event: sharpest", "event: last"}


def codes(report: StageReport) -> list[str]:
    return [problem.code for problem in report.problems]


def test_a_passage_has_keyframes_inside_it_and_they_are_its_very_frames(tmp_path: Path) -> None:
    passages = ((2.0, 4.0), (5.5, 7.5))
    figures = (Figure(*passages[0]), Figure(*passages[1], rightwards=False))
    source = filmed(tmp_path / "passages.mp4", Scene(320, 240, seed=1, figures=figures), 9)
    report = slowed(source, tmp_path / "work")
    assert_hashed_as(report, hashes(source))
    for one in keyframes(report):
        assert one.detail["time_s"] == pytest.approx(int(str(one.detail["frame"])) / RATE)
    for start, end in passages:
        inside = {why for n, reasons in told(report).items() if start <= n / RATE < end for why in reasons}
        assert inside >= EVENT
    between = [n for n in told(report) if passages[0][1] + 0.2 < n / RATE < passages[1][0]]
    assert between == []


def test_of_an_empty_scene_only_the_first_and_the_last_frame_are_kept(tmp_path: Path) -> None:
    source = filmed(tmp_path / "empty.mp4", Scene(320, 240, seed=2, figures=()), 4)
    report = slowed(source, tmp_path / "work")
    assert told(report) == {0: ["first frame"], 99: ["last frame"]}
    assert_hashed_as(report, hashes(source))


def test_a_camera_that_pans_gives_the_sharpest_of_each_two_seconds(tmp_path: Path) -> None:
    source = filmed(tmp_path / "pan.mp4", Scene(320, 240, seed=3, figures=(), pan=60), 6)
    report = slowed(source, tmp_path / "work")
    assert_hashed_as(report, hashes(source))
    sharpest = [n for n, reasons in told(report).items() if "sharpest of 2 s" in reasons]
    assert [n // (2 * RATE) for n in sharpest] == [0, 1, 2]


def test_frames_that_share_a_time_keep_their_own_numbers(film: Maker, tmp_path: Path) -> None:
    fours = ("-vf", "settb=1/1000,setpts=floor(N/4)*160", "-fps_mode", "passthrough")
    source = film("fours.mkv", *FFV1, *fours, "-enc_time_base", "1:1000", of=SMALL)
    expected = hashes(source)
    assert len(set(expected)) == len(expected) == 50
    report = slowed(source, tmp_path / "work")
    assert_hashed_as(report, expected)
    assert len(keyframes(report)) > 3
    for one in keyframes(report):
        assert one.detail["time_s"] == pytest.approx(int(str(one.detail["frame"])) // 4 * 0.16)


def test_a_picture_that_changes_its_size_is_told_and_compared_as_one(film: Maker, tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate(("160x120", "208x160", "128x96")):
        # 26 frames each, an even number, so that samples begin anew with every size.
        moving = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1.04,scroll=h=0.06")
        late = ("-c:v", "mpeg2video", "-q:v", "2", "-output_ts_offset", str(number * 1.2))
        parts.append(film(f"part-{number}.ts", *late, of=moving).read_bytes())
    source = tmp_path / "sizes.ts"
    source.write_bytes(b"".join(parts))
    report = slowed(source, tmp_path / "work")
    assert_hashed_as(report, scaled(source, "160:120"))
    [copy] = objects(derivation(report)["copies"])
    comparison = copy["comparison"]
    assert isinstance(comparison, dict)
    assert comparison["frames"] == comparison["frames_encoded"] == len(hashes(source)) > 70
    assert comparison["times_equal"] is True
    assert isinstance(comparison["ssim"], dict)
    assert comparison["ssim"]["alike"] is True
    assert comparison["crf"] == 18
    [video] = streams(made(report, Role.WORKING)["working.mp4"])
    assert video.startswith("h264,160,120,")


def test_a_picture_that_becomes_small_is_seen_to_its_end(film: Maker, tmp_path: Path) -> None:
    # Of 1080 lines every fourth is looked at, 270 of them, and two of those are left out.
    codec = ("-c:v", "mpeg2video", "-q:v", "2")
    large = film("large.ts", *codec, of=("-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=25:d=0.4"))
    tiny = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=0.4")
    small = film("small.ts", *codec, "-output_ts_offset", "0.4", of=tiny)
    source = tmp_path / "shrinks.ts"
    source.write_bytes(large.read_bytes() + small.read_bytes())
    report = slowed(source, tmp_path / "work")
    assert report.state is ExhibitState.PROCESSED
    assert_hashed_as(report, scaled(source, "1920:1080"))
    assert max(int(str(one.detail["frame"])) for one in keyframes(report)) == len(hashes(source)) - 1 > 15


def scaled(source: Path, size: str) -> list[str]:
    """The frames as a bare ffmpeg makes them all of the first one's size."""
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-map", "0:v:0", "-vf", f"scale={size}"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "framehash", "-hash", "sha256", "-"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.rpartition(",")[2].strip() for line in listing.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("codec", ["flac", "libmp3lame", "libopus"])
def test_sound_that_an_mp4_holds_is_copied_into_an_encoded_copy(
    film: Maker, tmp_path: Path, codec: str
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=2")
    source = film(f"{codec}.mkv", *FFV1, "-c:a", codec, of=(*SMALL, *sound))
    report = slowed(source, tmp_path / "work")
    assert (report.state, report.problems) == (ExhibitState.PROCESSED, ())
    copy = streams(made(report, Role.WORKING)["working.mp4"])
    assert copy == ["h264,160,120,50", streams(source)[1]]


def spoilt_sound(source: Path, target: Path) -> Path:
    """An MPEG transport stream whose sound is noise after its first third."""
    data = bytearray(source.read_bytes())
    for at in range(len(data) // 3 // 188 * 188, len(data), 188):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] == 0x101:
            data[at + 40 : at + 188] = b"\x5a" * 148
    target.write_bytes(data)
    return target


def test_damaged_sound_takes_no_picture_along(film: Maker, tmp_path: Path) -> None:
    whole = film("talk.ts", "-c:v", "mpeg2video", "-q:v", "2", "-c:a", "aac", of=(*SMALL, *SOUND))
    source = spoilt_sound(whole, tmp_path / "spoilt.ts")
    report = slowed(source, tmp_path / "work")
    assert report.state is ExhibitState.PROCESSED
    assert_hashed_as(report, hashes(source))
    assert codes(report) == ["sound-encoded"]
    [video, sound] = streams(made(report, Role.WORKING)["working.mp4"])
    assert video == "h264,160,120,50"
    assert sound.startswith("aac,")
    [copy] = objects(derivation(report)["copies"])
    assert copy["audio"] == [{"index": 1, "action": "encode"}]
    assert [stream["action"] for stream in objects(derivation(report)["streams"])] == ["encode", "encode"]


def test_a_copy_without_its_index_is_made_again_with_its_sound_encoded(film: Maker, tmp_path: Path) -> None:
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=2")
    source = film("libopus.mkv", *FFV1, "-c:a", "libopus", of=(*SMALL, *sound))
    task = task_of("working.mp4", source, tmp_path, inspect(source, tmp_path, source.name).sections)
    assert task
    job = replace(task[0], copy=task[1])

    def new_job(folder: str, copy: encode.Plan) -> decode.Job:
        (tmp_path / folder).mkdir()
        return replace(job, out=tmp_path / folder, copy=copy)

    frames = Keyframes(tmp_path / "frames.yuv", job.picture.frame_size)
    decoded = decode.decode(job, frames)
    frames.close()
    # As ffmpeg leaves it, ending well, where it cannot write the index for want of a header of the sound.
    os.truncate(job.out / "working.mp4", 100)
    copied = copying.along(job, decoded, new_job)
    assert [problem.code for problem in copied.problems] == ["sound-encoded"]
    [video, heard] = streams(copied.made.path)
    assert (video, heard.partition(",")[0]) == ("h264,160,120,50", "aac")


def test_sound_that_cannot_be_encoded_is_left_out_and_named(film: Maker, tmp_path: Path) -> None:
    # More channels than AAC has.
    sound = ("-f", "lavfi", "-i", "anullsrc=channel_layout=22.2:sample_rate=8000,atrim=duration=2")
    source = film("hall.mkv", *FFV1, "-c:a", "pcm_s16le", of=(*SMALL, *sound))
    report = slowed(source, tmp_path / "work")
    assert (report.state, codes(report)) == (ExhibitState.PROCESSED, ["sound-left-out"])
    assert_hashed_as(report, hashes(source))
    [copy] = [one for one in report.made if one.role is Role.WORKING]
    assert streams(copy.path) == ["h264,160,120,50"]
    assert copy.detail["streams"] == [0]
    video, left_out = objects(derivation(report)["streams"])
    assert (video["action"], left_out["action"]) == ("encode", "left out")
    assert left_out["reason"] == report.problems[0].text


def test_a_damaged_stretch_is_told_and_the_rest_is_seen(film: Maker, tmp_path: Path) -> None:
    data = bytearray(film("film.mp4", *H264, "-g", "10", of=SMALL).read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (data.index(b"moov") - start) // 2
    data[middle : middle + 6000] = b"\x5a" * 6000
    source = tmp_path / "hurt.mp4"
    source.write_bytes(data)
    report = slowed(source, tmp_path / "work")
    assert "decode-error" in codes(report)
    expected = hashes(source)
    assert_hashed_as(report, expected)
    assert_has_viewing_copy(source, report, len(expected))
    lost = 50 - len(expected)
    assert ("frames-lost" in codes(report)) is (lost > 0)
    if lost:  # which are missing is not known, so no frame is given a number among the stored ones
        assert {one.detail["stored_frame"] for one in keyframes(report)} == {None}


@pytest.mark.parametrize(("share", "cut"), [(1.0, ""), (0.8, "The file ends before its container says so; ")])
def test_pictures_of_which_no_copy_can_be_written_are_kept_as_keyframes(
    film: Maker, tmp_path: Path, share: float, cut: str
) -> None:
    tiny = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=1")
    data = film("film.mkv", *H264, of=tiny).read_bytes()
    duration = b"\x23\xe3\x83\x84"  # Matroska's DefaultDuration, four bytes of it
    assert data.count(duration) == 1
    source = tmp_path / "years.mkv"
    # Eight of them: years a frame. What they take of the next element leaves, at this width, a sound one.
    source.write_bytes(data.replace(duration, duration[:3] + b"\x88")[: int(share * len(data))])
    report = slowed(source, tmp_path / "work")
    assert report.state is ExhibitState.UNPLAYABLE
    assert report.reason.startswith(cut or "Its pictures decode")
    assert "Its pictures decode, and no copy of them can be written. " in report.reason
    assert (derivation(report)["method"], derivation(report)["copies"]) == ("none", [])
    assert made(report, Role.WORKING) == {}
    assert keyframes(report)


def assert_has_viewing_copy(source: Path, report: StageReport, frames: int) -> None:
    """The working copy keeps the packets; the copy beside it shows what decodes, without an error."""
    assert "viewing-copy" in codes(report)
    found = derivation(report)
    assert found["verdict"] == "packets identical"
    assert [(copy["name"], copy["method"]) for copy in objects(found["copies"])] == [
        ("working.mp4", "remux"),
        ("viewing.mp4", "encode"),
    ]
    copy = made(report, Role.WORKING)["viewing.mp4"]
    check = ["ffmpeg", "-v", "error", "-i", str(copy), "-f", "null", "-"]
    assert subprocess.run(check, check=True, capture_output=True).stderr == b""
    assert len(hashes(copy)) == frames
    stored = [StoredCopy("viewing.mp4", copy, is_encoded=True, tool_sha256="")]
    again = copy.parent / "again"
    again.mkdir()
    [proof] = prove_again(source, stored, again)
    assert proof.verdict.startswith("derived from the original"), proof


def decoded(source: Path, folder: Path, limits: Limits) -> decode.Decoded:
    """One decode of the first picture, for analysis alone."""
    folder.mkdir()
    sections = inspect(source, folder, source.name).sections
    seen = picture(objects(sections["streams"])[0], forced_rate=None, container_s=None)
    keyframes = Keyframes(folder / "frames", seen.frame_size)
    out = folder / "out"
    out.mkdir()
    result = decode.decode(decode.Job(source, out, seen, {}, None, limits), keyframes)
    keyframes.close()
    return result


def test_a_decode_that_takes_too_long_is_ended_and_said_to_be(film: Maker, tmp_path: Path) -> None:
    found = decoded(film("long.mkv", *H264, of=LONG), tmp_path / "work", Limits(wall_s=0.4))
    assert (found.was_ended, found.has_failed) == (True, False)
    assert "stopped after" in found.finished.explain()
    assert len(found.stamps) == len(found.times) < 1000


def test_a_decode_that_dies_is_not_taken_for_one_that_reached_its_end(film: Maker, tmp_path: Path) -> None:
    found = decoded(film("long.mkv", *H264, of=LONG), tmp_path / "work", Limits(cpu_s=1))
    assert found.finished.stopped == ""
    assert found.was_ended
    assert 0 < len(found.stamps) < 1000


def test_of_a_decode_that_was_ended_it_is_told_how_far_it_came(
    film: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "limits", lambda *_: Limits(cpu_s=1))
    report = slowed(film("long.mkv", *H264, of=LONG), tmp_path / "work")
    assert report.state is ExhibitState.PARTIAL
    assert report.reason.startswith("Decoding was ended before the end of the file. What decodes: ")
    assert codes(report)[0] == "partial"
    assert "decode-stopped" in codes(report)
    assert len(keyframes(report)) >= 2


def test_a_decode_that_was_ended_before_its_first_frame_does_not_call_the_file_unplayable(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "limits", lambda *_: Limits(wall_s=0.0))
    with pytest.raises(VidneError, match="ended before its first picture"):
        slowed(clip, tmp_path / "work")


MEASURE = """
import resource, sys
from pathlib import Path
from tests.transcode.test_decode import decoded
from transcode.sandbox import Limits
found = decoded(Path(sys.argv[1]), Path(sys.argv[2]), Limits())
print(len(found.stamps), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_longer_clip_needs_no_more_memory(film: Maker, tmp_path: Path) -> None:
    used = []
    for seconds in (5, 40):
        pictures = ("-f", "lavfi", "-i", f"testsrc2=s=320x240:r=25:d={seconds}")
        source = film(f"{seconds}.mkv", *H264, of=pictures)
        command = [sys.executable, "-c", MEASURE, str(source), str(tmp_path / str(seconds))]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        assert int(said[0]) == seconds * RATE
        used.append(int(said[1]) * 1024)
    # 35 s of full frames, one in three, are 34 MB, of small planes 67 MB.
    assert used[1] - used[0] < 12_000_000


def test_the_limits_of_a_decode_grow_with_the_clip_and_a_header_that_lies_is_held_to_a_day() -> None:
    short, long = decode.limits(10, 10**6), decode.limits(600, 10**8)
    assert short.wall_s < long.wall_s
    assert decode.limits(10.0**9, 10**6).wall_s < 100_000
    assert decode.limits(None, 10**12).wall_s <= 900 + 60 * 86_400
