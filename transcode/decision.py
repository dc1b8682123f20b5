"""What becomes of each stream: the whole decision as tables. docs/media.md prints them; a test keeps it so.

Of PICTURES and SOUNDS the first rule that applies to a stream decides; of REWRAPS every one that applies
adds an exact copy in another container. A reason may name {codec}, {pix_fmt}, {profile}, {type}, {rate}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from transcode.picture import FIELDS
from transcode.probe import Probed, Stream

# Demuxers of streams without a container: packets have no times of their own.
RAW = frozenset({"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "h261", "h263", "vc1", "obu", "av1"})
ASSUMED_RATE = 25
# What ffmpeg says of a file that is shorter than announced.
_CUT = ("File ended prematurely", "partial file", "Truncat", "truncat")
# A writer of AVI or FLV may announce some more than it wrote.
_FEW, _FEW_FRAMES, _FEW_S = 0.05, 2, 0.25
# In these containers HEVC has the form that MP4 wants, so that its packets stay the same.
_LENGTH_PREFIXED = ("mov", "matroska")
_SHALLOW = frozenset({"yuv420p", "yuvj420p"})
_PROFILES = frozenset(
    {"Constrained Baseline", "Baseline", "Main", "Constrained High", "High", "Progressive High"}
)
# Audio that an MP4 holds and a browser plays; all else is encoded to AAC for viewing.
PLAYED_SOUND = frozenset({"aac", "mp3", "opus", "flac"})
# What an MP4 holds as it is, also where browsers do not play it.
_IN_MP4 = frozenset({"h264", "hevc", "mpeg4", "mjpeg", "av1", "vp9"})


class Method(StrEnum):
    """How a stream comes into the working copy."""

    COPY = "copy"  # packet by packet
    ENCODE = "encode"
    LEAVE_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a stream, what is then done with it, and the sentence that says why."""

    name: str
    applies: Callable[[Stream, Probed], bool]
    method: Method
    reason: str

    def says(self, stream: Stream) -> str:
        """The reason, of this stream."""
        return self.reason.format(
            codec=stream.codec,
            pix_fmt=stream.text("pix_fmt"),
            profile=stream.text("profile"),
            type=stream.type,
            rate=ASSUMED_RATE,
        )


@dataclass(frozen=True, slots=True)
class Rewrap:
    """An exact copy beside the working copy: of which pictures, called what, with which options."""

    applies: Callable[[Stream, Probed], bool]
    name: str
    label: str
    ignore_edits: bool = False
    with_sound: bool = False


def missing_frames(stream: Stream, probed: Probed) -> int:
    """How many frames the index lists that were not found: cut off, or outside of the edit list.

    Only MP4 and its relatives list each frame; in AVI the number is a guess of its writer.
    """
    stored = stream.number("nb_frames") if probed.container.startswith("mov") else None
    return max(0, (stored or 0) - stream.packets.count)


def cut_off(probed: Probed) -> str:
    """A sentence where the file ends before what its container announces, else empty."""
    cut = any(mark in line for line in probed.said for mark in _CUT) or _ends_early(probed)
    return "The file ends before its container says so; what is left of it is shown." if cut else ""


def _ends_early(probed: Probed) -> bool:
    """Whether much of what an AVI or FLV announces is not there, of which ffmpeg says nothing."""
    return any(_is_short(stream, probed) for stream in probed.pictures)


def _is_short(stream: Stream, probed: Probed) -> bool:
    packets = stream.packets
    if probed.container == "avi":
        announced = stream.number("nb_frames") or 0
        # Times count frames here: one that was dropped has no packet, and those after it come later.
        reached = max(packets.count, -1 if packets.last is None else packets.last + 1)
        return announced - reached > max(_FEW_FRAMES, _FEW * announced)
    tick = stream.ratio("time_base")
    if probed.container != "flv" or not probed.duration_s or packets.last is None or tick is None:
        return False
    return probed.duration_s - float(packets.last * tick) > max(_FEW_S, _FEW * probed.duration_s)


def hidden_frames(stream: Stream, probed: Probed) -> int:
    """How many frames an edit list hides in MP4 and its relatives; of a file that is cut, those at its ends
    cannot be told from what is gone.
    """
    if not probed.container.startswith("mov"):
        return 0
    return stream.packets.discarded + (0 if cut_off(probed) else missing_frames(stream, probed))


