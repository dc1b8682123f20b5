"""The slow stage: one decode of each picture for analysis, keyframes, measures and, if need be, an encode."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evidence.errors import VidneError
from evidence.exhibits import ExhibitState, Problem
from evidence.jsontypes import Json, JsonObject
from evidence.marks import Marks
from transcode import copying, decode, encode, keyframe_files, quality
from transcode.keyframes import Kept, Keyframes
from transcode.model import Made, StageReport
from transcode.probe import complaints
from transcode.task import Task, tasks
from transcode.timeline import Timeline, timeline
from transcode.values import decimal, objects, whole

_SAID_LIMIT = 5
# Said of our pipes where the original's times run backwards, which is told as that.
_OUR_OWN = "non monotonically increasing dts to muxer"
# So many of a stream's pictures may be lost before the exhibit is called partial.
_LOST_SHARE = 0.1
_VIEWING = Problem(
    "viewing-copy",
    "Some of its packets do not decode. The working copy keeps them as they are, and players may stop there:"
    " an encoded viewing copy beside it shows what does decode.",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one picture gave; `out` is the folder of its decode, `copied` its encoded copy, or
    `uncopied` why there is none.
    """

    task: Task
    line: Timeline
    decoded: decode.Decoded
    out: Path
    measures: tuple[Json, ...] = ()
    made: tuple[Made, ...] = ()
    copied: copying.Copied | None = None
    uncopied: str = ""
    problems: tuple[Problem, ...] = field(default=())

    @property
    def is_damaged(self) -> bool:
        """Whether some packets gave no picture, or not without an error, in a decode that came to its end."""
        stopped = self.decoded.was_ended or self.decoded.is_exhausted
        return not stopped and bool(self.lost or self.said)

    @property
    def said(self) -> list[str]:
        """What ffmpeg complained of while decoding."""
        return [line for line in complaints(self.decoded.finished.stderr) if _OUR_OWN not in line]

    @property
    def lost(self) -> int:
        """Packets that gave no picture; fields may come in packets of their own, two for a picture."""
        return 0 if self.task.seen.interlaced else max(0, self.task.seen.packets - self.line.frames)


def slow(source: Path, work: Path, sections: JsonObject) -> StageReport:
    """Decode the original's pictures, choose keyframes, measure, encode what the plan leaves to this stage.

    Files are written into `work`, a folder of this call's own. Gives the sections `derivation`, `quality`
    and `timeline`, and the state: PROCESSED, PARTIAL (some of it is missing) or UNPLAYABLE (nothing
    decodes). Raises SandboxError, ToolMissingError, VidneError where a copy could not be made.
    """
    media, plan = sections.get("media"), sections.get("derivation")
    if not isinstance(media, dict) or not isinstance(plan, dict):
        raise VidneError("The exhibit was not inspected.", advice="Retry its jobs from the first.")
    outcomes = [_one(task) for task in tasks(source, work, sections)]
    if not any(outcome.line.frames for outcome in outcomes):
        return _nothing(plan, outcomes)
    return _report(plan, media, outcomes)


def _one(task: Task) -> Outcome:
    """Decode one picture, and file what came of it."""
    job = task.job(f"decode-{task.number}", task.copy)
    outcome = look_at(task, job)
    along = not outcome.decoded.has_failed
    failed = outcome.decoded.finished
    if task.copy and not along:
        # What failed may be the copy: the pictures are looked at without it.
        outcome = look_at(task, task.job(f"alone-{task.number}", None))
    if task.copy and outcome.line.frames:
        try:
            if along:
                return _with(outcome, copying.along(job, outcome.decoded, task.copy_job))
            return _with(outcome, copying.apart(task.copy, failed, task.copy_job))
        except copying.CopyFailedError as error:
            if error.was_ended:
                raise
            return replace(outcome, uncopied=error.what)
    if task.viewing and outcome.line.frames and outcome.is_damaged:
        return _with_viewing(outcome, task.viewing)
    return outcome


def _with_viewing(outcome: Outcome, wanted: encode.Plan) -> Outcome:
    """With a copy to look at; the working copy is there without it."""
    try:
        return _with(outcome, copying.beside(wanted, outcome.task.copy_job), _VIEWING)
    except copying.CopyFailedError as error:
        failed = Problem(
            "viewing-failed", f"A copy that plays past its damage could not be made. {error.what}"
        )
        return replace(outcome, problems=(*outcome.problems, failed))


