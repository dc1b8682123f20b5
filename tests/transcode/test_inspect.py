"""The first stage says what a file is, ends what cannot be opened, and names what a viewer would not see."""

from pathlib import Path

import pytest

from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import B_FRAMES, H264, PICTURES, SOUND, Maker
from transcode.child import Finished
from transcode.inspect import _damage, inspect
from transcode.model import StageReport
from transcode.packets import Packets
from transcode.probe import Probed, Stream


def judged(tmp_path: Path, content: bytes, name: str = "clip.mp4") -> StageReport:
    source = tmp_path / name
    source.write_bytes(content)
    return inspect(source, tmp_path, name)


def section(report: StageReport, name: str) -> JsonObject:
    found = report.sections[name]
    assert isinstance(found, dict)
    return found


def codes(report: StageReport) -> list[str]:
    return [problem.code for problem in report.problems]


@pytest.mark.parametrize(
    ("content", "state", "says"),
    [
        (b"", ExhibitState.UNPLAYABLE, "empty"),
        (b"notes about a film\n", ExhibitState.REFUSED, "text"),
        (b"#EXTM3U\n#EXTINF:1,\nclip.ts\n", ExhibitState.REFUSED, "playlist"),
        (b"PK\x03\x04" + bytes(64), ExhibitState.REFUSED, "archive"),
        (b"MZ" + bytes(64), ExhibitState.REFUSED, "never run"),
        (b"%PDF-1.7\n", ExhibitState.REFUSED, "document"),
        (bytes(range(256)) * 64, ExhibitState.UNPLAYABLE, "No stream was found"),
    ],
)
def test_what_is_no_footage_ends_here_with_its_reason(
    tmp_path: Path, content: bytes, state: ExhibitState, says: str
) -> None:
    report = judged(tmp_path, content)
    assert report.state is state
    assert says in report.reason
    assert report.reason.endswith(".")
    assert report.made == ()
    assert section(report, "media")["kind"] == "none"
    assert section(report, "derivation")["verdict"] == "nothing was made"
    assert section(report, "derivation")["reason"] == report.reason


