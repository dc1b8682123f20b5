"""What ffprobe says of a file: container, streams, and a count of every packet, from one run in the sandbox.

Everything ffprobe prints comes from the file, so each value is checked for its type and is None where it is
missing or makes no sense.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from evidence.errors import VidneError
from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg
from transcode.child import Finished
from transcode.sandbox import Command, Limits, start
from transcode.values import decimal, json_object, objects, ratio, whole

_ENTRIES = "packet=stream_index,pts,flags"
_LIMITS = Limits(cpu_s=600, wall_s=900)
_HEADER_LIMIT = 16 * 1024**2
_BLOCK = 1024**2
HIDDEN_LISTED = 1000
# No text of the file's can look like these: inside of one, quotes and line ends are escaped.
_PACKET = re.compile(rb'\{ "stream_index": (\d{1,4}),(?: "pts": (-?\d{1,19}),)? "flags": "(...?)"')
_FIRST, _END = b'\n    "packets": [\n', b"\n    ]"


class NotMediaError(VidneError):
    """No demuxer that is allowed opens the file; `detail` is what ffprobe said."""

    def __init__(self, what: str, *, detail: str) -> None:
        """`what` is a sentence for the exhibit's reader."""
        super().__init__(what)
        self.detail = detail


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

    def add(self, found: Sequence[tuple[bytes, bytes]]) -> None:
        """Count packets, each by its time (empty where it has none) and its flags: K, D and C or `_`."""
        self.count += len(found)
        for flags, number in Counter(flags for _, flags in found).items():
            self.key += number * flags.startswith(b"K")
            self.corrupt += number * flags.endswith(b"C")
            if flags[1:2] == b"D":
                self.discarded += number
        times = [int(pts) for pts, _ in found if pts]
        self.timeless += len(found) - len(times)
        hidden = (int(pts) for pts, flags in found if pts and flags[1:2] == b"D")
        self.hidden += islice(hidden, HIDDEN_LISTED - len(self.hidden))
        if times:
            least, most = min(times), max(times)
            self.first = least if self.first is None else min(self.first, least)
            self.last = most if self.last is None else max(self.last, most)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream; `raw` is ffprobe's own object, verbatim. Sizes in pixels, times in seconds, rates in Hz.

    `rotation` is by how many degrees clockwise the picture is turned to be shown (0, 90, 180, 270, or any).
    """

    index: int
    type: str
    codec: str
    packets: Packets
    raw: JsonObject = field(repr=False)

    def text(self, name: str) -> str:
        """A text value of ffprobe's, or an empty string."""
        value = self.raw.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | None:
        """A whole number of ffprobe's (it writes some as text), or None."""
        return whole(self.raw.get(name))

    def seconds(self, name: str) -> float | None:
        """A time of ffprobe's, or None."""
        return decimal(self.raw.get(name))

    def ratio(self, name: str) -> Fraction | None:
        """A positive ratio such as `30000/1001` or `16:11`, or None."""
        return ratio(self.text(name))

    @property
    def width(self) -> int:
        """Coded width, 0 where there is none."""
        return self.number("width") or 0

    @property
    def height(self) -> int:
        """Coded height, 0 where there is none."""
        return self.number("height") or 0

    @property
    def rotation(self) -> int:
        """Degrees clockwise for showing."""
        for entry in objects(self.raw.get("side_data_list")):
            turn = whole(entry.get("rotation"))
            if turn is not None:
                return -turn % 360
        return 0

    @property
    def is_mirrored(self) -> bool:
        """Whether the display matrix mirrors the picture."""
        for entry in objects(self.raw.get("side_data_list")):
            matrix = _matrix(entry.get("displaymatrix"))
            if matrix:
                return matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0
        return False

    @property
    def is_picture(self) -> bool:
        """Whether it is moving footage of a known size, not a cover or thumbnail."""
        marks = self.raw.get("disposition")
        cover = isinstance(marks, dict) and any(
            marks.get(name) for name in ("attached_pic", "timed_thumbnails")
        )
        return self.has_size and not cover

    @property
    def has_size(self) -> bool:
        """Whether it is video whose frames have a size; without its decoder's headers it is 0 x 0."""
        return self.type == "video" and self.width > 0 and self.height > 0

    @property
    def tags(self) -> dict[str, str]:
        """Its metadata, verbatim."""
        return _tags(self.raw.get("tags"))


