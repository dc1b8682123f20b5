"""axe-core on every page and state, in both languages, dark and light; sizes, keyboard, announcements."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.portal.conftest import DESKTOP, PHONE
from tests.portal.line import Line
from tests.portal.site import Site, padded
from tests.portal.steps import WITHOUT_HANDLES, await_share, await_state, choose, finish, opened

AXE = Path(__file__).parents[2] / "apps/portal/frontend/node_modules/axe-core/axe.min.js"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LANGUAGES = ("da", "en")
_TARGETS = "button, input:not([type=hidden]), summary, textarea, .button, nav a, footer a, .emergency a"
_SMALL = f"""() => [...document.querySelectorAll('{_TARGETS}')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one, (one.type === 'radio' ? one.labels[0] : one).getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.9 || box.width < 43.9)
  .map(([one, box]) => one.outerHTML.slice(0, 80) + ' ' + box.width + 'x' + box.height)"""
OPEN_PAGES = ("/", "/send", "/receipt", "/guidance", "/accessibility")
NARROW: ViewportSize = {"width": 320, "height": 640}


def require_accessible(page: Page) -> None:
    """No violation, in light and in dark; nothing scrolls sideways; targets are large enough."""
    page.wait_for_load_state()  # a style sheet may still be on its way
    page.evaluate(AXE.read_text())
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", _RULES)
        assert found["passes"], "axe looked at nothing"
        broken = [(item["id"], [node["html"] for node in item["nodes"]]) for item in found["violations"]]
        assert not broken, f"{page.url} ({scheme}): {broken}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    small = page.evaluate(_SMALL)
    assert not small, f"too small to hit: {small}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("viewport", [PHONE, NARROW, DESKTOP], ids=["phone", "narrow", "desktop"])
@pytest.mark.parametrize("path", OPEN_PAGES)
def test_each_page_is_accessible(
    site: Site, phone: Callable[..., BrowserContext], path: str, language: str, viewport: ViewportSize
) -> None:
    page = phone(viewport=viewport).new_page()
    page.goto(f"{site.url}{path}?lang={language}")
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()
    require_accessible(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_without_scripts_are_accessible(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, language: str
) -> None:
    context = phone()  # scripts run, so that axe does; those of the page are not to be had
    context.route(re.compile(r"/assets/.*\.js$"), lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{site.url}/send?lang={language}")
    page.fill("#code", site.business_link()["code"])
    page.click("#look")
    expect(page.locator("#request")).to_be_visible()
    require_accessible(page)
    page.set_input_files("#file", clip)
    page.click("#finish")
    expect(page.locator("h1")).not_to_be_empty()
    require_accessible(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_of_an_upload_is_accessible(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path, language: str
) -> None:
    film = padded(clip, tmp_path / "film.mp4", 9_000_000)
    small = padded(clip, tmp_path / "small.mp4", 400_100)
    context = phone(viewport=NARROW)
    context.add_init_script(WITHOUT_HANDLES)
    link = site.link()
    url = line.through(link["url"]).replace("#", f"?lang={language}#")
    line.speed = 600_000
    page = opened(context, url)
    require_accessible(page)
    choose(page, film)
    await_share(page, 5)
    page.check("#named")
    require_accessible(page)
    context.set_offline(True)
    await_state(page, "film.mp4", "delayed")
    require_accessible(page)
    context.set_offline(False)
    await_state(page, "film.mp4", "sending")
    page.locator("[data-act=pause]").click()
    await_state(page, "film.mp4", "paused")
    require_accessible(page)
    page.close(run_before_unload=False)
    page = opened(context, url)
    await_state(page, "film.mp4", "missing")
    require_accessible(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("[data-act=cancel]").click()
    choose(page, small)
    await_state(page, "small.mp4", "received")
    require_accessible(page)
    finish(page)
    require_accessible(page)
    page.get_by_role("button", name={"da": "Åbn kvitteringen", "en": "Open the receipt"}[language]).click()
    expect(page.locator("#state")).to_be_visible()
    require_accessible(page)


def test_progress_is_announced_at_quarters(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), line.through(site.link()["url"]))
    page.evaluate(
        """() => {
          window.heard = [];
          const place = document.getElementById('announcer');
          new MutationObserver(() => window.heard.push(place.textContent)).observe(place, {childList: true});
        }"""
    )
    line.speed = 6_000_000  # what lies in the sockets' buffers is less than a quarter
    choose(page, padded(clip, tmp_path / "film.mp4", 32_000_000))
    await_state(page, "film.mp4", "received")
    expect(page.locator("#announcer")).to_have_text("Alle filer er modtaget.")
    assert page.get_attribute("#announcer", "aria-live") == "polite"
    heard = page.evaluate("window.heard")
    assert heard == [
        "Afsendelsen er begyndt. Filer: 1",
        "25 procent sendt",
        "50 procent sendt",
        "75 procent sendt",
        "Alle filer er modtaget.",
    ]


def test_all_of_it_can_be_done_with_the_keyboard_and_focus_is_seen(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    context = phone(has_touch=False, is_mobile=False, viewport={"width": 1280, "height": 900})
    context.add_init_script(WITHOUT_HANDLES)
    page = opened(context, site.link()["url"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skipnav"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    film = padded(clip, tmp_path / "keys.mp4", 400_200)
    page.on("filechooser", lambda chooser: chooser.set_files(film))
    reach(page, "pick-files")
    page.keyboard.press("Enter")
    await_state(page, "keys.mp4", "received")
    reach(page, "place")
    page.keyboard.type("Parken")
    reach(page, "finish")
    page.keyboard.press("Enter")
    expect(page.locator("#done-heading")).to_be_focused(timeout=30_000)


def reach(page: Page, wanted: str) -> None:
    """Tab until the element has the focus; each that has it on the way shows it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const one = document.activeElement, style = getComputedStyle(one);
              const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
              return [one.id, seen, one.outerHTML.slice(0, 90)];
            }"""
        )
        assert seen[1], f"focus is not seen on {seen[2]}"
        if seen[0] == wanted:
            return
    raise AssertionError(f"{wanted} cannot be reached by Tab")
