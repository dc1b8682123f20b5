"""A member of the public who sends a file through the portal: what `make up-local` shows of it."""

import ssl
import time
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx

_WAIT_S = 120
_NOTE = b"Seen at the back door at nine, and filmed from across the street.\n"
_HALF = len(_NOTE) // 2
_TUS = {"Tus-Resumable": "1.0.0"}


def send(url: str, trusted: Path, code: str) -> str:
    """Send a small file in two parts, each over a connection of its own, and wait for the receipt.

    The second part may come to another portal than the first. Raises RuntimeError where something fails.
    """
    context = ssl.create_default_context(cafile=str(trusted))

    def call(method: str, path: str, **options: object) -> httpx.Response:
        with httpx.Client(base_url=url, verify=context, timeout=30) as client:
            answer = client.request(method, path, **options)  # type: ignore[arg-type]
        if answer.is_error and answer.status_code != 425:
            raise RuntimeError(f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}")
        return answer

    held = {"Vidne-Link": code}
    begun = call("POST", "/api/submissions", headers=held, json={"language": "en", "declaration": "1"}).json()
    known = {"filename": b"note.txt", "submission": begun["submission"].encode()}
    metadata = ",".join(f"{name} {b64encode(value).decode()}" for name, value in known.items())
    made = call(
        "POST",
        "/files",
        headers={**held, **_TUS, "Upload-Length": f"{len(_NOTE)}", "Upload-Metadata": metadata},
    )
    where = httpx.URL(made.headers["Location"]).path
    for start, part in ((0, _NOTE[:_HALF]), (_HALF, _NOTE[_HALF:])):
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(start)}
        call("PATCH", where, headers={**held, **_TUS, **kind}, content=part)
    call("PUT", f"/api{where}/digest", headers=held, json={"sha256": sha256(_NOTE).hexdigest()})
    call("POST", f"/api/submissions/{begun['submission']}/end", headers=held)
    mine = {"Vidne-Receipt": begun["receipt"]}
    deadline = time.monotonic() + _WAIT_S
    while call("GET", "/api/receipt.json", headers=mine).status_code != 200:
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"No receipt after {_WAIT_S} s: {call('GET', '/api/receipt', headers=mine).text}"
            )
        time.sleep(1)
    told = call("GET", "/api/receipt", headers=mine).json()
    [file] = told["files"]
    if not (told["state"] == "issued" and file["state"] == "sealed" and file["identical"] is True):
        raise RuntimeError(f"The receipt says {told}")
    return "sealed, identical, receipt in the log"
