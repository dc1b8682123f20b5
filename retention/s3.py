"""The S3 store, through `minio`: create-only puts with SHA-256 checksums, kept under compliance retention.

`put_object` of the client turns `If-None-Match` into user metadata and sends no SHA-256 checksum, so the
calls below it are used; they are private to the client, which is why its minor version is pinned.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, cast

from minio import Minio
from minio.commonconfig import COMPLIANCE, Tags
from minio.error import S3Error
from minio.helpers import DictType
from minio.retention import Retention
from minio.xml import marshal

from evidence.clock import Clock, system_clock
from evidence.errors import NotFoundError, ObjectExistsError, SettingsError, UnavailableError, UnreadableError
from evidence.ports import NewObject, StoredObject
from evidence.settings import Settings
from hashing.digests import sha256_file
from retention.keys import check_deletable
from retention.s3_client import ABSENT, AT_ONCE, TAKEN, clear_errors, open_client
from retention.s3_parts import abort_uploads, send_parts
from retention.s3_stream import ObjectStream

PART_SIZE = 16 << 20
_LOCK_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NO_LOCK = ("NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "NoSuchObjectLegalHold")


def open_s3_store(url: str, settings: Settings, clock: Clock = system_clock) -> "S3Store":
    """The store at `url`; raises SettingsError where something is missing."""
    client, bucket = open_client(url, settings)
    return S3Store(client, bucket, days=settings.retention_days, clock=clock)


class S3Store:
    """evidence.ports.ObjectStore in an S3 bucket that was made with Object Lock."""

    def __init__(
        self,
        client: Minio,
        bucket: str,
        *,
        days: int,
        clock: Clock = system_clock,
        part_size: int = PART_SIZE,
    ) -> None:
        """Locked objects are retained `days` ahead; those above `part_size` bytes are sent in parts of it."""
        self._client = client
        self._bucket = bucket
        self._days = timedelta(days=days)
        self._clock = clock
        self._part_size = part_size

    @property
    def is_worm(self) -> bool:
        """True: retention.lock_probe shows whether the server keeps to it."""
        return True

    @property
    def bucket(self) -> str:
        """See ObjectStore."""
        return self._bucket

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:  # noqa: ARG002 - the port's signature
        """See ObjectStore; `consume` saves nothing here."""
        if len(files) == 1:
            return [self._put_one(files[0])]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="put") as threads:
            return list(threads.map(self._put_one, files))

    def _put_one(self, file: NewObject) -> StoredObject:
        until = self._clock() + self._days if file.locked else None
        version_id = self._send(file, _lock_headers(until))
        if version_id is not None:
            return StoredObject(file.key, version_id, file.size)
        # Somebody's object, or our own: of a run that was cut short, or whose reply was lost.
        found = self._existing(file)
        if until:
            self.retain(found.key, found.version_id, until)
        return found

    def _send(self, file: NewObject, headers: DictType) -> str | None:
        """The new version's id; None where the key has an object."""
        is_large = file.size > self._part_size
        if is_large and self.stat(file.key) is not None:
            return None  # before gigabytes are sent for nothing
        with clear_errors(file.key):
            try:
                return self._send_parts(file, headers) if is_large else self._send_whole(file, headers)
            except S3Error as error:
                if error.code not in TAKEN:
                    raise
        return None

    def _send_whole(self, file: NewObject, headers: DictType) -> str:
        body = file.source.read_bytes()
        headers |= {"If-None-Match": "*", "Content-Type": "application/octet-stream"}
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        return _version(self._client._put_object(self._bucket, file.key, body, headers).version_id)

    def _send_parts(self, file: NewObject, headers: DictType) -> str:
        abort_uploads(self._client, self._bucket, file.key)
        return _version(send_parts(self._client, self._bucket, file, headers, self._part_size))

    def _existing(self, file: NewObject) -> StoredObject:
        found = self.stat(file.key)
        if found is None:
            raise UnavailableError(
                f"The store refused {file.key}, and has it not.", advice="It is tried again."
            )
        if found.size == file.size:
            with self.open(file.key, found.version_id) as stream:
                if sha256_file(stream) == file.sha256:
                    return found
        raise ObjectExistsError(
            f"Other bytes are stored under {file.key}.",
            advice="Nothing was replaced. Verify the exhibit before you go on.",
        )

    def open(self, key: str, version_id: str) -> BinaryIO:
        """See ObjectStore."""
        with clear_errors(key):
            return cast(
                BinaryIO,
                ObjectStream(
                    key,
                    lambda at: self._client.get_object(self._bucket, key, offset=at, version_id=version_id),
                ),
            )

    def read_range(self, key: str, version_id: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        if length <= 0:
            return b""
        try:
            with (
                clear_errors(key),
                ObjectStream(
                    key,
                    lambda at: self._client.get_object(
                        self._bucket, key, offset=start + at, length=length - at, version_id=version_id
                    ),
                ) as stream,
            ):
                return stream.readall()
        except UnreadableError as error:
            if isinstance(error.__cause__, S3Error) and error.__cause__.code == "InvalidRange":
                return b""  # it ends before
            raise

    def local_path(self, key: str, version_id: str) -> Path | None:  # noqa: ARG002 - the port's signature
        """None: what is needed as a file has to be fetched."""
        return None

    def stat(self, key: str) -> StoredObject | None:
        """See ObjectStore."""
        with clear_errors(key):
            try:
                found = self._client.stat_object(self._bucket, key)
            except S3Error as error:
                if error.code in ABSENT:
                    return None
                raise
        return StoredObject(key, _version(found.version_id), found.size or 0)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        with clear_errors(prefix):
            for item in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if item.object_name is not None:
                    yield item.object_name

    def list_overlaid(self, prefix: str) -> Iterator[str]:
        """See ObjectStore."""
        with clear_errors(prefix):
            found = self._client.list_objects(
                self._bucket, prefix=prefix, recursive=True, include_version=True
            )
            told: set[str] = set()
            for key, versions in groupby(found, lambda item: item.object_name or ""):
                markers = [bool(item.is_delete_marker) for item in versions]
                if (len(markers) > 1 or any(markers)) and key not in told:
                    told.add(key)  # markers may be listed behind all versions
                    yield key

    def set_tags(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See ObjectStore."""
        chosen = Tags.new_object_tags()
        chosen.update(tags)
        with clear_errors(key):
            self._client.set_object_tags(self._bucket, key, chosen, version_id=version_id)

    def get_tags(self, key: str, version_id: str) -> dict[str, str]:
        """See ObjectStore."""
        with clear_errors(key):
            found = self._client.get_object_tags(self._bucket, key, version_id=version_id)
        return dict(found or {})

    def retain(self, key: str, version_id: str, until: datetime) -> None:
        """See ObjectStore."""
        until = until.replace(microsecond=0)
        try:
            with clear_errors(key):
                self._client.set_object_retention(self._bucket, key, Retention(COMPLIANCE, until), version_id)
        except UnreadableError as error:
            now = None if isinstance(error, UnavailableError) else self.retained_until(key, version_id)
            if now is None or now < until:
                raise

    def retained_until(self, key: str, version_id: str) -> datetime | None:
        """See ObjectStore; a lock that somebody may lift (governance) is none."""
        with clear_errors(key):
            try:
                found = self._client.get_object_retention(self._bucket, key, version_id)
            except S3Error as error:
                if error.code not in _NO_LOCK:
                    raise
                return None
        return found.retain_until_date if found and found.mode == COMPLIANCE else None

    def set_hold(self, key: str, version_id: str, *, held: bool) -> None:
        """See ObjectStore."""
        change = self._client.enable_object_legal_hold if held else self._client.disable_object_legal_hold
        with clear_errors(key):
            change(self._bucket, key, version_id)

    def is_held(self, key: str, version_id: str) -> bool:
        """See ObjectStore."""
        with clear_errors(key):
            try:
                return bool(self._client.is_object_legal_hold_enabled(self._bucket, key, version_id))
            except S3Error as error:
                if error.code not in _NO_LOCK:
                    raise
                return False

    def delete(self, key: str, version_id: str) -> None:
        """See ObjectStore."""
        check_deletable(key)
        with suppress(NotFoundError), clear_errors(key):
            self._client.remove_object(self._bucket, key, version_id)

    def sweep(self, before: datetime) -> int:
        """See ObjectStore."""
        with clear_errors(self._bucket):
            return abort_uploads(self._client, self._bucket, "", before)

    def force_retention(self, key: str, version_id: str, retention: Retention) -> None:
        """Set it as it is, past any lock that can be passed; raises UnreadableError where that is refused."""
        body = marshal(retention)
        checksum = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        with clear_errors(key):
            self._client._execute(
                "PUT",
                self._bucket,
                key,
                body=body,
                headers={"Content-MD5": checksum, "x-amz-bypass-governance-retention": "true"},
                query_params={"versionId": version_id, "retention": ""},
            )

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete it for ever, past any lock that can be passed; raises UnreadableError where it is locked."""
        headers: DictType = {"x-amz-bypass-governance-retention": "true"}
        with clear_errors(key):
            self._client._execute(
                "DELETE", self._bucket, key, headers=headers, query_params={"versionId": version_id}
            )


def _lock_headers(until: datetime | None) -> DictType:
    if until is None:
        return {}
    return {
        "x-amz-object-lock-mode": COMPLIANCE,
        "x-amz-object-lock-retain-until-date": until.strftime(_LOCK_TIME),
    }


def _version(version_id: str | None) -> str:
    if not version_id or version_id == "null":
        raise SettingsError(
            "The bucket has no versioning.", advice="Use a bucket made with Object Lock enabled."
        )
    return version_id
