"""Proof of a rewrap: the packets of both sides, hashed by ffmpeg (framehash, SHA-256), compared one by one.

Compared are, stream by stream: codec, every packet's size and SHA-256 in order, the codec's extradata,
picture size, sample aspect ratio; of pictures also when each is shown, within one tick of the coarser time
base after one offset, which is recorded. Container durations are no criterion.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from pathlib import Path

from evidence.jsontypes import JsonObject
from transcode.values import ratio, whole

IDENTICAL = "packets identical"
_NO_TIME = -(2**63)
_PACKET = re.compile(r"(\d{1,4}), *-?\d{1,19}, *(-?\d{1,19}), *-?\d{1,19}, *\d{1,12}, *([0-9a-f]{64})")


@dataclass(slots=True)
class Listing:
    """One stream of a listing in a file; times are in ticks of `tick` s. Its packets stay in the file.

    `packets_sha256` is the SHA-256 of the packet hashes in order, a name for this very sequence of packets.
    """

    path: Path | None = None
    number: int = 0
    header: dict[str, str] = field(default_factory=dict)
    tick: Fraction = Fraction(1)
    count: int = 0
    packets_sha256: str = ""

    def packets(self) -> Iterator[tuple[int, str]]:
        """Time and hash of each packet, read anew from the file: a long clip has a million of them."""
        if self.path is None:
            return
        with self.path.open(encoding="ascii", errors="replace") as file:
            for line in file:
                match = _PACKET.match(line)
                if match and int(match[1]) == self.number:
                    yield int(match[2]), match[3]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stream of the copy against its origin; `difference` is empty where they agree.

    `offset_s` is what has to be added to the original's times, `packets_sha256` the SHA-256 of the packet
    hashes in order, a name for this very sequence of packets.
    """

    index: int
    codec: str
    packets: int
    packets_sha256: str
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
    """Parse a framehash file (version 2, SHA-256) by stream; lines of another form are passed over."""
    listings: dict[int, Listing] = {}
    digests: dict[int, hashlib._Hash] = {}
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("#"):
                _header(line, listings)
            elif match := _PACKET.match(line):
                number = int(match[1])
                listings.setdefault(number, Listing()).count += 1
                digests.setdefault(number, hashlib.sha256()).update(bytes.fromhex(match[3]))
    for number, listing in listings.items():
        listing.path, listing.number = path, number
        listing.packets_sha256 = digests.get(number, hashlib.sha256()).hexdigest()
    return listings


def compare(
    original: dict[int, Listing],
    copy: dict[int, Listing],
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
        with listing.open(encoding="ascii", errors="replace") as lines:
            file.writelines(lines)


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
    offset: int | None = None
    worst, timeless = 0, False
    for place, (one, other) in enumerate(zip(left.packets(), right.packets(), strict=False)):
        if one[1] != other[1]:
            return f"packet {place} differs.", Fraction(0), ""
        timeless = timeless or _NO_TIME in (one[0], other[0])
        later = other[0] * after - one[0] * before
        offset = later if offset is None else offset
        worst = max(worst, abs(later - offset))
    if left.count != right.count:
        differs = f"it has {left.count} packets in the original and {right.count} in the copy."
        return differs, Fraction(0), ""
    if timeless:
        return "", Fraction(0), "some packets have no time."
    stray = worst > max(before, after)
    said = f"frames are shown up to {worst / scale:.6f} s away from their time." if stray else ""
    return "", Fraction(offset or 0, scale), said
