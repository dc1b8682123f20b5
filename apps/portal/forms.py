"""What the pages' forms send: an upload without scripts, and the code of a receipt."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from anyio import sleep
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from apps.portal.app import Portal
from apps.portal.form_upload import FormUpload, Sent, opened
from apps.portal.languages import chosen_language, gettext_of
from apps.portal.multipart import FormReader
from apps.portal.qr import qr_svg
from apps.portal.receipts import receipt, receipt_state
from apps.portal.rendering import Renderer, moment_said
from apps.portal.words import PROBLEMS, SENDING
from evidence.errors import IncompleteError, LinkError, UsageError, VidneError
from evidence.jsontypes import JsonObject
from hashing.receipt import Receipt
from ingest.receipt_page import receipt_page

_MOST_DRAINED = 32 << 20  # a browser that cannot get rid of its body shows no answer
_LONGEST_FORM = 8 << 10
_TRIES, _PAUSE_S = 20, 0.5  # a worker sequences within a few seconds
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
            try:
                async for chunk in body:
                    await upload.take_all(reader.feed(chunk))
                if not reader.is_complete:
                    raise UsageError("The form was cut off.", advice="Send it again.")
                # Enter in any field presses the form's first button, `look`: files that came are sent.
                if not upload.has_files:
                    return await self._look(request, upload)
                return self._sent(request, await upload.finish())
            except LinkError:
                await upload.give_up()
                await _drain(body, lambda chunk: upload.take_all(reader.feed(chunk)))
                return self._form(request, upload, SENDING["error-link"], status=404)
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
                return await self._file(request, code, kind)
            told = await run_sync(receipt_state, self.portal, code, chosen_language(request))
        except LinkError:
            text = gettext_of(chosen_language(request)).gettext(PROBLEMS["receipt"])
            return self.renderer.page(request, "receipt.html", status=404, problem=text)
        return self._receipt_page(request, code, told)

    def _receipt_page(
        self, request: Request, code: str, told: JsonObject, *, status: int = 200, problem: str = ""
    ) -> Response:
        address = f"{self.renderer.host(request)}receipt#{code}"
        return self.renderer.page(
            request,
            "receipt.html",
            status=status,
            problem=problem,
            receipt=told,
            receipt_code=code,
            files=told["files"],
            qr=qr_svg(address, str(told["reference"])),
        )

    async def _file(self, request: Request, code: str, kind: str) -> Response:
        """The receipt as a file: the log binds it when it is first asked for, which takes a moment."""
        language = chosen_language(request)
        told = await run_sync(receipt_state, self.portal, code, language)
        for _ in range(_TRIES if told["state"] in ("sealed", "issued") else 0):
            try:
                found = await run_sync(receipt, self.portal, code)
            except IncompleteError:
                await sleep(_PAUSE_S)
                continue
            return await run_sync(self._download, found, kind)
        problem = gettext_of(language).gettext(PROBLEMS["not-yet"])
        return self._receipt_page(request, code, told, status=425, problem=problem)

    @staticmethod
    def _download(found: Receipt, kind: str) -> Response:
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
        asked = link["request"] if isinstance(link["request"], dict) else {}
        upload.fields["code"] = code
        problem = "" if "look" in upload.fields else PROBLEMS["no-files"]
        return self._form(
            request,
            upload,
            problem,
            status=400 if problem else 200,
            reference=link["reference"],
            messages=link["messages"],
            request_for=asked,
            countdown=self._countdown(request, asked),
            is_business=bool(asked),
        )

    def _form(
        self, request: Request, upload: FormUpload, problem: str, *, status: int, **context: object
    ) -> Response:
        """The form once more, with what was typed into it."""
        texts = gettext_of(chosen_language(request))
        return self.renderer.page(
            request,
            "send.html",
            status=status,
            problem=texts.gettext(problem) if problem else "",
            code=upload.fields.get("code", ""),
            said=upload.fields,
            **context,
        )

    def _countdown(self, request: Request, asked: JsonObject) -> str:
        """How long a recorder still has what is asked for, in a sentence; empty where nobody knows."""
        if not asked.get("overwritten_at"):
            return ""
        language = chosen_language(request)
        at = str(asked["overwritten_at"])
        left = (datetime.fromisoformat(at) - self.portal.application.clock()).total_seconds()
        soon = "overwritten" if left <= 0 else "overwritten-within-the-hour"
        text = gettext_of(language).gettext(SENDING[soon if left < 3600 else "overwritten-in"])
        return text.format(hours=int(left // 3600), time=moment_said(at, language, self.portal.settings.zone))

    def _sent(self, request: Request, sent: Sent) -> Response:
        return self.renderer.page(
            request,
            "sent.html",
            reference=sent.reference,
            receipt_code=sent.receipt,
            code=sent.code,
            files=sent.files,
            refused=sent.refused,
            lost=sent.lost,
        )


def _length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isdigit() else None


async def _drain(body: AsyncIterator[bytes], take: Callable[[bytes], Awaitable[None]] | None = None) -> None:
    """Read what else is coming, up to a limit: else the browser shows its own error instead of our page."""
    drained = 0
    with suppress(ClientDisconnect):
        async for chunk in body:
            drained += len(chunk)
            if drained > _MOST_DRAINED:
                return
            if take:
                await take(chunk)


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small form; what is longer than it can be is cut."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LONGEST_FORM:
            break
    try:
        given = parse_qs(raw[:_LONGEST_FORM].decode("utf-8", "replace"), max_num_fields=20)
    except ValueError as error:
        raise UsageError("The form has too many fields.", advice="Send the page's own form.") from error
    return {name: values[0] for name, values in given.items()}
