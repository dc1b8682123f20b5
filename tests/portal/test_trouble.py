"""What goes wrong for a person at the page, and what they are told."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Dialog, Route, expect

from tests.portal.line import Line
from tests.portal.site import Site, padded
from tests.portal.steps import WITHOUT_HANDLES, await_share, await_state, choose, finish, opened

_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
)


def test_a_link_that_is_revoked_ends_what_is_being_sent_and_says_so(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    link = site.link()
    page = opened(phone(), line.through(link["url"]))
    choose(page, padded(clip, tmp_path / "film.mp4", 30_000_000))
    await_share(page, 10)
    site.program.run("link", "revoke", link["reference"], "--reason", "test")
    await_state(page, "film.mp4", "failed")
    expect(page.locator("#files")).to_contain_text("virker ikke")


def test_a_second_tab_does_not_take_the_first_one_s_turn(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    context = phone()
    link = site.link()
    first = opened(context, line.through(link["url"]))
    choose(first, padded(clip, tmp_path / "film.mp4", 12_000_000))
    await_share(first, 5)
    second = context.new_page()
    second.goto(line.through(link["url"]))
    expect(second.locator("#problem")).to_contain_text("allerede åben")
    expect(second.locator("#pick-part")).to_be_hidden()
    await_state(first, "film.mp4", "received")


def test_a_server_that_says_wait_when_it_is_asked_how_far_it_is_gets_no_second_upload(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    """tus-js-client alone makes a new upload of each refused HEAD."""
    context = phone()
    page = opened(context, line.through(site.link()["url"]))
    refused: list[str] = []

    def refuse_twice(route: Route) -> None:
        if route.request.method == "HEAD" and len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=429, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route(re.compile("/files/"), refuse_twice)
    size = 9_000_777
    choose(page, padded(clip, tmp_path / "film.mp4", size))
    for share in (15, 30, 45, 60):
        await_share(page, share)
        line.cut()  # Chromium itself sends a request once more, where its connection had served others before
        page.wait_for_timeout(700)
        if refused:
            break
    await_state(page, "film.mp4", "delayed")
    await_state(page, "film.mp4", "received")
    assert len(refused) == 2
    assert [row for row in site.program.query("SELECT size FROM upload") if row[0] == size] == [(size,)]


def test_closing_the_page_while_it_sends_asks_first(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), line.through(site.link()["url"]))
    choose(page, padded(clip, tmp_path / "film.mp4", 12_000_000))
    await_share(page, 5)
    page.click("#lead")  # browsers ask only those who have touched the page
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    for _ in range(100):
        if not asked:
            page.wait_for_timeout(100)
    assert asked == ["beforeunload"]
    await_state(page, "film.mp4", "received")


def test_one_who_finished_and_left_gets_the_receipt_when_they_come_back(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    context = phone()
    context.add_init_script(WITHOUT_HANDLES)
    film = padded(clip, tmp_path / "film.mp4", 12_000_001)
    link = site.link()
    page = opened(context, line.through(link["url"]))
    choose(page, film)
    await_share(page, 10)
    page.click("#finish")
    expect(page.locator("#finish-waits")).to_be_visible()
    page.close(run_before_unload=False)
    page = opened(context, line.through(link["url"]))
    expect(page.locator("#problem")).to_contain_text("Nogle filer venter på dig")
    choose(page, film)
    expect(page.locator("#done-part")).to_be_visible(timeout=60_000)
    page.close()
    page = context.new_page()
    page.goto(line.through(link["url"]))
    expect(page.locator("#done-part")).to_be_visible()
    expect(page.locator("#done-files")).to_contain_text("film.mp4")


def test_nothing_chosen_a_file_too_large_and_too_many_are_told(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), site.link("--bytes", "1MB", "--files", "2")["url"])
    page.click("#finish")
    expect(page.locator("#problem")).to_contain_text("mindst én fil")
    choose(page, padded(clip, tmp_path / "large.mp4", 1_500_000))
    expect(page.locator("#problem")).to_contain_text("En fil er større end de 1 MB")
    choose(page, *(padded(clip, tmp_path / f"{n}.mp4", 300_000 + n) for n in range(3)))
    expect(page.locator("#problem")).to_contain_text("Linket tager 2 filer")
    expect(page.locator("#files > li")).to_have_count(0)


def test_a_link_that_was_used_as_often_as_it_may_leads_its_sender_alone_to_the_receipt(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    link = site.link("--uses", "1")
    page = opened(phone(), link["url"])
    choose(page, padded(clip, tmp_path / "only.mp4", 400_300))
    await_state(page, "only.mp4", "received")
    _, receipt = finish(page)
    expect(page.locator("#more")).to_be_hidden()
    page.reload()
    expect(page.locator("#done-part")).to_contain_text(receipt)
    other = phone().new_page()
    other.goto(link["url"])
    expect(other.locator("#problem")).to_contain_text("virker ikke")
    expect(other.locator("#pick-part")).to_be_hidden()


def test_a_message_of_the_case_officer_is_shown_and_cannot_be_markup(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    link = site.link()
    text = "Kan du sende <b>originalen</b>?"
    site.program.run("link", "message", link["reference"], text)
    page = opened(phone(), link["url"])
    expect(page.locator("#messages .alert-text")).to_have_text(text)
    assert page.locator("#messages b").count() == 0


def test_an_iphone_is_told_first_how_to_send_the_original(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    url = site.link()["url"]
    page = opened(phone(user_agent=_IPHONE), url)
    assert page.locator("#iphone").get_attribute("open") is not None
    expect(page.locator("#iphone")).to_contain_text("Arkiver")
    assert page.evaluate(
        "document.getElementById('iphone').compareDocumentPosition(document.getElementById('pick-buttons'))"
        " & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    other = opened(phone(), url)
    assert other.locator("#iphone").get_attribute("open") is None
    expect(other.locator("#iphone summary")).to_be_visible()


def test_all_traces_can_be_removed_from_the_device(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), site.link()["url"])
    choose(page, padded(clip, tmp_path / "trace.mp4", 400_301))
    await_state(page, "trace.mp4", "received")
    finish(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#forget")
    page.wait_for_url(f"{site.url}/")
    left = page.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open('vidne').onsuccess = ({target}) => {
            const names = [...target.result.objectStoreNames], count = {};
            const all = target.result.transaction(names);
            for (const name of names)
              all.objectStore(name).count().onsuccess = (event) => (count[name] = event.target.result);
            all.oncomplete = () => resolve(count);
          };
        })"""
    )
    assert left == {"files": 0, "sessions": 0, "visits": 0}


