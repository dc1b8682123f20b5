"""What every stage of the media work takes and gives: files in, files and a report out."""

from dataclasses import dataclass, field
from pathlib import Path

from evidence.exhibits import ExhibitState, Problem, Role
from evidence.jsontypes import JsonObject
from evidence.marks import Marks


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that made something: its name, version, and the SHA-256 of its binary (hex)."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """A file that a stage made, to be filed as a rendition.

    `name` is unique within the exhibit and plain ASCII; `parent` is `original` or the name of another
    rendition; `args` are the exact arguments of the tool; `detail` is what its role adds (a keyframe: time_s,
    frame, stored_frame, sharpness, pixel_sha256).
    """

    role: Role
    name: str
    path: Path
    tool: Tool
    args: tuple[str, ...]
    parent: str = "original"
    detail: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageReport:
    """The outcome of a stage.

    `sections` are JSON and are kept by name; a later stage is given those of the earlier ones, and a section
    it gives anew replaces the older. `state` is set where the stage decides what becomes of the exhibit;
    `reason` is then a sentence for a reader. `marks` are what the original is recognised by.
    """

    sections: JsonObject
    made: tuple[Made, ...] = ()
    problems: tuple[Problem, ...] = ()
    state: ExhibitState | None = None
    reason: str = ""
    marks: tuple[Marks, ...] = ()
