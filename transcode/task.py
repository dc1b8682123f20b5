"""What the slow stage does of one picture: its decode, and the copy that is encoded of it, if any."""

from bisect import bisect_left
from collections.abc import Sequence
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

    def stored_numbers(self, stamps: Sequence[int | None]) -> dict[int, int]:
        """Of each shown frame its number among all stored ones; none where that cannot be known.

        `stamps` are those of the shown frames, in ticks.
        """
        packets = self.stream.get("packets")
        listed = packets.get("hidden_pts") if isinstance(packets, dict) else None
        hidden = sorted(
            n for value in (listed if isinstance(listed, list) else []) if (n := whole(value)) is not None
        )
        stored, counted = self.stream.get("stored_frames"), self.seen.packets + self.seen.discarded
        if len(stamps) != self.seen.packets:
            return {}  # which of them gave no picture is not known
        if len(hidden) != self.seen.discarded or (isinstance(stored, int) and stored > counted):
            return {}
        shown = [(index, pts) for index, pts in enumerate(stamps) if pts is not None]
        # ffmpeg counts times from the start of the file, the listed packets have their own.
        first = round((decimal(self.stream.get("start_s")) or 0.0) / self.seen.tick)
        later = first - min((pts for _, pts in shown), default=0)
        return {index: index + bisect_left(hidden, pts + later) for index, pts in shown}

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