def test_the_receipt_is_opened_by_what_its_square_says(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), site.link()["url"])
    choose(page, padded(clip, tmp_path / "square.mp4", 400_302))
    await_state(page, "square.mp4", "received")
    reference, receipt = finish(page)
    other = phone().new_page()
    other.goto(f"{site.url}/receipt#{receipt}")
    expect(other.locator(".codes")).to_contain_text(reference)
    other.get_by_role("link", name="English").click()
    expect(other.locator("h1")).to_have_text("Receipt")
    expect(other.locator(".codes")).to_contain_text(reference)
    assert receipt not in site.said


def test_identical_is_said_only_where_the_server_says_so_and_the_file_can_be_sent_again(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), site.link()["url"])
    changed: list[str] = []

    def change_the_first(route: Route) -> None:
        changed.append(route.request.url)
        # Asked again where the server has no digest of its own yet, the browser says the same again.
        if route.request.url == changed[0]:
            route.continue_(post_data=json.dumps({"sha256": "00" * 32}))
        else:
            route.continue_()

    page.route(re.compile("/digest$"), change_the_first)
    choose(page, padded(clip, tmp_path / "film.mp4", 400_303))
    await_state(page, "film.mp4", "different")
    expect(page.locator("#files")).to_contain_text("ikke som din browser sendte den")
    page.get_by_role("button", name="Prøv igen film.mp4").click()
    await_state(page, "film.mp4", "received")
    expect(page.locator("#files")).to_contain_text("identisk med den fil, din browser sendte")


def test_a_server_without_room_is_waited_for_and_told_calmly(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), site.link()["url"])
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.method == "PATCH" and not refused:
            refused.append(route.request.url)
            route.fulfill(status=507, headers={"Retry-After": "2"})
        else:
            route.continue_()

    page.route(re.compile("/files/"), refuse_once)
    choose(page, padded(clip, tmp_path / "film.mp4", 400_304))
    expect(page.locator("#network")).to_contain_text("har ikke plads lige nu")
    await_state(page, "film.mp4", "received")
    expect(page.locator("#network")).to_be_empty()


def test_the_screen_stays_on_while_something_is_sent(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    context = phone()
    context.add_init_script(
        """window.lit = [];
        const lock = { addEventListener() {}, release() { window.lit.push('released'); } };
        const request = async (kind) => (window.lit.push(kind), lock);
        Object.defineProperty(navigator, 'wakeLock', { value: { request } });"""
    )
    page = opened(context, line.through(site.link()["url"]))
    assert page.evaluate("window.lit") == []
    choose(page, padded(clip, tmp_path / "film.mp4", 4_000_001))
    await_state(page, "film.mp4", "received")
    page.wait_for_function("window.lit.length === 2")
    assert page.evaluate("window.lit") == ["screen", "released"]
