"""The JSON API of the portal: what its scripts ask for, but for the bytes of files (tus.py)."""

import re
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.portal import sending
from apps.portal.access import HEADERS, RULES
from apps.portal.app import Portal
from apps.portal.bodies import BodyError, check_fields, read_fields, text_of
from apps.portal.languages import chosen_language
from apps.portal.receipts import receipt, receipt_state
from evidence.errors import LinkError, NotFoundError
from evidence.jsontypes import JsonObject
from ingest.link_submissions import LIMITS, Answers, Contact

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANSWERS = tuple(Answers.__dataclass_fields__)
_CONTACT = tuple(Contact.__dataclass_fields__)
_LINES = ("place", "note")

Handler = Callable[["Api", Request, str], Awaitable[Response]]


class Api:
    """The calls; each is given the code that its header holds."""

    def __init__(self, portal: Portal) -> None:
        """`portal` is what they work on."""
        self._portal = portal

    async def link(self, _request: Request, code: str) -> Response:
        """GET /api/link."""
        return JSONResponse(await run_in_threadpool(sending.view_link, self._portal, code))

    async def visit(self, _request: Request, code: str) -> Response:
        """POST /api/visit."""
        given = await run_in_threadpool(sending.visit, self._portal, code)
        return JSONResponse({"link": given}, 201)

    async def begin(self, request: Request, code: str) -> Response:
        """POST /api/submissions."""
        fields = await self._fields(request, code, ("language", "declaration"))
        language, version = (text_of(fields, name, 20) for name in ("language", "declaration"))
        if language is None or version is None:
            raise BodyError("value", "language" if language is None else "declaration")
        try:
            begun = await run_in_threadpool(sending.begin, self._portal, code, language, version)
        except LinkError:
            raise
        except NotFoundError:  # no such version, or not in that language
            raise BodyError("value", "declaration") from None
        told = {"submission": begun.id, "reference": begun.reference, "receipt": begun.receipt}
        return JSONResponse(told, 201)

    async def answers(self, request: Request, code: str) -> Response:
        """PUT /api/submissions/{submission}/answers."""
        fields = await self._fields(request, code, (), (*_ANSWERS, "contact"))
        said = Answers(**{n: text_of(fields, n, LIMITS[n], lines=n in _LINES) for n in _ANSWERS})
        contact = _contact(fields)
        submission = request.path_params["submission"]
        await run_in_threadpool(
            sending.answer,
            self._portal,
            code,
            submission,
            said,
            contact,
            keeps_contact="contact" not in fields,
        )
        return Response(status_code=204)

    async def end(self, request: Request, code: str) -> Response:
        """POST /api/submissions/{submission}/end."""
        await run_in_threadpool(sending.end, self._portal, code, request.path_params["submission"])
        return Response(status_code=202)

    async def digest(self, request: Request, code: str) -> Response:
        """PUT /api/files/{upload}/digest."""
        fields = await self._fields(request, code, ("sha256",))
        sha256 = (text_of(fields, "sha256", 64) or "").lower()
        if not _SHA256.fullmatch(sha256):
            raise BodyError("value", "sha256")
        upload = request.path_params["upload"]
        same = await run_in_threadpool(sending.compare, self._portal, code, upload, sha256)
        return JSONResponse({"identical": same})

    async def receipt(self, request: Request, code: str) -> Response:
        """GET /api/receipt."""
        language = chosen_language(request)
        return JSONResponse(await run_in_threadpool(receipt_state, self._portal, code, language))

    async def receipt_json(self, _request: Request, code: str) -> Response:
        """GET /api/receipt.json."""
        found = await run_in_threadpool(receipt, self._portal, code)
        return _download(found.to_bytes(), "application/json", f"{found.statement.reference}.json")

    async def receipt_pdf(self, _request: Request, code: str) -> Response:
        """GET /api/receipt.pdf."""
        from ingest.receipt_page import receipt_page  # noqa: PLC0415 - slow to import

        found = await run_in_threadpool(receipt, self._portal, code)
        page = await run_in_threadpool(receipt_page, found)
        return _download(page, "application/pdf", f"{found.statement.reference}.pdf")

    async def _fields(
        self, request: Request, code: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> JsonObject:
        """The fields of the body, which is not read for a stranger."""
        await run_in_threadpool(sending.authorise, self._portal, code)
        return await read_fields(request, required, optional)


_CALLS: dict[tuple[str, str], Handler] = {
    ("GET", "/api/link"): Api.link,
    ("POST", "/api/visit"): Api.visit,
    ("POST", "/api/submissions"): Api.begin,
    ("PUT", "/api/submissions/{submission}/answers"): Api.answers,
    ("POST", "/api/submissions/{submission}/end"): Api.end,
    ("PUT", "/api/files/{upload}/digest"): Api.digest,
    ("GET", "/api/receipt"): Api.receipt,
    ("GET", "/api/receipt.json"): Api.receipt_json,
    ("GET", "/api/receipt.pdf"): Api.receipt_pdf,
}


def routes(portal: Portal) -> list[Route]:
    """The routes of the API, each behind the header that its rule asks for."""
    api = Api(portal)
    return [_route(api, method, path, call) for (method, path), call in _CALLS.items()]


def _route(api: Api, method: str, path: str, call: Handler) -> Route:
    header = HEADERS[RULES[method, path]]

    async def endpoint(request: Request) -> Response:
        code = request.headers.get(header)
        if not code:
            raise LinkError
        return await call(api, request, code)

    return Route(path, endpoint, methods=[method])


def _contact(fields: JsonObject) -> Contact | None:
    given = fields.get("contact")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BodyError("value", "contact")
    known = check_fields(given, (), _CONTACT)
    contact = Contact(**{name: text_of(known, name, LIMITS[name]) or "" for name in _CONTACT})
    return contact if contact != Contact() else None


def _download(raw: bytes, kind: str, name: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return Response(raw, media_type=kind, headers=headers)
