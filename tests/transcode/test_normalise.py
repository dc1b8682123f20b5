"""What becomes of each stream is decided by one table, from what a probe of a real file finds."""

from pathlib import Path

import pytest

from evidence.jsontypes import JsonObject
from tests.transcode.conftest import (
    B_FRAMES,
    FLIPPED,
    H264,
    PICTURES,
    SOUND,
    TURNED,
    Maker,
    planned,
    shown_as,
)
from transcode.values import objects

SMALL = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")


def copies(plan: JsonObject) -> list[tuple[object, object, object]]:
    return [(copy["name"], copy["video"], copy["method"]) for copy in objects(plan["copies"])]


def fates(plan: JsonObject) -> list[tuple[object, object, object]]:
    return [(stream["type"], stream["action"], stream["reason"]) for stream in objects(plan["streams"])]


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "ts"])
def test_plain_h264_is_remuxed_from_any_container_with_times(film: Maker, ending: str) -> None:
    plan = planned(film(f"clip.{ending}", *B_FRAMES, "-c:a", "aac", of=(*PICTURES, *SOUND)))
    assert copies(plan) == [("working.mp4", 0, "remux")]
    assert (plan["method"], plan["verdict"], plan["rewraps"], plan["partial"]) == ("remux", "pending", [], "")
    assert plan["reason"] == "Browsers play its streams as they are; only the container is new."
    assert fates(plan) == [("video", "copy", ""), ("audio", "copy", "")]
    assert plan["input_options"] == {}


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("ten.mp4", (*X264, "-pix_fmt", "yuv420p10le"), "pixel format (yuv420p10le)"),
        ("wide.mp4", (*X264, "-pix_fmt", "yuv422p"), "pixel format (yuv422p)"),
        ("rgb.mp4", ("-c:v", "libx264rgb", "-preset", "ultrafast"), "pixel format (gbrp)"),
        ("fields.mp4", (*X264, "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-top", "1"), "interlaced"),
        ("photos.avi", ("-c:v", "mjpeg"), "codec (mjpeg)"),
        ("old.mp4", ("-c:v", "mpeg4"), "codec (mpeg4)"),
        ("web.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), "codec (vp9)"),
        ("recorder.avi", (*X264, "-pix_fmt", "yuv420p"), "Some of its packets have no time."),
    ],
)
def test_what_browsers_do_not_play_is_encoded_with_the_reason(
    film: Maker, name: str, options: tuple[str, ...], says: str
) -> None:
    plan = planned(film(name, *options, of=SMALL))
    assert copies(plan) == [("working.mp4", 0, "encode")]
    assert plan["method"] == "encode"
    assert says in str(plan["reason"])
    assert fates(plan) == [("video", "encode", plan["reason"])]
    assert plan["rewraps"] == []


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_hevc_is_encoded_and_its_packets_kept_in_a_rewrap_that_apple_plays(film: Maker, ending: str) -> None:
    plan = planned(film(f"phone.{ending}", *HEVC, "-c:a", "aac", of=(*SMALL, *SOUND)))
    assert copies(plan) == [("working.mp4", 0, "encode")]
    assert "codec (hevc)" in str(plan["reason"])
    [rewrap] = objects(plan["rewraps"])
    assert (rewrap["name"], rewrap["container"], rewrap["tag"], rewrap["streams"]) == (
        "rewrap.mp4", "mp4", "hvc1", [0, 1],
    )  # fmt: skip


def test_frames_hidden_by_an_edit_list_are_encoded_as_shown_and_kept_as_stored(
    film: Maker, clip: Path
) -> None:
    plan = planned(film("cut.mp4", "-c", "copy", "-map", "0:v", of=("-ss", "0.6", "-i", str(clip))))
    assert copies(plan) == [("working.mp4", 0, "encode")]
    assert "not shown (edit list)" in str(plan["reason"])
    [rewrap] = objects(plan["rewraps"])
    assert rewrap["name"] == "all-stored-frames.mp4"
    assert rewrap["label"] == "all stored frames, also those not shown"
    assert rewrap["input_options"] == {"ignore_editlist": 1}


