"""The one decode of the original: ffmpeg passes every frame on small, one in three at full size, and encodes.

Which frames are kept is decided as they come (keyframes.py); none is decoded twice.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from transcode import encode, ffmpeg, quality
from transcode.analysis import WIDTH, Analyser
from transcode.child import Finished
from transcode.frames import NUMBERED, Frame, Pictures, Stamp, Stamps, read_frames, stamps_in, widen
from transcode.keyframes import Keyframes, Seen
from transcode.picture import Picture, tone_mapped
from transcode.sandbox import Command, Limits, output_file, run, start
from transcode.summary import Summary

# Passing a full frame on costs about as much as a fifth of decoding it, so not all are. An event has three
# frames at least, so that one of them comes at full size.
FULL_EVERY = 3
_SLOW_RATE = 15  # up to this many frames a second all of them come at full size
_TAIL_S = 0.5  # before the end they do too, for the sake of the last one
FRAME_BUDGET = 2_000_000
_COMBING = "combing.txt"
_STAMP_BYTES = 128  # for each frame, at most
# 69 is ffmpeg's code for a stream of which most is damaged.
_HARMLESS = (0, 69)


@dataclass(slots=True)
class Decoded:
    """What one decode gave: `stamps` of the shown frames in ticks of the picture, and what was seen in them.

    `encoded` are the stamps of the frames that went into the encoder.
    """

    finished: Finished
    command: tuple[str, ...]
    stamps: list[int | None]
    encoded: list[Stamp]
    times: list[float]
    foreground: list[float]
    summary: Summary

    @property
    def was_ended(self) -> bool:
        """Whether it did not come to its own end: it was stopped, or died of a signal."""
        return was_ended(self.finished)

    @property
    def has_failed(self) -> bool:
        """Whether ffmpeg gave up for another reason than damaged pictures, such as a copy it cannot write."""
        return not self.was_ended and self.finished.returncode not in _HARMLESS

    @property
    def is_exhausted(self) -> bool:
        """Whether it ended because its budget of frames was spent."""
        return len(self.stamps) >= FRAME_BUDGET


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encode gave: `stamps` of the frames that went in."""

    command: tuple[str, ...]
    stamps: list[Stamp]
    finished: Finished

    @property
    def is_whole(self) -> bool:
        """Whether ffmpeg wrote all of it."""
        return not was_ended(self.finished) and self.finished.returncode in _HARMLESS


def was_ended(finished: Finished) -> bool:
    """Whether a run did not come to its own end: it was stopped, or died of a signal."""
    return bool(finished.stopped) or finished.returncode < 0 or finished.returncode > 128


@dataclass(frozen=True, slots=True)
class Job:
    """A picture of the file `source` to be decoded; `out` is a new folder for what ffmpeg writes."""

    source: Path
    out: Path
    picture: Picture
    input_options: ffmpeg.Options
    copy: encode.Plan | None
    limits: Limits


def decode(job: Job, keyframes: Keyframes) -> Decoded:
    """Decode the picture once to its end, offering every frame to `keyframes`.

    A failure of ffmpeg is told by `finished`; SandboxError and ToolMissingError are raised.
    """
    clock = _Clock(job.picture)
    analyser = Analyser(job.picture.rate)
    stamps: list[int | None] = []
    foreground: list[float] = []
    with ExitStack() as stack:
        pipes = _Pipes(stack)
        command = _command(job, pipes)
        child = stack.enter_context(
            start(
                Command(
                    command,
                    inputs={"src": job.source},
                    out=job.out,
                    limits=job.limits,
                    pass_fds=pipes.writing,
                    background=True,
                )
            )
        )
        pipes.close_writing()
        for frame in pipes.frames(child.stdout.fileno(), job.picture):
            time_s = clock.time_of(frame.pts)
            look = analyser.look(frame, time_s)
            keyframes.add(Seen(frame, time_s, look))
            stamps.append(frame.pts)
            foreground.append(look.foreground)
        finished = child.wait()
    return Decoded(
        finished=finished,
        command=command,
        stamps=stamps,
        encoded=list(pipes.encoded.values),
        times=clock.times,
        foreground=foreground,
        summary=analyser.summary(),
    )


