"""What every object store must do: run over the folder store and over a real S3 server."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.cases import new_id
from evidence.errors import NotFoundError, ObjectExistsError, VidneError
from evidence.ports import NewObject, ObjectStore
from retention.folder import FolderStore
from retention.keys import chunk_key, original_key, rendition_key, upload_prefix
from retention.s3 import S3Store
from tests.servers import S3Server

PART = 5 << 20  # the least that S3 takes as a part
DAYS = 30


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "objects")
    server: S3Server = request.getfixturevalue("s3")
    return S3Store(server.client(), server.new_bucket(), days=DAYS, part_size=PART)


@pytest.fixture
def key() -> str:
    return original_key(new_id(), 1, sha256(b"evidence").hexdigest())


def put(
    store: ObjectStore, key: str, path: Path, content: bytes, *, consume: bool = False, locked: bool = False
) -> str:
    path.write_bytes(content)
    digest = sha256(content).hexdigest()
    (stored,) = store.put([NewObject(key, path, digest, len(content), locked)], consume=consume)
    assert (stored.key, stored.size) == (key, len(content))
    return stored.version_id


def read(store: ObjectStore, key: str, version_id: str) -> bytes:
    with store.open(key, version_id) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "content", [b"", b"evidence", bytes(range(256)) * 60_000], ids=["empty", "small", "parts"]
)
def test_what_is_put_is_given_back(store: ObjectStore, key: str, tmp_path: Path, content: bytes) -> None:
    version = put(store, key, tmp_path / "f", content)
    assert read(store, key, version) == content
    found = store.stat(key)
    assert found is not None
    assert (found.version_id, found.size) == (version, len(content))


def test_the_same_bytes_again_are_the_same_object(store: ObjectStore, key: str, tmp_path: Path) -> None:
    assert put(store, key, tmp_path / "f", b"evidence") == put(store, key, tmp_path / "g", b"evidence")


def test_other_bytes_never_replace_an_object(store: ObjectStore, key: str, tmp_path: Path) -> None:
    version = put(store, key, tmp_path / "f", b"evidence")
    with pytest.raises(ObjectExistsError):
        put(store, key, tmp_path / "g", b"forgery!")
    assert read(store, key, version) == b"evidence"


def test_the_source_may_be_consumed_and_the_object_stays(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    source = tmp_path / "f"
    version = put(store, key, source, b"evidence", consume=True)
    source.unlink(missing_ok=True)
    assert read(store, key, version) == b"evidence"


def test_a_source_that_is_not_consumed_stays_its_own(store: ObjectStore, key: str, tmp_path: Path) -> None:
    source = tmp_path / "f"
    version = put(store, key, source, b"evidence")
    source.write_bytes(b"changed!")
    assert read(store, key, version) == b"evidence"


def test_ranges_are_read_as_they_are_asked_for(store: ObjectStore, key: str, tmp_path: Path) -> None:
    version = put(store, key, tmp_path / "f", b"0123456789")
    assert store.read_range(key, version, 3, 4) == b"3456"
    assert store.read_range(key, version, 8, 10) == b"89"
    assert store.read_range(key, version, 10, 5) == store.read_range(key, version, 3, 0) == b""


def test_an_absent_object_is_named(store: ObjectStore, key: str) -> None:
    assert store.stat(key) is None
    with pytest.raises(NotFoundError, match=key):
        store.open(key, "0").close()


def test_keys_are_listed_in_order_below_their_prefix(store: ObjectStore, tmp_path: Path) -> None:
    keys = sorted(rendition_key("case1", n, "fast-1", "0" * 64, "working.mp4") for n in (2, 1, 10))
    for name in keys:
        put(store, name, tmp_path / "f", name.encode())
    put(store, rendition_key("case2", 1, "fast-1", "0" * 64, "working.mp4"), tmp_path / "f", b"x")
    assert list(store.list_keys("cases/case1/")) == keys


def test_the_case_number_is_a_tag_that_changes(store: ObjectStore, key: str, tmp_path: Path) -> None:
    version = put(store, key, tmp_path / "f", b"evidence")
    for number in ("0100-10293-00001-26", "0200-10293-00007-26"):
        store.set_tags(key, version, {"case-number": number})
        assert store.get_tags(key, version) == {"case-number": number}
    assert read(store, key, version) == b"evidence"


def test_files_put_together_come_back_in_their_order(store: ObjectStore, tmp_path: Path) -> None:
    files = []
    for number in range(9):
        path = tmp_path / str(number)
        path.write_bytes(b"%d" % number)
        digest = sha256(path.read_bytes()).hexdigest()
        files.append(NewObject(rendition_key("case1", 1, "fast-1", digest, "a.jpg"), path, digest, 1))
    stored = store.put(files)
    assert [item.key for item in stored] == [file.key for file in files]
    assert [read(store, item.key, item.version_id) for item in stored] == [b"%d" % n for n in range(9)]


@pytest.mark.parametrize("content", [b"evidence", bytes(PART + 1)], ids=["small", "parts"])
def test_a_locked_object_is_retained_by_a_store_that_locks(
    store: ObjectStore, key: str, tmp_path: Path, content: bytes
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    version = put(store, key, tmp_path / "f", content, locked=True)
    until = store.retained_until(key, version)
    if store.is_worm:
        assert until is not None
        assert before <= until - timedelta(days=DAYS) <= datetime.now(UTC)
    else:
        assert until is None


@pytest.mark.parametrize("content", [b"evidence", bytes(PART + 1)], ids=["small", "parts"])
def test_an_object_that_is_found_there_is_locked_as_a_new_one_is(
    store: ObjectStore, key: str, tmp_path: Path, content: bytes
) -> None:
    version = put(store, key, tmp_path / "f", content)
    assert store.retained_until(key, version) is None
    assert put(store, key, tmp_path / "f", content, locked=True) == version
    assert (store.retained_until(key, version) is not None) is store.is_worm


def test_what_is_not_locked_is_not_retained(store: ObjectStore, key: str, tmp_path: Path) -> None:
    assert store.retained_until(key, put(store, key, tmp_path / "f", b"evidence")) is None


def test_retention_grows_and_never_shrinks(store: ObjectStore, key: str, tmp_path: Path) -> None:
    version = put(store, key, tmp_path / "f", b"evidence", locked=True)
    day = datetime.now(UTC).replace(microsecond=0) + timedelta(days=DAYS)
    for until, expected in ((day + timedelta(9), 9), (day + timedelta(5), 9), (day + timedelta(20), 20)):
        store.retain(key, version, until)
        assert store.retained_until(key, version) == day + timedelta(expected)


def test_a_legal_hold_is_put_and_lifted_and_leaves_the_retention(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    version = put(store, key, tmp_path / "f", b"evidence", locked=True)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=60)
    store.retain(key, version, until)
    assert not store.is_held(key, version)
    for held in (True, True, False, False):
        store.set_hold(key, version, held=held)
        assert store.is_held(key, version) is held
    assert store.retained_until(key, version) == until


def test_locks_on_an_absent_object_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(VidneError):
        store.retain(key, "0", datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(VidneError):
        store.set_hold(key, "0", held=True)


def test_nothing_lies_over_objects_that_were_created_once(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    put(store, key, tmp_path / "f", b"evidence")
    put(store, key, tmp_path / "f", b"evidence")
    assert list(store.list_overlaid("")) == []


@pytest.mark.parametrize("name", ["../x", "a/../../x", "", "a//b", ".", "café.mp4", "a b"])
def test_a_name_that_could_leave_its_place_makes_no_key(name: str) -> None:
    with pytest.raises(VidneError):
        rendition_key("case1", 1, "fast-1", "0" * 64, name)


def test_what_lay_there_for_a_while_is_deleted_for_good(store: ObjectStore, tmp_path: Path) -> None:
    one, other = (chunk_key("upload1", 0, token) for token in (1, 10))
    versions = {key: put(store, key, tmp_path / "f", key.encode()) for key in (one, other)}
    store.delete(one, versions[one])
    assert store.stat(one) is None
    assert list(store.list_keys(upload_prefix("upload1"))) == [other]
    assert list(store.list_overlaid("uploads/")) == []
    store.delete(one, versions[one])  # gone already
    again = put(store, one, tmp_path / "f", b"the key is free")
    assert read(store, one, again) == b"the key is free"


def test_what_is_kept_is_never_deleted(store: ObjectStore, key: str, tmp_path: Path) -> None:
    for name in (key, rendition_key("case1", 1, "fast-1", "0" * 64, "a.jpg"), "ledger/checkpoint/1"):
        version = put(store, name, tmp_path / "f", b"evidence")
        with pytest.raises(VidneError, match="kept"):
            store.delete(name, version)
        assert read(store, name, version) == b"evidence"
