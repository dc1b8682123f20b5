"""Proof of a rewrap: the packets of both sides, hashed by ffmpeg (framehash, SHA-256), compared one by one.

Compared are, stream by stream: codec, every packet's size and SHA-256 in order, the codec's extradata,
picture size, sample aspect ratio; of pictures also when each is shown, within one tick of the coarser time
base after one offset, which is recorded. Container durations are no criterion.
"""

import hashlib
import re
import shutil
from binascii import unhexlify
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, takewhile
from math import lcm
from pathlib import Path

from evidence.jsontypes import JsonObject
from transcode.values import ratio, whole

IDENTICAL = "packets identical"
NO_TIME = b"%d" % -(2**63)  # as a list has it
_TIMELESS = int(NO_TIME)
# Of a packet: stream, decoding time, time shown, duration, size, hash; side data may follow.
_PACKET = re.compile(
    rb"^(\d+),[^,\n]*, *(-?\d+),[^,\n]*, *(\d+), *([0-9a-f]{64})(?:,[^\n]*)?\n", re.MULTILINE
)
_BLOCK = 1024**2
# Of one packet in eight a part of its hash is kept; it is the hash that chooses, so that an excerpt of a clip
# has those of the clip. Small packets say "nothing changed", and are the same in clips that share nothing.
SAMPLED_BYTES = 8
_SAMPLED_BELOW, _SAMPLED_SIZE = b"2", 256


@dataclass(slots=True)
class Listing:
    """One stream of a listing in a file; times are in ticks of `tick` s. Its packets stay in the file.

    `start` is where a list of ffmpeg's would begin to count times. `packets_sha256` is the SHA-256 of the
    packet hashes in order, a name for this very sequence of packets; `sampled` the first SAMPLED_BYTES of the
    hash of one packet in eight.
    """

    path: Path | None = None
    number: int = 0
    header: dict[str, str] = field(default_factory=dict)
    tick: Fraction = Fraction(1)
    count: int = 0
    start: int = 0
    packets_sha256: str = hashlib.sha256().hexdigest()
    sampled: bytes = b""

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Time and hash of each packet, read anew from the file: a long clip has a million of them."""
        wanted = str(self.number).encode()
        blocks = _blocks(self.path) if self.path else ()
        return chain.from_iterable(
            [(int(time), digest) for number, time, _, digest in block if number == wanted] for block in blocks
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stream of the copy against its origin; `difference` is empty where they agree.

    `offset_s` is what has to be added to the original's times; `packets_sha256` and `sampled` are those of
    the original's Listing.
    """

    index: int
    codec: str
    packets: int
    packets_sha256: str
    sampled: bytes
    offset_s: float
    difference: str

    def as_json(self) -> JsonObject:
        """For the section `derivation`."""
        return {
            "index": self.index,
            "codec": self.codec,
            "packets": self.packets,
            "packets_sha256": self.packets_sha256,
            "offset_s": self.offset_s,
            "difference": self.difference,
        }


def read(path: Path) -> dict[int, Listing]:
    """Parse a framehash file (version 2, SHA-256) by stream; a line that was cut is passed over."""
    listings: dict[int, Listing] = {}
    with path.open(encoding="ascii", errors="replace") as file:
        for line in takewhile(lambda line: line.startswith("#"), file):
            _header(line, listings)
    digests: defaultdict[bytes, hashlib._Hash] = defaultdict(hashlib.sha256)
    sampled: defaultdict[bytes, bytearray] = defaultdict(bytearray)
    counts: Counter[bytes] = Counter()
    for block in _blocks(path):
        for stream in {row[0] for row in block}:
            its = [(size, digest) for number, _, size, digest in block if number == stream]
            counts[stream] += len(its)
            digests[stream].update(unhexlify(b"".join([digest for _, digest in its])))
            chosen = [
                digest for size, digest in its if digest < _SAMPLED_BELOW and int(size) >= _SAMPLED_SIZE
            ]
            sampled[stream] += b"".join([unhexlify(digest)[:SAMPLED_BYTES] for digest in chosen])
    for stream, count in counts.items():
        listing = listings.setdefault(int(stream), Listing())
        listing.count, listing.packets_sha256 = count, digests[stream].hexdigest()
        listing.sampled = bytes(sampled[stream])
    for number, listing in listings.items():
        listing.path, listing.number = path, number
    return listings


