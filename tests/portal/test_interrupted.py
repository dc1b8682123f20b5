"""300 MB from a phone through all that goes wrong: they arrive once, whole, and the receipt proves it."""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from tests.portal.line import Line
from tests.portal.site import Site, padded
from tests.portal.steps import WITHOUT_HANDLES, await_share, await_state, choose, finish, opened
from tests.system.program import wait_until

_SIZE = 300_000_000
_SPEED = 30_000_000


def fetched_receipt(site: Site, code: str, path: Path) -> Path:
    """The receipt as JSON, once it is out."""

    def is_out() -> bool:
        answer = httpx.post(f"{site.url}/receipt", data={"code": code, "as": "json"})
        if answer.status_code == 200:
            path.write_bytes(answer.content)
        return answer.status_code == 200

    wait_until(is_out, 120, "the receipt")
    return path


def test_300_mb_arrive_once_and_whole_through_cuts_a_closed_tab_and_a_killed_server(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "film.mp4", _SIZE)
    context = phone()
    context.add_init_script(WITHOUT_HANDLES)
    link = site.link()
    line.speed = _SPEED
    page = opened(context, line.through(link["url"]))
    choose(page, film)

    for share in (8, 16, 24):
        await_share(page, share)
        context.set_offline(True)
        expect(page.locator("#network")).to_contain_text("Ingen forbindelse")
        time.sleep(1)
        context.set_offline(False)
        await_state(page, "film.mp4", "sending")

    await_share(page, 40)
    page.close(run_before_unload=False)
    page = opened(context, line.through(link["url"]))
    await_state(page, "film.mp4", "missing")
    before = [row for row in site.program.query("SELECT id, size FROM upload") if row[1] == _SIZE]
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Vælg den igen film.mp4").click()
    chooser.value.set_files(film)
    await_share(page, 55)
    line.cut()  # it may go on at once: nothing is asked of what the page says meanwhile
    await_share(page, 65)
    site.kill()
    await_state(page, "film.mp4", "delayed")
    time.sleep(1)
    site.start()
    await_state(page, "film.mp4", "received")
    expect(page.locator("#files")).to_contain_text("identisk med den fil, din browser sendte")
    reference, receipt = finish(page)

    ours = [row for row in site.program.query("SELECT id, name, size, state FROM upload") if row[2] == _SIZE]
    assert [row[0] for row in ours] == [row[0] for row in before], "it began anew"
    assert [row[3] for row in ours] == ["filed"]
    digest = sha256(film.read_bytes()).hexdigest()
    exhibits = [item for item in site.program.exhibits() if item["size"] == _SIZE]
    assert [(item["sha256"], item["filename"]) for item in exhibits] == [(digest, "film.mp4")]
    path = fetched_receipt(site, receipt, tmp_path / "receipt.json")
    key = next(site.program.data.glob("keys/*.vkey"))
    verified = site.program.run("verify", "receipt", path, "--log-key", key, "--file", film, "--json")
    assert verified.code == 0
    assert reference in verified.out


def test_two_files_are_on_their_way_at_a_time(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    films = [padded(clip, tmp_path / f"film{n}.mp4", 3_000_000 + n) for n in range(4)]
    page = opened(phone(), line.through(site.link()["url"]))
    choose(page, *films)
    await_share(page, 5)
    states = [item.get_attribute("data-state") for item in page.locator("#files > li").all()]
    assert states == ["sending", "sending", "waiting", "waiting"]


# The browser's own private folder gives handles as its picker does, and needs no person to pick.
PICKS_KEPT = """window.showOpenFilePicker = async () => {
  const folder = await navigator.storage.getDirectory();
  return [await folder.getFileHandle('film.mp4')];
}"""


def choose_kept(page: Page, film: Path) -> None:
    """Choose `film` so that the browser keeps a handle to it: a later visit may read it again."""
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<input type=file id=given>')")
    page.set_input_files("#given", film)
    page.evaluate(
        """async () => {
          const folder = await navigator.storage.getDirectory();
          const handle = await folder.getFileHandle('film.mp4', {create: true});
          const out = await handle.createWritable();
          await out.write(document.getElementById('given').files[0]);
          await out.close();
        }"""
    )
    page.click("#pick-files")


def is_exhibit(site: Site, film: Path) -> bool:
    return sha256(film.read_bytes()).hexdigest() in {item["sha256"] for item in site.program.exhibits()}


def test_a_paused_file_stays_paused_through_a_reload_and_goes_on(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "film.mp4", 20_000_001)
    context = phone()
    context.add_init_script(PICKS_KEPT)
    page = opened(context, line.through(site.link()["url"]))
    choose_kept(page, film)
    await_share(page, 10)
    page.get_by_role("button", name="Pause film.mp4").click()
    await_state(page, "film.mp4", "paused")
    page.reload()
    await_state(page, "film.mp4", "paused")

    def sent() -> int:
        [(offset,)] = site.program.query("SELECT offset FROM upload WHERE size = 20000001")
        return int(offset)

    wait_until(lambda: sent() > 0, 30, "what was sent before the pause to be durable")
    before = sent()
    time.sleep(2)
    assert sent() == before, "nobody said go on"
    line.speed = _SPEED
    page.get_by_role("button", name="Fortsæt film.mp4").click()
    await_state(page, "film.mp4", "received")
    assert is_exhibit(site, film)


def test_a_file_whose_handle_was_kept_goes_on_by_itself(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "film.mp4", 30_000_000)
    context = phone()
    context.add_init_script(PICKS_KEPT)
    link = site.link()
    page = opened(context, line.through(link["url"]))
    choose_kept(page, film)
    await_share(page, 20)
    page.close(run_before_unload=False)
    page = opened(context, line.through(link["url"]))
    await_state(page, "film.mp4", "received")
    assert is_exhibit(site, film)


def test_another_file_does_not_take_the_place_of_the_one_that_is_missing(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "film.mp4", 20_000_000)
    context = phone()
    context.add_init_script(WITHOUT_HANDLES)
    link = site.link()
    page = opened(context, line.through(link["url"]))
    choose(page, film)
    await_share(page, 10)
    page.close(run_before_unload=False)
    other = tmp_path / "other"
    other.mkdir()
    changed = other / "film.mp4"
    changed.write_bytes(b"x" + film.read_bytes()[1:])
    page = opened(context, line.through(link["url"]))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Vælg den igen film.mp4").click()
    chooser.value.set_files(changed)
    expect(page.locator("#problem")).to_contain_text("Det var en anden fil")
    await_state(page, "film.mp4", "missing")


def test_a_removed_file_is_gone_here_and_there(
    site: Site, line: Line, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "film.mp4", 20_000_123)
    page = opened(phone(), line.through(site.link()["url"]))
    choose(page, film)
    await_share(page, 10)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Fjern film.mp4").click()
    expect(page.locator("#files > li")).to_have_count(0)

    def is_terminated() -> bool:
        return site.program.query("SELECT state FROM upload WHERE size = 20000123") == [("terminated",)]

    wait_until(is_terminated, 20, "the server to drop it")