@dataclass(frozen=True, slots=True)
class Probed:
    """A file as ffprobe sees it; `said` is what it complained of, a line each."""

    format: JsonObject
    streams: tuple[Stream, ...]
    said: tuple[str, ...]
    finished: Finished = field(repr=False)

    @property
    def container(self) -> str:
        """ffmpeg's name of the demuxer: `mov,mp4,m4a,3gp,3g2,mj2`."""
        value = self.format.get("format_name")
        return value if isinstance(value, str) else ""

    @property
    def duration_s(self) -> float | None:
        """What the container says, in seconds."""
        return decimal(self.format.get("duration"))

    @property
    def tags(self) -> dict[str, str]:
        """The container's metadata, verbatim."""
        return _tags(self.format.get("tags"))

    @property
    def pictures(self) -> tuple[Stream, ...]:
        """The streams of moving pictures."""
        return tuple(stream for stream in self.streams if stream.is_picture)

    @property
    def sounds(self) -> tuple[Stream, ...]:
        """The audio streams."""
        return tuple(stream for stream in self.streams if stream.type == "audio")


def probe(source: Path, *, limits: Limits = _LIMITS, options: JsonObject | None = None) -> Probed:
    """Run ffprobe over the file, to its last packet; `options` stand before the input (`f`).

    Raises NotMediaError where no allowed demuxer opens it, SandboxError, ToolMissingError.
    """
    before = [text for name, value in (options or {}).items() for text in (f"-{name}", str(value))]
    argv = ffmpeg.probe(
        [
            *before,
            "-of",
            "json=compact=1",
            "-show_format",
            "-show_streams",
            "-show_chapters",
            "-show_entries",
            _ENTRIES,
        ]
    )
    packets: dict[int, Packets] = {}
    with start(Command(argv, inputs={"src": source}, limits=limits)) as child:
        header = _read(child.stdout, packets)
        if header is None:
            child.kill(because="output")
        finished = child.wait()
    document = json_object(header or b"")
    streams = tuple(_stream(entry, packets) for entry in objects(document.get("streams")))
    container = document.get("format")
    if not streams or not isinstance(container, dict):
        raise NotMediaError(_why(finished), detail=finished.stderr)
    return Probed(container, streams, complaints(finished.stderr), finished)


def complaints(stderr: str) -> tuple[str, ...]:
    """Lines of ffmpeg's log without addresses of memory, each once, in order."""
    lines = (re.sub(r" @ 0x[0-9a-f]+", "", line) for line in stderr.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line.strip()))


def _read(pipe: BinaryIO, packets: dict[int, Packets]) -> bytes | None:
    """Count the packets as they come and return the rest of the document; None where it is beyond measure."""
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
            _count(block if end < 0 else block[:end], packets)
            block, inside = (b"", True) if end < 0 else (block[end:], False)
            header += block
        if len(header) > _HEADER_LIMIT:
            return None
    return bytes(header)


def _count(listed: bytes, packets: dict[int, Packets]) -> None:
    found: defaultdict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
    for index, pts, flags in _PACKET.findall(listed):
        found[index].append((pts, flags))
    for index, its in found.items():
        packets.setdefault(int(index), Packets()).add(its)


def _stream(entry: JsonObject, packets: Mapping[int, Packets]) -> Stream:
    index = whole(entry.get("index")) or 0
    kind, codec = entry.get("codec_type"), entry.get("codec_name")
    return Stream(
        index=index,
        type=kind if isinstance(kind, str) else "unknown",
        codec=codec if isinstance(codec, str) else "unknown",
        packets=packets.get(index, Packets()),
        raw=entry,
    )


# What ffprobe says, and what it means for a reader.
_REASONS = (
    ("moov atom not found", "Its index (moov) is missing or damaged, so its frames cannot be found."),
    ("too deeply nested", "Its boxes are nested deeper than any real file's."),
    ("EBML header parsing failed", "Its header (EBML) is damaged."),
    ("error reading header", "Its header or index is cut or damaged, so its frames cannot be found."),
    ("Picture size", "It claims a picture larger than any camera's."),
    ("not on whitelist", "Its format is not one that is opened here."),
)


def _why(finished: Finished) -> str:
    if finished.stopped or finished.returncode < 0 or finished.returncode > 128:
        return f"Reading it did not come to an end: {finished.explain()}"
    for mark, sentence in _REASONS:
        if mark in finished.stderr:
            return sentence
    return "No stream was found in it: it is no known video format, or too little of it is left."


def _tags(value: Json) -> dict[str, str]:
    return (
        {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}
    )


def _matrix(value: Json) -> list[int]:
    """The nine numbers of a display matrix as ffprobe prints it, or none."""
    if not isinstance(value, str):
        return []
    numbers = [int(word) for word in re.findall(r"(?<![0-9a-fA-F])-?\d{1,11}(?![\d:])", value)]
    return numbers if len(numbers) == 9 else []
