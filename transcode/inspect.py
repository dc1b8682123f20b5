"""The first stage: what the file is, what it says of itself, and how it will become a working copy."""

from dataclasses import replace
from pathlib import Path

from evidence.exhibits import ExhibitState, Problem
from evidence.jsontypes import Json, JsonObject
from transcode import decision, exiftool, gps, metadata, normalise, signatures, stills
from transcode.model import Made, StageReport
from transcode.probe import NotMediaError, Probed, Stream, complaints, probe
from transcode.rawstream import Opening, find
from transcode.readers import Readers, beside
from transcode.sniff import MOTION_JPEG, UNKNOWN, Kind, Sniffed, sniff

# ffprobe's names, kept as they are.
_TEXTS = (
    "profile",
    "codec_tag_string",
    "sample_aspect_ratio",
    "display_aspect_ratio",
    "pix_fmt",
    "field_order",
    "color_range",
    "color_space",
    "color_transfer",
    "color_primaries",
    "chroma_location",
    "r_frame_rate",
    "avg_frame_rate",
    "time_base",
    "is_avc",
    "sample_fmt",
    "channel_layout",
)
_NUMBERS = (
    "coded_width",
    "coded_height",
    "level",
    "has_b_frames",
    "bit_rate",
    "extradata_size",
    "sample_rate",
    "channels",
)
_SAID_LIMIT = 10


def inspect(source: Path, work: Path, filename: str) -> StageReport:
    """Judge and describe the original at `source`; `filename` is what its sender called it.

    Sections: `media` {kind: video|audio|still|none, ...}, `metadata`, `signatures`, `streams` and, as a plan,
    `derivation`. Into `work` come the GPS track of a recording and the clip of a motion photo.
    The state is set where nothing more is to be done: REFUSED for what is not opened here, UNPLAYABLE for
    what cannot be. Raises UnreadableError, SandboxError, ToolMissingError.
    """
    sniffed = sniff(source)
    if sniffed.kind is Kind.STILL:
        return _still(source, work, filename, sniffed)
    if sniffed.kind is Kind.EMPTY:
        return _ended(sniffed, ExhibitState.UNPLAYABLE, "The file is empty.")
    if sniffed.kind is not Kind.MEDIA:
        return _ended(sniffed, ExhibitState.REFUSED, sniffed.text)
    with beside(source, sniffed.format) as readers:
        return _recording(source, work, filename, sniffed, readers)


def _recording(source: Path, work: Path, filename: str, sniffed: Sniffed, readers: Readers) -> StageReport:
    try:
        probed, opening = _probe(source, sniffed)
    except NotMediaError as error:
        said = [Problem("unreadable", line) for line in complaints(error.detail)[:_SAID_LIMIT]]
        read: JsonObject = {
            "metadata": metadata.of_reading(filename, readers.tags.result()[0]),
            "signatures": readers.signatures.result(),
        }
        return _ended(sniffed, ExhibitState.UNPLAYABLE, f"{sniffed.text} {error.what}", said, read)
    if not (probed.pictures or probed.sounds):
        return _ended(sniffed, ExhibitState.UNPLAYABLE, _without_footage(probed))
    reading, track = readers.tags.result()
    section = metadata.of_probe(probed, filename, reading, track)
    report = _moving(probed, sniffed, opening, section, readers.signatures.result())
    return replace(report, made=tuple(made for made in (gps.write(track, work),) if made))


def _probe(source: Path, sniffed: Sniffed) -> tuple[Probed, Opening | None]:
    """Probe the file, or the stream that begins somewhere in it, and say how that is opened.

    Raises NotMediaError.
    """
    if sniffed.format == MOTION_JPEG:  # ffmpeg would take it for one picture
        opening = Opening("mjpeg")
        return probe(source, options=opening.options), opening
    try:
        return probe(source), None
    except NotMediaError:
        hidden = find(source) if sniffed.format == UNKNOWN else None
        if hidden is None:
            raise
        return probe(source, options=hidden.options), hidden


def _without_footage(probed: Probed) -> str:
    unseen = (decision.decide(stream, probed) for stream in probed.streams if stream.type == "video")
    return next((rule.reason for rule in unseen if rule.name == "size"), "It has neither pictures nor sound.")


def _moving(
    probed: Probed, sniffed: Sniffed, opening: Opening | None, section: JsonObject, signed: JsonObject
) -> StageReport:
    plan = normalise.plan(probed, opening)
    media: JsonObject = {
        "kind": "video" if probed.pictures else "audio",
        "format": sniffed.format,
        "container": probed.container,
        "duration_s": probed.duration_s,
        "signed": sniffed.signed,
    }
    nothing = plan["method"] == "none"
    return StageReport(
        sections={
            "media": media,
            "metadata": section,
            "signatures": signed,
            "streams": [_described(stream) for stream in probed.streams],
            "derivation": {**plan, "verdict": "nothing was made"} if nothing else plan,
        },
        problems=(
            *_damage(probed),
            *signatures.problems(signed, seems_signed=sniffed.signed),
            *_assumptions(plan),
            *metadata.problems(section),
        ),
        state=ExhibitState.UNPLAYABLE if nothing else None,
        reason=str(plan["reason"]) if nothing else "",
    )


