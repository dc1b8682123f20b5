"""How each stream becomes a working copy: one table, first rule that fits.

A remux keeps the packets as they are and is preferred; what it cannot do is encoded in the slow lane.
The plan is the section `derivation` until the stages that carry it out replace it by what came of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from evidence.jsontypes import Json, JsonObject
from transcode.probe import Probed, Stream

# Demuxers of streams without a container: packets have no times of their own.
RAW = frozenset({"h264", "hevc", "m4v", "mpegvideo", "mjpeg", "h261", "h263", "vc1", "obu", "av1"})
ASSUMED_RATE = 25
# What ffmpeg says of a file that is shorter than announced.
_CUT = ("File ended prematurely", "partial file", "Truncat", "truncat")
# In these containers HEVC has the form that MP4 wants, so that its packets stay the same.
_LENGTH_PREFIXED = ("mov", "matroska")
_SHALLOW = frozenset({"yuv420p", "yuvj420p"})
_FIELDS = frozenset({"tt", "bb", "tb", "bt"})
_PROFILES = frozenset(
    {"Constrained Baseline", "Baseline", "Main", "Constrained High", "High", "Progressive High"}
)
# Audio that an MP4 holds and a browser plays; all else is encoded to AAC for viewing.
_AUDIO_COPIED = frozenset({"aac", "mp3", "opus", "flac"})
# What an MP4 holds as it is, also where browsers do not play it.
_IN_MP4 = frozenset({"h264", "hevc", "mpeg4", "mjpeg", "av1", "vp9"})
# Audio for which Matroska has no name.
_NOT_IN_MATROSKA = frozenset({"amr_nb", "amr_wb", "adpcm_ima_qt", "qcelp", "evrc", "unknown"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a video stream under which it is encoded, and the sentence that says why."""

    applies: Callable[[Stream, Probed], bool]
    reason: str


def missing_frames(stream: Stream, probed: Probed) -> int:
    """How many frames the index lists that were not found: cut off, or outside of the edit list.

    Only MP4 and its relatives list each frame; in AVI the number is a guess of its writer.
    """
    stored = stream.number("nb_frames") if probed.container.startswith("mov") else None
    return max(0, (stored or 0) - stream.packets.count)


def cut_off(probed: Probed) -> str:
    """A sentence where the file ends before what its container announces, else empty."""
    cut = any(mark in line for line in probed.said for mark in _CUT)
    return "The file ends before its container says so; what is left of it is shown." if cut else ""


def hidden_frames(stream: Stream, probed: Probed) -> int:
    """How many frames an edit list hides in MP4 and its relatives; of a file that is cut, those at its ends
    cannot be told from what is gone.
    """
    if not probed.container.startswith("mov"):
        return 0
    return stream.packets.discarded + (0 if cut_off(probed) else missing_frames(stream, probed))


def _hides_frames(stream: Stream, probed: Probed) -> bool:
    return stream.packets.discarded > 0 or missing_frames(stream, probed) > 0


ENCODE = (
    Rule(
        lambda _, probed: probed.container in RAW,
        "It is a raw stream: its frames have no times, and a rate of {rate} a second is assumed.",
    ),
    Rule(lambda stream, _: stream.codec != "h264", "Browsers do not all play its codec ({codec})."),
    Rule(
        lambda stream, _: stream.text("pix_fmt") not in _SHALLOW,
        "Browsers do not play H.264 with this pixel format ({pix_fmt}).",
    ),
    Rule(
        lambda stream, _: stream.text("profile") not in _PROFILES,
        "Browsers do not play this profile of H.264 ({profile}).",
    ),
    Rule(lambda stream, _: stream.text("field_order") in _FIELDS, "It is interlaced, which shows as combs."),
    Rule(
        _hides_frames,
        "Some stored frames are not shown (edit list) or cannot be found, which a remux would not keep so.",
    ),
    Rule(lambda stream, _: stream.packets.timeless > 0, "Some of its packets have no time."),
    Rule(lambda stream, _: stream.packets.key == 0, "No packet begins a picture anew."),
)


def plan(probed: Probed) -> JsonObject:
    """The section `derivation` of a video or sound file, with verdict `pending`.

    `copies` are the working copies: {name, video, method, audio}; `rewraps` exact ones in another container:
    {name, container, streams, tag, input_options, label}; `streams` tells of every stream what becomes of it.
    `input_options` stand before the input, as in `-r 25`; `partial` is a sentence where the file is cut.
    """
    videos = [(stream, _reason(stream, probed)) for stream in probed.pictures if stream.packets.count]
    sounds = [stream for stream in probed.sounds if stream.codec != "unknown" and stream.packets.count]
    copies = [_copy(number, stream, why, sounds) for number, (stream, why) in enumerate(videos, 1)]
    if not videos and sounds:
        copies = [{"name": "working.m4a", "video": None, "method": "remux", "audio": _audio(sounds)}]
    whys = {stream.index: why for stream, why in videos}
    reasons = [why for why in whys.values() if why]
    method = "none" if not copies else "encode" if reasons else "remux"
    rewraps = _rewraps(probed, [stream for stream, why in videos if not why], sounds)
    assumed = probed.container in RAW
    return {
        "method": method,
        "reason": reasons[0] if reasons else _remuxed(sounds) if copies else _NOTHING,
        "verdict": "pending",
        "partial": cut_off(probed),
        "streams": [_fate(stream, whys) for stream in probed.streams],
        "copies": [*copies],
        "rewraps": [*rewraps],
        "input_options": {"r": ASSUMED_RATE} if assumed else {},
        "assumptions": [f"The frame rate is not known; {ASSUMED_RATE} a second is assumed."]
        if assumed
        else [],
    }


