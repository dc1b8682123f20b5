"""Pages as HTML: templates, the texts of a language, numbers and times as its readers write them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from gzip import compress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from apps.portal.app import Portal
from apps.portal.assets import asset_imports, asset_url, style_text
from apps.portal.languages import chosen_language, gettext_of, languages
from apps.portal.words import FILE_STATES, HINTS, RECEIPT, REQUEST_FIELDS, SENDING, STATES, translated
from ingest.declaration import current_version, declaration

_TEMPLATES = Path(__file__).parent / "templates"
_REGIONS = {"en": "en_GB"}  # whose dates and times: the nearest, where a language has many
_SECRET = {"Cache-Control": "no-store"}  # what is made for one person stays in no cache
# What the pages say where nobody has sent a code.
_NOTHING: dict[str, object] = {
    "problem": "",
    "code": "",
    "reference": "",
    "receipt": None,
    "receipt_code": "",
    "request_for": {},
    "countdown": "",
    "messages": (),
    "is_business": False,
    "refused": (),
    "lost": (),
    "said": {},
    "is_open": False,
}
_OPEN = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Accept-Encoding"}


@dataclass(frozen=True)
class Renderer:
    """Renders the pages of one portal."""

    portal: Portal

    def open_page(self, request: Request, template: str) -> Response:
        """A page that is the same for all who read its language; kept, compressed, and known by its ETag."""
        plain, packed, tag = self._kept(template, chosen_language(request), self.host(request))
        headers = {**_OPEN, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return HTMLResponse(packed, headers={**headers, "Content-Encoding": "gzip"})
        return HTMLResponse(plain, headers=headers)

    def page(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        """A page for one person: never kept, and not compressed beside secrets."""
        text = self.text(template, chosen_language(request), self.host(request), **context)
        return HTMLResponse(text, status_code=status, headers=_SECRET)

    def text(self, template: str, language: str, host: str, **context: object) -> str:
        """The HTML of a template."""
        return self._environment(language).get_template(template).render(host=host, **context)

    @cached_property
    def _kept(self) -> Callable[[str, str, str], tuple[bytes, bytes, str]]:
        @lru_cache(maxsize=64)
        def kept(template: str, language: str, host: str) -> tuple[bytes, bytes, str]:
            plain = self.text(template, language, host, is_open=True).encode()
            return plain, compress(plain, mtime=0), f'"{sha256(plain).hexdigest()[:24]}"'

        return kept

    @cached_property
    def _environment(self) -> Callable[[str], Environment]:
        return lru_cache(maxsize=None)(self._new_environment)

    def _new_environment(self, language: str) -> Environment:
        settings = self.portal.settings
        texts = gettext_of(language)
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
        )
        environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(
            language=language,
            languages=languages(),
            asset=asset_url,
            style=style_text(),
            imports_of=asset_imports,
            controller=settings.portal_controller,
            dpo=settings.portal_dpo,
            zone=settings.portal_zone,
            declaration=declaration(
                current_version(), language, controller=settings.portal_controller, dpo=settings.portal_dpo
            ),
            words=translated(SENDING, texts),
            receipt_words=translated(RECEIPT, texts),
            states=translated(STATES, texts),
            file_states=translated(FILE_STATES, texts),
            hints=translated(HINTS, texts),
            request_fields=list(translated(REQUEST_FIELDS, texts).items()),
            **_NOTHING,
        )
        environment.filters.update(
            bytes=lambda count: bytes_said(count, language),
            moment=lambda text: moment_said(text, language, settings.zone),
        )
        return environment

    def host(self, request: Request) -> str:
        """The address that stands in the browser, as far as a person compares it."""
        known = self.portal.settings.public_url
        url = urlsplit(known) if known else request.url
        return f"{url.scheme}://{url.netloc}/"


def moment_said(text: str, language: str, zone: ZoneInfo) -> str:
    """A moment as people read it, in the portal's time zone: 26. november 2026 12.10."""
    there = datetime.fromisoformat(text).astimezone(zone)
    locale = _REGIONS.get(language, language)
    return f"{format_date(there, 'long', locale=locale)} {format_time(there, 'short', locale=locale)}"


def bytes_said(count: int, language: str) -> str:
    """A number of bytes as people read it: 682,9 kB."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    digits = "#,##0.#" if unit not in ("B", "kB") and value < 100 else "#,##0"
    return f"{format_decimal(value, digits, locale=language)} {unit}"
