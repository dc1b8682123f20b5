"""Canonical JSON (RFC 8785) at our edge: one value, one sequence of bytes.

Narrower than RFC 8785: integers within +-(2^53-1) and no floats, so that no reader's rounding matters.
"""

import json
from typing import NoReturn

import rfc8785

from evidence.errors import IntegrityError
from evidence.jsontypes import Json, JsonObject

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64
# Over ASCII the standard library writes what RFC 8785 asks for, five times as fast (a test compares them).
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False)


class CanonicalError(IntegrityError):
    """A value has no canonical form, or bytes are not the canonical form of any value."""


def encode(value: Json) -> bytes:
    """The canonical bytes of `value`.

    Raises CanonicalError for floats, integers beyond 2^53-1, lone surrogates and nesting below 64 levels.
    """
    if _check(value, MAX_DEPTH):
        return _PLAIN.encode(value).encode("ascii")
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise CanonicalError(f"A value cannot be written as canonical JSON: {error}.") from error


def decode(raw: bytes) -> JsonObject:
    """The object whose canonical form is exactly `raw`; raises CanonicalError for any other bytes."""
    value = read(raw)
    if _encode_again(value, raw) != raw:
        _STRICT.decode(raw.decode("utf-8"))  # a key that stands there twice is told as such
        raise CanonicalError("The JSON is not in its canonical form.")
    return value


def read(raw: bytes) -> JsonObject:
    """The object that `raw` says, in whatever form: for bytes that a digest in the ledger vouches for.

    Raises CanonicalError for what is no JSON object, for floats and integers beyond 2^53-1.
    """
    try:
        value: Json = _READER.decode(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CanonicalError(f"The bytes are not JSON in UTF-8: {error}.") from error
    except RecursionError:
        raise CanonicalError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    if not isinstance(value, dict):
        raise CanonicalError("The JSON is not an object.")
    return value


def _encode_again(value: Json, raw: bytes) -> bytes:
    """The canonical bytes of what was read from `raw`, without the checks that reading it made."""
    if raw.isascii() and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return _PLAIN.encode(value).encode("ascii", "replace")  # an escape is not what it stands for
    return encode(value)


def floats_as_text(value: Json) -> Json:
    """`value` with each float as its shortest decimal text: 0.1 becomes "0.1"."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: floats_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [floats_as_text(item) for item in value]
    return value


def _check(value: Json, depth: int) -> bool:
    """Raise CanonicalError for what has no canonical form here; whether all text in it is ASCII."""
    if isinstance(value, float):
        raise CanonicalError(f"The number {value!r} is not an integer.", advice="Write it as text.")
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise CanonicalError(f"The integer {value} is beyond 2^53-1.")
    if not isinstance(value, dict | list):
        return not isinstance(value, str) or value.isascii()
    if depth == 0:
        raise CanonicalError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    plain = True
    for item in value.values() if isinstance(value, dict) else value:
        # Most of what is written is text: a call for each would cost more than all else.
        plain = (item.isascii() if isinstance(item, str) else _check(item, depth - 1)) and plain
    return plain and (not isinstance(value, dict) or all(map(str.isascii, value)))


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CanonicalError("A JSON object has the same key twice.")
    return result


def _no_float(text: str) -> NoReturn:
    raise CanonicalError(f"The number {text[:40]} is not an integer.")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise CanonicalError(f"The integer {text[:40]} is beyond 2^53-1.")
    value = int(text)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise CanonicalError(f"The integer {text} is beyond 2^53-1.")
    return value


# Built once: to build one costs as much as to read an entry. A key that stands there twice is lost on
# the first, which shows when the value is written again; the second tells it, and takes longer.
_READER = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float, parse_int=_integer)
_STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float, parse_int=_integer
)
