"""What the slow stage needs to know of a video stream, and the filters that show it as it was meant."""

from dataclasses import dataclass
from fractions import Fraction

from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg
from transcode.values import decimal, ratio, whole

FIELDS = frozenset({"tt", "bb", "tb", "bt"})
_HDR = frozenset({"smpte2084", "arib-std-b67"})
_EIGHT_BIT = frozenset({"yuv420p", "yuvj420p"})
_NOT_STATED = frozenset({"", "unknown", "unspecified", "reserved"})
_BT601 = frozenset({"smpte170m", "bt470bg", "fcc"})
# Matrix -> primaries and transfer of its standard (ITU-R BT.709-6, BT.601-7, BT.2020-2).
_STANDARDS = {
    "bt709": ("bt709", "bt709"),
    "smpte170m": ("smpte170m", "smpte170m"),
    "bt470bg": ("bt470bg", "smpte170m"),
    "bt2020nc": ("bt2020", "bt2020-10"),
}
_SDR_NITS = 100  # luminance of diffuse white that tone mapping aims at


@dataclass(frozen=True, slots=True)
class Picture:
    """A video stream: sizes in pixels, `tick` the seconds of one unit of its timestamps.

    `width`, `height` and `sar` are those of its frames once ffmpeg has turned them upright (display matrix,
    ISO/IEC 14496-12, 6.2.2), `coded` the size before. `packets` counts those that are shown, `promised_s` is
    the duration that its header states.
    """

    index: int
    codec: str
    coded: tuple[int, int]
    width: int
    height: int
    pixel_format: str
    tick: Fraction
    packets: int
    discarded: int
    sar: Fraction
    interlaced: bool
    transfer: str
    matrix: str
    full_range: bool
    nominal_rate: Fraction | None
    bit_rate: int | None
    promised_s: float | None
    primaries: str = ""

    @property
    def is_hdr(self) -> bool:
        """Whether its transfer is PQ or HLG, which a common screen shows washed out."""
        return self.transfer in _HDR

    @property
    def is_eight_bit(self) -> bool:
        """Whether its frames are 8-bit 4:2:0 already."""
        return self.pixel_format in _EIGHT_BIT

    @property
    def layout(self) -> str:
        """ffmpeg's name of the frames that are kept: 8-bit 4:2:0 as it is, all else converted to it."""
        return self.pixel_format if self.is_eight_bit and not self.is_hdr else "yuv420p"

    @property
    def is_kept_full(self) -> bool:
        """Whether the frames that are kept have the full range; converting one gives it the limited one."""
        return self.full_range and self.is_eight_bit and not self.is_hdr

    @property
    def implied_colours(self) -> dict[str, str]:
        """For `setparams`: what is not stated, by the standard of the matrix that is.

        Chromium takes no notice of a matrix that stands alone, and guesses one by the size.
        """
        if self.is_hdr or self.matrix not in _STANDARDS:
            return {}
        primaries, transfer = _STANDARDS[self.matrix]
        stated = {"color_primaries": (self.primaries, primaries), "color_trc": (self.transfer, transfer)}
        return {name: implied for name, (found, implied) in stated.items() if found in _NOT_STATED}

    @property
    def even(self) -> tuple[int, int]:
        """Width and height, rounded up to what 4:2:0 in H.264 can hold."""
        return self.width + self.width % 2, self.height + self.height % 2

    @property
    def frame_size(self) -> int:
        """Bytes of a frame in planar 8-bit 4:2:0."""
        return self.width * self.height + 2 * ((self.width + 1) // 2) * ((self.height + 1) // 2)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height on a screen with square pixels."""
        if self.width == self.coded[0]:
            return round(self.width * self.sar), self.height
        return self.width, round(self.height / self.sar)  # lying: its stored width is now its height

    @property
    def rate(self) -> float:
        """Frames a second as the header states them; 25 where it does not."""
        return float(self.nominal_rate or 25)


def _is_interlaced(stream: JsonObject) -> bool:
    """Whether it says so; DV says nothing outside of its packets, and is (IEC 61834-2) unless it says not."""
    stated = _text(stream, "field_order")
    return stated in FIELDS or (_text(stream, "codec") == "dvvideo" and stated in _NOT_STATED)


def picture(stream: JsonObject, *, forced_rate: int | None, container_s: float | None) -> Picture:
    """The picture that an entry of the section `streams` describes.

    `forced_rate` is the assumed rate of a raw stream, whose ticks are then frames.
    """
    packets = stream.get("packets")
    counted = packets if isinstance(packets, dict) else {}
    discarded = whole(counted.get("discarded")) or 0
    tick = Fraction(1, forced_rate) if forced_rate else ratio(_text(stream, "time_base"))
    coded = (whole(stream.get("width")) or 0, whole(stream.get("height")) or 0)
    lies = whole(stream.get("rotation")) in (90, 270)
    width, height = reversed(coded) if lies else coded
    return Picture(
        index=whole(stream.get("index")) or 0,
        codec=_text(stream, "codec"),
        coded=coded,
        width=width,
        height=height,
        pixel_format=_text(stream, "pix_fmt"),
        tick=tick or Fraction(1, 1000),
        packets=(whole(counted.get("count")) or 0) - discarded,
        discarded=discarded,
        sar=1 / _sar(stream) if lies else _sar(stream),
        interlaced=_is_interlaced(stream),
        transfer=_text(stream, "color_transfer"),
        matrix=_text(stream, "color_space"),
        full_range=_text(stream, "color_range") == "pc" or _text(stream, "pix_fmt").startswith("yuvj"),
        nominal_rate=Fraction(forced_rate) if forced_rate else _rate(stream),
        bit_rate=whole(stream.get("bit_rate")),
        promised_s=decimal(stream.get("duration_s")) or container_s,
        primaries=_text(stream, "color_primaries"),
    )


def tone_mapped(stream: ffmpeg.Stream, seen: Picture) -> ffmpeg.Stream:
    """PQ or HLG made fit for a common screen: BT.709, 8 bits, limited range.

    What the stream does not state is taken to be BT.2020, as both are defined with (ITU-R BT.2100).
    """
    assumed = {}
    if seen.matrix in _NOT_STATED:
        assumed["colorspace"] = "bt2020nc"
    if seen.primaries in _NOT_STATED:
        assumed["color_primaries"] = "bt2020"
    return (
        (stream.filter("setparams", **assumed) if assumed else stream)
        .filter("zscale", t="linear", npl=_SDR_NITS)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "hable", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
        .filter("format", "yuv420p")
    )


def rgb(stream: ffmpeg.Stream, seen: Picture, pixel_format: str) -> ffmpeg.Stream:
    """Frames that were kept as RGB, by the matrix and range that the stream states."""
    source = "full" if seen.is_kept_full else "limited"
    return stream.filter(
        "scale",
        in_color_matrix=matrix(seen),
        in_range=source,
        out_range="full",
        flags="bicubic+accurate_rnd+full_chroma_int",
    ).filter("format", pixel_format)


def matrix(seen: Picture) -> str:
    """The colour matrix for RGB; where none is stated, that of its size, as players have it."""
    if seen.is_hdr:
        return "bt709"
    if seen.matrix in _BT601:
        return "bt601"
    if seen.matrix in ("bt2020nc", "bt2020c"):
        return "bt2020"
    if seen.matrix == "bt709":
        return "bt709"
    return "bt709" if seen.coded[0] > 1024 or seen.coded[1] > 576 else "bt601"


def _text(stream: JsonObject, name: str) -> str:
    value: Json = stream.get(name)
    return value if isinstance(value, str) else ""


def _sar(stream: JsonObject) -> Fraction:
    """The sample aspect ratio; 1 where none is stated or it is absurd."""
    stated = ratio(_text(stream, "sample_aspect_ratio"))
    return stated if stated and Fraction(1, 8) <= stated <= 8 else Fraction(1)


def _rate(stream: JsonObject) -> Fraction | None:
    """The average rate that the container states, where it can be one; else the base rate."""
    for name in ("avg_frame_rate", "r_frame_rate"):
        stated = ratio(_text(stream, name))
        if stated and stated <= 1000:
            return stated
    return None
