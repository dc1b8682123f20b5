"""Styles, scripts and fonts of the public pages, as `make setup` built them; a name stands for its bytes."""

import json
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from evidence.errors import ToolMissingError

FOLDER = Path(__file__).parent / "built"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_ENCODINGS = ("br", "gzip")  # best first; beside the file as NAME.br, NAME.gzip
_FOR_EVER = "public, max-age=31536000, immutable"  # a name stands for its bytes


@dataclass(frozen=True, slots=True)
class Asset:
    """A built file: its type, and its bytes by content encoding (`identity` is the file itself)."""

    media_type: str
    bodies: dict[str, bytes]


@cache
def manifest() -> dict[str, list[str]]:
    """By source name the built one, and those that it needs: {"send.js": ["send-ABCD1234.js", ...]}.

    Raises ToolMissingError.
    """
    path = FOLDER / "manifest.json"
    if not path.is_file():
        raise ToolMissingError(
            "The styles and scripts of the portal are not built.", advice="Run make setup, which builds them."
        )
    names: dict[str, list[str]] = json.loads(path.read_bytes())
    return names


def asset_url(name: str) -> str:
    """The path at which a built file is served."""
    return f"/assets/{manifest()[name][0]}"


@cache
def style_text() -> str:
    """The style sheet, to stand in a page itself: on a slow line a second answer is a second of white."""
    return (FOLDER / manifest()["portal.css"][0]).read_text("utf-8")


def style_digest() -> str:
    """How a Content-Security-Policy names this text: 'sha256-...' (CSP3, 2.3.1, hash-source)."""
    return f"'sha256-{b64encode(sha256(style_text().encode()).digest()).decode()}'"


def asset_imports(name: str) -> list[str]:
    """The paths of what a built script needs before it can run."""
    return [f"/assets/{needed}" for needed in manifest()[name][1:]]


@cache
def _assets() -> dict[str, Asset]:
    found = {}
    for path in FOLDER.iterdir():
        if path.suffix in _TYPES:
            packed = {kind: path.with_name(f"{path.name}.{kind}") for kind in _ENCODINGS}
            bodies = {kind: file.read_bytes() for kind, file in packed.items() if file.is_file()}
            found[path.name] = Asset(_TYPES[path.suffix], {**bodies, "identity": path.read_bytes()})
    return found


async def give_asset(request: Request) -> Response:
    """GET /assets/NAME."""
    asset = _assets().get(request.path_params["name"])
    if asset is None:
        return PlainTextResponse("Not found", status_code=404)
    encoding = accepted_encoding(request.headers.get("accept-encoding", ""), asset)
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return Response(asset.bodies[encoding], media_type=asset.media_type, headers=headers)


def accepted_encoding(header: str, asset: Asset) -> str:
    """The best encoding of `asset` that a header Accept-Encoding names without forbidding it."""
    named = {}
    for item in header.split(","):
        name, _, parameter = item.strip().partition(";")
        named[name.strip().lower()] = parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((kind for kind in _ENCODINGS if named.get(kind) and kind in asset.bodies), "identity")
