"""What a person does on the page, and what they read there."""

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

WITHOUT_HANDLES = "delete window.showOpenFilePicker; delete window.showDirectoryPicker;"
_PATIENCE_MS = 180_000
# "Fast 3G" of Chromium's developer tools: 1.6 Mbit/s less a tenth, 562 ms for each answer.
_FAST_3G = {"offline": False, "latency": 562.5, "downloadThroughput": 180_000, "uploadThroughput": 84_375}


def opened(context: BrowserContext, url: str) -> Page:
    """The page of a link, once it is ready to take files; what its scripts fail of fails the test."""
    page = context.new_page()
    page.on("pageerror", _raise)
    page.goto(url)
    expect(page.locator("#pick-buttons")).to_be_visible()
    expect(page.locator("#reference")).not_to_be_empty()
    return page


def load_slowly(page: Page, url: str) -> float:
    """Open the page of a link on a slow line; how many bytes came until it was ready."""
    session = page.context.new_cdp_session(page)
    loaded: list[float] = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _FAST_3G)
    page.goto(url, wait_until="load")
    page.wait_for_selector("#pick-buttons:visible")
    return sum(loaded)


def _raise(error: Exception) -> None:
    raise AssertionError(f"the page's script failed: {error}")


def choose(page: Page, *paths: Path) -> None:
    page.set_input_files("#files-input", [*paths])


def row(page: Page, name: str) -> str:
    """The state of a file's row."""
    return page.locator("#files > li").filter(has_text=name).get_attribute("data-state") or ""


def await_state(page: Page, name: str, *states: str, timeout: float = _PATIENCE_MS) -> None:
    found = page.locator("#files > li").filter(has_text=name)
    expect(found).to_have_attribute("data-state", re.compile("|".join(states)), timeout=timeout)


def await_share(page: Page, share: int) -> None:
    """Wait until so many percent of all have gone."""
    page.wait_for_function(
        "(share) => document.getElementById('overall-bar').value >= share", arg=share, timeout=_PATIENCE_MS
    )


def finish(page: Page) -> tuple[str, str]:
    """Finish, and read reference and receipt code."""
    page.click("#finish")
    expect(page.locator("#done-part")).to_be_visible(timeout=_PATIENCE_MS)
    part = page.locator("#done-part")
    return part.locator("dd[data-fill=reference]").inner_text(), part.locator(
        "dd[data-fill=receipt]"
    ).inner_text()
