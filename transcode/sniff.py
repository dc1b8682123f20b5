"""What a file seems to be, from its first bytes: enough to choose a parser, or to choose none.

Nothing is parsed here: signatures are compared, and the name of the file plays no part.
"""

import codecs
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evidence.errors import UnreadableError
from transcode.rawstream import is_motion_jpeg

MOTION_JPEG = "a Motion JPEG stream"
ISO_MEDIA = "QuickTime or MP4"
UNKNOWN = "an unknown or raw stream"
_HEAD = 64 * 1024


class Kind(StrEnum):
    """What opens the file, or why nothing does."""

    MEDIA = "media"  # goes to ffprobe, also where the signature is unknown: raw streams have none
    STILL = "still"
    PLAYLIST = "playlist"  # names other files: never opened
    TEXT = "text"
    ARCHIVE = "archive"
    DOCUMENT = "document"
    PROGRAM = "program"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The kind, the format as a reader would name it, and a sentence for the report.

    `signed` tells that the head holds a C2PA manifest's label.
    """

    kind: Kind
    format: str
    text: str
    signed: bool = False


# (offset, bytes, kind, format)
_SIGNATURES: tuple[tuple[int, bytes, Kind, str], ...] = (
    (0, b"\xff\xd8\xff", Kind.STILL, "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", Kind.STILL, "PNG"),
    (0, b"GIF87a", Kind.STILL, "GIF"),
    (0, b"GIF89a", Kind.STILL, "GIF"),
    (0, b"II*\x00", Kind.STILL, "TIFF"),
    (0, b"MM\x00*", Kind.STILL, "TIFF"),
    (8, b"WEBP", Kind.STILL, "WebP"),
    (0, b"\x1aE\xdf\xa3", Kind.MEDIA, "Matroska or WebM"),
    (8, b"AVI ", Kind.MEDIA, "AVI"),
    (8, b"WAVE", Kind.MEDIA, "WAV"),
    (0, b"FLV\x01", Kind.MEDIA, "Flash Video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind.MEDIA, "ASF"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Kind.MEDIA, "MXF"),
    (0, b"OggS", Kind.MEDIA, "Ogg"),
    (0, b"DHAV", Kind.MEDIA, "Dahua DAV"),
    (0, b"\x00\x00\x01\xba", Kind.MEDIA, "MPEG program stream"),
    (0, b"%PDF-", Kind.DOCUMENT, "PDF"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.DOCUMENT, "Office document"),
    (0, b"PK\x03\x04", Kind.ARCHIVE, "ZIP"),
    (0, b"PK\x05\x06", Kind.ARCHIVE, "ZIP"),
    (0, b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE, "7-Zip"),
    (0, b"Rar!\x1a\x07", Kind.ARCHIVE, "RAR"),
    (0, b"\x1f\x8b\x08", Kind.ARCHIVE, "gzip"),
    (0, b"\xfd7zXZ\x00", Kind.ARCHIVE, "xz"),
    (257, b"ustar", Kind.ARCHIVE, "tar"),
    (0, b"MZ", Kind.PROGRAM, "Windows program"),
    (0, b"\x7fELF", Kind.PROGRAM, "Linux program"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"})
_BOXES = frozenset({b"moov", b"mdat", b"free", b"wide", b"skip", b"styp", b"pnot", b"moof"})
# How a text begins that tells a player to open other files; compared in lower case after white space and BOM.
_PLAYLISTS = (
    ("#extm3u", "M3U playlist"),
    ("ffconcat", "ffconcat playlist"),
    ("[playlist]", "PLS playlist"),
    ("<asx", "ASX playlist"),
    ("<smil", "SMIL playlist"),
    ("v=0\r", "session description"),
    ("v=0\n", "session description"),
    ("[reference]", "ASF reference"),
    ("rtsp://", "link"),
    ("http://", "link"),
    ("https://", "link"),
    ("file:", "link"),
)
_XML_PLAYLISTS = (
    ("<mpd", "DASH manifest"),
    ("<smil", "SMIL playlist"),
    ("<asx", "ASX playlist"),
    ("<playlist", "XSPF playlist"),
    ("<smoothstreamingmedia", "Smooth Streaming manifest"),
)
_SENTENCES = {
    Kind.MEDIA: "It begins as {} does.",
    Kind.STILL: "It is a still image ({}).",
    Kind.PLAYLIST: "It is a {}: it names other files to be opened in its place and holds no footage.",
    Kind.TEXT: "It is text ({}), not footage.",
    Kind.ARCHIVE: "It is a {} archive, which is kept unopened; send the files in it.",
    Kind.DOCUMENT: "It is a document ({}), not footage.",
    Kind.PROGRAM: "It is a program ({}), which is kept and never run.",
    Kind.EMPTY: "The file is {}: it has no bytes.",
}


def sniff(path: Path) -> Sniffed:
    """Judge the file at `path` by its first 64 KiB; raises UnreadableError."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UnreadableError(
            f"The file cannot be read: {error.strerror}.", advice="Check the disk."
        ) from error
    kind, name = _judge(head)
    if name == "JPEG" and is_motion_jpeg(path):
        kind, name = Kind.MEDIA, MOTION_JPEG
    return Sniffed(kind, name, _SENTENCES[kind].format(name), signed=b"jumb" in head and b"c2pa" in head)


def _judge(head: bytes) -> tuple[Kind, str]:
    if not head:
        return Kind.EMPTY, "empty"
    for offset, magic, kind, name in _SIGNATURES:
        if head.startswith(magic, offset):
            return kind, name
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[4:8] in _BOXES:
        return Kind.MEDIA, ISO_MEDIA
    if head[0] == 0x47 and head[188:189] in (b"\x47", b""):
        return Kind.MEDIA, "MPEG transport stream"
    return _text(head) or (Kind.MEDIA, UNKNOWN)


def _brand(head: bytes) -> tuple[Kind, str]:
    size = min(int.from_bytes(head[:4], "big"), 256)
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size, 4))}
    if head[8:12] in (b"avif", b"avis") or (head[8:12] in _HEIF_BRANDS and b"avif" in brands):
        return Kind.STILL, "AVIF"
    if head[8:12] in _HEIF_BRANDS:
        return Kind.STILL, "HEIF"
    return Kind.MEDIA, ISO_MEDIA


def _text(head: bytes) -> tuple[Kind, str] | None:
    start = _plain(head[:8192]).lstrip("\ufeff \t\r\n\f\v").lower()
    for mark, name in _PLAYLISTS:
        if start.startswith(mark):
            return Kind.PLAYLIST, name
    # Only a few controls occur in text: tabulator, line ends, form feed, escape.
    if any(ord(char) < 32 and char not in "\t\n\r\f\v\x1b" for char in start):
        return None
    if start.startswith("<"):
        named = (name for mark, name in _XML_PLAYLISTS if mark in start)
        name = next(named, "")
        return (Kind.PLAYLIST, name) if name else (Kind.TEXT, "markup")
    return Kind.TEXT, "JSON" if start.startswith(("{", "[")) else "plain"


def _plain(head: bytes) -> str:
    """The head read as text would be: UTF-16 with its mark, UTF-8, else one byte a character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    try:
        # A character may be cut by the end of the head.
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return head.decode("latin-1")
