"""The plan of a working copy: what transcode.decision says of each stream, as files to be made.

A remux keeps the packets as they are and is preferred; what it cannot do is encoded in the slow lane.
The plan is the section `derivation` until the stages that carry it out replace it by what came of it.
"""

from evidence.jsontypes import Json, JsonObject
from transcode.decision import ASSUMED_RATE, PLAYED_SOUND, RAW, REWRAPS, Method, Rule, cut_off, decide
from transcode.probe import Probed, Stream
from transcode.rawstream import Opening

# Audio for which Matroska has no name.
_NOT_IN_MATROSKA = frozenset({"amr_nb", "amr_wb", "adpcm_ima_qt", "qcelp", "evrc", "nellymoser", "unknown"})
_NOTHING = "It has no stream that can be shown or heard."
Decided = tuple[Stream, Rule]


def plan(probed: Probed, opening: Opening | None = None) -> JsonObject:
    """The section `derivation` of a video or sound file, with verdict `pending`.

    `copies` are the working copies: {name, video, method, audio}; `rewraps` exact ones in another container:
    {name, container, streams, tag, input_options, label}; `streams` tells of every stream what becomes of it,
    by which rule. `input_options` stand before the input, as in `-r 25`; `partial` is a sentence where the
    file is cut. `opening` is how a stream without a container of its own is read.
    """
    decided = [(stream, decide(stream, probed)) for stream in probed.streams]
    shown = [
        (stream, rule)
        for stream, rule in decided
        if stream.type == "video" and rule.method is not Method.LEAVE_OUT
    ]
    sounds = [
        stream for stream, rule in decided if stream.type == "audio" and rule.method is not Method.LEAVE_OUT
    ]
    copies = [_copy(number, stream, rule, sounds) for number, (stream, rule) in enumerate(shown, 1)]
    if not shown and sounds:
        copies = [{"name": "working.m4a", "video": None, "method": "remux", "audio": _audio(sounds)}]
    encoded = [rule.says(stream) for stream, rule in shown if rule.method is Method.ENCODE]
    options, assumptions = _reading(probed, opening)
    return {
        "method": "none" if not copies else "encode" if encoded else "remux",
        "reason": encoded[0] if encoded else _remuxed(shown, sounds) if copies else _NOTHING,
        "verdict": "pending",
        "partial": cut_off(probed),
        "streams": [_fate(stream, rule) for stream, rule in decided],
        "copies": [*copies],
        "rewraps": [*_rewraps(probed, shown, sounds)],
        "input_options": options,
        "assumptions": assumptions,
    }


def _reading(probed: Probed, opening: Opening | None) -> tuple[JsonObject, list[Json]]:
    """What stands before the input, and what is assumed by it."""
    options: JsonObject = dict(opening.options) if opening else {}
    said: list[Json] = [opening.assumption] if opening and opening.assumption else []
    if probed.container in RAW:
        options["r"] = ASSUMED_RATE
        said.append(f"The frame rate is not known; {ASSUMED_RATE} a second is assumed.")
    return options, said


def _remuxed(shown: list[Decided], sounds: list[Stream]) -> str:
    """What a remux does with the streams, where no picture is encoded."""
    said = next((text for stream, rule in shown if (text := rule.says(stream))), "")
    encoded = sorted({stream.codec for stream in sounds if stream.codec not in PLAYED_SOUND})
    if encoded and not said:
        return f"Its sound ({', '.join(encoded)}) is encoded to AAC for browsers; all else stays as it is."
    return said or "Browsers play its streams as they are; only the container is new."


def _copy(number: int, stream: Stream, rule: Rule, sounds: list[Stream]) -> JsonObject:
    return {
        "name": _numbered("working.mp4", number),
        "video": stream.index,
        "method": "remux" if rule.method is Method.COPY else "encode",
        "audio": _audio(sounds),
    }


def _numbered(name: str, number: int) -> str:
    """`working.mp4`, `working-2.mp4` ..."""
    stem, _, ending = name.rpartition(".")
    return name if number == 1 else f"{stem}-{number}.{ending}"


def _audio(sounds: list[Stream]) -> list[Json]:
    return [
        {"index": stream.index, "action": "copy" if stream.codec in PLAYED_SOUND else "encode"}
        for stream in sounds
    ]


def _rewraps(probed: Probed, shown: list[Decided], sounds: list[Stream]) -> list[JsonObject]:
    """Exact copies beside the working copy, where that one is not exact or hides frames."""
    rewraps: list[JsonObject] = []
    remuxed = [stream for stream, rule in shown if rule.method is Method.COPY]
    encoded = [stream for stream in sounds if stream.codec not in PLAYED_SOUND]
    kept = [sound for sound in sounds if sound.codec in PLAYED_SOUND]
    if remuxed and encoded:
        rewraps += _as_recorded(remuxed, sounds, encoded)
    for kind in REWRAPS:
        streams = [stream for stream, _ in shown if kind.applies(stream, probed)]
        for number, stream in enumerate(streams, 1):
            held = [stream, *(kept if kind.with_sound else [])]
            rewrap = _rewrap(_numbered(kind.name, number), "mp4", held, kind.label)
            rewrap["tag"] = "hvc1" if stream.codec == "hevc" else ""
            rewrap["input_options"] = {"ignore_editlist": 1} if kind.ignore_edits else {}
            rewraps.append(rewrap)
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


def _fate(stream: Stream, rule: Rule) -> JsonObject:
    """What becomes of one stream in the working copies, by which rule, and why."""
    return {
        "index": stream.index,
        "type": stream.type,
        "codec": stream.codec,
        "action": rule.method,
        "rule": rule.name,
        "reason": rule.says(stream),
    }
