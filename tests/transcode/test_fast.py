"""The fast stage on whole files: what is remuxed and proved, what is left to the slow stage, previews."""

import subprocess
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import (
    B_FRAMES,
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
)
from transcode.model import StageReport
from transcode.probe import probe
from transcode.values import objects

HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")
VARIABLE = ("-vf", "settb=1/90000,setpts=(N+0.3*sin(N))*3600", "-fps_mode", "passthrough")


def times_s(path: Path) -> list[float]:
    """When each packet of the picture is shown, by bare ffprobe."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time"]
    done = subprocess.run([*command, "-of", "csv=p=0", path], check=True, capture_output=True, text=True)
    return sorted(float(line.strip(",")) for line in done.stdout.split())


def proofs(report: StageReport) -> dict[str, JsonObject]:
    return {str(one["name"]): one for one in objects(derivation(report)["proofs"])}


def hashes(path: Path, *options: str) -> list[str]:
    """The SHA-256 of each stream's packets, by bare ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0", "-c", "copy", *options]
    command += ["-f", "streamhash", "-hash", "sha256", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_what_the_stage_gives_for_plain_footage(clip: Path, tmp_path: Path) -> None:
    report = hastened(clip, tmp_path / "work")
    assert list(report.sections) == ["derivation"]
    assert (report.state, report.problems) == (None, ())
    assert [(one.role, one.name, one.parent) for one in report.made] == [
        (Role.WORKING, "working.mp4", "original"),
        (Role.PROOF, "working.mp4.proof.txt", "working.mp4"),
        (Role.PREVIEW, "preview-001.jpg", "original"),
        (Role.PREVIEW, "preview-002.jpg", "original"),
    ]
    assert report.made[0].detail == {"label": "working copy", "streams": [0, 1]}
    assert all(one.tool.name == "ffmpeg" and one.args[0] == "ffmpeg" for one in report.made)
    [told] = proofs(report).values()
    assert [stream["packets"] for stream in objects(told["streams"])] == [50, 17]
    written = made(report, Role.PROOF)["working.mp4.proof.txt"].read_text()
    assert f"# by: {' '.join(report.made[0].args)}\n" in written


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "flv"])
def test_plain_footage_becomes_an_mp4_with_the_same_packets(film: Maker, tmp_path: Path, ending: str) -> None:
    source = film(f"clip.{ending}", *B_FRAMES, "-c:a", "aac", "-ar", "44100", of=(*PICTURES, *SOUND))
    report = hastened(source, tmp_path / "work")
    assert (derivation(report)["method"], derivation(report)["verdict"]) == ("remux", "packets identical")
    [copy] = made(report, Role.WORKING).values()
    assert [stream.codec for stream in probe(copy).streams] == ["h264", "aac"]
    if ending != "ts":  # there packets have another form
        assert hashes(copy) == hashes(source)
    first, copied = times_s(source)[0], times_s(copy)
    assert [time - copied[0] for time in copied] == pytest.approx(
        [time - first for time in times_s(source)], abs=0.0011 if ending in ("mkv", "flv") else 1e-5
    )
    assert boxes(copy.read_bytes()).index("moov") < boxes(copy.read_bytes()).index("mdat")
    assert report.problems == ()


def test_a_variable_rate_keeps_each_time(film: Maker, tmp_path: Path) -> None:
    options = ("-enc_time_base", "1:90000", "-video_track_timescale", "90000")
    source = film("vfr.mp4", *VARIABLE, *B_FRAMES, *options)
    [copy] = made(hastened(source, tmp_path / "work"), Role.WORKING).values()
    assert len({round(b - a, 4) for a, b in zip(times_s(source), times_s(source)[1:], strict=False)}) > 3
    assert times_s(copy) == times_s(source)


