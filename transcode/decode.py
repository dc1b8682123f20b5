"""The one decode of the original: ffmpeg tells the time of every frame, passes one in three on, and encodes.

What is passed on is looked at (analysis.py), and kept or not as it comes (keyframes.py); nothing is decoded
twice.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from transcode import encode, ffmpeg, quality
from transcode.analysis import Analyser, small_luma, squared
from transcode.child import Finished
from transcode.frames import NUMBERED, Frame, Pictures, Plane, Stamp, Stamps, read_frames, stamps_in, widen
from transcode.keyframes import Keyframes, Seen
from transcode.likeness import Looks
from transcode.picture import Picture, tone_mapped
from transcode.sandbox import Command, Limits, output_file, run, start
from transcode.summary import Summary

# To pass a frame on and look at it costs up to as much as decoding it: every third is enough, or one that
# comes a tenth of a second after the last.
EVERY = 3
_EVERY_S = 0.095
_TAIL_S = 0.5  # before the end all are looked at, for the sake of the last one
FRAME_BUDGET = 2_000_000
_COMBING = "combing.txt"
_STAMP_BYTES = 128  # for each frame, at most
# 69 is ffmpeg's code for a stream of which most is damaged.
_HARMLESS = (0, 69)


@dataclass(slots=True)
class Decoded:
    """What one decode gave: `stamps` of the shown frames in ticks of the picture, and what was seen.

    `times` are those of the shown frames in seconds, `encoded` the stamps of what went into the encoder,
    `looks` a sketch (see likeness).
    """

    finished: Finished
    command: tuple[str, ...]
    stamps: list[int | None]
    encoded: list[Stamp]
    times: list[float]
    summary: Summary
    looks: bytes

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
    """Decode the picture once to its end, offering what is looked at to `keyframes`.

    A failure of ffmpeg is told by `finished`; SandboxError and ToolMissingError are raised.
    """
    picture, analyser, clock, looks = job.picture, Analyser(), _Clock(job.picture), Looks()
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
        for index, full in pipes.frames(child.stdout.fileno(), picture.frame_size):
            luma = small_luma(full, picture.width, picture.height, is_full_range=picture.is_kept_full)
            frame, time_s = Frame(index, full, luma), clock.times(pipes.shown.values)[index]
            keyframes.add(Seen(frame, time_s, analyser.look(frame, time_s)))
            if looks.wants(time_s):
                looks.add(squared(luma), time_s)
        finished = child.wait()
    return Decoded(
        finished=finished,
        command=command,
        stamps=[stamp.pts for stamp in pipes.shown.values],
        encoded=pipes.encoded.values,
        times=clock.times(pipes.shown.values),
        summary=analyser.summary(),
        looks=looks.sketch(),
    )


@dataclass(slots=True)
class _Clock:
    """Times of frames in seconds; one without a timestamp is a nominal interval after the one before."""

    picture: Picture
    _times: list[float] = field(default_factory=list)

    def times(self, stamps: Sequence[Stamp]) -> list[float]:
        """Those of `stamps`, which may have grown since the last call."""
        tick = self.picture.tick
        for stamp in stamps[len(self._times) :]:
            if stamp.pts is not None:
                self._times.append(stamp.pts * tick.numerator / tick.denominator)
            else:
                self._times.append(self._times[-1] + 1 / self.picture.rate if self._times else 0.0)
        return self._times


class _Pipes:
    """The pipes beside standard output, which carries the full frames."""

    def __init__(self, stack: ExitStack) -> None:
        pairs = [os.pipe() for _ in range(3)]
        for reading, writing in pairs:
            stack.callback(os.close, reading)
            widen(writing)
        self._closing = stack.enter_context(ExitStack())
        for _, writing in pairs:
            self._closing.callback(os.close, writing)
        self.writing = tuple(writing for _, writing in pairs)
        self.shown, self._full, self.encoded = (Stamps(reading) for reading, _ in pairs)

    def close_writing(self) -> None:
        """The child has its own; ours would keep the pipes from ending."""
        self._closing.close()

    def frames(self, full_fd: int, size: int) -> Iterator[tuple[int, Plane]]:
        """See read_frames; `size` is that of a full frame in bytes."""
        widen(full_fd)
        return read_frames(self.shown, Pictures(full_fd, size), self._full, self.encoded)


def _command(job: Job, pipes: _Pipes) -> tuple[str, ...]:
    picture = job.picture
    shown_fd, full_fd, encoded_fd = pipes.writing
    source = ffmpeg.open_input(options=job.input_options)
    decoded = source.stream(str(picture.index)).filter("trim", end_frame=FRAME_BUDGET)
    if picture.is_hdr:
        decoded = tone_mapped(decoded, picture)
    branches = decoded.split(1 + bool(job.copy) + picture.interlaced)
    full = _numbered(_stamped(branches[0], shown_fd)).filter("select", _chosen(picture))
    full = _stamped(full, full_fd).filter("scale", picture.width, picture.height)
    # Direct: a frame is written at once, not in pieces of 32 kB.
    raw: ffmpeg.Options = {"f": "rawvideo", "avioflags": "direct", **encode.timed(_NUMBER_TICK)}
    outputs = [ffmpeg.output([full.filter("format", _layouts(picture))], "pipe:1", raw)]
    if job.copy:
        outputs += encode.outputs(source, branches[1], job.copy, f"pipe:{encoded_fd}", FRAME_BUDGET)
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


# Hundredths of a second, and in each of them the numbers.
_NUMBER_TICK = Fraction(1, 100 * NUMBERED)


def _numbered(stream: ffmpeg.Stream) -> ffmpeg.Stream:
    """With times that hold the frame's number in their last bits, and are still right to a hundredth second.

    Timestamps alone do not tell which frame it is: recorders write some twice, or none.
    """
    hundredths = f"floor(100*clip(T,0,{2**31}/100))"
    tick = f"{_NUMBER_TICK.numerator}/{_NUMBER_TICK.denominator}"
    return stream.filter("settb", expr=tick).filter(
        "setpts", expr=f"N+{NUMBERED}*if(isnan(T),0,{hundredths})"
    )


def _chosen(picture: Picture) -> str:
    """Which frames are looked at, as an expression of the `select` filter.

    By count and by time, whichever comes first: headers lie of the rate, and phones vary it.
    """
    terms = [
        "not(n)",
        f"gte(n-prev_selected_n,{EVERY})",
        f"gte(t-prev_selected_t,{_EVERY_S})",
    ]
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
