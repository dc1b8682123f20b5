"""An encoded copy beside what was encoded: as many frames, at the same times, and alike (SSIM of luma)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from evidence.errors import VidneError
from evidence.jsontypes import JsonObject
from transcode import encode, ffmpeg
from transcode.frames import Stamp
from transcode.probe import NotMediaError, Stream, probe
from transcode.sandbox import Command, Limits, output_file, run

MEAN_SSIM, WORST_SSIM = 0.97, 0.95
_COMPARED = 200  # samples at most: they begin anew with each new size of the picture
_LEAST_SIDE = 8  # SSIM is of blocks of 8 x 8 samples
_TIMES, _SSIM = "copy-times.txt", "ssim.txt"
_STAMP = re.compile(r"^frame:\d+\s+pts:(-?\d+)\s", re.MULTILINE)
_SCORE = re.compile(r"^n:\d+ Y:(\d\.\d+|inf|nan)", re.MULTILINE)


class UnusableCopyError(VidneError):
    """What ffmpeg wrote for a copy cannot be read back, also where it ended well: damaged sound does that."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a copy compares with what was encoded.

    `offset_s` is by how much its times are later, `worst_time_s` the largest difference after that. SSIM is
    of the luma of `sampled` frames, None where none could be compared.
    """

    frames_expected: int
    frames: int
    offset_s: float
    worst_time_s: float
    tick_s: float
    mean_ssim: float | None
    worst_ssim: float | None
    sampled: int
    crf: int

    @property
    def times_equal(self) -> bool:
        """As many frames, at the same times within one tick."""
        return self.frames == self.frames_expected and self.worst_time_s <= self.tick_s * 1.001

    @property
    def is_alike(self) -> bool:
        """Whether the sampled frames are close enough."""
        if self.mean_ssim is None or self.worst_ssim is None:
            return False
        return self.mean_ssim >= MEAN_SSIM and self.worst_ssim >= WORST_SSIM

    def as_json(self) -> JsonObject:
        """For the section `derivation`."""
        ssim: JsonObject = {
            "sampled": self.sampled,
            "mean": None if self.mean_ssim is None else round(self.mean_ssim, 4),
            "worst": None if self.worst_ssim is None else round(self.worst_ssim, 4),
            "alike": self.is_alike if self.sampled else "not checked: no sampled frame could be compared",
        }
        return {
            "frames_encoded": self.frames_expected,
            "frames": self.frames,
            "offset_s": round(self.offset_s, 6),
            "worst_time_difference_s": round(self.worst_time_s, 6),
            "tick_s": round(self.tick_s, 9),
            "times_equal": self.times_equal,
            "ssim": ssim,
            "crf": self.crf,
        }


def compare(
    work: Path, made: encode.Plan, encoded: Sequence[Stamp], limits: Limits, *, stored: Path | None = None
) -> Comparison:
    """Probe and decode a copy that lies in `work`, and compare it with the times and samples that went in.

    `encoded` are stamps, in ticks, of what was encoded; `stored` is a copy that lies elsewhere. Raises
    UnusableCopyError where the copy can't be read.
    """
    copy = stored or output_file(work, made.name)
    if copy is None:
        raise UnusableCopyError("No copy was encoded.")
    seen, tick = _picture_of(copy)
    # Its own folder: what a child writes is not what another one reads from.
    out = work / f"{made.name}.compared"
    out.mkdir()
    finished = run(
        Command(
            _comparison(_sampled(made, encoded), seen.width, seen.height),
            inputs={"src": copy, "reference": work / made.reference},
            out=out,
            limits=limits,
            background=True,
        )
    )
    if not finished.ok:
        raise UnusableCopyError(f"The encoded copy does not decode. {finished.explain()}")
    shown = [int(text) for text in _STAMP.findall(_listing(out, _TIMES))]
    (work / made.reference).unlink()
    source_tick = encode.copy_tick(made.picture)
    offset, worst = _time_difference(encoded, source_tick, shown, tick)
    comparable = min(seen.width, seen.height) >= _LEAST_SIDE
    scores = _scores(_listing(out, _SSIM)) if comparable else []
    return Comparison(
        frames_expected=len(encoded),
        frames=len(shown),
        offset_s=offset,
        worst_time_s=worst,
        tick_s=float(max(source_tick, tick)),
        mean_ssim=sum(scores) / len(scores) if scores else None,
        worst_ssim=min(scores, default=None),
        sampled=len(scores),
        crf=made.crf,
    )


def _picture_of(copy: Path) -> tuple[Stream, Fraction]:
    """The copy's picture, and the seconds of its tick; raises UnusableCopyError."""
    try:
        probed = probe(copy)
    except NotMediaError as error:
        raise UnusableCopyError(f"The encoded copy cannot be read: {error.what}") from error
    tick = probed.pictures[0].ratio("time_base") if probed.pictures else None
    if tick is None:
        raise UnusableCopyError("The encoded copy has no pictures.")
    return probed.pictures[0], tick


def _sampled(made: encode.Plan, encoded: Sequence[Stamp]) -> list[int]:
    """The numbers in the copy of the frames that were sampled."""
    step = made.sample_step
    taken = (
        place
        for place, stamp in enumerate(encoded)
        if stamp.number % step == 0 and stamp.number < made.sampled_before
    )
    return [*islice(taken, _COMPARED)]


def _comparison(sampled: Sequence[int], width: int, height: int) -> tuple[str, ...]:
    """One decode of the copy: the time of every frame, and SSIM of those that were sampled."""
    shown = (
        ffmpeg.open_input()
        .stream("v:0")
        .filter("metadata", mode="add", key="v", value=0)
        .filter("metadata", mode="print", file=f"/out/{_TIMES}")
        .filter("select", ffmpeg.numbered(sampled))
        .filter("extractplanes", "y")
    )
    raw: ffmpeg.Options = {
        "f": "rawvideo",
        "format_whitelist": "rawvideo",
        "pixel_format": "gray",
        "s": f"{width}x{height}",
    }
    reference = ffmpeg.open_input("/in/reference", raw).stream("v:0")
    pair = [stream.filter("settb", "1/25").filter("setpts", "N") for stream in (shown, reference)]
    score = ffmpeg.join(pair, "ssim", stats_file=f"/out/{_SSIM}", shortest=1)
    return ffmpeg.command(ffmpeg.output([score], "-", {"f": "null", "fps_mode": "passthrough"}))


def _time_difference(
    encoded: Sequence[Stamp], source_tick: Fraction, shown: Sequence[int], tick: Fraction
) -> tuple[float, float]:
    """By how much the copy's times are later, and their largest difference after that, in seconds."""
    pairs = [
        (stamp.pts * source_tick, found * tick)
        for stamp, found in zip(encoded, shown, strict=False)
        if stamp.pts is not None
    ]
    if not pairs:
        return 0.0, 0.0
    offset = pairs[0][1] - pairs[0][0]
    worst = max(abs(found - expected - offset) for expected, found in pairs)
    return float(offset), float(worst)


def _scores(listing: str) -> list[float]:
    return [1.0 if text == "inf" else float(text) for text in _SCORE.findall(listing) if text != "nan"]


def _listing(out: Path, name: str) -> str:
    path = output_file(out, name)
    return path.read_text("ascii", "replace") if path else ""
