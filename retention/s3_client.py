"""The S3 client: opened from the settings, with time-outs and retries; what goes wrong becomes our errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import certifi
from minio import Minio
from minio.error import MinioException, S3Error
from minio.helpers import check_bucket_name
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from evidence.errors import NotFoundError, SettingsError, StorageFullError, UnavailableError, UnreadableError
from evidence.files import read_secret
from evidence.settings import Settings

AT_ONCE = 4  # requests of one put
_CONNECT_S, _READ_S = 10, 60
_TRIES, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5, 0.2, 5.0

ABSENT = ("NoSuchKey", "NoSuchVersion", "NoSuchObject", "ResourceNotFound")
# The key has an object; or a further try of a request whose reply was lost meets what the first one did.
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload")
_ADVICE = {
    "NoSuchBucket": "See to VIDNE_STORE_URL; vidne init makes the bucket.",
    "SignatureDoesNotMatch": "See to VIDNE_S3_SECRET_KEY_FILE.",
    "InvalidAccessKeyId": "See to VIDNE_S3_ACCESS_KEY.",
    "AccessDenied": "See to VIDNE_S3_ACCESS_KEY and the rights that it has.",
}
_BUSY = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", *TAKEN)
_FULL = ("QuotaExceeded", "EntityTooLarge", "XMinioStorageFull", "InsufficientStorage")


def open_client(url: str, settings: Settings) -> tuple[Minio, str]:
    """The client and the bucket for a store's URL; raises SettingsError where something is missing."""
    parts = urlsplit(url)
    bucket = parts.path.strip("/")
    try:
        check_bucket_name(bucket)
        client = Minio(
            parts.netloc,
            access_key=settings.s3_access_key,
            secret_key=_secret(settings),
            secure=parts.scheme == "s3",
            region=settings.s3_region or None,
            http_client=_http(),
        )
    except ValueError as error:
        raise SettingsError(
            f"VIDNE_STORE_URL {url!r} cannot be used: {error}.", advice="Write s3://host:port/bucket."
        ) from error
    return client, bucket


def make_bucket(url: str, settings: Settings) -> bool:
    """Make the bucket of a store's URL, with Object Lock, where it is missing; whether it was made.

    Raises VidneError. Whether a bucket that is there locks, retention.lock_probe shows.
    """
    client, bucket = open_client(url, settings)
    with clear_errors(f"the bucket {bucket}"):
        if client.bucket_exists(bucket):
            return False
        client.make_bucket(bucket, object_lock=True)
        return True


def _secret(settings: Settings) -> str:
    if not settings.s3_secret_key_file:
        if not settings.s3_secret_key:
            raise SettingsError(
                "The secret key of the S3 store is not set.",
                advice="Set VIDNE_S3_SECRET_KEY_FILE to the file that holds it.",
            )
        return settings.s3_secret_key
    return read_secret(settings.s3_secret_key_file, "VIDNE_S3_SECRET_KEY_FILE")


def _http() -> PoolManager:
    """Every request may be sent again: puts are create-only, and what a lost reply meant is recognised."""
    return PoolManager(
        maxsize=3 * AT_ONCE,
        timeout=Timeout(connect=_CONNECT_S, read=_READ_S),
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        retries=Retry(
            total=_TRIES - 1,
            backoff_factor=_FIRST_PAUSE_S,
            backoff_max=_LONGEST_PAUSE_S,
            backoff_jitter=_FIRST_PAUSE_S,
            allowed_methods=None,
            status_forcelist=[429, 500, 502, 503, 504],
            respect_retry_after_header=False,  # a job waits in the catalogue, not here
        ),
    )


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try of what the client itself does not try again."""
    for number in range(_TRIES - 1):
        yield min(_FIRST_PAUSE_S * 2**number, _LONGEST_PAUSE_S)


@contextmanager
def clear_errors(key: str) -> Iterator[None]:
    """The client's errors as ours; `key` says what the request was about."""
    try:
        yield
    except S3Error as error:
        raise _told(key, error) from error
    except (MinioException, HTTPError, OSError) as error:
        raise UnavailableError(
            f"The store could not be reached for {key}: {error}.",
            advice="Look at the server and the network; jobs are tried again.",
        ) from error


def _told(key: str, error: S3Error) -> Exception:
    if error.code in ABSENT:
        return NotFoundError(
            f"The object {key} is not in the store.", advice="Verify the case; restore it from a backup."
        )
    if error.code in _FULL:
        return StorageFullError(
            f"The store has no room for {key}.", advice="Make room; the job goes on by itself."
        )
    if error.code in _BUSY:
        return UnavailableError(
            f"The store is busy ({error.code}) and did not take {key}.", advice="It is tried again."
        )
    return UnreadableError(
        f"The store refused {key}: {error.code} (bucket {error.bucket_name}).",
        advice=_ADVICE.get(error.code or "", "Look at the server and its settings."),
    )
