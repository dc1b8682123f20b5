"""No playlist, wherever it stands in a file, opens another file or reaches a server."""

import io
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from evidence.exhibits import ExhibitState
from tests.transcode.test_hostile import chunk, endings
from transcode.inspect import inspect
from transcode.probe import NotMediaError, probe
from transcode.values import objects

CANARY = "the canary's own words"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on this machine that nobody may reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def port(listener: socket.socket) -> int:
    number: int = listener.getsockname()[1]
    return number


def remote_playlists(number: int, canary: Path) -> dict[str, str]:
    """Playlists that name a server, and a file by its full path."""
    segment = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    return {
        "http": segment.format(f"http://127.0.0.1:{number}/a.ts"),
        "tcp": f"ffconcat version 1.0\nfile 'tcp://127.0.0.1:{number}'\n",
        "concat": segment.format(f"concat:http://127.0.0.1:{number}/a|file://{canary}"),
        "range": segment.replace("{}", "#EXT-X-BYTERANGE:20@0\n{}").format(f"file://{canary}"),
        "key": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{number}/k"\n#EXTINF:1,\na.ts\n',
    }


@pytest.mark.parametrize("kind", ["http", "tcp", "concat", "range", "key"])
def test_a_playlist_that_names_a_server_or_a_file_reaches_neither(
    tmp_path: Path, listener: socket.socket, kind: str
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY)
    source = tmp_path / "film.mp4"
    source.write_text(remote_playlists(port(listener), canary)[kind])
    report = inspect(source, tmp_path, "film.mp4")
    assert report.state is ExhibitState.REFUSED
    assert "playlist" in report.reason
    with pytest.raises(NotMediaError):  # also where its first bytes had deceived us
        probe(source)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_without_the_sandbox_such_a_playlist_would_reach_the_server(
    tmp_path: Path, listener: socket.socket
) -> None:
    source = tmp_path / "film.m3u8"
    source.write_text(remote_playlists(port(listener), tmp_path)["http"])
    bare = ["ffprobe", "-v", "quiet", "-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL"]
    with subprocess.Popen([*bare, "-f", "hls", str(source)]) as reader:
        listener.settimeout(20)
        listener.accept()[0].close()
        reader.kill()


def gab2_avi(playlist: bytes) -> bytes:
    """An AVI with a picture, and a `txts` stream whose one packet is a GAB2 subtitle of that content."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(picture, "JPEG")
    name = "captions\0".encode("utf-16-le")
    subtitle = b"GAB2\0" + struct.pack("<HI", 2, len(name)) + name
    subtitle += struct.pack("<HI", 4, len(playlist)) + playlist
    header = struct.pack("<14I", 100_000, 0, 0, 0x10, 10, 0, 2, 0, 64, 48, 0, 0, 0, 0)
    timing = struct.pack("<5I", 0, 1, 10, 0, 10)
    video = b"vidsMJPG" + bytes(12) + timing + struct.pack("<3I4H", 0, 0, 0, 0, 0, 64, 48)
    words = b"txts" + bytes(16) + timing + struct.pack("<3I4H", 0, 0, 0, 0, 0, 64, 48)
    bitmap = struct.pack("<IiiHH4sIiiII", 40, 64, 48, 1, 24, b"MJPG", 9216, 0, 0, 0, 0)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", video) + chunk(b"strf", bitmap))
    streams += chunk(b"LIST", b"strl" + chunk(b"strh", words) + chunk(b"strf", b""))
    frames = chunk(b"01tx", subtitle) + 10 * chunk(b"00dc", picture.getvalue())
    body = chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams) + chunk(b"LIST", b"movi" + frames)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"AVI " + body


@pytest.mark.parametrize("kind", ["http", "concat", "range"])
def test_a_playlist_in_the_subtitles_of_an_avi_opens_nothing(
    tmp_path: Path, listener: socket.socket, kind: str
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY)
    playlist = remote_playlists(port(listener), canary)[kind]
    assert endings(tmp_path, gab2_avi(playlist.encode()), "film.avi") == "processed"
    with pytest.raises(TimeoutError):
        listener.accept()
    written = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert written
    assert all(CANARY.encode() not in path.read_bytes() for path in written)
    report = inspect(tmp_path / "film.avi", tmp_path, "film.avi")
    assert [stream["type"] for stream in objects(report.sections["streams"])] == ["video", "subtitle"]
    assert CANARY not in str(report)
