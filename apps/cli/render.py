"""An exhibit as text for a terminal."""

import click

from evidence.jsontypes import Json, JsonObject
from evidence.text import human_size, printable


def tell_exhibit(known: JsonObject) -> None:
    """Print what `exhibit show --json` holds, the way a person reads it."""
    original = _object(known["original"])
    click.echo(f"{known['exhibit']}  {known['state']}  {_text(known['reason'])}".rstrip())
    click.echo(f"  file      {_text(original['filename'])}  ({human_size(_int(original['size']))})")
    click.echo(f"  SHA-256   {original['sha256']}")
    click.echo(f"  BLAKE3    {original['blake3']}")
    for item in _objects(known["submissions"]):
        click.echo(f"  received  {item['received_at']}  {item['source']}, by {item['actor']}")
    derivation = _object(known["derivation"])
    if derivation:
        click.echo(f"  working copy  {derivation.get('method')}: {_text(derivation.get('reason'))}")
        click.echo(f"  proof     {_text(derivation.get('verdict'))}")
    _tell_measures(known)
    for item in _objects(known["renditions"]):
        click.echo(f"  {item['role']:<13} {item['name']}  ({human_size(_int(item['size']))})")
    for item in _objects(known["custody"]):
        click.echo(f"  {item['seq']:>4}  {item['at']}  {item['type']}  by {item['actor']}")
    for item in _objects(known["problems"]):
        click.echo(f"  ! {_text(item['text'])}")


def _tell_measures(known: JsonObject) -> None:
    quality = _object(known["quality"])
    for item in _objects(quality.get("measures")):
        unit = item.get("unit") or ""
        click.echo(f"  {item['name']}: {_text(item['value'])} {unit}  {_text(item.get('advice'))}".rstrip())
    density = quality.get("density_class")
    if isinstance(density, dict):
        click.echo(f"  pixel density: {_text(density.get('text'))}")


def _text(value: Json) -> str:
    return "" if value is None else printable(str(value), limit=2000)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _int(value: Json) -> int:
    return value if isinstance(value, int) else 0
