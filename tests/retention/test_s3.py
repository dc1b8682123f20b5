"""The S3 store where something goes wrong: lost replies, busy servers, killed programs, locks that fail."""

import io
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from minio.error import S3Error

from evidence.errors import ObjectExistsError, SettingsError, UnavailableError
from evidence.ports import NewObject
from evidence.settings import Settings
from retention.keys import PROBE
from retention.lock_probe import prove_lock
from retention.s3 import S3Store, open_s3_store
from tests.faulty_http import (
    Fault,
    FaultyProxy,
    answering,
    busy,
    cut,
    cut_to_nothing,
    faulty_proxy,
    forward,
    lose_reply,
    slow,
)
from tests.servers import S3Server

PART = 5 << 20
SMALL, LARGE = b"evidence", bytes(range(256)) * 50_000
KEY = "cases/c1/exhibits/EX-0001/original/x"


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.new_bucket()


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3.endpoint) as started:
        yield started


@pytest.fixture
def store(s3: S3Server, proxy: FaultyProxy, bucket: str) -> S3Store:
    settings = Settings(s3_access_key=s3.access_key, s3_secret_key=s3.secret_key)
    store = open_s3_store(f"s3+http://{proxy.endpoint}/{bucket}", settings)
    store._part_size = PART
    return store


def new(path: Path, content: bytes) -> NewObject:
    path.write_bytes(content)
    return NewObject(KEY, path, sha256(content).hexdigest(), len(content), locked=True)


def versions(s3: S3Server, bucket: str) -> int:
    return len(list(s3.client().list_objects(bucket, recursive=True, include_version=True)))


def uploads(s3: S3Server, bucket: str) -> int:
    return len(s3.client()._list_multipart_uploads(bucket).uploads)


@pytest.mark.parametrize("fault", [busy, lose_reply, slow])
@pytest.mark.parametrize(
    ("content", "request_line"),
    [(SMALL, "PUT "), (LARGE, "uploads="), (LARGE, "partNumber=2"), (LARGE, "POST ")],
    ids=["small", "begin of parts", "a part", "parts"],
)
def test_a_put_outlives_a_busy_server_and_a_lost_reply_and_makes_one_version(
    s3: S3Server,
    bucket: str,
    proxy: FaultyProxy,
    store: S3Store,
    tmp_path: Path,
    content: bytes,
    request_line: str,
    fault: Fault,
) -> None:
    proxy.on(request_line, fault, times=1 if fault is slow else 2)
    [stored] = store.put([new(tmp_path / "f", content)])
    assert proxy.faults == []
    with store.open(KEY, stored.version_id) as stream:
        assert stream.read() == content
    assert versions(s3, bucket) == 1
    until = store.retained_until(KEY, stored.version_id)
    assert until is not None
    assert until > datetime.now(UTC) + timedelta(days=29)


def test_parts_whose_last_reply_is_lost_are_recognised_as_our_own_object(
    s3: S3Server, bucket: str, proxy: FaultyProxy, store: S3Store, tmp_path: Path
) -> None:
    proxy.on("?uploadId=", lose_reply)  # of the request that puts them together
    [stored] = store.put([new(tmp_path / "f", LARGE)])
    assert sum("POST" in line and "uploadId" in line for line in proxy.requests) == 2
    found = store.stat(KEY)
    assert found is not None
    assert found.version_id == stored.version_id
    assert versions(s3, bucket) == 1


def test_a_server_that_stays_busy_is_told_and_nothing_is_left(
    s3: S3Server, bucket: str, proxy: FaultyProxy, store: S3Store, tmp_path: Path
) -> None:
    proxy.on("partNumber=2", busy, times=5)
    with pytest.raises(UnavailableError):
        store.put([new(tmp_path / "f", LARGE)])
    assert (versions(s3, bucket), uploads(s3, bucket)) == (0, 0)


def test_a_reading_goes_on_where_it_was_cut(proxy: FaultyProxy, store: S3Store, tmp_path: Path) -> None:
    [stored] = store.put([new(tmp_path / "f", LARGE)])
    proxy.on("GET ", cut, times=3)
    with store.open(KEY, stored.version_id) as stream:
        assert stream.read() == LARGE
    proxy.on("GET ", cut, times=2)
    assert store.read_range(KEY, stored.version_id, 1000, 5000) == LARGE[1000:6000]
    assert proxy.faults == []


def test_a_reading_that_is_cut_again_and_again_is_told_as_a_store_that_is_away(
    proxy: FaultyProxy, store: S3Store, tmp_path: Path
) -> None:
    [stored] = store.put([new(tmp_path / "f", SMALL)])
    proxy.on("GET ", cut_to_nothing, times=9)
    with store.open(KEY, stored.version_id) as stream, pytest.raises(UnavailableError, match="could not be"):
        stream.read()