def compare(
    original: Mapping[int, Listing],
    copy: Mapping[int, Listing],
    indexes: Sequence[int],
    *,
    reformed: frozenset[int] = frozenset(),
) -> list[Comparison]:
    """Stream n of `copy` against stream n of `original`; `indexes` are their indexes in the source file.

    Of the `reformed` streams, whose packets were brought into one form first, extradata are not compared:
    what they hold stands in the packets of one side.
    """
    found = []
    for number, index in enumerate(indexes):
        left, right = original.get(number, Listing()), copy.get(number, Listing())
        difference = _difference(left, right, extradata=index not in reformed)
        offset, stray = Fraction(0), ""
        if not difference:
            difference, offset, stray = _packet_by_packet(left, right)
        found.append(
            Comparison(
                index=index,
                codec=left.header.get("codec_id", "unknown"),
                packets=left.count,
                packets_sha256=left.packets_sha256,
                sampled=left.sampled,
                offset_s=round(float(offset), 9),
                difference=difference or (stray if left.header.get("media_type") == "video" else ""),
            )
        )
    return found


def verdict(comparisons: Iterable[Comparison]) -> str:
    """`packets identical`, or the first difference as a sentence; nothing compared is a difference."""
    differences = [f"Stream {one.index}: {one.difference}" for one in comparisons if one.difference]
    if differences:
        return differences[0]
    return IDENTICAL if any(one.packets for one in comparisons) else "No packet was compared."


def write(
    path: Path, listing: Path, comparisons: Sequence[Comparison], commands: Sequence[Sequence[str]]
) -> None:
    """File the proof: verdict, how to repeat it, and the original's packets as ffmpeg listed them."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"# verdict: {verdict(comparisons)}\n")
        for one in comparisons:
            file.write(
                f"# stream {one.index}: {one.codec}, {one.packets} packets, sha256 of their hashes "
                f"{one.packets_sha256}, shown {one.offset_s:+.6f} s later in the copy, "
                f"{one.difference or 'no difference'}\n"
            )
        for command in commands:
            file.write(f"# by: {' '.join(command)}\n")
        file.flush()
        with listing.open("rb") as lines:
            shutil.copyfileobj(lines, file.buffer)


def _blocks(path: Path) -> Iterator[list[tuple[bytes, bytes, bytes, bytes]]]:
    """Stream, time shown, size and hash of each packet of a list as it has them, some at a time."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK) + file.readline():
            yield _PACKET.findall(block)


def _header(line: str, listings: dict[int, Listing]) -> None:
    """`#codec_id 0: h264`, `#extradata 0, 31, <hash>`."""
    key, _, value = line[1:].strip().partition(" ")
    number, separator, text = value.partition("," if key == "extradata" else ":")
    index = whole(number.strip())
    if not separator or index is None:
        return
    listing = listings.setdefault(index, Listing())
    listing.header[key] = text.strip()
    if key == "tb":
        listing.tick = ratio(text.strip()) or Fraction(1)


def _difference(left: Listing, right: Listing, *, extradata: bool) -> str:
    names = {"codec_id": "codec", "dimensions": "picture size", "sar": "sample aspect ratio"}
    if extradata:
        names["extradata"] = "codec configuration"
    for key, name in names.items():
        if left.header.get(key) != right.header.get(key):
            return f"its {name} differs ({left.header.get(key, 'none')}, {right.header.get(key, 'none')})."
    return ""


def _packet_by_packet(left: Listing, right: Listing) -> tuple[str, Fraction, str]:
    """The first difference in content or number; by how much the copy is shown later; and a sentence where
    one such offset does not explain all times.
    """
    scale = lcm(left.tick.denominator, right.tick.denominator)
    before, after = int(left.tick * scale), int(right.tick * scale)
    offset = least = most = 0
    timeless = False
    for place, ((was, one), (now, other)) in enumerate(zip(left.packets(), right.packets(), strict=False)):
        if one != other:
            return f"packet {place} differs.", Fraction(0), ""
        if was == _TIMELESS or now == _TIMELESS:  # noqa: PLR1714 - in a tuple it takes twice as long
            timeless = True
        later = now * after - was * before
        if not place:
            offset = least = most = later
        elif later < least:
            least = later
        elif later > most:
            most = later
    if left.count != right.count:
        differs = f"it has {left.count} packets in the original and {right.count} in the copy."
        return differs, Fraction(0), ""
    if timeless:
        return "", Fraction(0), "some packets have no time."
    worst = max(most - offset, offset - least)
    stray = worst > max(before, after)
    said = f"frames are shown up to {worst / scale:.6f} s away from their time." if stray else ""
    return "", Fraction(offset, scale) + left.start * left.tick - right.start * right.tick, said