def _hides_frames(stream: Stream, probed: Probed) -> bool:
    return stream.packets.discarded > 0 or missing_frames(stream, probed) > 0


def _is_raw(probed: Probed) -> bool:
    return probed.container in RAW


def _is_reordered(stream: Stream) -> bool:
    """Whether frames are shown in another order than they are stored: then a rate alone gives no times."""
    return stream.number("has_b_frames") != 0


def _has_plain_hevc(stream: Stream, probed: Probed) -> bool:
    in_order = probed.container.startswith(_LENGTH_PREFIXED) and not _hides_frames(stream, probed)
    return stream.codec == "hevc" and in_order


def _hides_in_mp4(stream: Stream, probed: Probed) -> bool:
    return stream.codec in _IN_MP4 and hidden_frames(stream, probed) > 0


_ENCODE, _COPY, _OUT = Method.ENCODE, Method.COPY, Method.LEAVE_OUT
PICTURES = (
    Rule("size", lambda s, _: not s.has_size, _OUT,
         "The size of its pictures is not to be found: their headers are damaged or missing."),
    Rule("cover", lambda s, _: not s.is_picture, _OUT,
         "It is a cover or thumbnail, not footage; it stays in the original."),
    Rule("empty", lambda s, _: not s.packets.count, _OUT, "It is announced, but has no packets."),
    Rule("raw, reordered", lambda s, p: _is_raw(p) and (s.codec != "h264" or _is_reordered(s)), _ENCODE,
         "It is a raw stream: its frames have no times, and a rate of {rate} a second is assumed."),
    Rule("codec", lambda s, _: s.codec != "h264", _ENCODE, "Browsers do not all play its codec ({codec})."),
    Rule("pixel format", lambda s, _: s.text("pix_fmt") not in _SHALLOW, _ENCODE,
         "Browsers do not play H.264 with this pixel format ({pix_fmt})."),
    Rule("profile", lambda s, _: s.text("profile") not in _PROFILES, _ENCODE,
         "Browsers do not play this profile of H.264 ({profile})."),
    Rule("scan", lambda s, _: s.text("field_order") in FIELDS, _ENCODE,
         "It is interlaced, which shows as combs."),
    Rule("edit list", _hides_frames, _ENCODE,
         "Some stored frames are not shown (edit list) or cannot be found, which a remux would not keep so."),
    Rule("times", lambda s, p: s.packets.timeless > 0 and not _is_raw(p), _ENCODE,
         "Some of its packets have no time."),
    Rule("intra frames", lambda s, _: s.packets.key == 0, _ENCODE, "No packet begins a picture anew."),
    Rule("raw", lambda _, p: _is_raw(p), _COPY,
         "Browsers play it as it is; its frames have no times, and a rate of {rate} a second is assumed."),
    Rule("plain H.264", lambda _s, _p: True, _COPY, ""),
)  # fmt: skip
SOUNDS = (
    Rule("empty", lambda s, _: not s.packets.count, _OUT, "It is announced, but has no packets."),
    Rule("unknown", lambda s, _: s.codec == "unknown", _OUT, "Its codec is not known."),
    Rule("played", lambda s, _: s.codec in PLAYED_SOUND, _COPY, ""),
    Rule("not played", lambda _s, _p: True, _ENCODE, "Browsers do not play {codec} in MP4."),
)
OTHERS = (
    Rule("other", lambda _s, _p: True, _OUT,
         "A browser shows no {type} stream; it stays in the original."),
)  # fmt: skip
REWRAPS = (
    Rewrap(_has_plain_hevc, "rewrap.mp4", "the HEVC packets as they were recorded", with_sound=True),
    Rewrap(_hides_in_mp4, "all-stored-frames.mp4", "all stored frames, also those not shown",
           ignore_edits=True),
)  # fmt: skip


def decide(stream: Stream, probed: Probed) -> Rule:
    """The rule that decides on `stream`."""
    table = {"video": PICTURES, "audio": SOUNDS}.get(stream.type, OTHERS)
    return next(rule for rule in table if rule.applies(stream, probed))