def _described(stream: Stream) -> Json:
    packets = stream.packets
    described: JsonObject = {
        "index": stream.index,
        "type": stream.type,
        "codec": stream.codec,
        "width": stream.width,
        "height": stream.height,
        "rotation": stream.rotation,
        "mirrored": stream.is_mirrored,
        "is_picture": stream.is_picture,
        "start_s": stream.seconds("start_time"),
        "duration_s": stream.seconds("duration"),
        "stored_frames": stream.number("nb_frames"),
        "packets": {
            "count": packets.count,
            "key": packets.key,
            "discarded": packets.discarded,
            "corrupt": packets.corrupt,
            "without_time": packets.timeless,
            "first_pts": packets.first,
            "last_pts": packets.last,
            "hidden_pts": [*packets.hidden],
        },
    }
    described |= {name: stream.text(name) for name in _TEXTS if stream.text(name)}
    described |= {name: stream.number(name) for name in _NUMBERS if stream.number(name) is not None}
    return described


def _damage(probed: Probed) -> list[Problem]:
    """What the probe met on its way to the last packet."""
    found = [Problem("read-error", line) for line in probed.said[:_SAID_LIMIT]]
    for stream in probed.streams:
        packets, missing = stream.packets, decision.missing_frames(stream, probed)
        hidden, stored = decision.hidden_frames(stream, probed), packets.count + missing
        if stream.is_picture and hidden:
            text = f"Of {stored} stored frames of stream {stream.index}, {hidden} are not shown (edit list)."
            found.append(Problem("hidden-frames", text))
        elif stream.is_picture and packets.discarded:
            text = f"Of {packets.count} packets of stream {stream.index}, {packets.discarded} are not shown."
            found.append(Problem("hidden-frames", text))
        if stream.is_picture and missing and decision.cut_off(probed):
            text = f"Stream {stream.index} lists {stored} frames; {missing} are missing."
            found.append(Problem("missing-frames", text))
        if packets.corrupt:
            found.append(
                Problem("damaged", f"{packets.corrupt} packets of stream {stream.index} are damaged.")
            )
        if stream.type in ("video", "audio") and stream.codec == "unknown":
            found.append(
                Problem("unknown-codec", f"The codec of stream {stream.index} is not known; it is left out.")
            )
    return found


def _assumptions(plan: JsonObject) -> list[Problem]:
    assumed = plan["assumptions"]
    return [Problem("assumption", str(text)) for text in assumed] if isinstance(assumed, list) else []


def _still(source: Path, work: Path, filename: str, sniffed: Sniffed) -> StageReport:
    report = stills.describe(source, sniffed.format)
    if report.refused:
        return _ended(sniffed, ExhibitState.REFUSED, f"{sniffed.text} {_sentence(report.refused)}")
    if report.failed:
        return _ended(sniffed, ExhibitState.UNPLAYABLE, f"{sniffed.text} {_sentence(report.failed)}")
    section = metadata.of_still(report, filename, exiftool.read(source))
    signed = signatures.read(source, sniffed.format)
    clip = stills.take_clip(source, report.clip, work) if report.clip else None
    media: JsonObject = {
        "kind": "still",
        "format": sniffed.format,
        "container": report.format,
        "width": report.width,
        "height": report.height,
        "pictures": report.frames,
        "signed": sniffed.signed,
    }
    found = [
        *signatures.problems(signed, seems_signed=sniffed.signed),
        *metadata.problems(section),
        *_motion(report, clip),
    ]
    if report.exif_trouble:
        text = f"Its EXIF block cannot be read in full ({report.exif_trouble}); Pillow read what it could."
        found.append(Problem("metadata-unreadable", text))
    if report.frames > 1:
        text = f"It holds {report.frames} pictures; the working copy shows the first."
        found.append(Problem("several-pictures", text))
    return StageReport(
        sections={
            "media": media,
            "metadata": section,
            "signatures": signed,
            "streams": [],
            "derivation": _still_plan(),
        },
        made=(clip,) if clip else (),
        problems=tuple(found),
    )


def _motion(report: stills.StillReport, made: Made | None) -> list[Problem]:
    """What became of the clip inside of a motion photo."""
    clip = report.clip
    if clip and made:
        text = (
            f"It is a motion photo: the clip inside (byte {clip.offset} on, {clip.size} bytes) is {made.name}"
        )
        return [Problem("motion-photo", text + ("; it is cut short." if clip.is_cut else "."))]
    text = "It calls itself a motion photo; no clip was found in it."
    return [Problem("motion-photo", text)] if report.motion_photo else []


def _still_plan() -> JsonObject:
    reason = "A web-viewable copy is made, upright and without metadata."
    return {"method": "encode", "reason": reason, "verdict": "pending", "partial": "", "streams": []}


def _ended(
    sniffed: Sniffed,
    state: ExhibitState,
    reason: str,
    problems: list[Problem] | None = None,
    read: JsonObject | None = None,
) -> StageReport:
    sections: JsonObject = {
        "media": {"kind": "none", "format": sniffed.format, "signed": sniffed.signed},
        "metadata": {},
        "streams": [],
        "derivation": {"method": "none", "reason": reason, "verdict": "nothing was made"},
        **(read or {}),
    }
    section, signed = sections["metadata"], sections.get("signatures")
    return StageReport(
        sections=sections,
        problems=(
            *(problems or ()),
            *(signatures.problems(signed, seems_signed=sniffed.signed) if isinstance(signed, dict) else ()),
            *(metadata.problems(section) if isinstance(section, dict) else ()),
        ),
        state=state,
        reason=reason,
    )


def _sentence(text: str) -> str:
    """What a library said, as a sentence."""
    return text if text.endswith(".") else f"{text}."