def test_a_picture_stays_turned_and_the_originals_tags_stay_behind(film: Maker, tmp_path: Path) -> None:
    tagged = film("tagged.mp4", *B_FRAMES, "-metadata", "title=Secret", "-metadata", "location=+55.6+012.5/")
    source = shown_as(tagged, TURNED, tmp_path / "turned.mp4")
    [copy] = made(hastened(source, tmp_path / "work"), Role.WORKING).values()
    assert probe(copy).pictures[0].rotation == 90
    assert b"Secret" in source.read_bytes()
    assert b"Secret" not in copy.read_bytes()
    assert b"+55.6" not in copy.read_bytes()


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_no_words_of_the_original_are_in_what_is_made_of_it(film: Maker, tmp_path: Path, ending: str) -> None:
    words = tmp_path / "words.txt"
    chapter = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Secret chapter\n"
    words.write_text(f";FFMETADATA1\ntitle=Secret title\ncomment=Secret comment\n{chapter}")
    sound = "aac" if ending == "mp4" else "pcm_alaw"
    source = film(
        f"told.{ending}", *B_FRAMES, "-c:a", sound, "-map", "0", "-map", "1", "-map_metadata", "2",
        "-metadata:s", "handler_name=Secret handler", "-metadata:s", "title=Secret stream",
        of=(*PICTURES, *SOUND, "-i", str(words)),
    )  # fmt: skip
    report = hastened(source, tmp_path / "work")
    assert source.read_bytes().count(b"Secret") > 2
    assert len(report.made) == (4 if ending == "mp4" else 6)
    assert [one.name for one in report.made if b"Secret" in one.path.read_bytes()] == []


@pytest.mark.parametrize(("name", "sound"), [("clip.mp4", "aac"), ("dvr.mkv", "pcm_alaw")])
def test_the_same_original_gives_the_same_bytes(film: Maker, tmp_path: Path, name: str, sound: str) -> None:
    source = film(name, *B_FRAMES, "-c:a", sound, of=(*PICTURES, *SOUND))
    one, other = (hastened(source, tmp_path / folder).made for folder in ("one", "other"))
    assert [file.path.read_bytes() for file in one] == [file.path.read_bytes() for file in other]
    assert len(one) >= 4


def test_sound_that_mp4_cannot_hold_is_encoded_for_viewing_and_kept_exactly_beside(
    film: Maker, tmp_path: Path
) -> None:
    source = film("g711.mkv", *B_FRAMES, "-c:a", "pcm_alaw", of=(*PICTURES, *SOUND))
    report = hastened(source, tmp_path / "work")
    copy, rewrap = made(report, Role.WORKING)["working.mp4"], made(report, Role.REWRAP)["rewrap.mkv"]
    assert probe(copy).sounds[0].codec == "aac"
    assert probe(rewrap).sounds[0].codec == "pcm_alaw"
    assert hashes(rewrap) == hashes(source)
    assert [len(objects(one["streams"])) for one in proofs(report).values()] == [1, 2]
    assert {one["verdict"] for one in proofs(report).values()} == {"packets identical"}


@pytest.mark.parametrize(
    ("name", "options"),
    [("hevc.mkv", ()), ("hevc.mp4", ("-tag:v", "hev1")), ("hevc.mov", ("-tag:v", "hvc1"))],
)
def test_hevc_is_rewrapped_exactly_and_left_to_be_encoded_as_well(
    film: Maker, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    report = hastened(film(name, *HEVC, *options), tmp_path / "work")
    assert (derivation(report)["method"], derivation(report)["verdict"]) == ("encode", "pending")
    assert made(report, Role.WORKING) == {}
    [rewrap] = made(report, Role.REWRAP).values()
    assert probe(rewrap).pictures[0].text("codec_tag_string") == "hvc1"
    assert proofs(report)[rewrap.name]["verdict"] == "packets identical"


def test_hidden_frames_are_all_in_a_rewrap_that_says_so(film: Maker, tmp_path: Path) -> None:
    whole = film("whole.mp4", *H264)
    cut = film("cut.mp4", "-c", "copy", of=("-ss", "0.6", "-i", str(whole)))
    assert probe(cut).pictures[0].packets.discarded > 0
    report = hastened(cut, tmp_path / "work")
    [path] = made(report, Role.REWRAP).values()
    assert path.name == "all-stored-frames.mp4"
    stored = probe(path).pictures[0].packets
    assert (stored.count, stored.discarded) == (50, 0)
    assert hashes(path) == hashes(whole)
    assert made(report, Role.WORKING) == {}


def test_sound_alone_is_ready_at_once(film: Maker, tmp_path: Path) -> None:
    report = hastened(film("sound.wav", of=SOUND), tmp_path / "work")
    assert report.state is ExhibitState.PROCESSED
    assert [path.name for path in made(report, Role.WORKING).values()] == ["working.m4a"]
    assert derivation(report)["verdict"] == "derived from"
    assert made(report, Role.PROOF) == {}


def test_sound_that_is_copied_is_proved(film: Maker, tmp_path: Path) -> None:
    source = film("memo.m4a", "-c:a", "aac", of=SOUND)
    report = hastened(source, tmp_path / "work")
    assert (report.state, derivation(report)["verdict"]) == (ExhibitState.PROCESSED, "packets identical")
    assert hashes(made(report, Role.WORKING)["working.m4a"]) == hashes(source)
    assert list(made(report, Role.PROOF)) == ["working.m4a.proof.txt"]


def test_junk_in_place_of_every_packet_that_begins_anew_is_left_to_be_encoded(
    film: Maker, tmp_path: Path
) -> None:
    source = film("plain.mp4", *H264)
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "packet=flags,pos,size"]
    told = subprocess.run([*command, source], check=True, capture_output=True, text=True)
    data, junk = bytearray(source.read_bytes()), Random(7)
    for size, at, flags in (line.split(",")[:3] for line in told.stdout.split()):
        if "K" in flags:
            data[int(at) : int(at) + int(size)] = junk.randbytes(int(size))
    dark = tmp_path / "dark.mp4"
    dark.write_bytes(data)
    report = hastened(dark, tmp_path / "work")
    found = derivation(report)
    assert (found["method"], found["verdict"]) == ("encode", "pending")
    assert found["reason"] == "No packet begins a picture anew."
    assert (report.made, report.state) == ((), None)


