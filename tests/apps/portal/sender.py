"""A sender over HTTP, as the page's script is one."""

import time
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx

TUS = {"Tus-Resumable": "1.0.0"}


@dataclass
class Sender:
    """Who holds the code of a link."""

    client: httpx.Client
    code: str
    submission: str = ""
    reference: str = ""
    receipt: str = ""
    uploads: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Vidne-Link": self.code, **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def begin(self, language: str = "da") -> "Sender":
        answer = self.call("POST", "/api/submissions", json={"language": language, "declaration": "1"})
        assert answer.status_code == 201, answer.text
        told = answer.json()
        self.submission, self.reference, self.receipt = (
            told[k] for k in ("submission", "reference", "receipt")
        )
        return self

    def send(self, name: str, raw: bytes) -> str:
        """The id of an upload of these bytes, whole."""
        known = {"filename": name.encode(), "submission": self.submission.encode()}
        metadata = ",".join(f"{key} {b64encode(value).decode()}" for key, value in known.items())
        made = self.call(
            "POST", "/files", headers={**TUS, "Upload-Length": str(len(raw)), "Upload-Metadata": metadata}
        )
        assert made.status_code == 201, made.text
        where = made.headers["Location"]
        headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        sent = self.call("PATCH", where, headers=headers, content=raw)
        assert sent.status_code == 204, sent.text
        self.uploads.append(where.rpartition("/")[2])
        return self.uploads[-1]

    def compare(self, upload: str, raw: bytes) -> httpx.Response:
        return self.call("PUT", f"/api/files/{upload}/digest", json={"sha256": sha256(raw).hexdigest()})

    def answer(self, **said: Any) -> httpx.Response:
        return self.call("PUT", f"/api/submissions/{self.submission}/answers", json=said)

    def end(self) -> httpx.Response:
        return self.call("POST", f"/api/submissions/{self.submission}/end")

    def look(self, path: str = "/api/receipt", **options: Any) -> httpx.Response:
        return self.client.get(path, headers={"Vidne-Receipt": self.receipt}, **options)

    def until(self, state: str, seconds: float = 60) -> dict[str, Any]:
        """What GET /api/receipt says once it has this state."""
        deadline = time.monotonic() + seconds
        while True:
            told: dict[str, Any] = self.look().json()
            if told["state"] == state:
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
