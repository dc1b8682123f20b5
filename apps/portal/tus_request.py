"""A request of tus 1.0: its headers as they were meant."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from starlette.types import Scope

from apps.portal.errors import RequestError
from ingest.receiving import Checksum

_OFFSET_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"[0-9]{1,18}")
_ID = re.compile(r"[0-9a-z]{1,40}")
_DIGEST_BYTES = {"sha1": 20, "sha256": 32}


@dataclass(frozen=True, slots=True)
class TusRequest:
    """`prefix` is the path of all uploads, `upload_id` what follows it; names of `headers` are small."""

    method: str
    prefix: str
    upload_id: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """The request of an ASGI scope; raises nothing: what makes no sense names no upload."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = str(scope["method"])
        if method == "POST":
            method = headers.get("x-http-method-override", method).upper()
        prefix = str(scope.get("root_path", ""))
        rest = str(scope["path"]).removeprefix(prefix).strip("/")
        return cls(method, prefix, rest if not rest or _ID.fullmatch(rest) else "-", headers)

    @property
    def code(self) -> str:
        """The code of the link; empty where none was given."""
        return self.headers.get("vidne-link", "")

    @property
    def body_length(self) -> int | None:
        """How long the body is, where that was said."""
        text = self.headers.get("content-length", "")
        return int(text) if _NUMBER.fullmatch(text) else None

    @property
    def has_body(self) -> bool:
        """Whether bytes of a file come with it."""
        return bool(self.body_length) or "transfer-encoding" in self.headers

    def require_offset_type(self) -> None:
        """Raise RequestError for a body of another type than tus has."""
        if self.headers.get("content-type") != _OFFSET_TYPE:
            raise RequestError("type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

    def number(self, name: str) -> int:
        """A header that has to be a count of bytes; raises RequestError."""
        text = self.headers.get(name, "")
        if not _NUMBER.fullmatch(text):
            raise RequestError("header")
        return int(text)

    def metadata(self) -> tuple[bytes, str]:
        """The file's name and the id of its submission, of Upload-Metadata; raises RequestError."""
        found: dict[str, bytes] = {}
        for pair in self.headers.get("upload-metadata", "").split(","):
            key, _, value = pair.strip().partition(" ")
            if key in found:
                raise RequestError("metadata")
            found[key] = _decoded(value, "metadata")
        name, submission = found.get("filename"), found.get("submission")
        if not name or not submission or not submission.isascii():
            raise RequestError("metadata")
        return name, submission.decode()

    def checksum(self) -> Checksum | None:
        """What Upload-Checksum says; raises RequestError."""
        text = self.headers.get("upload-checksum")
        if text is None:
            return None
        algorithm, _, value = text.partition(" ")
        digest = _decoded(value, "algorithm")
        if len(digest) != _DIGEST_BYTES.get(algorithm):
            raise RequestError("algorithm")
        return Checksum(algorithm, digest.hex())


def _decoded(text: str, code: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(code) from None
