"""One site and one browser for the tests of this folder; each test has links and a context of its own."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, sync_playwright

from samples.generator import clip as made_clip
from tests.portal.line import Line, line_to
from tests.portal.site import Site

FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


# For one module: as long as it lasts, its event loop keeps asyncio.run() from all other tests of the process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is missing: make test installs it.")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=FLAGS) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    made.program.open_case()
    made.start()
    yield made
    made.kill()
    made.program.shows_what_was_filed()


@pytest.fixture
def phone(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts of a phone's size; closed behind the test."""
    made: list[BrowserContext] = []

    def new(**options: Any) -> BrowserContext:
        given: dict[str, Any] = {
            "viewport": PHONE,
            "locale": "da-DK",
            "has_touch": True,
            "is_mobile": True,
        } | options
        context = browser.new_context(**given)
        context.set_default_timeout(30_000)
        made.append(context)
        return context

    yield new
    for context in made:
        context.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short clip that every player plays."""
    return made_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=1)


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    """A line to the site that carries 2 MB/s until a test says otherwise."""
    with line_to(site.port, 2_000_000) as made:
        yield made