@dataclass(slots=True)
class _Clock:
    """Times of frames in seconds; one without a timestamp is a nominal interval after the one before."""

    picture: Picture
    times: list[float] = field(default_factory=list)

    def time_of(self, pts: int | None) -> float:
        if pts is not None:
            time_s = pts * self.picture.tick.numerator / self.picture.tick.denominator
        else:
            time_s = self.times[-1] + 1 / self.picture.rate if self.times else 0.0
        self.times.append(time_s)
        return time_s


class _Pipes:
    """The pipes beside standard output, which carries the full frames."""

    def __init__(self, stack: ExitStack) -> None:
        pairs = [os.pipe() for _ in range(4)]
        for reading, writing in pairs:
            stack.callback(os.close, reading)
            widen(writing)
        self._closing = stack.enter_context(ExitStack())
        for _, writing in pairs:
            self._closing.callback(os.close, writing)
        self.writing = tuple(writing for _, writing in pairs)
        self._small = pairs[0][0]
        self._stamps, self._full_stamps, self.encoded = (Stamps(reading) for reading, _ in pairs[1:])

    def close_writing(self) -> None:
        """The child has its own; ours would keep the pipes from ending."""
        self._closing.close()

    def frames(self, full_fd: int, picture: Picture) -> Iterator[Frame]:
        width, height = small_size(picture)
        widen(full_fd)
        small = Pictures(self._small, width * height)
        full = Pictures(full_fd, picture.frame_size)
        return read_frames(small, self._stamps, full, self._full_stamps, width, self.encoded)


