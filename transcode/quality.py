"""Quality as numbers and advice, never pass or fail: what a shop could change, what an examiner must know."""

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.exhibits import Problem
from evidence.jsontypes import Json, JsonObject
from transcode.picture import Picture
from transcode.summary import BRIGHT, DARK, RUN_S, Run, Summary
from transcode.timeline import Timeline
from transcode.tools import identify, library_version

ADVICE_SHARE = 0.25  # a house rule: of luma samples that are dark, or bright, from when on advice is given
_RUNS_LISTED = 100


@dataclass(frozen=True, slots=True)
class Combing:
    """What ffmpeg's `idet` found in the frames of a stream that is flagged interlaced."""

    interlaced: int
    progressive: int
    undecided: int

    @property
    def text(self) -> str:
        """As a sentence."""
        return (
            f"of {self.interlaced + self.progressive + self.undecided} frames {self.interlaced} show two"
            f" moments, {self.progressive} one, {self.undecided} cannot be told"
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """What one picture of a clip showed; `combing` is None where it is not flagged interlaced.

    `sharpest` is the highest sharpness of a keyframe, `size` the original's bytes, `flagged` its field order.
    """

    picture: Picture
    timeline: Timeline
    summary: Summary
    sharpest: float | None
    combing: Combing | None
    size: int
    flagged: str


def measures(seen: Observed) -> list[Json]:
    """The measures of one picture: {stream, name, value, unit, method, version, advice} each."""
    listed = [*_sizes(seen), *_rates(seen), *_light(seen), *_runs(seen)]
    return [{"stream": seen.picture.index, **measure} for measure in listed]


def density_class() -> JsonObject:
    """Pixel density needs a length in the subject's plane; no class follows from resolution alone."""
    return {
        "class": None,
        "standard": "EN 62676-4",
        "text": "Cannot be determined: no length is marked in the plane of the subject.",
    }


def still_measures(shown: tuple[int, int], histogram: Sequence[int]) -> list[Json]:
    """The measures of a still: `histogram` counts its luma samples by value, 0 to 255 (full range)."""
    pillow = ("Pillow", library_version("pillow"))
    listed = [_measure("shown size", f"{shown[0]}x{shown[1]}", "pixels", pillow)]
    total = sum(histogram)
    if total and len(histogram) == 256:
        dark, bright = sum(histogram[: DARK + 1]) / total, sum(histogram[BRIGHT:]) / total
        listed += _exposure(dark, bright, pillow)
    return [*listed]


def problems(seen: Observed) -> list[Problem]:
    """What a reader of the exhibit must not miss."""
    found = []
    span, black = seen.timeline.span_s, sum(run.length_s for run in seen.summary.black)
    if span > 0 and black >= span / 2:
        found.append(Problem("black", f"The picture is black for {black:.1f} of {span:.1f} s."))
    if seen.timeline.backwards:
        found.append(
            Problem("times-backwards", f"{seen.timeline.backwards} frames have a time before the last one's.")
        )
    if seen.timeline.steady and seen.timeline.dropped:
        first = seen.timeline.dropped[0]
        text = f"{len(seen.timeline.dropped)} gaps are longer than 1.5 times the usual one, the first after"
        found.append(Problem("dropped-frames", f"{text} {first:.3f} s: frames may be missing there."))
    return found


def _sizes(seen: Observed) -> list[JsonObject]:
    picture = seen.picture
    probe = _tool("ffprobe")
    width, height = picture.shown
    listed = [
        _measure("coded size", "x".join(map(str, picture.coded)), "pixels", probe),
        _measure("shown size", f"{width}x{height}", "square pixels", probe),
    ]
    rate, span = seen.timeline.rate, seen.timeline.span_s
    if picture.bit_rate or (span > 0 and rate):
        stated = bool(picture.bit_rate)
        bits = picture.bit_rate or 8 * seen.size / (span + seen.timeline.median_gap_s)
        source = "as stated for the stream" if stated else "file size over duration, sound included"
        listed.append(_measure("bit rate", round(bits), "bit/s", ("bit rate", source)))
        if rate:
            per_pixel = bits / rate / (picture.width * picture.height)
            name = f"bits per pixel and frame ({picture.codec})"
            listed.append(_measure(name, round(per_pixel, 4), "bit", ("bit rate", source)))
    return listed


def _rates(seen: Observed) -> list[JsonObject]:
    line, ours = seen.timeline, ("timestamps of decoded frames", "1")
    nominal = seen.picture.nominal_rate
    listed = [
        _measure("frames", line.frames, "frames", ours),
        _measure(
            "nominal rate",
            None if nominal is None else round(float(nominal), 4),
            "frames/s",
            _tool("ffprobe"),
        ),
        _measure("measured rate", None if line.rate is None else round(line.rate, 4), "frames/s", ours),
        _measure("longest gap", round(line.worst_gap_s, 4), "s", ours),
    ]
    if line.steady:
        advice = (
            "The recorder loses frames: a faster disk or card, a wired connection, or fewer channels helps."
            if line.dropped
            else ""
        )
        listed.append(_measure("gaps over 1.5 x median", len(line.dropped), "gaps", ours, advice))
    else:
        listed.append(_measure("gaps over 1.5 x median", None, "gaps", ours, "The rate is not constant."))
    return listed


def _light(seen: Observed) -> list[JsonObject]:
    summary, cv = seen.summary, ("OpenCV", library_version("opencv-python-headless"))
    listed = _exposure(summary.dark, summary.bright, cv)
    listed.append(
        _measure(
            "sharpness of the sharpest keyframe",
            None if seen.sharpest is None else round(seen.sharpest, 1),
            "variance of the Laplacian, after Gaussian sigma 1, at most 480 pixels wide",
            cv,
            "It ranks frames of this clip; it says nothing beside another camera's.",
        )
    )
    return listed


def _exposure(dark: float, bright: float, method: tuple[str, str]) -> list[JsonObject]:
    night = "Much of the picture is near black: more light, or a camera made for the dark, would help."
    glare = "Much of the picture is near white: turn the camera from the light, or lower its exposure."
    return [
        _measure(
            f"share of luma <= {DARK}", round(dark, 4), "share", method, night if dark > ADVICE_SHARE else ""
        ),
        _measure(
            f"share of luma >= {BRIGHT}",
            round(bright, 4),
            "share",
            method,
            glare if bright > ADVICE_SHARE else "",
        ),
    ]


def _runs(seen: Observed) -> list[JsonObject]:
    cv = ("OpenCV", library_version("opencv-python-headless"))
    black = _run_measure("black", seen.summary.black, cv)
    name = f"static or frozen (identical frames for {RUN_S:.0f} s and more)"
    frozen = _run_measure(name, seen.summary.frozen, ("decoded frames compared, every third at least", "2"))
    listed = [black, frozen, _measure("interlaced flag", seen.flagged, "field order", _tool("ffprobe"))]
    if seen.combing:
        advice = "Set the recorder to progressive: each field has half of the lines."
        listed.append(
            _measure(
                "interlaced, measured",
                seen.combing.text,
                "frames",
                ("ffmpeg idet", identify("ffmpeg").version),
                advice if seen.combing.interlaced > seen.combing.progressive else "",
            )
        )
    return listed


def _run_measure(name: str, runs: tuple[Run, ...], method: tuple[str, str]) -> JsonObject:
    listed: list[Json] = [[round(run.start_s, 3), round(run.end_s, 3)] for run in runs[:_RUNS_LISTED]]
    return {
        **_measure(name, round(sum(run.length_s for run in runs), 3), "s", method),
        "runs_s": listed,
        "runs": len(runs),
    }


def _tool(name: str) -> tuple[str, str]:
    return name, identify(name).version


def _measure(name: str, value: Json, unit: str, method: tuple[str, str], advice: str = "") -> JsonObject:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "method": method[0],
        "version": method[1],
        "advice": advice,
    }
