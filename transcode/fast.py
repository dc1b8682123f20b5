"""The fast stage: what can be had without encoding a picture: remuxes, exact rewraps, their proof, previews.

One ffmpeg run reads the original once and writes all of it; a second one lists the packets of what was
written; each product is probed and proved before it is filed. A product that fails is dropped, and its stream
is left to the slow stage, with the reason.
"""

from pathlib import Path

from evidence.errors import VidneError
from evidence.exhibits import ExhibitState, Problem, Role
from evidence.jsontypes import Json, JsonObject
from transcode import preview, products, proof, remux, stills
from transcode.model import Made, StageReport
from transcode.probe import decimal, objects
from transcode.tools import identify


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
    pictures = [stream for stream in streams if stream.get("is_picture")]
    extra = [preview.output(pictures[0], decimal(media.get("duration_s")), plan)] if pictures else []
    made = remux.make(source, work, products.planned(plan, streams), extra)
    derivation = _outcome(plan, made)
    files = [file for proved in made.held for file in remux.filed(proved)]
    files += [
        Made(Role.PREVIEW, path.name, path, identify("ffmpeg"), made.command, detail={"time_s": time})
        for path, time in preview.collect(work)
    ]
    problems = [Problem("remux-failed", f"{name}: {reason}") for name, reason in made.failures.items()]
    done = media.get("kind") == "audio" and derivation["method"] == "remux"
    return StageReport(
        sections={"derivation": derivation},
        made=tuple(files),
        problems=tuple(problems),
        state=ExhibitState.PROCESSED if done else None,
        reason="Its sound is ready; it has no pictures." if done else "",
    )


def _outcome(plan: JsonObject, made: remux.Outcome) -> JsonObject:
    """The plan with what came of it: a working copy that does not hold is left to be encoded."""
    copies: list[Json] = []
    reasons: list[str] = []
    for copy in objects(plan.get("copies")):
        failure = made.failures.get(str(copy["name"]))
        if failure:
            reasons.append(f"A remux did not hold: {failure}")
        copies.append({**copy, "method": "encode"} if failure else copy)
    encode = plan["method"] == "encode" or bool(reasons)
    proofs: list[Json] = [proved.as_json() for proved in made.held]
    verdicts = [proved.verdict for proved in made.held if proved.product.role is Role.WORKING]
    verdict = proof.IDENTICAL if set(verdicts) == {proof.IDENTICAL} else "derived from"
    return {
        **plan,
        "method": "encode" if encode else plan["method"],
        "reason": reasons[0] if reasons else plan["reason"],
        "verdict": "pending" if encode else verdict,
        "copies": copies,
        "proofs": proofs,
    }


def _still(source: Path, work: Path, format_name: str, plan: JsonObject) -> StageReport:
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
        sections={"derivation": derivation},
        made=(made,),
        problems=problems,
        state=ExhibitState.PARTIAL if partial else ExhibitState.PROCESSED,
        reason=f"{partial} The copy shows what could be decoded." if partial else "Its copy is ready.",
    )
