import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from evidence.jsontypes import Json
from hashing.canonical import MAX_INTEGER, CanonicalError, decode, encode, floats_as_text, read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=6)


@given(OBJECTS)
def test_what_is_encoded_is_read_back_the_same(value: dict[str, Json]) -> None:
    assert decode(encode(value)) == value


@given(OBJECTS)
def test_only_the_canonical_bytes_of_a_value_are_read(value: dict[str, Json]) -> None:
    canonical = encode(value)
    for other in (json.dumps(value).encode(), json.dumps(value, indent=1).encode(), canonical + b"\n"):
        if other != canonical:
            with pytest.raises(CanonicalError):
                decode(other)


ASCII = st.text(st.characters(max_codepoint=127))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | ASCII,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(ASCII, PLAIN, max_size=6) | OBJECTS)
def test_the_short_way_over_ascii_gives_the_bytes_of_the_reference_implementation(
    value: dict[str, Json],
) -> None:
    assert encode(value) == rfc8785.dumps(value)


def test_keys_are_sorted_by_utf16_units_and_text_is_not_escaped_without_need() -> None:
    # U+1F600 comes before U+FB33 in UTF-16, after it in UTF-8.
    value: dict[str, Json] = {"\ufb33": 1, "\U0001f600": 2, "ø": "æ\n\x1f\x7f/", "a": [True, None]}
    expected = '{"a":[true,null],"ø":"æ\\n\\u001f\x7f/","\U0001f600":2,"\ufb33":1}'
    assert encode(value) == expected.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1.0}', b'{"a":1e3}', b'{"a":-0}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}',
        b'{"a":9007199254740992}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":1,"a":1}', b'{"x":{"a":1,"a":2}}',
        b'{"a":"\\ud800"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\\u0041"}', b'{"b":1,"a":2}', b'{"a" :1}',
        b'\xef\xbb\xbf{"a":1}', b'{"a":1}\n', b"[1]", b"1", b"", b"{", b'{"a":"\xff"}', b'{"a":"\\/"}',
        b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)  # fmt: skip
def test_bytes_that_are_not_canonical_are_refused(raw: bytes) -> None:
    with pytest.raises(CanonicalError):
        decode(raw)


def test_what_is_vouched_for_is_read_in_any_form_as_long_as_it_is_an_object_of_whole_numbers() -> None:
    assert read(b'{"b": 1, "a":"\\u0041"}\n') == {"b": 1, "a": "A"}
    for raw in (b'{"a":1.0}', b'{"a":9007199254740992}', b"[1]", b"", b'{"a":"\xff"}', b"[" * 100_000):
        with pytest.raises(CanonicalError):
            read(raw)


@pytest.mark.parametrize("value", [1.0, float("nan"), {"a": [1.5]}, 2**53, -(2**53), "\ud800", {"\udc80": 1}])
def test_values_without_a_canonical_form_are_refused(value: Json) -> None:
    with pytest.raises(CanonicalError):
        encode(value)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: Json = 1
    for _ in range(65):
        value = [value]
    with pytest.raises(CanonicalError, match="nested deeper"):
        encode(value)


def test_floats_become_their_shortest_text() -> None:
    assert floats_as_text({"a": [0.1, 1, True, {"b": 1e-7}]}) == {"a": ["0.1", 1, True, {"b": "1e-07"}]}


@pytest.mark.parametrize(
    "raw", [b'{"a":1,"a":1}', b'{"a":{"b":[],"b":[]}}', '{"a":"\u00e6","a":"\u00e6"}'.encode()]
)
def test_a_key_that_stands_there_twice_is_told(raw: bytes) -> None:
    with pytest.raises(CanonicalError, match="same key twice"):
        decode(raw)
