"""The page where recordings are sent: links of each kind, the questions, and the way without scripts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import BrowserContext, Route, expect

from evidence.clock import timestamp
from samples.generator import clip as made_clip
from tests.portal.site import Site, padded
from tests.portal.steps import await_state, choose, finish, opened
from tests.system.program import wait_until


def test_the_code_stays_in_the_address_and_goes_to_no_server(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    link = site.link()
    context = phone()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = opened(context, link["url"])
    assert page.url.endswith(f"#{link['code']}")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#reference")).to_have_text(link["reference"])
    assert page.url.endswith(f"?lang=en#{link['code']}")
    sent = [url.partition("#")[0] for url in asked]
    assert not [url for url in sent if link["code"] in url.upper()]
    assert {url.split("/")[2] for url in sent} == {site.url.split("/")[2]}
    assert context.cookies() == []
    assert link["code"] not in site.said.upper()


def test_a_typed_code_opens_the_page(site: Site, phone: Callable[..., BrowserContext]) -> None:
    link = site.link()
    page = phone().new_page()
    page.goto(f"{site.url}/send")
    expect(page.locator("#pick-part")).to_be_hidden()
    page.fill("#code", link["code"].lower().replace("-", " "))
    page.click("#look")
    expect(page.locator("#reference")).to_have_text(link["reference"])
    expect(page.locator("#pick-buttons")).to_be_visible()


def test_a_link_that_does_not_work_says_so_and_asks_for_the_code(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    page = phone().new_page()
    page.goto(f"{site.url}/send#2222-2222-2222-2222-2222-2222-2222")
    expect(page.locator("#problem")).to_contain_text("virker ikke")
    expect(page.locator("#problem")).to_be_focused()
    expect(page.locator("#code")).to_be_visible()
    expect(page.locator("#pick-part")).to_be_hidden()


def test_a_poster_gives_each_visitor_a_link_of_their_own_and_the_same_one_again(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    poster = site.link("--kind", "incident")
    first, second = phone(), phone()
    page = opened(first, poster["url"])
    own = page.url.partition("#")[2]
    assert own != poster["code"]
    assert opened(first, poster["url"]).url.partition("#")[2] == own
    assert opened(second, poster["url"]).url.partition("#")[2] not in (own, poster["code"])


def test_the_answers_arrive_as_typed_and_the_file_s_own_time_is_a_suggestion(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "answered.mp4", 500_001)
    page = opened(phone(), site.link()["url"])
    choose(page, film)
    await_state(page, "answered.mp4", "received")
    expect(page.locator("#recorded_at-source")).to_contain_text("Forslag")
    assert page.input_value("#recorded_at")
    page.fill("#place", "Torvet 1")
    page.fill("#note", "Set fra altanen")
    page.check("#named")
    page.fill("#name", "Kirsten Vidne")
    page.fill("#phone", "+45 12 34 56 78")
    page.locator("#phone").blur()
    expect(page.locator("#saved")).to_have_text("Dine svar er gemt.")
    reference, _ = finish(page)
    (row,) = [
        row
        for row in site.program.query("SELECT id, answers FROM link_submission")
        if row[0].upper().startswith(reference.replace("-", ""))
    ]
    assert "Torvet 1" in row[1]
    assert "Set fra altanen" in row[1]
    assert "Kirsten" not in row[1]
    bodies = b"".join(
        raw for (raw,) in site.program.query("SELECT body FROM ledger_body WHERE body IS NOT NULL")
    )
    assert b"Kirsten Vidne" in bodies
    assert "Kirsten" not in site.said


def test_a_reload_keeps_what_was_typed_but_no_contact_data(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "typed.mp4", 500_002)
    context = phone()
    link = site.link()
    page = opened(context, link["url"])
    choose(page, film)
    await_state(page, "typed.mp4", "received")
    page.fill("#place", "Havnen")
    page.check("#named")
    page.fill("#name", "Kirsten Vidne")
    page.locator("#name").blur()
    expect(page.locator("#saved")).to_have_text("Dine svar er gemt.")
    page.close()
    page = opened(context, link["url"])
    await_state(page, "typed.mp4", "received")
    assert page.input_value("#place") == "Havnen"
    assert page.input_value("#name") == ""


def test_a_business_sees_what_is_asked_for_and_how_long_it_lasts(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    page = opened(phone(), site.business_link("--keeps-days", "9")["url"])
    asked = page.locator("#request")
    expect(asked).to_be_visible()
    for text in ("Kiosken på Torvet", "Kamera 3, over døren", "2026-11-25 20:00", "§ 4 c, stk. 1"):
        expect(asked).to_contain_text(text)
    expect(page.locator("#countdown")).to_contain_text("Optageren")
    assert page.locator("#clock").get_attribute("open") is not None
    expect(page.locator("#pick-folder")).to_be_visible()


def test_what_is_chosen_before_the_link_has_answered_is_sent(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    film = padded(clip, tmp_path / "early.mp4", 400_009)
    page = phone().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    answers: list[Route] = []
    page.route("**/api/link", lambda route: answers.append(route))
    page.goto(site.link()["url"])
    expect(page.locator("#pick-buttons")).to_be_visible()
    choose(page, film)
    page.wait_for_timeout(500)
    assert len(answers) == 1, "the link has not answered yet"
    answers[0].continue_()
    await_state(page, "early.mp4", "received")
    assert not errors


def test_a_whole_folder_is_sent_with_its_paths(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "DVR export"
    (folder / "ch03").mkdir(parents=True)
    padded(clip, folder / "ch03" / "0001.mp4", 400_003)
    padded(clip, folder / "ch03" / "0002.mp4", 400_004)
    (folder / "player.ini").write_text("[player]\n")
    page = opened(phone(), site.business_link()["url"])
    page.set_input_files("#folder-input", folder)
    expect(page.locator("#overall")).to_contain_text("3 af 3 filer", timeout=30_000)
    names = {bytes(row[0]) for row in site.program.query("SELECT name FROM upload")}
    assert {b"DVR export/ch03/0001.mp4", b"DVR export/player.ini"} <= names


def test_a_shop_reads_on_its_receipt_what_its_camera_gives(
    site: Site, phone: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    film = made_clip(tmp_path / "kamera 3.mp4", seconds=4, size=(352, 288), rate=8)
    page = opened(phone(), site.business_link()["url"])
    choose(page, film)
    await_state(page, "kamera 3.mp4", "received")
    _, code = finish(page)
    digest = sha256(film.read_bytes()).hexdigest()
    [exhibit] = [item["exhibit"] for item in site.program.exhibits() if item["sha256"] == digest]
    wait_until(lambda: site.program.show(exhibit)["state"] == "processed", 120, "it is processed")
    # What is found is told after five minutes: how fast it came would tell who had sent the same before.
    earlier = timestamp(datetime.now(UTC) - timedelta(minutes=6))
    change = "UPDATE submitted_file SET received_at = :at WHERE name = :name"
    sent = site.program.show(exhibit)["received_at"]
    site.program.execute(change, at=earlier, name=b"kamera 3.mp4")
    page.goto(f"{site.url}/receipt?lang=da")
    page.fill("#code", code)
    page.get_by_role("button", name="Se kvitteringen").click()
    for _ in range(60):  # files of other tests may still be on their way, and they come first
        if page.locator("ul.quality").count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    quality = page.locator("ul.quality")
    expect(quality).to_contain_text("Billedet er 352 × 288 pixels.")  # noqa: RUF001
    expect(quality).to_contain_text("Optageren gemmer 8 billeder i sekundet.")
    site.program.execute(
        change, at=sent, name=b"kamera 3.mp4"
    )  # `verify` would tell of it behind the last test


def test_after_the_end_more_files_can_be_sent_through_the_same_link(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    context = phone()
    page = opened(context, site.link()["url"])
    choose(page, padded(clip, tmp_path / "first.mp4", 400_005))
    await_state(page, "first.mp4", "received")
    first, _ = finish(page)
    page.click("#more")
    expect(page.locator("#pick-buttons")).to_be_visible()
    choose(page, padded(clip, tmp_path / "second.mp4", 400_006))
    await_state(page, "second.mp4", "received")
    second, _ = finish(page)
    assert first != second


def test_without_scripts_a_form_takes_files_and_answers(
    site: Site, phone: Callable[..., BrowserContext], clip: Path, tmp_path: Path
) -> None:
    films = [padded(clip, tmp_path / "plain.mp4", 3_000_007), padded(clip, tmp_path / "<b>æ.mp4", 400_008)]
    page = phone(java_script_enabled=False).new_page()
    page.goto(f"{site.url}/send")
    expect(page.locator(".without-script")).to_have_count(2)
    page.fill("#code", site.link()["code"])
    page.set_input_files("#file", films)
    page.fill("#place", "Broen")
    page.check("#named")
    page.fill("#name", "Hans Vidne")
    page.click("#finish")
    expect(page.locator("h1")).to_contain_text("Vi har modtaget")
    for film in films:
        expect(page.locator(".files")).to_contain_text(sha256(film.read_bytes()).hexdigest())
    expect(page.locator(".files")).to_contain_text("<b>æ.mp4")
    page.get_by_role("button", name="Åbn kvitteringen").click()
    expect(page.locator("h1")).to_have_text("Kvittering")
    expect(page.locator(".files")).to_contain_text("plain.mp4")
    expect(page.locator(".qr svg")).to_be_visible()
    digests = {item["sha256"] for item in site.program.exhibits()}
    assert {sha256(film.read_bytes()).hexdigest() for film in films} <= digests


def test_without_scripts_a_business_is_shown_what_is_asked_for(
    site: Site, phone: Callable[..., BrowserContext]
) -> None:
    page = phone(java_script_enabled=False).new_page()
    page.goto(f"{site.url}/send?lang=en")
    page.fill("#code", site.business_link()["code"])
    page.click("#look")
    expect(page.locator("#request")).to_contain_text("Kamera 3, over døren")
    expect(page.locator("#countdown")).to_contain_text("The recorder")
    expect(page.locator("#code")).not_to_have_value("")


def test_without_scripts_a_wrong_code_takes_no_file(
    site: Site, phone: Callable[..., BrowserContext], clip: Path
) -> None:
    count = site.program.query("SELECT count(*) FROM upload")
    page = phone(java_script_enabled=False).new_page()
    page.goto(f"{site.url}/send")
    page.fill("#code", "2222-2222-2222-2222-2222-2222-2222")
    page.set_input_files("#file", clip)
    page.click("#finish")
    expect(page.locator("#problem")).to_contain_text("virker ikke")
    assert site.program.query("SELECT count(*) FROM upload") == count
