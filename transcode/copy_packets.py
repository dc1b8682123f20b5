"""The packets of a copy that was just written, hashed by us where its index says that they lie.

ffprobe, which probes the copy anyway, tells place, size and time of each. A framehash of the copy says the
same, for one more start of ffmpeg and at a fifth of OpenSSL's speed (ADR 30). Only agreement counts: where
anything differs from the original's list, ffmpeg lists the copy too, and that list is compared.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from transcode import listings, proof
from transcode.packets import Printed
from transcode.probe import Probed, Stream, command, probe
from transcode.products import Product
from transcode.values import decimal

_BOXED = ("mp4", "mov")
_BUFFER = 1024**2
_DESCRIPTION = (b"mdia", b"minf", b"stbl", b"stsd")
# As a proof tells how the copy was listed.
COMMAND = (*command(places=True), "and the SHA-256 of each packet's bytes at its pos")
_LONGEST = 64 * 1024  # of a sample description; the usual ones have some hundred bytes


def suits(product: Product) -> bool:
    """Whether its packets lie in it byte for byte: in ISO boxes, and compared without a bitstream filter."""
    return bool(product.exact) and not product.filters and product.options.get("f") in _BOXED


def read(
    path: Path, product: Product, original: Mapping[int, proof.Listing], work: Path
) -> tuple[Probed, dict[int, proof.Listing]]:
    """Probe the product at `path`, and list its exact streams in a new file in `work`.

    `original` are the listings that they are to be compared with; both go by the number among the exact
    streams. Raises NotMediaError, SandboxError, ToolMissingError.
    """
    places = {product.streams.index(index): number for number, index in enumerate(product.exact)}
    # A name that no child could guess: it may have left a link to a file of ours.
    with path.open("rb", _BUFFER) as source, NamedTemporaryFile(dir=work, delete=False) as target:
        hashed = _Hashed(source, target, {b"%d" % place: number for place, number in places.items()})
        probed = probe(path, limits=listings.limits(path), taker=hashed.take)
        descriptions = list(_descriptions(source))
    found = {}
    for stream in probed.streams:
        number = places.get(stream.index)
        if number is not None:
            found[number] = _listing(stream, probed, Path(target.name), number)
            described = descriptions[stream.index] if stream.index < len(descriptions) else b""
            extradata = _extradata(stream, described, original.get(number, proof.Listing()))
            found[number].header |= {"extradata": extradata} if extradata else {}
    return probed, found


class _Hashed:
    """Writes a line, as framehash has them, for each packet of the streams that are wanted."""

    def __init__(self, source: BinaryIO, target: IO[bytes], numbers: Mapping[bytes, int]) -> None:
        """`numbers` are those of the streams in the list, by how ffprobe prints their index."""
        self._source = source
        self._length = source.seek(0, os.SEEK_END)
        self._target = target
        self._numbers = numbers

    def take(self, printed: Sequence[Printed]) -> None:
        """The next packets; one without a place in the file is none of a file that suits."""
        read, seek, sha256, numbers = self._source.read, self._source.seek, hashlib.sha256, self._numbers
        lines = []
        for stream, pts, size, pos, _ in printed:
            if stream in numbers:
                seek(int(pos or 0))
                digest = sha256(read(min(int(size or 0), self._length))).hexdigest()
                time = (pts or proof.NO_TIME).decode()
                lines.append(f"{numbers[stream]},,{time},,{size.decode()},{digest}\n")
        self._target.write("".join(lines).encode("ascii"))


def _listing(stream: Stream, probed: Probed, path: Path, number: int) -> proof.Listing:
    """What framehash would have in its head of this stream, but for extradata."""
    tick = stream.ratio("time_base") or Fraction(1)
    header = {"codec_id": stream.codec, "media_type": stream.type}
    if stream.type == "video":
        header["dimensions"] = f"{stream.width}x{stream.height}"
        header["sar"] = stream.text("sample_aspect_ratio").replace(":", "/") or "0/1"
    # ffmpeg counts times from the first of the file.
    start = round(Fraction(decimal(probed.format.get("start_time")) or 0) / tick)
    return proof.Listing(path, number, header, tick, stream.packets.count, start=start)


def _extradata(stream: Stream, described: bytes, original: proof.Listing) -> str:
    """Size and SHA-256 of a stream's extradata: the original's, where the sample description holds them.

    ffprobe tells no more than the size; where they have another form, ffmpeg has to tell.
    """
    size, wanted = stream.number("extradata_size") or 0, original.header.get("extradata", "")
    starts = range(len(described) - size + 1) if size else ()
    found = (f"{size}, {hashlib.sha256(described[at : at + size]).hexdigest()}" for at in starts)
    return next((text for text in found if text == wanted), f"{size}, ?" if size else "")


def _descriptions(file: BinaryIO) -> Iterator[bytes]:
    """The sample description of each track, in their order (ISO/IEC 14496-12, 8.5.2); empty where none is."""
    length = file.seek(0, os.SEEK_END)
    for moov, begin, end in _boxes(file, 0, length):
        if moov == b"moov":
            for trak, first, last in [*_boxes(file, begin, end)]:
                if trak == b"trak":
                    yield _description(file, first, last)


def _description(file: BinaryIO, begin: int, end: int) -> bytes:
    for name in _DESCRIPTION:
        inner = ((first, last) for found, first, last in _boxes(file, begin, end) if found == name)
        begin, end = next(inner, (0, 0))
    file.seek(begin)
    return file.read(min(end - begin, _LONGEST))


def _boxes(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, and where the content begins and ends, of each box in a part of the file."""
    while begin + 8 <= end:
        file.seek(begin)
        head = file.read(16)
        size, header = int.from_bytes(head[:4]), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16]), 16
        last = begin + size if size else end
        if last > end or last < begin + header:
            return
        yield head[4:8], begin + header, last
        begin = last