def _with(outcome: Outcome, copied: copying.Copied, *told: Problem) -> Outcome:
    problems = (*outcome.problems, *told, *copied.problems)
    return replace(outcome, made=(*outcome.made, copied.made), copied=copied, problems=problems)


def look_at(task: Task, job: decode.Job) -> Outcome:
    """What is seen in one decode, which encodes the copy of `job`; that is not compared yet.

    Of a decode that failed because of its copy only the failure is told.
    """
    frames = task.work / f"frames-{task.number}.yuv"
    keyframes = Keyframes(frames, task.seen.frame_size)
    try:
        decoded = decode.decode(job, keyframes)
        line = timeline(decoded.times, float(task.seen.tick))
        outcome = Outcome(task, line, decoded, job.out)
        if not line.frames or (job.copy and decoded.has_failed):
            return outcome
        kept, left_out = keyframes.finish(decoded.summary.camera)
        names = "keyframe" if task.number == 1 else f"keyframe-{task.number}"
        series = keyframe_files.Series(task.seen, kept, names, task.stored_numbers(decoded.stamps))
        files = keyframe_files.write(series, keyframes, task.work / f"keyframes-{task.number}", job.limits)
    finally:
        keyframes.close()
        frames.unlink(missing_ok=True)
    outcome = replace(outcome, made=tuple(files), problems=tuple(_ceiling(left_out=left_out)))
    return _measured(outcome, tuple(kept))


def _measured(outcome: Outcome, kept: tuple[Kept, ...]) -> Outcome:
    task, decoded = outcome.task, outcome.decoded
    observed = quality.Observed(
        picture=task.seen,
        timeline=outcome.line,
        summary=decoded.summary,
        sharpest=max((entry.sharpness for entry in kept), default=None),
        combing=decode.combing(outcome.out),
        size=task.source.stat().st_size,
        flagged=str(task.stream.get("field_order", "not stated")),
    )
    found = (*outcome.problems, *quality.problems(observed), *_decoding(outcome))
    return replace(outcome, measures=tuple(quality.measures(observed)), problems=found)


def _ceiling(*, left_out: bool) -> list[Problem]:
    text = "More happens than 200 keyframes can show: they were thinned out evenly over the clip."
    return [Problem("keyframe-ceiling", text)] if left_out else []


def _decoding(outcome: Outcome) -> list[Problem]:
    """What went wrong while decoding."""
    decoded, lost = outcome.decoded, outcome.lost
    found = [Problem("decode-error", line) for line in outcome.said[:_SAID_LIMIT]]
    if lost:
        text = f"{lost} of {outcome.task.seen.packets} packets of stream {outcome.task.seen.index} gave no"
        found.append(Problem("frames-lost", f"{text} picture."))
    if decoded.was_ended:
        found.append(Problem("decode-stopped", f"Decoding was ended early: {decoded.finished.explain()}"))
    if decoded.is_exhausted:
        text = f"Only the first {decode.FRAME_BUDGET} frames were looked at, which is the most."
        found.append(Problem("frame-budget", text))
    return found


def _nothing(plan: JsonObject, outcomes: Sequence[Outcome]) -> StageReport:
    """Not one frame decoded; raises VidneError where that is not the file's fault."""
    for outcome in outcomes:
        if outcome.decoded.was_ended:
            raise VidneError(
                f"Decoding was ended before its first picture. {outcome.decoded.finished.explain()}"
            )
    problems = [problem for outcome in outcomes for problem in _decoding(outcome)]
    reason = "Nothing in it decodes: its packets are damaged, or are not what its container says they are."
    derivation: JsonObject = {**plan, "method": "none", "reason": reason, "verdict": "nothing was made"}
    return StageReport(
        {"derivation": derivation},
        problems=tuple(problems),
        state=ExhibitState.UNPLAYABLE,
        reason=reason,
    )