def test_previews_are_few_spread_upright_and_of_square_pixels(film: Maker, tmp_path: Path) -> None:
    long = ("-f", "lavfi", "-i", "testsrc2=s=704x288:r=10:d=30")
    source = film("wide.mp4", "-vf", "setsar=6/11", *H264[:-4], "-g", "5", "-pix_fmt", "yuv420p", of=long)
    report = hastened(shown_as(source, TURNED, tmp_path / "turned.mp4"), tmp_path / "work")
    previews = [one for one in report.made if one.role is Role.PREVIEW]
    times = [float(str(one.detail["time_s"])) for one in previews]
    assert 8 <= len(previews) <= 12
    assert times == sorted(times)
    assert (times[0], times[-1] > 25) == (0.0, True)
    assert all(time % 0.5 == 0 for time in times)  # each is an intra frame
    with Image.open(previews[0].path) as picture:
        assert picture.size[1] == pytest.approx(picture.size[0] * 704 * 6 / 11 / 288, abs=2)


def test_a_still_is_done_after_this_stage_and_one_that_is_cut_is_partial(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.jpg", tmp_path / "cut.jpg"
    Image.effect_noise((640, 480), 90).save(whole, "JPEG")
    cut.write_bytes(whole.read_bytes()[:-5000])
    done, part = hastened(whole, tmp_path / "one"), hastened(cut, tmp_path / "other")
    assert (done.state, done.reason, done.problems) == (ExhibitState.PROCESSED, "Its copy is ready.", ())
    assert part.state is ExhibitState.PARTIAL
    assert part.reason.startswith("The file is cut or damaged: ")
    assert [problem.code for problem in part.problems] == ["partial"]
    assert len(made(part, Role.WORKING)) == 1
    for report in (done, part):
        quality = report.sections["quality"]
        assert isinstance(quality, dict)
        assert len(objects(quality["measures"])) > 0
        assert "density_class" in quality


def test_pictures_whose_headers_are_gone_are_left_out_and_the_sound_is_kept_as_a_part(
    film: Maker, tmp_path: Path
) -> None:
    data = film("both.mp4", *H264, "-c:a", "aac", of=(*PICTURES, *SOUND)).read_bytes()
    source = tmp_path / "unseen.mp4"
    source.write_bytes(data.replace(b"stsd", b"free", 1))
    report = hastened(source, tmp_path / "work")
    assert (report.state, report.reason) == (
        ExhibitState.PARTIAL,
        "Only its sound is ready. The size of its pictures is not to be found: "
        "their headers are damaged or missing.",
    )
    assert list(made(report, Role.WORKING)) == ["working.m4a"]
