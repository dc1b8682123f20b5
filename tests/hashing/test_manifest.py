import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import IntegrityError
from evidence.exhibits import Digests, Role
from evidence.jsontypes import JsonObject
from hashing import canonical
from hashing.manifest import ExhibitManifest, Location, MakerRecord, ManifestObject, ObjectRecord

DIGESTS = Digests(10, "ab" * 32, "cd" * 32, 4, ("01" * 32, "02" * 32, "03" * 32))
RECORD = ObjectRecord("EX-0001", Role.ORIGINAL, "café.mp4".encode(), DIGESTS, Location("", "cases/x/y", "0"))
WORKING = ManifestObject(
    "working.mp4",
    Role.WORKING,
    DIGESTS,
    parent="original",
    maker=MakerRecord("ffmpeg", "5.1.6", "ef" * 32),
    args=("-map", "0:V"),
    detail={"time_s": 1.5},
)
MANIFEST = ExhibitManifest("case2b", "EX-0001", (ManifestObject("original", Role.ORIGINAL, DIGESTS), WORKING))


def with_field(raw: bytes, **fields: object) -> bytes:
    """The same record with some fields set, in canonical form."""
    value = json.loads(raw)
    value.update(fields)
    return canonical.encode(value)


def test_a_record_is_read_back_the_same() -> None:
    assert ObjectRecord.from_bytes(RECORD.to_bytes()) == RECORD


def test_a_record_has_the_fields_that_the_format_names() -> None:
    assert list(json.loads(RECORD.to_bytes())) == [
        "blake3", "exhibit", "filename_original", "filename_original_b64", "piece_size", "pieces_blake3",
        "role", "sha256", "size", "store", "v",
    ]  # fmt: skip


@given(st.binary(max_size=300))
def test_any_file_name_survives_byte_for_byte(name: bytes) -> None:
    record = replace(RECORD, filename=name)
    assert ObjectRecord.from_bytes(record.to_bytes()).filename == name


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": True}, {"size": "10"}, {"size": -1}, {"size": 13}, {"size": 8}, {"piece_size": 0},
        {"sha256": "AB" * 32}, {"sha256": "ab"}, {"blake3": None}, {"pieces_blake3": ["01" * 32]},
        {"pieces_blake3": [1, 2, 3]}, {"pieces_blake3": "x"}, {"role": "Original"}, {"exhibit": "EX 1"},
        {"filename_original": "other.mp4"}, {"filename_original_b64": "Y2Fm"}, {"filename_original_b64": "*"},
        {"filename_original_b64": "Y2Fmw6kubXA0="}, {"store": {}}, {"store": []}, {"extra": 1},
        {"store": {"bucket": "", "key": "k", "version_id": 0}},
        {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    ],
)  # fmt: skip
def test_a_record_of_another_form_is_refused(change: JsonObject) -> None:
    with pytest.raises(IntegrityError):
        ObjectRecord.from_bytes(with_field(RECORD.to_bytes(), **change))


@pytest.mark.parametrize("name", ["sha256", "store", "v"])
def test_a_record_that_lacks_a_field_is_refused_and_the_field_named(name: str) -> None:
    value = json.loads(RECORD.to_bytes())
    del value[name]
    with pytest.raises(IntegrityError, match=name):
        ObjectRecord.from_bytes(canonical.encode(value))


def test_a_manifest_is_read_back_with_measures_as_text() -> None:
    read = ExhibitManifest.from_bytes(MANIFEST.to_bytes())
    assert read.objects[0] == MANIFEST.objects[0]
    assert read.objects[1] == replace(WORKING, detail={"time_s": "1.5"})
    assert read.to_bytes() == MANIFEST.to_bytes()


def test_two_objects_of_one_name_are_refused_when_written_and_when_read() -> None:
    with pytest.raises(IntegrityError, match="one name"):
        ExhibitManifest("case2b", "EX-0001", (WORKING, WORKING)).to_bytes()
    lines = json.loads(MANIFEST.to_bytes())["objects"]
    with pytest.raises(IntegrityError, match="one name"):
        ExhibitManifest.from_bytes(with_field(MANIFEST.to_bytes(), objects=[lines[0], lines[0]]))


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "é.mp4", "a\nb", "x" * 201, "-rf"])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="name"):
        ExhibitManifest("case2b", "EX-0001", (replace(WORKING, name=name),)).to_bytes()


@pytest.mark.parametrize(
    "change", [{"v": 2}, {"case": ""}, {"case": "Case 1"}, {"objects": {}}, {"objects": [1]}]
)
def test_a_manifest_of_another_form_is_refused(change: JsonObject) -> None:
    with pytest.raises(IntegrityError):
        ExhibitManifest.from_bytes(with_field(MANIFEST.to_bytes(), **change))


@pytest.mark.parametrize("tool", [{}, "ffmpeg", {"name": "x", "version": "1", "sha256": "x"}])
def test_a_tool_of_another_form_is_refused(tool: object) -> None:
    line = json.loads(MANIFEST.to_bytes())["objects"][1] | {"tool": tool}
    with pytest.raises(IntegrityError):
        ExhibitManifest.from_bytes(with_field(MANIFEST.to_bytes(), objects=[line]))


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(NAMES, max_size=4, unique=True), st.dictionaries(st.text(max_size=10), VALUES, max_size=3))
def test_any_manifest_survives_a_round_trip(names: list[str], detail: JsonObject) -> None:
    manifest = replace(MANIFEST, objects=tuple(replace(WORKING, name=name, detail=detail) for name in names))
    assert ExhibitManifest.from_bytes(manifest.to_bytes()) == manifest


@pytest.mark.parametrize("written", [MANIFEST, RECORD], ids=["manifest", "record"])
@given(st.data())
def test_no_other_bytes_say_the_same(written: ExhibitManifest | ObjectRecord, data: st.DataObject) -> None:
    raw = written.to_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    put = data.draw(st.binary(max_size=3).filter(lambda put: put != raw[at : at + 1]))
    try:
        read = type(written).from_bytes(raw[:at] + put + raw[at + 1 :])
    except IntegrityError:
        return
    assert read != type(written).from_bytes(raw)
