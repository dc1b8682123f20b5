"""The questions beside the upload: nothing that a person typed is lost, and nothing is said in their name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.portal.line import Line
from tests.portal.site import Site, padded
from tests.portal.steps import WITHOUT_HANDLES, await_share, await_state, choose, finish, opened

Phone = Callable[..., BrowserContext]


@pytest.fixture
def film(clip: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file of a name of its own; another one for each test."""
    return padded(clip, tmp_path / "film.mp4", 600_000 + sum(map(ord, request.node.name)))


def with_film(page: Page, film: Path) -> Page:
    choose(page, film)
    await_state(page, film.name, "received")
    return page


def give_name(page: Page, name: str) -> None:
    """... and wait until the server and the browser have kept it."""
    page.check("#named")
    page.fill("#name", name)
    with page.expect_response("**/answers"):
        page.locator("#name").blur()
    page.wait_for_timeout(300)


def answers(site: Site, reference: str) -> dict[str, Any]:
    """What is kept of the answers of a submission."""
    rows = site.program.query("SELECT id, answers FROM link_submission")
    plain = reference.replace("-", "").lower()
    [kept] = [row[1] for row in rows if str(row[0]).startswith(plain)]
    found: dict[str, Any] = json.loads(kept)
    return found


def contacts(site: Site) -> int:
    return sum("contact." in str(row[0]) for row in site.program.query("SELECT event_id FROM ledger_body"))


@pytest.mark.parametrize("field", ["#place", "#name", "#recorded_at"])
def test_enter_in_a_field_ends_nothing(site: Site, phone: Phone, film: Path, field: str) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    page.check("#named")
    page.locator(field).press("Enter")
    page.wait_for_timeout(700)
    expect(page.locator("#done-part")).to_be_hidden()
    expect(page.locator(field)).to_be_editable()
    page.fill("#place", "Torvet 3")
    reference, _ = finish(page)
    assert answers(site, reference)["place"] == "Torvet 3"


def test_once_finished_nothing_can_be_typed_that_would_be_lost(
    site: Site, line: Line, phone: Phone, clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), line.through(site.link()["url"]))
    choose(page, padded(clip, tmp_path / "long.mp4", 12_000_003))
    await_share(page, 5)
    page.fill("#note", "Jeg så at")
    page.click("#finish")
    expect(page.locator("#finish-waits")).to_be_visible()
    for field in ("#note", "#place", "#anonymous"):
        expect(page.locator(field)).to_be_disabled()
    expect(page.locator("#done-part")).to_be_visible(timeout=60_000)
    assert (
        answers(site, page.locator("#done-part dd[data-fill=reference]").inner_text())["note"] == "Jeg så at"
    )


def test_a_field_that_nobody_sees_holds_nobody_up(site: Site, phone: Phone, film: Path) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    page.check("#named")
    page.fill("#email", "abc")
    page.check("#anonymous")
    finish(page)


def test_a_field_that_cannot_be_understood_is_shown(site: Site, phone: Phone, film: Path) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    page.click("#clock > summary")
    page.locator("#clock_shown").press_sequentially("1")
    page.click("#clock > summary")
    page.click("#finish")
    expect(page.locator("#clock_shown")).to_be_focused()
    expect(page.locator("#done-part")).to_be_hidden()


def test_what_is_pasted_with_tabs_and_control_characters_is_kept(
    site: Site, phone: Phone, film: Path
) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    page.fill("#note", "Kolonne A\tKolonne B\x07\nlinje 2")
    page.fill("#place", "Nyt sted 77")
    page.check("#named")
    page.fill("#name", "Kirsten\tVidne")
    reference, _ = finish(page)
    kept = answers(site, reference)
    assert (kept["note"], kept["place"]) == ("Kolonne A\tKolonne B\nlinje 2", "Nyt sted 77")
    assert kept["contact"]


