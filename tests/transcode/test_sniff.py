"""The kind of a file is told by its first bytes alone."""

from pathlib import Path

import pytest

from evidence.errors import UnreadableError
from transcode.sniff import Kind, sniff


def judged(tmp_path: Path, head: bytes) -> tuple[Kind, str]:
    path = tmp_path / "clip.mp4"
    path.write_bytes(head)
    found = sniff(path)
    assert found.text.endswith((".", "files in it.", "bytes."))
    return found.kind, found.format


@pytest.mark.parametrize(
    ("head", "kind", "name"),
    [
        (b"", Kind.EMPTY, "empty"),
        (b"\xff\xd8\xff\xe1rest", Kind.STILL, "JPEG"),
        (b"\x89PNG\r\n\x1a\nrest", Kind.STILL, "PNG"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Kind.STILL, "WebP"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", Kind.MEDIA, "AVI"),
        (b"II*\x00\x08\x00\x00\x00", Kind.STILL, "TIFF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", Kind.STILL, "HEIF"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", Kind.STILL, "AVIF"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", Kind.MEDIA, "QuickTime or MP4"),
        (b"\x00\x00\x10\x00moov", Kind.MEDIA, "QuickTime or MP4"),
        (b"\x1aE\xdf\xa3\x01", Kind.MEDIA, "Matroska or WebM"),
        (b"\x00\x00\x00\x01\x67\x64\x00\x1e", Kind.MEDIA, "an unknown or raw stream"),
        (b"PK\x03\x04zip", Kind.ARCHIVE, "ZIP"),
        (b"%PDF-1.7", Kind.DOCUMENT, "PDF"),
        (b"MZ\x90\x00", Kind.PROGRAM, "Windows program"),
        (b"plain words, not a film\n", Kind.TEXT, "plain"),
        ("gr\u00f8d".encode() * 3000, Kind.TEXT, "plain"),
        (b'{"a": 1}', Kind.TEXT, "JSON"),
        (b"<html><video src=x>", Kind.TEXT, "markup"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(tmp_path: Path, head: bytes, kind: Kind, name: str) -> None:
    assert judged(tmp_path, head) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x\n",
        "ffconcat version 1.0\nfile original.mp4\n",
        "\ufeff\r\n  FFCONCAT version 1.0\nfile 'x'",
        "[playlist]\nFile1=file:///etc/passwd\n",
        "<?xml version='1.0'?><MPD xmlns='urn'><BaseURL>file:///in/src</BaseURL></MPD>",
        "<asx version='3.0'><entry><ref href='x'/></entry></asx>",
        "<smil><body/></smil>",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        "rtsp://127.0.0.1/stream",
        "#EXTM3U\n\x01\x02\x00binary follows",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_playlist_is_known_in_any_dress(tmp_path: Path, text: str, encoding: str) -> None:
    assert judged(tmp_path, text.encode(encoding))[0] is Kind.PLAYLIST


def test_a_character_cut_by_the_end_of_the_head_is_still_text(tmp_path: Path) -> None:
    assert judged(tmp_path, b"a" * 8191 + "\u20ac".encode() + b"b" * 100) == (Kind.TEXT, "plain")


def test_a_c2pa_manifest_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "signed.jpg"
    path.write_bytes(b"\xff\xd8\xff\xeb\x00\x20JP\x00\x01jumbjumdc2pa\x00")
    assert sniff(path).signed


def test_an_absent_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        sniff(tmp_path / "gone.mp4")