def _report(plan: JsonObject, media: JsonObject, outcomes: Sequence[Outcome]) -> StageReport:
    encoded = {outcome.copied.plan.name: outcome.copied for outcome in outcomes if outcome.copied}
    found = _copies(plan, outcomes)
    copies: list[Json] = [_copy_json(copy, encoded) for copy in found if _is_there(copy, encoded)]
    partial = _partial(plan, media, outcomes)
    fates: list[Json] = [_fate(stream, encoded.values()) for stream in objects(plan.get("streams"))]
    derivation: JsonObject = {**plan, "copies": copies, "streams": fates, "partial": partial}
    if any(copy["name"] in encoded for copy in objects(plan.get("copies"))):
        derivation["verdict"] = "derived from"
    state = ExhibitState.PARTIAL if partial else ExhibitState.PROCESSED
    if not copies:
        state = ExhibitState.UNPLAYABLE
        derivation |= {"method": "none", "reason": partial, "verdict": "nothing was made"}
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    if partial:
        problems.insert(0, Problem("partial", partial))
    main = outcomes[0]
    return StageReport(
        sections={
            "derivation": derivation,
            "timeline": [{"stream": o.task.seen.index, **o.line.as_json()} for o in outcomes],
            "quality": {
                "measures": [measure for outcome in outcomes for measure in outcome.measures],
                "density_class": quality.density_class(),
                "camera": main.decoded.summary.camera,
                "scene_cuts_s": [round(cut, 3) for cut in main.decoded.summary.cuts[:1000]],
            },
        },
        made=tuple(made for outcome in outcomes for made in outcome.made),
        problems=tuple(problems),
        state=state,
        reason=partial,
        marks=tuple(Marks(str(o.task.seen.index), looks=o.decoded.looks) for o in outcomes),
    )


def _copies(plan: JsonObject, outcomes: Sequence[Outcome]) -> list[JsonObject]:
    """The copies that were planned, each with the viewing copy that was made beside it."""
    viewing = {o.task.seen.index: o.copied for o in outcomes if o.copied and not o.task.copy}
    copies = []
    for copy in objects(plan.get("copies")):
        copies.append(copy)
        made = viewing.get(whole(copy.get("video")) or 0)
        if made:
            copies.append({**copy, "name": made.plan.name, "method": "encode"})
    return copies


def _is_there(copy: JsonObject, encoded: Container[str]) -> bool:
    """Whether a copy was made: what could not be encoded is in no list of copies."""
    return copy["method"] == "remux" or str(copy["name"]) in encoded


def _fate(stream: JsonObject, encoded: Iterable[copying.Copied]) -> JsonObject:
    """What became of a stream: sound can fare worse than planned, with the problem that says so."""
    for copied in encoded:
        problem = next((p for p in copied.problems if p.code in copying.SOUND_CODES), None)
        if problem and stream.get("type") == "audio" and stream.get("action") in ("copy", "encode"):
            action = "encode" if copied.plan.sounds else "left out"
            return {**stream, "action": action, "reason": problem.text}
    return stream


def _copy_json(copy: JsonObject, encoded: dict[str, copying.Copied]) -> JsonObject:
    copied = encoded.get(str(copy["name"]))
    if copied is None:
        return copy
    audio: list[Json] = [
        {"index": sound.index, "action": "copy" if sound.copied else "encode"} for sound in copied.plan.sounds
    ]
    return {**copy, "audio": audio, "comparison": copied.comparison.as_json()}


def _partial(plan: JsonObject, media: JsonObject, outcomes: Sequence[Outcome]) -> str:
    """A sentence where some of the footage is missing, with how much is left; else empty."""
    said = str(plan.get("partial") or "")
    for outcome in outcomes:
        if outcome.uncopied:
            lacking = f"Its pictures decode, and no copy of them can be written. {outcome.uncopied}"
            said = f"{said} {lacking}".strip()
        elif not outcome.line.frames:
            said = said or f"Nothing of stream {outcome.task.seen.index} decodes; the others do."
        elif outcome.decoded.was_ended or outcome.decoded.is_exhausted:
            said = said or "Decoding was ended before the end of the file."
        elif outcome.lost > _LOST_SHARE * outcome.task.seen.packets:
            said = (
                said or f"Of {outcome.task.seen.packets} packets only {outcome.line.frames} gave a picture."
            )
    if not said:
        return ""
    main, promised = outcomes[0].line, decimal(media.get("duration_s"))
    length = f"{main.frames} frames, {main.span_s + main.median_gap_s:.1f} s"
    announced = f" of the {promised:.1f} s that its header states" if promised else ""
    return f"{said} What decodes: {length}{announced}."
