"""Proof of a rewrap: the packets of both sides, hashed by ffmpeg (framehash, SHA-256), compared one by one.

Compared are, stream by stream: codec, every packet's size and SHA-256 in order, the codec's extradata,
picture size, sample aspect ratio; of pictures also when each is shown, within one tick of the coarser time
base after one offset, which is recorded. Container durations are no criterion.
"""

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from pathlib import Path

from evidence.jsontypes import JsonObject
from transcode.probe import ratio, whole

IDENTICAL = "packets identical"
_NO_TIME = -(2**63)
_PACKET = re.compile(r"(\d{1,4}), *-?\d{1,19}, *(-?\d{1,19}), *-?\d{1,19}, *\d{1,12}, *([0-9a-f]{64})")


@dataclass(slots=True)
class Listing:
    """One stream of a listing: `hashes` holds 32 bytes a packet, `times` its pts in ticks of `tick` s."""

    header: dict[str, str] = field(default_factory=dict)
    tick: Fraction = Fraction(1)
    hashes: bytearray = field(default_factory=bytearray)
    times: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def count(self) -> int:
        """How many packets."""
        return len(self.times)


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
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("#"):
                _header(line, listings)
            else:
                _packet(line, listings)
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
        offset, stray = _offset(left, right) if not difference else (Fraction(0), "")
        found.append(
            Comparison(
                index=index,
                codec=left.header.get("codec_id", "unknown"),
                packets=left.count,
                packets_sha256=_digest(left),
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


def _packet(line: str, listings: dict[int, Listing]) -> None:
    """`0, dts, pts, duration, size, hash`; side data may follow."""
    match = _PACKET.match(line)
    if match:
        listing = listings.setdefault(int(match[1]), Listing())
        listing.times.append(int(match[2]))
        listing.hashes += bytes.fromhex(match[3])


def _digest(listing: Listing) -> str:
    return hashlib.sha256(listing.hashes).hexdigest()


def _difference(left: Listing, right: Listing, *, extradata: bool) -> str:
    names = {"codec_id": "codec", "dimensions": "picture size", "sar": "sample aspect ratio"}
    if extradata:
        names["extradata"] = "codec configuration"
    for key, name in names.items():
        if left.header.get(key) != right.header.get(key):
            return f"its {name} differs ({left.header.get(key, 'none')}, {right.header.get(key, 'none')})."
    for at in range(0, min(len(left.hashes), len(right.hashes)), 32):
        if left.hashes[at : at + 32] != right.hashes[at : at + 32]:
            return f"packet {at // 32} differs."
    if left.count != right.count:
        return f"it has {left.count} packets in the original and {right.count} in the copy."
    return ""


def _offset(left: Listing, right: Listing) -> tuple[Fraction, str]:
    """By how much the copy is shown later, and a sentence where one offset does not explain all times."""
    if _NO_TIME in left.times or _NO_TIME in right.times:
        return Fraction(0), "some packets have no time."
    if not left.times:
        return Fraction(0), ""
    scale = lcm(left.tick.denominator, right.tick.denominator)
    before, after = int(left.tick * scale), int(right.tick * scale)
    differences = [b * after - a * before for a, b in zip(left.times, right.times, strict=True)]
    offset = differences[0]
    worst = max(abs(max(differences) - offset), abs(min(differences) - offset))
    if worst > max(before, after):
        return Fraction(offset, scale), f"frames are shown up to {worst / scale:.6f} s away from their time."
    return Fraction(offset, scale), ""
