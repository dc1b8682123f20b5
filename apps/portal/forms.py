"""What the pages' forms send: an upload without scripts, and the code of a receipt."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from apps.portal.app import Portal
from apps.portal.form_upload import FormUpload, Sent, opened
from apps.portal.languages import chosen_language, gettext_of
from apps.portal.multipart import FormReader
from apps.portal.qr import qr_svg
from apps.portal.receipts import receipt, receipt_state
from apps.portal.rendering import Renderer
from apps.portal.words import PROBLEMS
from evidence.errors import LinkError, UsageError, VidneError
from hashing.receipt import Receipt
from ingest.receipt_page import receipt_page

_MOST_DRAINED = 32 << 20  # a browser that cannot get rid of its body shows no answer
_LONGEST_FORM = 8 << 10
_FILES: dict[str, tuple[str, Callable[[Receipt], bytes]]] = {
    "pdf": ("application/pdf", receipt_page),
    "json": ("application/json", Receipt.to_bytes),
}


@dataclass(frozen=True)
class Forms:
    """Answers the forms of one portal."""

    portal: Portal
    renderer: Renderer

    async def send(self, request: Request) -> Response:
        """POST /send: files and answers in one form; or, with the button `look`, what a code opens."""
        body = request.stream()
        upload = FormUpload(self.portal, chosen_language(request), _length(request))
        try:
            reader = FormReader(request.headers.get("content-type", ""))
            async for chunk in body:
                for event in reader.feed(chunk):
                    await upload.take(event)
            if not reader.is_complete:
                raise UsageError("The form was cut off.", advice="Send it again.")
            if "look" in upload.fields or not upload.has_files:
                return await self._look(request, upload)
            return self._sent(request, await upload.finish())
        except VidneError:
            await _drain(body)
            raise
        finally:
            await upload.close()

    async def receipt(self, request: Request) -> Response:
        """POST /receipt: the page of a receipt; `as` asks for the file itself, pdf or json."""
        fields = await _fields(request)
        code, kind = fields.get("code", ""), fields.get("as", "")
        try:
            if kind in _FILES:
                return await run_sync(self._file, code, kind)
            told = await run_sync(receipt_state, self.portal, code, chosen_language(request))
        except LinkError:
            text = gettext_of(chosen_language(request)).gettext(PROBLEMS["receipt"])
            return self.renderer.page(request, "receipt.html", status=404, problem=text)
        address = f"{self.renderer.host(request)}receipt#{code}"
        picture = qr_svg(address, str(told["reference"]))
        return self.renderer.page(
            request, "receipt.html", receipt=told, receipt_code=code, files=told["files"], qr=picture
        )

    def _file(self, code: str, kind: str) -> Response:
        found = receipt(self.portal, code)
        media_type, written = _FILES[kind]
        name = f"vidne-{found.statement.reference}.{kind}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
        }
        return Response(written(found), media_type=media_type, headers=headers)

    async def _look(self, request: Request, upload: FormUpload) -> Response:
        code, link = await run_sync(opened, self.portal, upload.fields.get("code", ""))
        asked = link["request"] or {}
        texts = gettext_of(chosen_language(request))
        problem = "" if "look" in upload.fields else texts.gettext(PROBLEMS["no-files"])
        return self.renderer.page(
            request,
            "send.html",
            status=400 if problem else 200,
            problem=problem,
            code=code,
            reference=link["reference"],
            messages=link["messages"],
            request_for=asked,
            is_business=bool(asked),
        )

    def _sent(self, request: Request, sent: Sent) -> Response:
        return self.renderer.page(
            request,
            "sent.html",
            reference=sent.reference,
            receipt_code=sent.receipt,
            code=sent.code,
            files=sent.files,
            refused=sent.refused,
        )


def _length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isdigit() else None


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read what else is coming, up to a limit: else the browser shows its own error instead of our page."""
    drained = 0
    with suppress(ClientDisconnect):
        async for chunk in body:
            drained += len(chunk)
            if drained > _MOST_DRAINED:
                return


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small form; what is longer than it can be is cut."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LONGEST_FORM:
            break
    given = parse_qs(raw[:_LONGEST_FORM].decode("utf-8", "replace"), max_num_fields=20)
    return {name: values[0] for name, values in given.items()}