def test_a_recording_without_its_index_is_unplayable_and_says_what_is_missing(
    film: Maker, tmp_path: Path
) -> None:
    whole = film("plain.mp4", *H264).read_bytes()
    report = judged(tmp_path, whole[: len(whole) // 2])
    assert report.state is ExhibitState.UNPLAYABLE
    assert "index (moov)" in report.reason
    assert "unreadable" in codes(report)


def test_footage_is_described_and_not_ended(clip: Path, tmp_path: Path) -> None:
    report = inspect(clip, tmp_path, "clip.mp4")
    assert report.state is None
    assert report.problems == ()
    media = section(report, "media")
    assert (media["kind"], media["format"], media["duration_s"]) == ("video", "QuickTime or MP4", 2.0)
    streams = report.sections["streams"]
    assert isinstance(streams, list)
    video, sound = streams
    assert isinstance(video, dict)
    assert isinstance(sound, dict)
    assert (video["codec"], video["width"], video["height"], video["is_picture"]) == ("h264", 320, 240, True)
    assert isinstance(video["packets"], dict)
    assert (video["packets"]["count"], video["packets"]["key"], video["stored_frames"]) == (50, 2, 50)
    assert (sound["type"], sound["codec"], sound["sample_rate"]) == ("audio", "aac", 8000)


def test_sound_alone_is_audio(film: Maker, tmp_path: Path) -> None:
    report = inspect(film("call.wav", of=SOUND), tmp_path, "call.wav")
    assert report.state is None
    assert section(report, "media")["kind"] == "audio"


def test_frames_that_an_edit_list_hides_at_the_beginning_are_counted(
    film: Maker, clip: Path, tmp_path: Path
) -> None:
    cut = film("cut.mp4", "-c", "copy", "-map", "0:v", of=("-ss", "0.6", "-i", str(clip)))
    report = inspect(cut, tmp_path, "cut.mp4")
    assert codes(report) == ["hidden-frames"]
    assert report.problems[0].text == "Of 50 stored frames of stream 0, 15 are not shown (edit list)."


def test_frames_that_an_edit_list_hides_at_the_end_are_counted(film: Maker, tmp_path: Path) -> None:
    report = inspect(ends_early(film("plain.mp4", *H264), tmp_path / "short.mp4"), tmp_path, "short.mp4")
    assert codes(report) == ["hidden-frames"]
    assert report.problems[0].text == "Of 50 stored frames of stream 0, 25 are not shown (edit list)."


def ends_early(source: Path, target: Path) -> Path:
    """An MP4 of two seconds of which the edit list shows the first second."""
    data = source.read_bytes()
    at = data.index(b"elst") + 12
    assert int.from_bytes(data[at : at + 4], "big") == 2000
    target.write_bytes(data[:at] + (1000).to_bytes(4, "big") + data[at + 4 :])
    return target


def test_a_recording_cut_short_is_planned_as_partial(film: Maker, tmp_path: Path) -> None:
    whole = film("fast.mp4", *H264, "-movflags", "+faststart").read_bytes()
    report = judged(tmp_path, whole[: len(whole) * 2 // 3])
    assert report.state is None
    assert "missing-frames" in codes(report)
    assert "hidden-frames" not in codes(report)
    assert "read-error" in codes(report)
    assert "ends before its container says so" in str(section(report, "derivation")["partial"])


def test_what_the_reader_complained_of_is_told(film: Maker, tmp_path: Path) -> None:
    whole = film("plain.ts", *B_FRAMES).read_bytes()
    packets = len(whole) // 188
    report = judged(tmp_path, whole[packets // 4 * 188 :], "late.ts")  # begins amid a group of pictures
    assert report.state is None
    told = [problem.text for problem in report.problems if problem.code == "read-error"]
    assert any("non-existing PPS" in text for text in told)
    assert not any("0x" in text for text in told)


def test_packets_that_are_damaged_are_counted_by_stream() -> None:
    # ffprobe 5.1 does not mark them, later ones do.
    stream = Stream(1, "video", "h264", Packets(count=9, corrupt=2), {"codec_type": "video"})
    found = _damage(Probed({"format_name": "mpegts"}, (stream,), (), Finished(0, b"", "", 0.0, 0.0, "")))
    assert [(problem.code, problem.text) for problem in found] == [
        ("damaged", "2 packets of stream 1 are damaged.")
    ]


def test_an_assumed_rate_is_told_as_a_problem(film: Maker, tmp_path: Path) -> None:
    report = inspect(film("raw.h264", *H264), tmp_path, "raw.h264")
    assert [problem.text for problem in report.problems if problem.code == "assumption"] == [
        "The frame rate is not known; 25 a second is assumed."
    ]


def test_footage_with_neither_pictures_nor_sound_is_unplayable(film: Maker, tmp_path: Path) -> None:
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nwords\n")
    words = film("words.mkv", "-c", "copy", of=("-i", str(subtitles)))
    report = inspect(words, tmp_path, "words.mkv")
    assert (report.state, report.reason) == (
        ExhibitState.UNPLAYABLE,
        "It has neither pictures nor sound.",
    )


def test_sound_whose_codec_nobody_knows_is_unplayable_and_described(film: Maker, tmp_path: Path) -> None:
    data = film("call.mkv", "-c:a", "pcm_s16le", of=SOUND).read_bytes()
    assert data.count(b"A_PCM/INT/LIT") == 1
    report = judged(tmp_path, data.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"), "call.mkv")
    assert report.state is ExhibitState.UNPLAYABLE
    assert report.reason == "It has no stream that can be shown or heard."
    assert "unknown-codec" in codes(report)
    assert section(report, "derivation")["verdict"] == "nothing was made"
    assert report.sections["streams"]


def test_the_pictures_of_these_tests_have_no_sound(film: Maker, tmp_path: Path) -> None:
    report = inspect(film("plain.mp4", *H264, of=PICTURES), tmp_path, "plain.mp4")
    assert isinstance(report.sections["streams"], list)
    assert len(report.sections["streams"]) == 1


def test_pictures_whose_headers_are_gone_are_not_called_absent(film: Maker, tmp_path: Path) -> None:
    data = film("plain.mp4", *H264, of=PICTURES).read_bytes()
    report = judged(tmp_path, data.replace(b"stsd", b"free", 1))
    assert (report.state, report.reason) == (
        ExhibitState.UNPLAYABLE,
        "The size of its pictures is not to be found: their headers are damaged or missing.",
    )
