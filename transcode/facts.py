"""What was found in a file, as a few plain facts that can be held against expected ones."""

from evidence.exhibits import ExhibitState
from evidence.jsontypes import Json, JsonObject
from transcode.picture import picture
from transcode.values import decimal, objects, whole

_NEAR = 0.0005  # degrees, about fifty metres


def facts(sections: JsonObject, state: ExhibitState) -> dict[str, list[str]]:
    """Facts by name, each with every value that was found (most have one).

    `state`, `kind`, `method`, `verdict`; of the first picture `width` and `height` as shown, `rotation` in
    degrees clockwise, `frames`, `rate` (constant, variable), `scan` (interlaced, progressive); then
    `capture_time`, `position` (`latitude, longitude`), `make`, `model`.
    """
    media, derivation, metadata = (_object(sections.get(n)) for n in ("media", "derivation", "metadata"))
    found = {
        "state": [str(state)],
        "kind": [str(media.get("kind"))],
        "method": [str(derivation.get("method"))],
        "verdict": [str(derivation.get("verdict"))],
    }
    pictures = [stream for stream in objects(sections.get("streams")) if stream.get("is_picture")]
    if pictures:
        found |= _of_picture(pictures[0])
    elif derivation.get("width"):
        found |= {"width": [str(derivation["width"])], "height": [str(derivation["height"])]}
    for line in objects(sections.get("timeline"))[:1]:
        found["frames"] = [str(line["frames"])]
        if line["rate_is_constant"] is not None:
            found["rate"] = ["constant" if line["rate_is_constant"] else "variable"]
    return found | _of_metadata(metadata)


def holds(name: str, expected: str, found: list[str]) -> bool:
    """Whether one of the values found is the expected one; a position within fifty metres counts."""
    if name != "position":
        return expected in found
    wanted = _numbers(expected)
    return len(wanted) == 2 and any(
        len(place) == 2 and all(abs(a - b) <= _NEAR for a, b in zip(place, wanted, strict=True))
        for place in map(_numbers, found)
    )


def _of_picture(stream: JsonObject) -> dict[str, list[str]]:
    seen = picture(stream, forced_rate=None, container_s=None)
    width, height = seen.shown
    return {
        "width": [str(width)],
        "height": [str(height)],
        "rotation": [str(whole(stream.get("rotation")) or 0)],
        "scan": ["interlaced" if seen.interlaced else "progressive"],
    }


def _of_metadata(metadata: JsonObject) -> dict[str, list[str]]:
    device = objects(metadata.get("device"))
    found: dict[str, list[str]] = {
        "capture_time": [str(time["value"]) for time in objects(metadata.get("capture_times"))],
        "position": [f"{fix['latitude']}, {fix['longitude']}" for fix in objects(metadata.get("positions"))],
    }
    for name in ("make", "model"):
        found[name] = [str(entry["value"]) for entry in device if entry["what"] == name]
    return {name: values for name, values in found.items() if values}


def _numbers(text: str) -> list[float]:
    values = [decimal(part.strip()) for part in text.split(",")]
    return [value for value in values if value is not None]


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
