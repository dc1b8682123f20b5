"""The working copy where a remux can't be: H.264 High 8-bit 4:2:0, the frames and times shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from transcode import ffmpeg
from transcode.picture import Picture

QUALITY = 18  # x264's CRF; the second try is at FINER
FINER = 14
_AAC_RATE = "160k"
# Of the same frames the same bytes, whatever the number of cores and the load of the machine (ADR 34).
_REPEATABLE = "threads=4:sync-lookahead=0"
_SAMPLES = 24


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio stream of the copy, by its index in the original; copied, or encoded to AAC."""

    index: int
    copied: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One encode: which picture with which sounds, to which file name, how fine, and with `sample_step`.

    Every `sample_step`-th frame is also written as it went into the encoder, for the comparison.
    """

    picture: Picture
    sounds: tuple[Sound, ...]
    name: str
    crf: int
    sample_step: int

    @property
    def sampled_before(self) -> int:
        """The number of the frame from which on none is sampled: a header may promise too few."""
        return self.sample_step * 2 * _SAMPLES

    @property
    def reference(self) -> str:
        """The file of sampled frames."""
        return f"{self.name}.reference.gray"

    @property
    def label(self) -> str:
        """What the copy is, and what was done to its picture for viewing."""
        seen = self.picture
        done = ["deinterlaced at field rate"] if seen.interlaced else []
        done += ["tone-mapped"] if seen.is_hdr else []
        done += ["colours stated in full"] if seen.implied_colours else []
        done += ["padded to {}x{}".format(*seen.even)] if seen.even != (seen.width, seen.height) else []
        return ", ".join(("working copy, derived from the original", *done))


def plan(picture: Picture, sounds: Sequence[Sound], name: str, *, crf: int = QUALITY) -> Plan:
    """An encode with a sample of about two dozen frames."""
    return Plan(picture, tuple(sounds), name, crf, max(1, picture.packets // _SAMPLES))


def outputs(
    source: ffmpeg.Input, stream: ffmpeg.Stream, wanted: Plan, stamps: str, limit: int
) -> list[ffmpeg.Output]:
    """The parts of a command that encode `stream` and write its samples.

    `stamps` is a file or pipe for the times of the frames that are encoded, `limit` their largest number.
    """
    seen = wanted.picture
    encoded, sampled = _stamped(stream, seen, stamps).split(2)
    audio = [source.stream(str(sound.index)) for sound in wanted.sounds]
    actions = {
        f"c:a:{number}": "copy" if sound.copied else "aac" for number, sound in enumerate(wanted.sounds)
    }
    rates = {f"b:a:{number}": _AAC_RATE for number, sound in enumerate(wanted.sounds) if not sound.copied}
    options: ffmpeg.Options = {
        "c:v": "libx264",
        "profile:v": "high",
        "preset": "veryfast",
        "crf": wanted.crf,
        "x264-params": _REPEATABLE,
        "g": max(1, round(2 * seen.rate)),
        **timed(copy_tick(seen)),
        "frames:v": limit,
        **actions,
        **rates,
        "map_metadata": -1,
        "map_chapters": -1,
        "write_tmcd": 0,
        "movflags": "+faststart",
        "fflags": "+bitexact",
        "f": "mp4",
        # ffmpeg 5.1 calls FLAC in MP4 experimental; browsers play it.
        "strict": "experimental",
    }
    return [ffmpeg.output([encoded, *audio], f"/out/{wanted.name}", options), _reference(sampled, wanted)]


def samples(stream: ffmpeg.Stream, wanted: Plan, stamps: str) -> ffmpeg.Output:
    """The part of a command that writes the samples alone, for a copy that was encoded before."""
    return _reference(_stamped(stream, wanted.picture, stamps), wanted)


def _stamped(stream: ffmpeg.Stream, seen: Picture, stamps: str) -> ffmpeg.Stream:
    marked = _for_viewing(stream, seen).filter("metadata", mode="add", key="v", value=0)
    return marked.filter("metadata", mode="print", file=stamps, direct=1)


def _reference(stream: ffmpeg.Stream, wanted: Plan) -> ffmpeg.Output:
    step = wanted.sample_step
    sampled = stream.filter("select", f"not(mod(n,{step}))*lt(n,{wanted.sampled_before})").filter(
        "extractplanes", "y"
    )
    options: ffmpeg.Options = {"f": "rawvideo", **timed(copy_tick(wanted.picture))}
    return ffmpeg.output([sampled], f"/out/{wanted.reference}", options)


def copy_tick(seen: Picture) -> Fraction:
    """Seconds of a tick of the copy: fields come at twice the rate, between the ticks of the frames."""
    return seen.tick / 2 if seen.interlaced else seen.tick


def timed(tick: Fraction) -> ffmpeg.Options:
    """Every frame at its own time: without the second option times are rounded to a nominal rate."""
    return {"fps_mode": "passthrough", "enc_time_base": f"{tick.numerator}:{tick.denominator}"}


def _for_viewing(stream: ffmpeg.Stream, seen: Picture) -> ffmpeg.Stream:
    """Deinterlaced at field rate, of one even size, 8-bit 4:2:0, with all of its colours stated or none."""
    if seen.interlaced:
        stream = stream.filter("bwdif", mode="send_field", deint="interlaced")
    # A stream that changes its size is brought back to the first one.
    stream = stream.filter("scale", seen.width, seen.height)
    if seen.even != (seen.width, seen.height):
        stream = stream.filter("pad", *seen.even)
    stream = stream.filter("format", "yuv420p|yuvj420p")
    implied = seen.implied_colours
    return stream.filter("setparams", **implied) if implied else stream
