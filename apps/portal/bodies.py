"""Bodies of requests: JSON of a few kilobytes, with the fields that are known and no others."""

import asyncio
import json
import re
import unicodedata
from collections.abc import Collection, Mapping

from starlette.requests import Request

from evidence.errors import UsageError
from evidence.jsontypes import Json, JsonObject

MOST_BYTES = 16_384
_PATIENCE_S = 20.0  # for all of it
_JSON = re.compile(r"application/json\s*(;.*)?", re.IGNORECASE)


class BodyError(UsageError):
    """A body that is not as it should be; `code` is stable, `field` names the field where there is one."""

    def __init__(self, code: str, field: str = "") -> None:
        """`code`: type, long, slow, json, unknown, missing or value."""
        super().__init__(f"The body of the request is not as it should be: {code} {field}".rstrip() + ".")
        self.code = code
        self.field = field


async def read_fields(
    request: Request, required: Collection[str], optional: Collection[str] = ()
) -> JsonObject:
    """The object in the body, which has all of `required` and nothing beside `optional`; raises BodyError."""
    if not _JSON.fullmatch(request.headers.get("content-type", "")):
        raise BodyError("type")
    try:
        raw = await asyncio.wait_for(_read(request), _PATIENCE_S)
    except TimeoutError:
        raise BodyError("slow") from None
    try:
        value: Json = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BodyError("json") from None
    if not isinstance(value, dict):
        raise BodyError("json")
    return check_fields(value, required, optional)


def check_fields(
    value: Mapping[str, Json], required: Collection[str], optional: Collection[str] = ()
) -> JsonObject:
    """`value`, where it has all of `required` and nothing beside `optional`; raises BodyError."""
    for name in value:
        if name not in required and name not in optional:
            raise BodyError("unknown", name[:100])
    for name in required:
        if name not in value:
            raise BodyError("missing", name)
    return dict(value)


def text_of(value: Mapping[str, Json], name: str, limit: int, *, lines: bool = False) -> str | None:
    """A text field, stripped; None where it is null, empty or not there. Raises BodyError.

    Of control characters only line ends and tabs are let through, and these only where `lines` says so.
    """
    found = value.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise BodyError("value", name)
    text = found.strip().replace("\r\n", "\n")
    bad = any(unicodedata.category(char) in ("Cc", "Cs") and not (lines and char in "\n\t") for char in text)
    if bad or len(text) > limit:
        raise BodyError("value", name)
    return text or None


async def _read(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise BodyError("long")
    return bytes(raw)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")
