"""The packets of a file as ffprobe prints them: counted as they come, and given to whoever wants them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import BinaryIO

_HEADER_LIMIT = 16 * 1024**2
_BLOCK = 1024**2
HIDDEN_LISTED = 1000
# No text of the file's can look like these: inside of one, quotes and line ends are escaped.
_PACKET = re.compile(
    rb'\{ "stream_index": (\d{1,4}),(?: "pts": (-?\d{1,19}),)?'
    rb'(?: "size": "(\d{1,19})",)?(?: "pos": "(\d{1,19})",)? "flags": "(...?)"'
)
_FIRST, _END = b'\n    "packets": [\n', b"\n    ]"


# Stream, when it is shown, size, place in the file, flags; empty where ffprobe does not say.
Printed = tuple[bytes, bytes, bytes, bytes, bytes]
_STREAM, _PTS, _FLAGS = 0, 1, 4


@dataclass(slots=True)
class Packets:
    """A stream's packets: how many, how many begin a picture anew, are hidden, damaged, without a time.

    A *discarded* packet is decoded and not shown: an edit list or the codec says so. Times are in the
    stream's time base; a packet that is shown before the one ahead of it in the file is no defect (B-frames).
    """

    count: int = 0
    key: int = 0
    discarded: int = 0
    corrupt: int = 0
    timeless: int = 0
    first: int | None = None
    last: int | None = None
    hidden: list[int] = field(default_factory=list)  # times of the discarded, up to HIDDEN_LISTED

    def add(self, printed: Sequence[Printed]) -> None:
        """Count packets of this stream by their flags: K, D and C or `_`."""
        self.count += len(printed)
        for flags, number in Counter(map(itemgetter(_FLAGS), printed)).items():
            self.key += number * flags.startswith(b"K")
            self.corrupt += number * flags.endswith(b"C")
            self.discarded += number * (flags[1:2] == b"D")
        if len(self.hidden) < min(HIDDEN_LISTED, self.discarded):
            hidden = (int(row[_PTS]) for row in printed if row[_PTS] and row[_FLAGS][1:2] == b"D")
            self.hidden += islice(hidden, HIDDEN_LISTED - len(self.hidden))
        times = [int(row[_PTS]) for row in printed if row[_PTS]]
        self.timeless += len(printed) - len(times)
        if times:
            least, most = min(times), max(times)
            self.first = least if self.first is None else min(self.first, least)
            self.last = most if self.last is None else max(self.last, most)


def read_packets(
    pipe: BinaryIO, packets: dict[int, Packets], taker: Callable[[Sequence[Printed]], None] | None = None
) -> bytes | None:
    """Count the packets in ffprobe's JSON as they come, and return the rest of it; None where that is huge.

    `taker` is given all packets, some at a time.
    """
    header = bytearray()
    inside = False
    while block := pipe.read(_BLOCK) + pipe.readline(_BLOCK):
        if not inside:
            before, first, block = block.partition(_FIRST)
            header += before + first
            inside = bool(first)
        if inside:
            # Between the packets stand only their side data, deeper in.
            end = (b"\n" + block).find(_END)
            printed: list[Printed] = _PACKET.findall(block if end < 0 else block[:end])
            _count(printed, packets)
            if taker:
                taker(printed)
            block, inside = (b"", True) if end < 0 else (block[end:], False)
            header += block
        if len(header) > _HEADER_LIMIT:
            return None
    return bytes(header)


def _count(printed: Sequence[Printed], packets: dict[int, Packets]) -> None:
    for index in {row[_STREAM] for row in printed}:
        packets.setdefault(int(index), Packets()).add([row for row in printed if row[_STREAM] == index])
