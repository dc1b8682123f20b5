"""Values that a child printed, or that came back from JSON: each is checked for its type before its use."""

import json
import re
from fractions import Fraction

from evidence.jsontypes import Json, JsonObject


def json_object(raw: bytes) -> JsonObject:
    """What a child printed as an object; an empty one where it printed anything else."""
    try:
        document: Json = json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def objects(value: Json) -> list[JsonObject]:
    """The objects in a JSON array, or none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def whole(value: Json) -> int | None:
    """A whole number, also written as text of up to 20 digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value) else None


def decimal(value: Json) -> float | None:
    """A finite number, also written as text; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}(\.\d{1,20})?", value):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def ratio(text: str) -> Fraction | None:
    """`30000/1001` or `16:11` as a positive fraction; None for `0/0`, `N/A` and the like."""
    match = re.fullmatch(r"(\d{1,12})[/:](\d{1,12})", text)
    if not match or int(match[1]) == 0 or int(match[2]) == 0:
        return None
    return Fraction(int(match[1]), int(match[2]))
