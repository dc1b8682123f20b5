"""Commands for ffmpeg and ffprobe: a typed adapter over ffmpeg-python, and the flags that keep them safe.

ffmpeg-python compiles the graph; `transcode.sandbox` runs it. Only numbers and strings are accepted as
values: ffmpeg-python would pass a list on as its Python representation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import ffmpeg as _ffmpeg

from transcode.sandbox import SOURCE

Value = str | int | float
# None stands for an option without a value, such as -an.
Options = Mapping[str, Value | None]
_NONE: Options = MappingProxyType({})

# Containers and raw streams that cameras, phones and recorders write. Nothing that names other files (hls,
# dash, concat, sdp, image sequences) or renders text is among them; nested demuxers are held to it too.
DEMUXERS = (
    "aac,ac3,aiff,amr,asf,au,av1,avi,caf,dhav,dv,eac3,flac,flv,gxf,h261,h263,h264,hevc,ivf,m4v,matroska,mjpeg,"
    "mov,mp3,mpeg,mpegts,mpegvideo,mpjpeg,mxf,nsv,nut,obu,ogg,rm,vc1,w64,wav,webm,wtv"
)
# 8K in a 2:1 panorama (11,520 x 5,760) passes, 30,000 x 30,000 does not.
MAX_PIXELS = 2**27
MAX_STREAMS = 64
SAFETY: Options = MappingProxyType(
    {
        "protocol_whitelist": "file,pipe",
        "format_whitelist": DEMUXERS,
        "max_pixels": MAX_PIXELS,
        "max_streams": MAX_STREAMS,
    }
)
DECODER_THREADS = 2
# Some filters (zscale) leave seams where threads meet: of the same frame other pixels on more cores (ADR 34).
_FILTER_THREADS = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of an input, or the output of a filter; `_node` is ffmpeg-python's."""

    _node: Any

    def filter(self, name: str, *args: Value, **options: Value) -> "Stream":
        """This stream through one filter; a value is escaped as the graph's syntax needs.

        A value without a name must need no escaping by itself (TypeError).
        """
        return join([self], name, *args, **options)

    def split(self, count: int) -> "tuple[Stream, ...]":
        """The same stream `count` times: a stream can be used once only."""
        node = _ffmpeg.filter_multi_output(self._node, "split", count)
        return tuple(Stream(node.stream(index)) for index in range(count))


@dataclass(frozen=True, slots=True)
class Input:
    """A file that ffmpeg reads."""

    _node: Any

    def stream(self, selector: str) -> Stream:
        """Some of its streams, as in `-map`: `v:0`, `V`, `a:0`, `2`."""
        return Stream(self._node[selector])


@dataclass(frozen=True, slots=True)
class Output:
    """A file, pipe or null sink that ffmpeg writes."""

    _node: Any


def open_input(path: str = SOURCE, options: Options = _NONE) -> Input:
    """An input with the safety flags and `options` before it (`-r`, `-ss`, `-skip_frame` ...).

    `path` is a path inside the sandbox.
    """
    return Input(_ffmpeg.input(path, **{**SAFETY, "threads": DECODER_THREADS, **_checked(options)}))


def join(streams: Sequence[Stream], name: str, *args: Value, **options: Value) -> Stream:
    """Several streams into one filter (`ssim`, `overlay`, `concat`)."""
    _check_values(args)
    for value in args:
        # ffmpeg-python escapes these twice, so that the filter would see backslashes.
        if any(char in str(value) for char in "\\'=:"):
            raise TypeError(f"{value!r} is given to the filter {name} by its place: give it by its name")
    nodes = [stream._node for stream in streams]
    return Stream(_ffmpeg.filter(nodes, name, *args, **_checked(options)))


def numbered(numbers: Sequence[int]) -> str:
    """An expression for the `select` filter: the frames of these numbers, counted from 0; none for none.

    Parted in two again and again: ffmpeg refuses a plain sum of more than 100 terms (libavutil/eval.c).
    """
    if len(numbers) < 2:
        return f"eq(n,{numbers[0]})" if numbers else "0"
    middle = len(numbers) // 2
    return f"({numbered(numbers[:middle])}+{numbered(numbers[middle:])})"


def output(streams: Sequence[Stream], path: str, options: Options = _NONE) -> Output:
    """An output of these streams; options are written in alphabetical order, `c` before `c:a`."""
    nodes = [stream._node for stream in streams]
    return Output(_ffmpeg.output(*nodes, path, **_checked(options)))


def command(*outputs: Output, loglevel: str = "error", options: Sequence[str] = ()) -> tuple[str, ...]:
    """One ffmpeg command that makes all `outputs`; `options` are global, such as `-progress`, `pipe:7`.

    Messages carry their level. Two outputs with the same options and path would become one.
    """
    nodes = [out._node for out in outputs]
    merged = nodes[0] if len(nodes) == 1 else _ffmpeg.merge_outputs(*nodes)
    arguments: list[str] = _ffmpeg.get_args(merged)
    return (
        "ffmpeg",
        "-hide_banner",
        "-nostdin",
        "-y",
        "-loglevel",
        f"level+{loglevel}",
        "-filter_complex_threads",
        str(_FILTER_THREADS),
        *options,
        *arguments,
    )


def probe(options: Sequence[str], path: str = SOURCE) -> tuple[str, ...]:
    """One ffprobe command with the safety flags; without `-o` it would write each packet by itself."""
    safety = [text for name, value in SAFETY.items() for text in (f"-{name}", str(value))]
    return ("ffprobe", "-hide_banner", "-loglevel", "level+error", *safety, *options, "-o", "pipe:1", path)


def _checked(options: Options) -> dict[str, Value | None]:
    _check_values(options.values())
    if "video_size" in options:
        raise TypeError("ffmpeg-python takes a video_size apart: write s")
    return dict(options)


def _check_values(values: Iterable[object]) -> None:
    for value in values:
        if not (value is None or isinstance(value, str | int | float)):
            raise TypeError(f"{value!r} is no value for ffmpeg: write it as text")