def test_other_bytes_sent_in_parts_replace_nothing(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    store = S3Store(s3.client(), bucket, days=30, part_size=PART)
    store.put([new(tmp_path / "f", LARGE)])
    with pytest.raises(ObjectExistsError):
        store.put([new(tmp_path / "f", LARGE[::-1])])
    assert (versions(s3, bucket), uploads(s3, bucket)) == (1, 0)


KILLED = """
    import os, signal, sys
    from hashlib import sha256
    from pathlib import Path
    from minio import Minio
    from evidence.ports import NewObject
    from retention.s3 import S3Store

    endpoint, access, secret, bucket, key, path = sys.argv[1:]
    client = Minio(endpoint, access_key=access, secret_key=secret, secure=False)
    send = client._upload_part
    def send_or_die(*args):
        if args[-1] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return send(*args)
    client._upload_part = send_or_die
    raw = Path(path).read_bytes()
    S3Store(client, bucket, days=30, part_size=5 << 20).put(
        [NewObject(key, Path(path), sha256(raw).hexdigest(), len(raw), True)]
    )
"""


@pytest.fixture
def cut_short(s3: S3Server, bucket: str, tmp_path: Path) -> NewObject:
    """What a program that was killed between two parts wanted to put; its first part is in the store."""
    file = new(tmp_path / "f", LARGE)
    arguments = [s3.endpoint, s3.access_key, s3.secret_key, bucket, KEY, str(file.source)]
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert uploads(s3, bucket) == 1
    return file


def test_a_put_that_was_killed_between_parts_is_made_anew_and_leaves_no_parts(
    s3: S3Server, bucket: str, cut_short: NewObject
) -> None:
    store = S3Store(s3.client(), bucket, days=30, part_size=PART)
    assert store.stat(KEY) is None
    [stored] = store.put([cut_short])
    with store.open(KEY, stored.version_id) as stream:
        assert stream.read() == LARGE
    assert (versions(s3, bucket), uploads(s3, bucket)) == (1, 0)


def test_parts_that_nobody_comes_back_for_are_swept_once_they_are_old(
    s3: S3Server, bucket: str, cut_short: NewObject
) -> None:
    store = S3Store(s3.client(), bucket, days=30)
    now = datetime.now(UTC)
    assert store.sweep(now - timedelta(days=1)) == 0  # another machine may be at work on them
    assert uploads(s3, bucket) == 1
    assert store.sweep(now + timedelta(seconds=5)) == 1
    assert uploads(s3, bucket) == 0


def test_a_locked_version_can_be_neither_deleted_nor_unlocked_but_hidden_which_is_found(
    s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    client = s3.client()
    store = S3Store(client, bucket, days=30)
    [stored] = store.put([new(tmp_path / "f", SMALL)])
    with pytest.raises(S3Error, match="Access Denied"):
        client.remove_object(bucket, KEY, version_id=stored.version_id)
    assert list(store.list_overlaid("cases/")) == []
    client.remove_object(bucket, KEY)
    assert store.stat(KEY) is None
    assert store.read_range(KEY, stored.version_id, 0, 8) == SMALL
    assert list(store.list_overlaid("cases/")) == [KEY]
    client.put_object(bucket, KEY, io.BytesIO(b"forged"), 6)
    assert list(store.list_overlaid("cases/")) == [KEY]
    assert store.read_range(KEY, stored.version_id, 0, 8) == SMALL


def month() -> datetime:
    return datetime.now(UTC) + timedelta(days=30) - timedelta(minutes=1)


def test_the_probe_shows_a_lock_and_stays_one_object_however_often_it_is_tried(
    s3: S3Server, bucket: str
) -> None:
    store = S3Store(s3.client(), bucket, days=30)
    for _ in range(3):
        prove_lock(store, month())
    assert versions(s3, bucket) == 1
    probe = store.stat(PROBE)
    assert probe is not None
    assert (store.retained_until(PROBE, probe.version_id) or month()) > month()


def test_a_bucket_without_object_lock_is_refused(s3: S3Server) -> None:
    bucket = s3.new_bucket(object_lock=False)
    with pytest.raises(SettingsError, match="does not lock"):
        prove_lock(S3Store(s3.client(), bucket, days=30), month())
    assert versions(s3, bucket) == 0


XML = "<?xml version='1.0' encoding='UTF-8'?>"
GONE = answering(404, f"{XML}<Error><Code>NoSuchVersion</Code><Message>gone</Message></Error>")
SHORT = answering(
    200,
    f"{XML}<Retention xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Mode>COMPLIANCE</Mode>"
    "<RetainUntilDate>2020-01-01T00:00:00Z</RetainUntilDate></Retention>",
)


@pytest.mark.parametrize(
    ("what", "faults"),
    [
        (
            "deleted a version",
            [("DELETE ", answering(204)), ("GET BUCKET/probe/object-lock?versionId", GONE)],
        ),
        ("let a retention be", [("retention", forward), ("retention", answering(200)), ("retention", SHORT)]),
        ("put a second version", [("PUT ", forward), ("PUT ", answering(200))]),
        ("now says 2020-01-01", [("retention", SHORT)]),
    ],
)
def test_a_server_that_lets_happen_what_a_lock_forbids_is_refused(
    bucket: str, proxy: FaultyProxy, store: S3Store, what: str, faults: list[tuple[str, Fault]]
) -> None:
    for text, fault in faults:
        proxy.on(text.replace("BUCKET", f"/{bucket}"), fault)
    with pytest.raises(SettingsError, match=what):
        prove_lock(store, month())


def test_a_store_that_goes_away_shows_nothing(proxy: FaultyProxy, store: S3Store) -> None:
    proxy.on("DELETE ", busy, times=9)
    with pytest.raises(UnavailableError):
        prove_lock(store, month())