_NOTHING = "It has no stream that can be shown or heard."


def _remuxed(sounds: list[Stream]) -> str:
    """What a remux does with the streams, where no picture is encoded."""
    encoded = sorted({stream.codec for stream in sounds if stream.codec not in _AUDIO_COPIED})
    if encoded:
        return f"Its sound ({', '.join(encoded)}) is encoded to AAC for browsers; all else stays as it is."
    return "Browsers play its streams as they are; only the container is new."


def _reason(stream: Stream, probed: Probed) -> str:
    """Why this stream is encoded; empty where it is not."""
    for rule in ENCODE:
        if rule.applies(stream, probed):
            return rule.reason.format(
                codec=stream.codec,
                pix_fmt=stream.text("pix_fmt"),
                profile=stream.text("profile"),
                rate=ASSUMED_RATE,
            )
    return ""


def _copy(number: int, stream: Stream, reason: str, sounds: list[Stream]) -> JsonObject:
    method = "encode" if reason else "remux"
    return {
        "name": _numbered("working.mp4", number),
        "video": stream.index,
        "method": method,
        "audio": _audio(sounds),
    }


def _numbered(name: str, number: int) -> str:
    """`working.mp4`, `working-2.mp4` ..."""
    stem, _, ending = name.rpartition(".")
    return name if number == 1 else f"{stem}-{number}.{ending}"


def _audio(sounds: list[Stream]) -> list[Json]:
    return [
        {"index": stream.index, "action": "copy" if stream.codec in _AUDIO_COPIED else "encode"}
        for stream in sounds
    ]


def _rewraps(probed: Probed, remuxed: list[Stream], sounds: list[Stream]) -> list[JsonObject]:
    """Exact copies beside the working copy, where that one is not exact or hides frames."""
    rewraps: list[JsonObject] = []
    encoded = [stream for stream in sounds if stream.codec not in _AUDIO_COPIED]
    if remuxed and encoded:
        rewraps += _as_recorded(remuxed, sounds, encoded)
    hevc = [
        stream
        for stream in probed.pictures
        if stream.codec == "hevc"
        and stream.packets.count
        and probed.container.startswith(_LENGTH_PREFIXED)
        and not _hides_frames(stream, probed)
    ]
    kept = [sound for sound in sounds if sound.codec in _AUDIO_COPIED]
    for number, stream in enumerate(hevc, 1):
        label = "the HEVC packets as they were recorded"
        rewrap = _rewrap(_numbered("rewrap.mp4", number), "mp4", [stream, *kept], label)
        rewraps.append({**rewrap, "tag": "hvc1"})
    hidden = [stream for stream in probed.pictures if hidden_frames(stream, probed)]
    for number, stream in enumerate((stream for stream in hidden if stream.codec in _IN_MP4), 1):
        label = "all stored frames, also those not shown"
        rewrap = _rewrap(_numbered("all-stored-frames.mp4", number), "mp4", [stream], label)
        tag = "hvc1" if stream.codec == "hevc" else ""
        rewraps.append({**rewrap, "tag": tag, "input_options": {"ignore_editlist": 1}})
    return rewraps


def _as_recorded(remuxed: list[Stream], sounds: list[Stream], encoded: list[Stream]) -> list[JsonObject]:
    """A container that holds the sound which the working copy does not, or none."""
    label = "all packets as they were recorded"
    if any(stream.rotation or stream.is_mirrored for stream in remuxed):
        # ffmpeg writes no rotation into Matroska; what is turned comes from QuickTime's family.
        return [_rewrap("rewrap.mov", "mov", [*remuxed, *sounds], label)]
    held = [stream for stream in sounds if stream.codec not in _NOT_IN_MATROSKA]
    if not any(stream in held for stream in encoded):
        return []
    return [_rewrap("rewrap.mkv", "matroska", [*remuxed, *held], label)]


def _rewrap(name: str, container: str, streams: list[Stream], label: str) -> JsonObject:
    return {
        "name": name,
        "container": container,
        "streams": [stream.index for stream in streams],
        "tag": "",
        "input_options": {},
        "label": label,
    }


def _fate(stream: Stream, reasons: dict[int, str]) -> JsonObject:
    """What becomes of one stream in the working copies, and why."""
    if stream.type in ("video", "audio") and not stream.packets.count:
        action, reason = "left out", "It is announced, but has no packets."
    elif stream.index in reasons:
        reason = reasons[stream.index]
        action = "encode" if reason else "copy"
    elif stream.type == "audio" and stream.codec in _AUDIO_COPIED:
        action, reason = "copy", ""
    elif stream.type == "audio" and stream.codec != "unknown":
        action, reason = "encode", f"Browsers do not play {stream.codec} in MP4."
    elif stream.type == "audio":
        action, reason = "left out", "Its codec is not known."
    elif stream.type == "video":
        action, reason = "left out", "It is a cover or thumbnail, not footage; it stays in the original."
    else:
        action, reason = "left out", f"A browser shows no {stream.type} stream; it stays in the original."
    return {
        "index": stream.index,
        "type": stream.type,
        "codec": stream.codec,
        "action": action,
        "reason": reason,
    }
