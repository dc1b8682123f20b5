"""An exhibit as text for a terminal."""

import click

from evidence.jsontypes import Json, JsonObject
from evidence.text import human_size, printable

_INDENT = 13


def tell_exhibit(known: JsonObject) -> None:
    """Print what `exhibit show --json` holds, the way a person reads it."""
    original = _object(known["original"])
    click.echo(f"{known['exhibit']}  {known['state']}  {_text(known['reason'])}".rstrip())
    _line("file", f"{_text(original['filename'])}  ({human_size(_int(original['size']))})")
    _line("SHA-256", original["sha256"])
    _line("BLAKE3", original["blake3"])
    for item in _objects(known["submissions"]):
        _line("received", f"{item['received_at']}  {item['source']}, by {_text(item['actor'])}")
        if archive := _object(item.get("member_of")):
            _line("", f"stood in {archive['exhibit']} as {_text(archive['path'])}  {archive['sha256']}")
    for item in _objects(known["problems"]):
        _line("problem", item["text"])
    _tell_clock(known)
    _tell_metadata(_object(known["metadata"]), _objects(known["true_times"]))
    _tell_streams(known)
    _tell_quality(_object(known["quality"]))
    _tell_files(known)
    for item in _objects(known["members"]):
        _line("member", f"{item['exhibit']}  {_text(item['path'])}")
    for number, item in enumerate(_objects(known["custody"])):
        _line(
            "custody" if not number else "",
            f"{item['seq']}  {item['at']}  {item['type']}  by {item['actor']}",
        )


def _tell_clock(known: JsonObject) -> None:
    """The recorder that made it, and the clock readings at hand."""
    if recorder := _object(known["recorder"]):
        channel = f", channel {_text(recorder['channel'])}" if recorder["channel"] else ""
        what = " ".join(_text(recorder[name]) for name in ("make", "model", "place") if recorder[name])
        _line("recorder", f"{recorder['recorder']}{channel}  {what}")
    for item in _objects(known["clock_readings"]):
        sure = "" if item["uncertainty_s"] is None else f" ± {item['uncertainty_s']} s"
        told = f"shown {_text(item['shown'])}, true {_text(item['true'])}: {item['offset_s']:+} s{sure}"
        _line("clock", f"{told}  {_text(item['method'])}")


def _tell_metadata(metadata: JsonObject, true_times: list[JsonObject]) -> None:
    """Times, places, devices as the file has them, each with its source; beside a time the true one."""
    for item in _objects(metadata.get("capture_times")):
        source = f"{item['source']} {_text(item.get('name'))}".strip()
        _line("time", f"{_text(item['value'])}  [{source}] {_text(item['meaning'])}")
        for true in true_times:
            if (true["shown"], true["source"], true["name"]) == (
                item["value"],
                item["source"],
                item.get("name", ""),
            ):
                _line("  true time", true["text"])
    for item in _objects(metadata.get("positions")):
        _line("position", f"{item['latitude']}, {item['longitude']}  [{_text(item['source'])}]")
    for item in _objects(metadata.get("device")):
        _line(str(item["what"]), f"{_text(item['value'])}  [{_text(item['source'])}]")
    for item in _objects(metadata.get("conflicts")):
        values = "; ".join(
            f"{_text(v.get('value'))} [{_text(v['source'])}]" for v in _objects(item["values"])
        )
        _line("conflict", f"{_text(item['what'])}: {values}")


def _tell_streams(known: JsonObject) -> None:
    derivation = _object(known["derivation"])
    for item in _objects(known["streams"]):
        size = f" {item['width']}x{item['height']}" if item.get("width") else ""
        packets = _object(item.get("packets"))
        _line(
            "stream",
            f"{item['index']} {item['type']} {_text(item['codec'])}{size}, {packets.get('count')} packets",
        )
    if derivation:
        _line("method", f"{derivation.get('method')}: {_text(derivation.get('reason'))}")
        _line("verdict", derivation.get("verdict"))
    for item in _objects(derivation.get("streams")):
        if item.get("reason"):
            _line("", f"stream {item['index']} {item['action']}: {_text(item['reason'])}")


def _tell_quality(quality: JsonObject) -> None:
    for item in _objects(quality.get("measures")):
        value = (
            "not told" if item.get("value") is None else f"{_text(item['value'])} {_text(item.get('unit'))}"
        )
        _line("measure", f"{_text(item['name'])}: {value}  {_text(item.get('advice'))}")
    density = _object(quality.get("density_class"))
    if density:
        _line("density", density.get("text"))


def _tell_files(known: JsonObject) -> None:
    details = {item["name"]: item for item in _objects(known["keyframes"])}
    for item in _objects(known["renditions"]):
        seen = details.get(item["name"], {})
        reasons = seen.get("reasons")
        why = ", ".join(map(str, reasons)) if isinstance(reasons, list) else ""
        when = f"  at {seen['time_s']} s, frame {seen['frame']}: {why}" if "time_s" in seen else ""
        _line(str(item["role"]), f"{item['name']}  ({human_size(_int(item['size']))}){when}")


def _line(label: str, value: Json) -> None:
    click.echo(f"  {label:<{_INDENT}} {_text(value)}".rstrip())


def _text(value: Json) -> str:
    return "" if value is None else printable(str(value), limit=2000)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _int(value: Json) -> int:
    return value if isinstance(value, int) else 0