def test_answers_that_are_refused_are_told_before_the_end(site: Site, phone: Phone, film: Path) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)

    def refuse(route: Route) -> None:
        told = {"type": "about:blank", "title": "Nej", "status": 409, "code": "conflict", "detail": "Nej."}
        route.fulfill(status=409, body=json.dumps(told), content_type="application/problem+json")

    page.route("**/answers", refuse)
    page.fill("#place", "Broen")
    page.click("#finish")
    expect(page.locator("#problem")).to_contain_text("De sidste svar blev ikke gemt")
    expect(page.locator("#done-part")).to_be_hidden()
    expect(page.locator("#place")).to_be_editable()
    page.fill("#place", "Broen 1")
    page.click("#finish")
    expect(page.locator("#problem")).to_contain_text("De sidste svar blev ikke gemt")
    expect(page.locator("#done-part")).to_be_hidden()
    page.unroute("**/answers")
    page.fill("#place", "Broen 2")
    reference, _ = finish(page)
    assert answers(site, reference)["place"] == "Broen 2"


def test_who_does_without_refused_answers_still_gets_the_receipt(
    site: Site, phone: Phone, film: Path
) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    page.route("**/answers", lambda route: route.fulfill(status=409, body="{}"))
    page.fill("#place", "Broen")
    page.click("#finish")
    expect(page.locator("#problem")).to_be_visible()
    finish(page)


def test_contact_data_that_were_given_stay_given_through_a_reload(
    site: Site, phone: Phone, film: Path
) -> None:
    context, link = phone(), site.link()
    page = with_film(opened(context, link["url"]), film)
    give_name(page, "Kirsten Vidne")
    page.close()
    before = contacts(site)
    page = opened(context, link["url"])
    expect(page.locator("#named")).to_be_checked()
    expect(page.locator("#contact-kept")).to_be_visible()
    assert page.input_value("#name") == ""
    page.fill("#place", "Havnen")
    reference, _ = finish(page)
    assert answers(site, reference)["contact"]
    assert contacts(site) == before


def test_after_a_reload_they_can_be_taken_back(site: Site, phone: Phone, film: Path) -> None:
    context, link = phone(), site.link()
    page = with_film(opened(context, link["url"]), film)
    give_name(page, "Kirsten Vidne")
    page.reload()
    expect(page.locator("#named")).to_be_checked()
    page.check("#anonymous")
    reference, _ = finish(page)
    assert answers(site, reference)["contact"] == 0


def test_a_name_that_is_emptied_again_is_taken_back(site: Site, phone: Phone, film: Path) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    for name in ("Kirsten Vidne", ""):
        give_name(page, name)
    reference, _ = finish(page)
    assert answers(site, reference)["contact"] == 0


def test_a_suggested_time_is_recorded_as_one_until_the_sender_changes_it(
    site: Site, phone: Phone, film: Path
) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    expect(page.locator("#recorded_at-source")).to_contain_text("Forslag")
    reference, _ = finish(page)
    kept = answers(site, reference)
    assert kept["recorded_at"]
    assert kept["recorded_at_from"] in ("recording", "file")
    page.click("#more")
    expect(page.locator("#pick-buttons")).to_be_visible()
    with_film(page, film)
    page.fill("#recorded_at", "2026-03-14T22:17")
    expect(page.locator("#recorded_at-source")).to_be_hidden()
    reference, _ = finish(page)
    kept = answers(site, reference)
    assert (kept["recorded_at"], kept["recorded_at_from"]) == ("2026-03-14T22:17", None)


def test_a_suggestion_stays_where_another_file_is_removed(
    site: Site, line: Line, phone: Phone, film: Path, clip: Path, tmp_path: Path
) -> None:
    page = with_film(opened(phone(), line.through(site.link()["url"])), film)
    expect(page.locator("#recorded_at")).not_to_have_value("")
    choose(page, padded(clip, tmp_path / "another.mp4", 12_000_009))
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#files > li").filter(has_text="another.mp4").locator("button[data-act=cancel]").click()
    expect(page.locator("#files > li")).to_have_count(1)
    expect(page.locator("#recorded_at")).not_to_have_value("")


