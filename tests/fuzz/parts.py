"""The parts that a media file is made of: boxes, elements, chunks, segments, tags, packets.

Only enough of each container is read to know where a part begins, ends, and states its length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `end` of a file; `body` is where its content begins.

    Its length is stated in `size_len` bytes at `size_at` (none where it has no such field), in the byte order
    `order`, or as EBML does.
    """

    start: int
    body: int
    end: int
    name: str
    size_at: int = 0
    size_len: int = 0
    order: str = "big"


_BOX_PARENTS = {
    b"moov",
    b"trak",
    b"edts",
    b"mdia",
    b"minf",
    b"dinf",
    b"stbl",
    b"udta",
    b"moof",
    b"traf",
    b"mvex",
}
_BOX_PARENTS |= {b"iprp", b"ipco"}
_EBML_PARENTS = {
    "1a45dfa3",
    "18538067",
    "1549a966",
    "1654ae6b",
    "ae",
    "e0",
    "e1",
    "1f43b675",
    "a0",
    "1c53bb6b",
}
_MOST = 3000
_DEEPEST = 20


def boxes(data: bytes, at: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Part]:
    """Boxes of ISO/IEC 14496-12, also those inside of others."""
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        stop = min(end, at + size) if size >= 8 else end
        yield Part(at, at + 8, stop, kind.decode("latin-1"), at, 4)
        if depth < _DEEPEST and (kind in _BOX_PARENTS or kind == b"meta"):
            yield from boxes(data, at + (12 if kind == b"meta" else 8), stop, depth + 1)
        at = stop


def elements(data: bytes, at: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Part]:
    """Elements of EBML (RFC 8794), also those inside of others."""
    end = len(data) if end is None else end
    while at < end and data[at]:
        id_len = 9 - data[at].bit_length()
        size_at = at + id_len
        if size_at >= end or not data[size_at]:
            return
        size_len = 9 - data[size_at].bit_length()
        body, bits = size_at + size_len, (1 << 7 * size_len) - 1
        size = int.from_bytes(data[size_at:body], "big") & bits
        stop = end if size == bits else min(end, body + size)
        name = data[at:size_at].hex()
        yield Part(at, body, stop, name, size_at, size_len, "ebml")
        if name in _EBML_PARENTS and depth < _DEEPEST:
            yield from elements(data, body, stop, depth + 1)
        at = max(stop, body)


def chunks(data: bytes, at: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Part]:
    """Chunks of RIFF, also those of its lists."""
    end = len(data) if end is None else end
    while at + 8 <= end:
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        stop = min(end, at + 8 + size)
        yield Part(at, at + 8, stop, kind.decode("latin-1"), at + 4, 4, "little")
        if kind in (b"RIFF", b"LIST") and depth < _DEEPEST:
            yield from chunks(data, at + 12, stop, depth + 1)
        at = stop + size % 2


def segments(data: bytes) -> Iterator[Part]:
    """Segments of JPEG up to its scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        yield Part(at, at + 4, min(len(data), at + 2 + size), f"ff{data[at + 1]:02x}", at + 2, 2)
        if data[at + 1] == 0xDA:
            return
        at += 2 + size


def png_chunks(data: bytes) -> Iterator[Part]:
    """Chunks of PNG."""
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        stop = min(len(data), at + 12 + size)
        yield Part(at, at + 8, stop, data[at + 4 : at + 8].decode("latin-1"), at, 4)
        at = stop


def flv_tags(data: bytes) -> Iterator[Part]:
    """Tags of Flash Video, each with the length that follows it."""
    at = 13
    while at + 15 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        stop = min(len(data), at + 15 + size)
        yield Part(at, at + 11, stop, f"tag {data[at]}", at + 1, 3)
        at = stop


def packets(data: bytes) -> Iterator[Part]:
    """Packets of an MPEG transport stream; none states its length."""
    for at in range(0, len(data) - 187, 188):
        yield Part(at, at + 4, at + 188, "packet")


def parts_of(data: bytes) -> list[Part]:
    """The parts of a file in their order, as its first bytes tell what it is; none of an unknown one."""
    walker: Callable[[bytes], Iterator[Part]] | None = None
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        walker = boxes
    elif data[:4] == b"\x1aE\xdf\xa3":
        walker = elements
    elif data[:4] == b"RIFF":
        walker = chunks
    elif data[:3] == b"\xff\xd8\xff":
        walker = segments
    elif data[:4] == b"\x89PNG":
        walker = png_chunks
    elif data[:3] == b"FLV":
        walker = flv_tags
    elif data[:1] == b"\x47" and data[188:189] == b"\x47":
        walker = packets
    return [part for part, _ in zip(walker(data), range(_MOST), strict=False)] if walker else []
