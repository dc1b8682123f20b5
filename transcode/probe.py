"""What ffprobe says of a file: container, streams, and a count of every packet, from one run in the sandbox.

Everything ffprobe prints comes from the file, so each value is checked for its type and is None where it is
missing or makes no sense.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from evidence.errors import VidneError
from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg
from transcode.child import Finished
from transcode.packets import Packets, Printed, read_packets
from transcode.sandbox import Command, Limits, start
from transcode.values import decimal, json_object, objects, ratio, whole

_ENTRIES = "packet=stream_index,pts,flags"
_PLACES = "packet=stream_index,pts,size,pos,flags"
_LIMITS = Limits(cpu_s=600, wall_s=900)


class NotMediaError(VidneError):
    """No demuxer that is allowed opens the file; `detail` is what ffprobe said."""

    def __init__(self, what: str, *, detail: str) -> None:
        """`what` is a sentence for the exhibit's reader."""
        super().__init__(what)
        self.detail = detail


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


def probe(
    source: Path,
    *,
    limits: Limits = _LIMITS,
    options: JsonObject | None = None,
    taker: Callable[[Sequence[Printed]], None] | None = None,
) -> Probed:
    """Run ffprobe over the file, to its last packet; `options` stand before the input (`f`).

    `taker` is given all packets, some at a time, with size and place. Raises NotMediaError where no
    allowed demuxer opens it, SandboxError, ToolMissingError.
    """
    packets: dict[int, Packets] = {}
    argv = command(options, places=bool(taker))
    with start(Command(argv, inputs={"src": source}, limits=limits)) as child:
        header = read_packets(child.stdout, packets, taker)
        if header is None:
            child.kill(because="output")
        finished = child.wait()
    document = json_object(header or b"")
    streams = tuple(_stream(entry, packets) for entry in objects(document.get("streams")))
    container = document.get("format")
    if not streams or not isinstance(container, dict):
        raise NotMediaError(_why(finished), detail=finished.stderr)
    return Probed(container, streams, complaints(finished.stderr), finished)


def command(options: JsonObject | None = None, *, places: bool = False) -> tuple[str, ...]:
    """What `probe` runs; with `places` it prints each packet's size and place."""
    before = [text for name, value in (options or {}).items() for text in (f"-{name}", str(value))]
    shown = ["-show_format", "-show_streams", "-show_chapters"]
    entries = _PLACES if places else _ENTRIES
    return ffmpeg.probe([*before, "-of", "json=compact=1", *shown, "-show_entries", entries])


def complaints(stderr: str) -> tuple[str, ...]:
    """Lines of ffmpeg's log without addresses of memory, each once, in order."""
    lines = (re.sub(r" @ 0x[0-9a-f]+", "", line) for line in stderr.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line.strip()))


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
