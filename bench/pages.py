"""The page of an upload link on a slow line, in Chromium: when something is there to read, and its weight.

`python -m bench pages`.
"""

import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from bench.measure import Spread
from bench.spine import Row, folder
from tests.portal.conftest import FLAGS, PHONE
from tests.portal.site import Site
from tests.portal.steps import load_slowly

LOADS = 7


def rows() -> Iterator[Row]:
    """First paint and weight, each load by a browser that has nothing kept."""
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is missing: make test installs it.")
    with folder() as here:
        site = Site(here)
        site.program.open_case()
        site.start()
        try:
            url = str(site.link()["url"])
            with (
                sync_playwright() as playwright,
                playwright.chromium.launch(executable_path=program, args=FLAGS) as browser,
            ):
                loads = [load(browser, url) for _ in range(LOADS)]
        finally:
            site.kill()
    painted, weight = Spread.of([first for first, _ in loads]), max(size for _, size in loads)
    yield Row(
        "the page of a link on fast 3G, an empty cache: first contentful paint (ms)",
        f"{painted.median:.0f} ({painted.least:.0f}-{painted.most:.0f})",
        "-",
        f"{weight / 1000:.1f} kB in all",
        "at most 1500 ms, 150 kB",
        painted.median <= 1500 and weight <= 150_000,
    )


def load(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds until the first contentful paint, and the bytes that came until the page was ready."""
    context = browser.new_context(viewport=PHONE, locale="da-DK", has_touch=True, is_mobile=True)
    page = context.new_page()
    weight = load_slowly(page, url)
    first = float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    context.close()
    return first, weight
