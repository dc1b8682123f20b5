"""The S3 store, through `minio`: create-only puts with a SHA-256 checksum that the server compares.

`put_object` of the client turns `If-None-Match` into user metadata and sends no SHA-256 checksum, so the
calls below it are used; they are private to the client, which is why its minor version is pinned.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import certifi
from minio import Minio
from minio.commonconfig import Tags
from minio.datatypes import Part
from minio.error import MinioException, S3Error
from minio.helpers import DictType, check_bucket_name
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from evidence.errors import (
    NotFoundError,
    ObjectExistsError,
    SettingsError,
    StorageFullError,
    UnavailableError,
    UnreadableError,
)
from evidence.ports import NewObject, StoredObject
from evidence.settings import Settings
from hashing.digests import sha256_file

PART_SIZE = 64 << 20
_ABSENT = ("NoSuchKey", "NoSuchVersion", "NoSuchObject", "ResourceNotFound")
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout")
_FULL = ("QuotaExceeded", "EntityTooLarge", "XMinioStorageFull", "InsufficientStorage")


def open_s3_store(settings: Settings) -> "S3Store":
    """The store that VIDNE_STORE_URL names; raises SettingsError where something is missing."""
    url = urlsplit(settings.store_url)
    bucket = url.path.strip("/")
    if not url.netloc or not bucket or "/" in bucket:
        raise SettingsError(
            f"VIDNE_STORE_URL {settings.store_url!r} names no bucket.", advice="Write s3://host:port/bucket."
        )
    try:
        secret = Path(settings.s3_secret_key_file).read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"The S3 secret key cannot be read from {settings.s3_secret_key_file!r}: {error.strerror}.",
            advice="Set VIDNE_S3_SECRET_KEY_FILE.",
        ) from error
    try:
        check_bucket_name(bucket)
        client = Minio(
            url.netloc,
            access_key=settings.s3_access_key,
            secret_key=secret,
            secure=url.scheme == "s3",
            http_client=_http(),
        )
    except ValueError as error:
        raise SettingsError(
            f"VIDNE_STORE_URL {settings.store_url!r} cannot be used: {error}.",
            advice="Write s3://host:port/bucket.",
        ) from error
    return S3Store(client, bucket)


def _http() -> PoolManager:
    """As the client's own, but a server that is away is noticed in a minute, not in half an hour."""
    return PoolManager(
        timeout=Timeout(connect=10, read=300),
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        retries=Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
    )


class S3Store:
    """evidence.ports.ObjectStore in an S3 bucket that has versioning and Object Lock."""

    def __init__(self, client: Minio, bucket: str, *, part_size: int = PART_SIZE) -> None:
        """Objects larger than `part_size` bytes are sent in parts of it."""
        self._client = client
        self._bucket = bucket
        self._part_size = part_size

    @property
    def is_worm(self) -> bool:
        """False for now: versions are kept, and no retention is set on them yet."""
        return False

    @property
    def bucket(self) -> str:
        """See ObjectStore."""
        return self._bucket

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:  # noqa: ARG002 - the port's signature
        """See ObjectStore; `consume` saves nothing here."""
        return [self._put_one(file) for file in files]

    def _put_one(self, file: NewObject) -> StoredObject:
        with _clear_errors(file.key):
            try:
                version = (
                    self._send_whole(file.key, file.source, file.sha256)
                    if file.size <= self._part_size
                    else self._send_parts(file.key, file.source)
                )
            except S3Error as error:
                if error.code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise
                return self._existing(file.key, file.sha256, file.size)
        return StoredObject(file.key, version, file.size)

    def _send_whole(self, key: str, source: Path, sha256: str) -> str:
        headers: DictType = {
            "If-None-Match": "*",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
            "Content-Type": "application/octet-stream",
        }
        result = self._client._put_object(self._bucket, key, source.read_bytes(), headers)
        return _version(result.version_id)

    def _send_parts(self, key: str, source: Path) -> str:
        if self.stat(key) is not None:
            raise ObjectExistsError(f"An object is stored under {key}.", advice="Verify the exhibit.")
        upload = self._client._create_multipart_upload(self._bucket, key, {})
        parts: list[Part] = []
        with source.open("rb") as stream:
            while data := stream.read(self._part_size):
                checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
                number = len(parts) + 1
                etag = self._client._upload_part(
                    self._bucket, key, data, {"x-amz-checksum-sha256": checksum}, upload, number
                )
                parts.append(Part(number, etag))
        result = self._client._complete_multipart_upload(self._bucket, key, upload, parts)
        return _version(result.version_id)

    def _existing(self, key: str, sha256: str, size: int) -> StoredObject:
        found = self.stat(key)
        if found is not None and found.size == size:
            with self.open(key, found.version_id) as stream:
                if sha256_file(stream) == sha256:
                    return found
        raise ObjectExistsError(
            f"Other bytes are stored under {key}.",
            advice="Nothing was replaced. Verify the exhibit before you go on.",
        )

    def open(self, key: str, version_id: str) -> BinaryIO:
        """See ObjectStore."""
        with _clear_errors(key):
            return cast(BinaryIO, self._client.get_object(self._bucket, key, version_id=version_id))

    def read_range(self, key: str, version_id: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        with _clear_errors(key):
            reply = self._client.get_object(
                self._bucket, key, offset=start, length=length, version_id=version_id
            )
            try:
                return reply.data
            finally:
                reply.release_conn()

    def local_path(self, key: str, version_id: str) -> Path | None:  # noqa: ARG002 - the port's signature
        """None: what is needed as a file has to be fetched."""
        return None

    def stat(self, key: str) -> StoredObject | None:
        """See ObjectStore."""
        with _clear_errors(key):
            try:
                found = self._client.stat_object(self._bucket, key)
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise
        return StoredObject(key, _version(found.version_id), found.size or 0)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        with _clear_errors(prefix):
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if item.object_name is not None:
                    yield item.object_name

    def set_tags(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See ObjectStore."""
        chosen = Tags.new_object_tags()
        chosen.update(tags)
        with _clear_errors(key):
            self._client.set_object_tags(self._bucket, key, chosen, version_id=version_id)

    def get_tags(self, key: str, version_id: str) -> dict[str, str]:
        """See ObjectStore."""
        with _clear_errors(key):
            found = self._client.get_object_tags(self._bucket, key, version_id=version_id)
        return dict(found or {})


def _version(version_id: str | None) -> str:
    if not version_id or version_id == "null":
        raise SettingsError(
            "The bucket has no versioning.", advice="Use a bucket made with Object Lock enabled."
        )
    return version_id


@contextmanager
def _clear_errors(key: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        if error.code in _ABSENT:
            raise NotFoundError(
                f"The object {key} is not in the store.", advice="Verify the case; restore it from a backup."
            ) from error
        if error.code in _FULL:
            raise StorageFullError(
                f"The store has no room for {key}.", advice="Make room; the job goes on by itself."
            ) from error
        if error.code in _BUSY:
            raise UnavailableError(
                f"The store is busy ({error.code}) and did not take {key}.", advice="It is tried again."
            ) from error
        raise UnreadableError(
            f"The store refused {key}: {error.code}.", advice="Look at the server and its settings."
        ) from error
    except (MinioException, HTTPError, OSError) as error:
        raise UnavailableError(
            f"The store could not be reached for {key}: {error}.",
            advice="Look at the server and the network; jobs are tried again.",
        ) from error
