"""What the server gives: languages, texts that are all translated, nothing inline, little to load, fast."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext

from apps.portal.app import open_portal
from apps.portal.languages import accepted_language, languages
from apps.portal.rendering import Renderer
from deploy.messages import catalogue, extracted
from evidence.settings import Settings
from tests.portal.site import Site
from tests.portal.steps import load_slowly

OPEN_PAGES = ("/", "/send", "/receipt", "/guidance", "/accessibility")
_PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s|<[^>]*>")


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_text_is_translated_with_its_placeholders(language: str) -> None:
    wanted = {message.id for message in extracted() if message.id}
    known = {message.id: message for message in catalogue(language) if message.id}
    assert len(wanted) > 150
    assert wanted == set(known), "run make messages"
    for text, message in known.items():
        assert message.string, f"not translated: {text}"
        assert not message.fuzzy
        assert sorted(_PLACEHOLDER.findall(str(text))) == sorted(_PLACEHOLDER.findall(str(message.string)))
        assert not re.search(r"[<>\"&]", re.sub(r"</?strong>", "", str(message.string)))


def test_there_are_danish_and_english_and_danish_comes_first() -> None:
    assert languages() == {"da": "Dansk", "en": "English"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "da"),
        ("en-GB,en;q=0.9", "en"),
        ("de,en;q=0.8,da;q=0.9", "da"),
        ("fr", "da"),
        ("en;q=0", "da"),
        ("en;q=x,da;q=0.1", "da"),
        ("*", "da"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(header: str, expected: str) -> None:
    assert accepted_language(header) == expected


def test_lang_in_the_address_wins_over_the_browser(site: Site) -> None:
    danish = {"Accept-Language": "da"}
    assert '<html lang="en" ' in httpx.get(f"{site.url}/?lang=en", headers=danish).text
    assert '<html lang="da" ' in httpx.get(f"{site.url}/?lang=xx", headers=danish).text


@pytest.mark.parametrize("path", OPEN_PAGES)
@pytest.mark.parametrize("language", ["da", "en"])
def test_emergency_comes_first_and_nothing_is_inline_but_the_style_that_the_policy_names(
    site: Site, path: str, language: str
) -> None:
    answer = httpx.get(f"{site.url}{path}?lang={language}")
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.text.partition("<body>")[2])
    first = " ".join(text.split())[:120]
    assert {
        "da": "Sker det nu? Ring 112. Ellers 114.",
        "en": "Happening now? Call 112. Otherwise 114.",
    }[language] in first
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert not re.search(r"<style |\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text)
    assert {url.partition("/")[0] for url in re.findall(r'(?:src|href)="([^"#]*)', answer.text)} <= {
        "", "tel:112", "tel:114", *(f"?lang={name}" for name in ("da", "en")),
    }  # fmt: skip
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


def test_a_page_that_did_not_change_is_not_sent_again(site: Site) -> None:
    first = httpx.get(f"{site.url}/guidance")
    again = httpx.get(f"{site.url}/guidance", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    english = httpx.get(f"{site.url}/guidance?lang=en", headers={"If-None-Match": first.headers["etag"]})
    assert english.status_code == 200


def test_assets_are_kept_for_ever_and_packed_as_the_browser_can_unpack(site: Site) -> None:
    page = httpx.post(f"{site.url}/send", data={"code": "unknown"}).text
    (path,) = re.findall(r'href="(/assets/portal[^"]+\.css)"', page)
    answers = {
        kind: httpx.get(site.url + path, headers={"Accept-Encoding": kind})
        for kind in ("br", "gzip", "identity")
    }
    for kind, answer in answers.items():
        assert answer.headers.get("content-encoding", "identity") == kind
        assert "immutable" in answer.headers["cache-control"]
    assert len({answer.text for kind, answer in answers.items() if kind != "br"}) == 1
    assert httpx.get(f"{site.url}/assets/nothing.css").status_code == 404
    assert httpx.get(f"{site.url}/assets/..%2fpages.py").status_code == 404


def test_on_a_slow_line_the_page_is_ready_with_less_than_150_kb(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    assert 0 < load_slowly(phone().new_page(), site.link()["url"]) < 150_000


@pytest.mark.parametrize("language", ["da", "en"])
def test_a_receipt_shows_hints_and_a_business_its_quality_and_never_a_verdict(
    tmp_path: Path, language: str
) -> None:
    portal = open_portal(Settings(data=tmp_path / "data"))
    shared = {"size": 1_500_000, "sha256": "ab" * 32, "quality": None, "hints": []}
    files = [
        {
            **shared,
            "name": "<b>a</b>.mp4",
            "state": "sealed",
            "identical": True,
            "hints": ["forwarded", "new"],
        },
        {**shared, "name": "b.mp4", "state": "sealed", "identical": False},
        {**shared, "name": "c.mp4", "state": "sealed", "identical": None},
        {**shared, "name": "d.mp4", "state": "expired", "identical": None, "sha256": None},
    ]
    files[2]["quality"] = [{"code": "resolution", "text": "What <i>can</i> be seen", "advice": "More light"}]
    told = {"reference": "7KXM-2PQR-9BDF", "state": "sealed", "received_at": "2026-11-26T10:00:00Z"}
    text = Renderer(portal).text(
        "receipt.html", language, "https://h/", receipt=told, receipt_code="C", files=files, qr=""
    )
    words = {
        "da": ("beskedtjeneste", "Send den igen", "opgivet"),
        "en": ("messaging app", "send it again", "given up"),
    }
    assert all(word in text for word in words[language])
    assert "What &lt;i&gt;can&lt;/i&gt; be seen <strong>More light</strong>" in text
    assert "<b>a" not in text
    assert text.count('class="hint"') == 1, "a hint that nobody has words for is not shown"
    assert {"da": "26. november 2026 11.00", "en": "26 November 2026 11:00"}[language] in text


def test_what_is_built_comes_with_its_licences() -> None:
    text = (Path(__file__).parents[2] / "apps/portal/built/licences.txt").read_text()
    for name in ("dkfds", "hash-wasm", "idb", "tus-js-client"):
        assert f"{name} " in text
    assert "Permission is hereby granted" in text
