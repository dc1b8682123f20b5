"""Large objects in parts, create-only and checksummed as small ones; what was cut short is dropped."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from xml.etree import ElementTree as ET

from minio import Minio
from minio.helpers import DictType

from evidence.errors import UnavailableError, VidneError
from evidence.ports import NewObject
from retention.s3_client import clear_errors

_MOST_PARTS = 10_000


def send_parts(client: Minio, bucket: str, file: NewObject, headers: DictType, part_size: int) -> str | None:
    """Send `file` in parts of `part_size` bytes, one in memory at a time; the version's id.

    Raises S3Error with one of s3_client.TAKEN where the key has an object by now.
    """
    headers["x-amz-checksum-algorithm"] = "SHA256"
    upload = client._create_multipart_upload(bucket, file.key, headers)
    try:
        parts = list(_send_each(client, bucket, file, upload, max(part_size, -(-file.size // _MOST_PARTS))))
        return _complete(client, bucket, file.key, upload, parts)
    except BaseException:
        # Where the program is killed instead, the next try for the key does it, or a sweep.
        with suppress(VidneError), clear_errors(file.key):
            client._abort_multipart_upload(bucket, file.key, upload)
        raise


def _send_each(
    client: Minio, bucket: str, file: NewObject, upload: str, size: int
) -> Iterator[tuple[str, str]]:
    """ETag and SHA-256 (base64) of each part as it is sent."""
    with file.source.open("rb") as stream:
        for number, data in enumerate(iter(lambda: stream.read(size), b""), start=1):
            checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
            headers: DictType = {"x-amz-checksum-sha256": checksum}
            yield client._upload_part(bucket, file.key, data, headers, upload, number), checksum


def _complete(
    client: Minio, bucket: str, key: str, upload: str, parts: Sequence[tuple[str, str]]
) -> str | None:
    """Make the object of its parts; the client's own call is neither create-only nor checksummed."""
    root = ET.Element("CompleteMultipartUpload")
    for number, (etag, checksum) in enumerate(parts, start=1):
        part = ET.SubElement(root, "Part")
        for name, text in (("PartNumber", str(number)), ("ETag", etag), ("ChecksumSHA256", checksum)):
            ET.SubElement(part, name).text = text
    reply = client._execute(
        "POST",
        bucket,
        key,
        body=ET.tostring(root),
        headers={"If-None-Match": "*", "Content-Type": "application/xml"},
        query_params={"uploadId": upload},
    )
    if not ET.fromstring(reply.data).tag.endswith("CompleteMultipartUploadResult"):  # noqa: S314 - the store's own
        # A server that needs long says 200 first, and in the end that it failed.
        raise UnavailableError(f"The store did not put {key} together.", advice="It is tried again.")
    return reply.headers.get("x-amz-version-id")


def abort_uploads(client: Minio, bucket: str, prefix: str, before: datetime | None = None) -> int:
    """Drop uploads that were cut short, whose parts no listing of objects shows; how many there were."""
    count = 0
    key_marker: str | None = None
    upload_marker: str | None = None
    while True:
        page = client._list_multipart_uploads(
            bucket, prefix=prefix, key_marker=key_marker, upload_id_marker=upload_marker
        )
        for upload in page.uploads:
            begun = upload.initiated_time
            if before is None or (begun is not None and begun < before):
                client._abort_multipart_upload(bucket, upload.object_name, upload.upload_id or "")
                count += 1
        if not page.is_truncated:
            return count
        key_marker, upload_marker = page.next_key_marker, page.next_upload_id_marker