def test_frames_hidden_at_the_end_only_are_kept_as_stored_too(film: Maker, tmp_path: Path) -> None:
    data = film("plain.mp4", *H264).read_bytes()
    at = data.index(b"elst") + 12
    short = tmp_path / "short.mp4"
    short.write_bytes(data[:at] + (1000).to_bytes(4, "big") + data[at + 4 :])
    plan = planned(short)
    assert plan["method"] == "encode"
    assert [rewrap["name"] for rewrap in objects(plan["rewraps"])] == ["all-stored-frames.mp4"]


def test_frames_that_are_cut_off_are_not_called_hidden(film: Maker, tmp_path: Path) -> None:
    data = film("fast.mp4", *H264, "-movflags", "+faststart").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 2 // 3])
    plan = planned(cut)
    assert plan["rewraps"] == []
    assert plan["method"] == "encode"
    assert plan["partial"] == "The file ends before its container says so; what is left of it is shown."


@pytest.mark.parametrize(
    ("name", "codec"), [("cut.flv", H264), ("cut.avi", ("-c:v", "mpeg4")), ("jpeg.avi", ("-c:v", "mjpeg"))]
)
def test_what_an_index_announces_and_the_file_does_not_hold_is_cut_off(
    film: Maker, tmp_path: Path, name: str, codec: tuple[str, ...]
) -> None:
    whole = film(name, *codec)
    assert planned(whole)["partial"] == ""
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert (
        planned(cut)["partial"] == "The file ends before its container says so; what is left of it is shown."
    )


def test_telephone_sound_is_encoded_for_viewing_and_kept_in_a_rewrap(film: Maker) -> None:
    plan = planned(film("dvr.mkv", *H264, "-c:a", "pcm_alaw", of=(*PICTURES, *SOUND)))
    assert copies(plan) == [("working.mp4", 0, "remux")]
    assert objects(plan["copies"])[0]["audio"] == [{"index": 1, "action": "encode"}]
    assert plan["reason"] == ("Its sound (pcm_alaw) is encoded to AAC for browsers; all else stays as it is.")
    [rewrap] = objects(plan["rewraps"])
    assert (rewrap["name"], rewrap["container"], rewrap["streams"]) == ("rewrap.mkv", "matroska", [0, 1])
    assert fates(plan)[1] == ("audio", "encode", "Browsers do not play pcm_alaw in MP4.")


@pytest.mark.parametrize("matrix", [TURNED, FLIPPED])
def test_a_turned_picture_with_such_sound_is_kept_where_the_turn_is_kept(
    film: Maker, tmp_path: Path, matrix: bytes
) -> None:
    straight = film("dvr.mov", *H264, "-c:a", "pcm_alaw", of=(*PICTURES, *SOUND))
    plan = planned(shown_as(straight, matrix, tmp_path / "turned.mov"))
    assert [rewrap["name"] for rewrap in objects(plan["rewraps"])] == ["rewrap.mov"]


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "libopus", "flac"])
def test_sound_that_browsers_play_is_copied(film: Maker, codec: str) -> None:
    plan = planned(film("clip.mkv", *H264, "-c:a", codec, of=(*PICTURES, *SOUND)))
    assert fates(plan)[1] == ("audio", "copy", "")
    assert plan["rewraps"] == []