def test_when_the_last_file_is_removed_the_focus_is_where_another_is_chosen(
    site: Site, line: Line, phone: Phone, clip: Path, tmp_path: Path
) -> None:
    page = opened(phone(), line.through(site.link()["url"]))
    choose(page, padded(clip, tmp_path / "wrong.mp4", 12_000_005))
    expect(page.locator("#recorded_at")).not_to_have_value("")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("button[data-act=cancel]").click()
    expect(page.locator("#pick-files")).to_be_focused()
    expect(page.locator("#recorded_at")).to_have_value("")


def test_answers_before_the_first_file_survive_a_reload(site: Site, phone: Phone, film: Path) -> None:
    context, link = phone(), site.link()
    page = opened(context, link["url"])
    page.fill("#place", "Stationen")
    page.wait_for_timeout(300)
    page.reload()
    expect(page.locator("#place")).to_have_value("Stationen")
    reference, _ = finish(with_film(page, film))
    assert answers(site, reference)["place"] == "Stationen"


def test_the_same_code_however_typed_goes_on_with_what_was_begun(
    site: Site, line: Line, phone: Phone, clip: Path, tmp_path: Path
) -> None:
    context, link = phone(), site.link()
    context.add_init_script(WITHOUT_HANDLES)
    page = opened(context, line.through(link["url"]))
    choose(page, padded(clip, tmp_path / "half.mp4", 12_000_007))
    await_share(page, 10)
    page.close(run_before_unload=False)
    page = context.new_page()
    page.goto(line.through(f"{site.url}/send"))
    page.fill("#code", link["code"].lower().replace("-", ""))
    page.locator("#code").press("Enter")
    expect(page.locator("#pick-heading")).to_be_focused()
    await_state(page, "half.mp4", "missing")


def test_only_what_is_new_is_said_to_be_sent(site: Site, phone: Phone, film: Path) -> None:
    page = with_film(opened(phone(), site.link()["url"]), film)
    choose(page, film)
    expect(page.locator("#announcer")).to_have_text("Disse filer er allerede på listen.")


def test_a_file_that_is_too_large_begins_nothing(site: Site, phone: Phone, film: Path) -> None:
    page = opened(phone(), site.link("--bytes", "1kb")["url"])
    before = site.program.query("SELECT count(*) FROM link_submission")
    choose(page, film)
    expect(page.locator("#problem")).to_contain_text("større end")
    assert page.inner_text("#announcer") == ""
    assert site.program.query("SELECT count(*) FROM link_submission") == before


def test_a_link_that_is_used_up_asks_for_another_code(site: Site, phone: Phone, film: Path) -> None:
    link = site.link("--uses", "1")
    finish(with_film(opened(phone(), link["url"]), film))
    page = phone().new_page()
    page.goto(link["url"])
    expect(page.locator("#problem")).to_be_visible()
    page.fill("#code", site.link()["code"])
    page.click("#look")
    expect(page.locator("#pick-buttons")).to_be_visible()


def test_an_address_that_is_damaged_asks_for_the_code(site: Site, phone: Phone) -> None:
    page = phone().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site.url}/send#%E0%A4%A")
    expect(page.locator("#problem")).to_contain_text("virker ikke")
    expect(page.locator("#code")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#pick-part")).to_be_hidden()
    assert not errors


def test_times_are_those_of_the_authority_wherever_the_phone_is(site: Site, phone: Phone, film: Path) -> None:
    url = site.business_link("--overwritten-at", "2035-06-01 22:00")["url"]
    page = opened(phone(timezone_id="America/New_York"), url)
    expect(page.locator("#countdown")).to_contain_text("22.00")
    page.click("#clock-now")
    there = page.evaluate("new Date().toLocaleString('sv-SE', {timeZone: 'Europe/Copenhagen'})")
    assert page.input_value("#clock_true")[:13] == there.replace(" ", "T")[:13]