def small_size(picture: Picture) -> tuple[int, int]:
    """Width and height of the planes that are looked at: multiples of four, which halve fast."""
    scale = min(1.0, WIDTH / picture.width)
    width, height = round(picture.width * scale), round(picture.height * scale)
    return (width // 4 or 1) * 4, (height // 4 or 1) * 4


def _fewer_lines(stream: ffmpeg.Stream, picture: Picture) -> ffmpeg.Stream:
    """Only every second, fourth ... line, where enough are left for the small plane: skipping is free.

    Up to three of those are left out too where it saves scaling them by a broken factor.
    """
    height, wanted = picture.height, small_size(picture)[1]
    while height // 2 >= wanted:
        stream, height = stream.filter("field", "top"), (height + 1) // 2
    if wanted < height < wanted + 4:
        return stream.filter("crop", "iw", f"min(ih,{wanted})", 0, 0)  # the picture may become smaller
    return stream


def _command(job: Job, pipes: _Pipes) -> tuple[str, ...]:
    picture = job.picture
    small_fd, *stamp_fds = pipes.writing
    source = ffmpeg.open_input(options=job.input_options)
    decoded = source.stream(str(picture.index))
    if picture.is_hdr:
        decoded = tone_mapped(decoded, picture)
    branches = decoded.split(2 + bool(job.copy) + picture.interlaced)
    lines = _fewer_lines(branches[0], picture)
    small = _stamped(
        lines.filter("scale", *small_size(picture), flags="area", out_range="limited"), stamp_fds[0]
    )
    small = small.filter("format", "yuv420p").filter("extractplanes", "y")
    full = _stamped(_numbered(branches[1]).filter("select", _chosen(picture)), stamp_fds[1])
    full = full.filter("scale", picture.width, picture.height).filter("format", _layouts(picture))
    raw: ffmpeg.Options = {"f": "rawvideo", "frames:v": FRAME_BUDGET}
    outputs = [
        ffmpeg.output([small], f"pipe:{small_fd}", {**raw, **encode.timed(picture.tick)}),
        ffmpeg.output([full], "pipe:1", {**raw, **encode.timed(_NUMBER_TICK)}),
    ]
    if job.copy:
        stamps = f"pipe:{stamp_fds[2]}"
        outputs += encode.outputs(source, branches[2], job.copy, stamps, FRAME_BUDGET)
    if picture.interlaced:
        told = (
            branches[-1]
            .filter("idet")
            .filter(
                "metadata", mode="print", key="lavfi.idet.multiple.current_frame", file=f"/out/{_COMBING}"
            )
        )
        outputs.append(ffmpeg.output([told], "/dev/null", {"f": "null", "fps_mode": "passthrough"}))
    return ffmpeg.command(*outputs)


def encode_again(job: Job, copy: encode.Plan) -> Encoded:
    """Decode once more for an encode alone."""
    source = ffmpeg.open_input(options=job.input_options)
    decoded = source.stream(str(job.picture.index))
    if job.picture.is_hdr:
        decoded = tone_mapped(decoded, job.picture)
    # A pipe: a file would be begun anew with each new size of the picture.
    command = ffmpeg.command(*encode.outputs(source, decoded, copy, "pipe:1", FRAME_BUDGET))
    finished = run(
        Command(command, inputs={"src": job.source}, out=job.out, limits=job.limits, background=True),
        stdout_limit=FRAME_BUDGET * _STAMP_BYTES,
    )
    return Encoded(command, stamps_in(finished.stdout), finished)


def sample_again(job: Job, copy: encode.Plan) -> Encoded:
    """Decode once more for the samples that an encoded copy is compared with."""
    source = ffmpeg.open_input(options=job.input_options)
    decoded = source.stream(str(job.picture.index))
    if job.picture.is_hdr:
        decoded = tone_mapped(decoded, job.picture)
    command = ffmpeg.command(encode.samples(decoded, copy, "pipe:1"))
    finished = run(
        Command(command, inputs={"src": job.source}, out=job.out, limits=job.limits, background=True),
        stdout_limit=FRAME_BUDGET * _STAMP_BYTES,
    )
    return Encoded(command, stamps_in(finished.stdout), finished)


def combing(out: Path) -> quality.Combing | None:
    """What `idet` wrote into the folder of a decode, frame by frame; None where it was not asked."""
    listing = output_file(out, _COMBING)
    if listing is None:
        return None
    words = Counter(
        line.rpartition("=")[2].strip() for line in listing.read_text("ascii", "replace").splitlines()
    )
    return quality.Combing(words["tff"] + words["bff"], words["progressive"], words["undetermined"])


def _stamped(stream: ffmpeg.Stream, fd: int) -> ffmpeg.Stream:
    """With a line for each frame, which the filter prints only where there is some metadata."""
    marked = stream.filter("metadata", mode="add", key="v", value=0)
    return marked.filter("metadata", mode="print", file=f"pipe:{fd}", direct=1)


# Tenths of a second, and in each of them the numbers.
_NUMBER_TICK = Fraction(1, 10 * NUMBERED)


def _numbered(stream: ffmpeg.Stream) -> ffmpeg.Stream:
    """With times that hold the frame's number in their last bits, and are still right to a tenth of a second.

    Timestamps alone do not tell which frame it is: recorders write some twice, or none.
    """
    tenths = f"floor(10*clip(T,0,{2**31}/10))"
    tick = f"{_NUMBER_TICK.numerator}/{_NUMBER_TICK.denominator}"
    return stream.filter("settb", expr=tick).filter("setpts", expr=f"N+{NUMBERED}*if(isnan(T),0,{tenths})")


def _chosen(picture: Picture) -> str:
    """Which frames come at full size, as an expression of the `select` filter."""
    if picture.rate <= _SLOW_RATE:
        return "1"
    terms = [f"not(mod(n,{FULL_EVERY}))"]
    if picture.packets:
        terms.append(f"gte(n,{max(0, picture.packets - round(_TAIL_S * picture.rate))})")
    if picture.promised_s:
        terms.append(f"gte(t,{max(0.0, picture.promised_s - _TAIL_S):.3f})")
    return "+".join(terms)


def _layouts(picture: Picture) -> str:
    """8-bit 4:2:0 as it is, of either range; all else is converted."""
    return "yuv420p|yuvj420p" if picture.is_eight_bit and not picture.is_hdr else "yuv420p"


def limits(duration_s: float | None, size: int) -> Limits:
    """Generous limits for one pass over a file of `size` bytes that claims to last `duration_s`.

    A slow machine needs a minute for a second of 4K; a header that lies is held to a day.
    """
    claimed = duration_s or 0.0
    # Footage has 12 kB a second at least; what has less cannot be long.
    seconds = min(max(claimed, size / 125_000), size / 12_000 + 600.0, 86_400.0)
    wall_s = 900 + 60 * seconds
    return Limits(
        cpu_s=int(4 * wall_s), wall_s=wall_s, file_bytes=4 * 1024**3 + 8 * size, memory_bytes=8 * 1024**3
    )
