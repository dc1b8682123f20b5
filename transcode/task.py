"""What the slow stage does of one picture: its decode, and the copy that is encoded of it, if any."""

from dataclasses import dataclass, replace
from pathlib import Path

from evidence.jsontypes import Json, JsonObject
from transcode import decode, encode
from transcode.picture import Picture, picture
from transcode.products import input_options
from transcode.values import decimal, objects, whole


@dataclass(frozen=True, slots=True)
class Task:
    """One picture of the file.

    `copy` is the working copy that is to be encoded of it, if any. `viewing` is what is encoded beside a
    working copy that keeps packets which do not decode: players stop at them.
    """

    number: int
    source: Path
    work: Path
    seen: Picture
    stream: JsonObject
    copy: encode.Plan | None
    viewing: encode.Plan | None
    options: JsonObject
    duration_s: float | None

    def job(self, folder: str, copy: encode.Plan | None) -> decode.Job:
        """A decode into a new folder of the work folder."""
        out = self.work / folder
        out.mkdir()
        size = self.source.stat().st_size
        limits = decode.limits(self.duration_s, size)
        return decode.Job(self.source, out, self.seen, input_options(self.options), copy, limits)

    def copy_job(self, folder: str, copy: encode.Plan) -> decode.Job:
        """One more decode for a copy."""
        return self.job(f"{folder}-{self.number}", copy)


def tasks(source: Path, work: Path, sections: JsonObject) -> list[Task]:
    """A task for each picture, by the sections `media`, `streams` and `derivation`."""
    media, plan = sections.get("media"), sections.get("derivation")
    if not isinstance(media, dict) or not isinstance(plan, dict):
        return []
    pictures = [stream for stream in objects(sections.get("streams")) if stream.get("is_picture")]
    return [_task(number, source, work, media, plan, stream) for number, stream in enumerate(pictures, 1)]


def task_of(
    name: str, source: Path, work: Path, sections: JsonObject
) -> tuple[decode.Job, encode.Plan] | None:
    """The decode and encode behind the copy `name`, as the slow stage would plan them; None for none.

    A copy that was to be remuxed counts as well: its remux may not have held.
    """
    plan = sections.get("derivation")
    if not isinstance(plan, dict):
        return None
    copies: list[Json] = [{**copy, "method": "encode"} for copy in objects(plan.get("copies"))]
    for task in tasks(source, work, {**sections, "derivation": {**plan, "copies": copies}}):
        for wanted in (task.copy, task.viewing):
            if wanted and wanted.name == name:
                return task.job("decode", None), wanted
    return None


def _task(
    number: int, source: Path, work: Path, media: JsonObject, plan: JsonObject, stream: JsonObject
) -> Task:
    options = input_options(plan)
    forced = whole(str(options["r"])) if "r" in options else None
    duration_s = decimal(media.get("duration_s"))
    seen = picture(stream, forced_rate=forced, container_s=duration_s)
    copy = viewing = None
    for entry in objects(plan.get("copies")):
        if entry.get("video") == seen.index:
            wanted = encode.plan(seen, _sounds(entry), str(entry["name"]))
            copy = wanted if entry.get("method") == "encode" else None
            viewing = replace(wanted, name=wanted.name.replace("working", "viewing"))
    return Task(number, source, work, seen, stream, copy, viewing, plan, duration_s)


def _sounds(entry: JsonObject) -> list[encode.Sound]:
    return [
        encode.Sound(index, sound.get("action") == "copy")
        for sound in objects(entry.get("audio"))
        if (index := whole(sound.get("index"))) is not None
    ]
