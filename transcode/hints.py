"""Hints to a sender that a file may not be the original: what its name and its metadata say, no verdict.

A copy that a program passed on is smaller and has lost what the camera wrote into it. That a clip was filmed
off a screen is not looked for: nothing that is measured here tells it from other footage.
"""

import re
from dataclasses import dataclass

from evidence.jsontypes import JsonObject
from transcode.values import objects

# Names that programs give to what they have received, as they do by themselves.
_FORWARDED = {
    "whatsapp": re.compile(
        r"(IMG|VID)-\d{8}-WA\d{4,}|WhatsApp (Video|Image) \d{4}-\d\d-\d\d (at|kl\.) \d.*", re.IGNORECASE
    ),
    "signal": re.compile(r"signal-(attachment-)?\d{4}-\d\d-\d\d-\d\d.*", re.IGNORECASE),
    "telegram": re.compile(r"(video|photo)_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d.*", re.IGNORECASE),
    "messenger": re.compile(r"received_\d{10,}|FB_IMG_\d{10,}", re.IGNORECASE),
    "snapchat": re.compile(r"Snapchat-\d{5,}", re.IGNORECASE),
    "wechat": re.compile(r"mmexport\d{10,}", re.IGNORECASE),
}
_SCREEN = re.compile(
    r"RPReplay_Final\d+|Screen[ _]?Record(ing|er)[-_ ].*|screen-\d{8}-\d{6}.*|Skærmoptagelse .*"
    r"|Screenshot[-_ ].*|Skærmbillede .*",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s*\(\d+\)$")  # as a browser adds to a second file of that name
_CAMERA = ("make", "model")


@dataclass(frozen=True, slots=True)
class Hint:
    """A stable code, and what it rests on: `name:whatsapp`, `no-camera`."""

    code: str
    reasons: tuple[str, ...]


def hints(filename: str, sections: JsonObject) -> list[Hint]:
    """What may be told of a file that its sender called `filename`, of what the stages found in it.

    `forwarded`: its name is one that a messenger gives, and no camera is named in it. `screen`: its name is
    that of a recording of a screen. A file in which a camera is named gets none: it was renamed, no more.
    """
    if names_camera(sections):
        return []
    stem = _COUNTED.sub("", filename.replace("\\", "/").rpartition("/")[2].rpartition(".")[0])
    found = [
        Hint("forwarded", (f"name:{program}", "no-camera"))
        for program, pattern in _FORWARDED.items()
        if pattern.fullmatch(stem)
    ]
    if _SCREEN.fullmatch(stem):
        found.append(Hint("screen", ("name", "no-camera")))
    return found


def names_camera(sections: JsonObject) -> bool:
    """Whether the metadata name a make or a model."""
    metadata = sections.get("metadata")
    told = objects(metadata.get("device")) if isinstance(metadata, dict) else []
    return any(item.get("what") in _CAMERA and item.get("value") for item in told)
