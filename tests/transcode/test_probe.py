"""What a probe finds, and that it opens nothing but the one file it was given."""

import io
import struct
import subprocess
from pathlib import Path

import pytest

from tests.transcode.conftest import B_FRAMES, H264, PICTURES, SOUND, Maker
from transcode import ffmpeg
from transcode.packets import Packets, read_packets
from transcode.probe import NotMediaError, probe
from transcode.sandbox import Command, Limits, run
from transcode.values import decimal, ratio, whole


def test_container_streams_and_packets_are_counted(clip: Path) -> None:
    found = probe(clip)
    assert found.container.startswith("mov")
    [video], [sound] = found.pictures, found.sounds
    assert (video.codec, video.width, video.height, sound.codec) == ("h264", 320, 240, "aac")
    assert (video.packets.count, video.packets.key, video.packets.discarded) == (50, 2, 0)
    assert found.said == ()


# The matrices of ISO/IEC 14496-12, 8.3.2: as stored, turned by 90 degrees clockwise, mirrored.
PLAIN, TURNED, MIRRORED = (
    struct.pack(">9i", *(cell << 16 for cell in cells), 0, 0, 0x40000000)[:36]
    for cells in ((1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 0), (-1, 0, 0, 0, 1, 0))
)


@pytest.mark.parametrize(
    ("matrix", "turn", "mirrored"), [(TURNED, 90, False), (MIRRORED, 180, True), (PLAIN, 0, False)]
)
def test_rotation_is_told_clockwise(
    film: Maker, tmp_path: Path, matrix: bytes, turn: int, mirrored: bool
) -> None:
    data = film("plain.mp4", *H264).read_bytes()
    at = data.index(PLAIN, data.index(b"tkhd"))
    source = tmp_path / "turned.mp4"
    source.write_bytes(data[:at] + matrix + data[at + 36 :])
    [video] = probe(source).pictures
    assert (video.rotation, video.is_mirrored) == (turn, mirrored)


def test_hidden_frames_are_counted(film: Maker, clip: Path) -> None:
    cut = film("cut.mp4", "-c", "copy", "-map", "0:v", of=("-ss", "0.6", "-i", str(clip)))
    [video] = probe(cut).pictures
    assert video.packets.count == 50
    assert video.packets.discarded > 0


def test_packets_with_side_data_are_counted(clip: Path) -> None:
    # The first packet of AAC says how many samples to skip.
    assert probe(clip).sounds[0].packets.count == 17


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile neighbour.mp4\n",
        "ffconcat version 1.0\nfile /in/neighbour.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nneighbour.mp4\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///in/neighbour.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path, clip: Path, playlist: str) -> None:
    source = tmp_path / "film.mp4"
    source.write_text(playlist)
    argv = ffmpeg.probe(["-show_streams"])
    finished = run(Command(argv, inputs={"src": source, "neighbour.mp4": clip}))
    assert finished.stdout == b""
    assert not finished.ok
    with pytest.raises(NotMediaError):
        probe(source)


def test_without_the_allowlist_the_same_playlist_would_open_its_neighbour(tmp_path: Path, clip: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_text("ffconcat version 1.0\nfile neighbour.mp4\n")
    argv = ["ffprobe", "-loglevel", "error", "-show_streams", "/in/src"]
    finished = run(Command(argv, inputs={"src": source, "neighbour.mp4": clip}))
    assert b"codec_name=h264" in finished.stdout


def test_each_allowed_demuxer_exists_and_none_of_them_follows_links() -> None:
    listed = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-demuxers"], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    known = {name for row in rows if len(row) > 1 for name in row[1].split(",")}
    allowed = set(ffmpeg.DEMUXERS.split(","))
    assert allowed <= known | {"av1"}
    assert not allowed & {
        "hls",
        "dash",
        "concat",
        "sdp",
        "rtsp",
        "image2",
        "lavfi",
        "tedcaptions",
        "imf",
        "vobsub",
    }


def test_a_picture_beyond_measure_is_not_decoded(clip: Path) -> None:
    assert 11_520 * 5_760 < ffmpeg.MAX_PIXELS < 30_000 * 30_000
    reader = ffmpeg.open_input(options={"max_pixels": 320 * 240 - 1})
    decode = ffmpeg.output([reader.stream("v")], "-", {"f": "null"})
    finished = run(Command(ffmpeg.command(decode), inputs={"src": clip}))
    assert "Picture size 320x240" in finished.stderr
    assert not finished.ok


def test_the_index_that_is_missing_is_named(film: Maker, tmp_path: Path) -> None:
    whole_file = film("plain.mp4", *H264).read_bytes()
    source = tmp_path / "cut.mp4"
    source.write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(NotMediaError, match="index"):
        probe(source)


@pytest.mark.parametrize("junk", [b"\x00" * 5000, b"\x00\x00\x00\x08ftyp" * 500, bytes(range(256)) * 64])
def test_junk_is_no_media(tmp_path: Path, junk: bytes) -> None:
    source = tmp_path / "junk"
    source.write_bytes(junk)
    with pytest.raises(NotMediaError):
        probe(source)


def test_a_probe_that_is_too_slow_says_so(clip: Path) -> None:
    with pytest.raises(NotMediaError, match="did not come to an end"):
        probe(clip, limits=Limits(wall_s=0.001))


def test_metadata_cannot_break_out_of_the_report(film: Maker) -> None:
    hostile = '"}],"streams":[] \n    "packets": [\n    ],{ "stream_index": 7, "flags": "K__" }'
    path = film("hostile.mkv", *H264, "-metadata", f"title={hostile}")
    found = probe(path)
    assert found.tags["title"] == hostile
    assert [stream.packets.count for stream in found.streams] == [50]


def test_a_report_without_end_is_cut_off() -> None:
    endless = io.BytesIO(b"x" * (17 * 1024 * 1024))
    packets: dict[int, Packets] = {}
    assert read_packets(endless, packets) is None


def test_numbers_of_a_file_are_checked() -> None:
    assert [whole(value) for value in (7, "7", "-7", "7.0", "", None, True, "9" * 30)] == [
        7, 7, -7, None, None, None, None, None,
    ]  # fmt: skip
    assert [decimal(value) for value in ("1.5", 2, "nan", "inf", "1e9", None)] == [
        1.5,
        2.0,
        None,
        None,
        None,
        None,
    ]
    assert [str(ratio(text)) for text in ("30000/1001", "16:11", "0/0", "1/0", "N/A")] == [
        "30000/1001", "16/11", "None", "None", "None",
    ]  # fmt: skip


def test_sound_alone_is_found(film: Maker) -> None:
    found = probe(film("sound.m4a", "-c:a", "aac", of=SOUND))
    assert found.pictures == ()
    assert len(found.sounds) == 1


def test_a_cover_is_not_footage(film: Maker, tmp_path: Path) -> None:
    cover = film("cover.png", "-frames:v", "1")
    sound = film("sound.m4a", "-c:a", "aac", of=SOUND)
    both = film(
        "covered.m4a", "-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic",
        of=("-i", str(sound), "-i", str(cover)),
    )  # fmt: skip
    assert probe(both).pictures == ()


def test_pictures_have_b_frames_for_these_tests(film: Maker) -> None:
    assert probe(film("b.mp4", *B_FRAMES, of=PICTURES)).pictures[0].number("has_b_frames")
