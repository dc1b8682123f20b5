"""The fast stage: what can be had without encoding a picture: remuxes, exact rewraps, their proof, previews.

One ffmpeg run reads the original once and writes all of it; each product is probed and proved before it is
filed. A product that fails is dropped, and its stream is left to the slow stage, with the reason.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence.errors import VidneError
from evidence.exhibits import ExhibitState, Problem, Role
from evidence.jsontypes import Json, JsonObject
from transcode import fingerprint, preview, products, proof, quality, remux, stills
from transcode.model import Made, StageReport
from transcode.proving import Proved
from transcode.tools import identify
from transcode.values import decimal, objects

UNDECODABLE = "None of its intra frames can be decoded, so the packets are not taken as they are."


def fast(source: Path, work: Path, sections: JsonObject) -> StageReport:
    """Make of the original what its plan (section `derivation`) allows without encoding a picture.

    Files are written into `work`, a folder of this call's own. Gives the section `derivation` with what came
    of it: verdict `packets identical`, or method `encode` and verdict `pending` where that is left to the
    slow stage. Raises SandboxError, ToolMissingError.
    """
    media, plan = sections.get("media"), sections.get("derivation")
    if not isinstance(media, dict) or not isinstance(plan, dict):
        raise VidneError("The exhibit was not inspected.", advice="Retry its jobs from the first.")
    if media.get("kind") == "still":
        return _still(source, work, str(media.get("format")), plan)
    return _moving(source, work, media, plan, objects(sections.get("streams")))


def _moving(
    source: Path, work: Path, media: JsonObject, plan: JsonObject, streams: list[JsonObject]
) -> StageReport:
    picture = _previewed(plan, streams)
    extra = [preview.output(picture, decimal(media.get("duration_s")), plan)] if picture else []
    wanted = products.planned(plan, streams)
    unlisted = fingerprint.unlisted(plan, streams, wanted)
    if unlisted:
        extra.append(fingerprint.listing(plan, unlisted))
    made = remux.make(source, work, wanted, extra)
    previews = preview.collect(work)
    dark = _dark(plan, picture, made.failures) if picture and not previews else ""
    held = [one for one in made.held if one.product.name != dark]
    derivation = _outcome(plan, held, made.failures, dark)
    files = [file for one in held for file in remux.filed(one)]
    files += [
        Made(Role.PREVIEW, path.name, path, identify("ffmpeg"), made.command, detail={"time_s": time_s})
        for path, time_s in previews
    ]
    problems = [Problem("remux-failed", f"{name}: {reason}") for name, reason in made.failures.items()]
    if dark:
        problems.append(Problem("no-intra-frame", f"{dark}: {UNDECODABLE}"))
    state, reason = _sound_ended(media, derivation)
    return StageReport(
        sections={"derivation": derivation},
        made=tuple(files),
        problems=tuple(problems),
        state=state,
        reason=reason,
        marks=fingerprint.of_original(work, plan, streams, wanted, made.held),
    )


def _previewed(plan: JsonObject, streams: list[JsonObject]) -> JsonObject | None:
    """The picture of the first working copy, which previews are made of, or None."""
    wanted = next((copy["video"] for copy in objects(plan.get("copies"))), None)
    return next(
        (stream for stream in streams if stream.get("is_picture") and stream.get("index") == wanted), None
    )


def _dark(plan: JsonObject, picture: JsonObject, failures: Mapping[str, str]) -> str:
    """The remux of a picture of which no frame was decoded: its name, or empty where none holds anyway."""
    copies = objects(plan.get("copies"))
    found = (copy for copy in copies if copy["video"] == picture["index"] and copy["method"] == "remux")
    return next((name for copy in found if (name := str(copy["name"])) not in failures), "")


def _sound_ended(media: JsonObject, derivation: JsonObject) -> tuple[ExhibitState | None, str]:
    """What becomes of a file without pictures: it has no slow stage, unless its remux failed."""
    if media.get("kind") != "audio" or derivation["method"] != "remux":
        return None, ""
    cut = str(derivation.get("partial") or "")
    if cut:
        return ExhibitState.PARTIAL, f"{cut} It has no pictures."
    unseen = next(
        (stream for stream in objects(derivation.get("streams")) if stream.get("rule") == "size"), None
    )
    if unseen:
        return ExhibitState.PARTIAL, f"Only its sound is ready. {unseen['reason']}"
    return ExhibitState.PROCESSED, "Its sound is ready; it has no pictures."


def _outcome(plan: JsonObject, held: Sequence[Proved], failures: Mapping[str, str], dark: str) -> JsonObject:
    """The plan with what came of it: a copy that does not hold, or is `dark`, is left to be encoded."""
    copies: list[Json] = []
    reasons: list[str] = []
    fates = {stream["index"]: stream for stream in objects(plan.get("streams"))}
    for copy in objects(plan.get("copies")):
        failure = failures.get(str(copy["name"]))
        reason = f"A remux did not hold: {failure}" if failure else ""
        if copy["name"] == dark:
            reason = UNDECODABLE
        if reason:
            reasons.append(reason)
            video = copy["video"]
            fates |= {video: {**fates[video], "action": "encode", "reason": reason}} if video in fates else {}
        copies.append({**copy, "method": "encode"} if reason else copy)
    encode = plan["method"] == "encode" or bool(reasons)
    proofs: list[Json] = [proved.as_json() for proved in held]
    verdicts = [proved.verdict for proved in held if proved.product.role is Role.WORKING]
    verdict = proof.IDENTICAL if set(verdicts) == {proof.IDENTICAL} else "derived from"
    return {
        **plan,
        "method": "encode" if encode else plan["method"],
        "reason": reasons[0] if reasons else plan["reason"],
        "verdict": "pending" if encode else verdict,
        "streams": [*fates.values()],
        "copies": copies,
        "proofs": proofs,
    }


def _still(source: Path, work: Path, format_name: str, plan: JsonObject) -> StageReport:
    from transcode.likeness import of_still  # noqa: PLC0415 - only stills need it here, and NumPy loads slowly

    report = stills.copy(source, format_name, work)
    if report.failed or report.refused:
        reason = f"No picture could be decoded: {report.failed or report.refused}"
        ended: JsonObject = {**plan, "method": "none", "reason": reason, "verdict": "nothing was made"}
        return StageReport({"derivation": ended}, state=ExhibitState.UNPLAYABLE, reason=reason)
    partial = f"The file is cut or damaged: {report.partial}." if report.partial else ""
    derivation: JsonObject = {
        **plan,
        "verdict": "derived from",
        "width": report.shown[0],
        "height": report.shown[1],
        "partial": partial,
    }
    arguments = stills.arguments("copy", format_name)
    detail: JsonObject = {"width": report.shown[0], "height": report.shown[1]}
    made = Made(
        Role.WORKING, report.name, work / report.name, stills.tool(format_name), arguments, detail=detail
    )
    problems = (Problem("partial", partial),) if partial else ()
    return StageReport(
        sections={
            "derivation": derivation,
            "quality": {
                "measures": quality.still_measures(report.shown, report.luma),
                "density_class": quality.density_class(),
            },
        },
        made=(made,),
        problems=problems,
        state=ExhibitState.PARTIAL if partial else ExhibitState.PROCESSED,
        reason=f"{partial} The copy shows what could be decoded." if partial else "Its copy is ready.",
        marks=(of_still(report.square),),
    )