def test_data_and_subtitles_are_named_as_left_out(film: Maker, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nwords\n")
    # A time code track is what QuickTime calls data.
    source = film(
        "camera.mov", *H264, "-c:s", "mov_text", "-timecode", "01:00:00:00", of=(*PICTURES, "-i", str(words))
    )
    plan = planned(source)
    assert plan["method"] == "remux"
    assert fates(plan) == [
        ("video", "copy", ""),
        ("subtitle", "left out", "A browser shows no subtitle stream; it stays in the original."),
        ("data", "left out", "A browser shows no data stream; it stays in the original."),
    ]


def test_a_cover_is_left_out_and_the_sound_kept(film: Maker) -> None:
    cover = film("cover.png", "-frames:v", "1")
    sound = film("sound.m4a", "-c:a", "aac", of=SOUND)
    both = film(
        "covered.m4a", "-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic",
        of=("-i", str(sound), "-i", str(cover)),
    )  # fmt: skip
    plan = planned(both)
    assert copies(plan) == [("working.m4a", None, "remux")]
    assert "cover or thumbnail" in str(fates(plan))


@pytest.mark.parametrize(("name", "options"), [("raw.h264", B_FRAMES), ("raw.hevc", HEVC)])
def test_a_raw_stream_is_encoded_at_a_rate_that_is_said_to_be_assumed(
    film: Maker, name: str, options: tuple[str, ...]
) -> None:
    plan = planned(film(name, *options, of=SMALL))
    assert copies(plan) == [("working.mp4", 0, "encode")]
    assert "a rate of 25 a second is assumed" in str(plan["reason"])
    assert plan["assumptions"] == ["The frame rate is not known; 25 a second is assumed."]
    assert plan["input_options"] == {"r": 25}
    assert plan["rewraps"] == []


def test_two_cameras_become_two_copies_each_with_the_sound(film: Maker) -> None:
    options = ("-map", "0", "-map", "1", "-map", "2", *H264, "-c:a", "aac")
    plan = planned(film("dashcam.mp4", *options, of=(*PICTURES, *SMALL, *SOUND)))
    assert copies(plan) == [("working.mp4", 0, "remux"), ("working-2.mp4", 1, "remux")]
    assert [copy["audio"] for copy in objects(plan["copies"])] == 2 * [[{"index": 2, "action": "copy"}]]


def test_of_two_cameras_only_the_one_that_needs_it_is_encoded(film: Maker) -> None:
    options = ("-map", "0", "-map", "1", *H264, "-pix_fmt:v:1", "yuv422p")
    plan = planned(film("dashcam.mp4", *options, of=(*PICTURES, *SMALL)))
    assert copies(plan) == [("working.mp4", 0, "remux"), ("working-2.mp4", 1, "encode")]
    assert plan["method"] == "encode"
    assert "yuv422p" in str(plan["reason"])


def test_each_of_two_hevc_cameras_is_kept_exactly(film: Maker) -> None:
    plan = planned(film("dashcam.mp4", "-map", "0", "-map", "1", *HEVC, of=(*SMALL, *SMALL)))
    rewraps = objects(plan["rewraps"])
    assert [(rewrap["name"], rewrap["streams"]) for rewrap in rewraps] == [
        ("rewrap.mp4", [0]),
        ("rewrap-2.mp4", [1]),
    ]


@pytest.mark.parametrize(
    ("name", "codec", "action"), [("call.wav", "pcm_mulaw", "encode"), ("memo.m4a", "aac", "copy")]
)
def test_sound_alone_becomes_m4a(film: Maker, name: str, codec: str, action: str) -> None:
    plan = planned(film(name, "-c:a", codec, of=SOUND))
    assert copies(plan) == [("working.m4a", None, "remux")]
    assert objects(plan["copies"])[0]["audio"] == [{"index": 0, "action": action}]
    assert ("encoded to AAC" in str(plan["reason"])) == (action == "encode")


def test_a_stream_without_packets_is_named_and_spoils_nothing(film: Maker) -> None:
    # The sound is announced, and ends before it begins.
    plan = planned(film("mute.mkv", *H264, "-c:a", "aac", "-af", "atrim=end=0", of=(*PICTURES, *SOUND)))
    assert fates(plan) == [
        ("video", "copy", ""),
        ("audio", "left out", "It is announced, but has no packets."),
    ]
    assert objects(plan["copies"])[0]["audio"] == []
