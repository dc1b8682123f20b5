"""vidne link, as an officer uses it."""

import re
from pathlib import Path
from xml.etree import ElementTree

import cv2
import pytest

from apps.qr import modules
from tests.clamd import VERSION, fake_clamd
from tests.system.program import CASE, Program

URL = "https://vidne.example.org"
ASKED = (
    "--kind", "business", "--business", "Torvets Kiosk", "--place", "Torvet 1", "--camera", "indgang",
    "--from", "2036-11-20 22:00", "--until", "2036-11-20 23:00", "--legal-basis", "retsplejelovens § 804",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """For what changes nothing."""
    program = Program(tmp_path_factory.mktemp("shared") / "data", {"VIDNE_PORTAL_URL": URL})
    program.open_case()
    return program


@pytest.fixture
def desk(tmp_path: Path) -> Program:
    program = Program(tmp_path / "data", {"VIDNE_PORTAL_URL": URL})
    program.open_case()
    return program


def create(desk: Program, *options: str | Path) -> dict[str, object]:
    made: dict[str, object] = desk.run("link", "create", "--case", CASE, "--json", *options).json
    return made


def test_a_link_is_printed_once_with_what_is_sent_to_its_holder(desk: Program) -> None:
    done = desk.run("link", "create", "--case", CASE)
    [url] = re.findall(r"url +(\S+)", done.out)
    [code] = re.findall(r"code (\S+)", done.out.replace(f"#{url}", ""))[:1]
    assert url == f"{URL}/send#{code}"
    for language in ("da", "en"):
        [text] = re.findall(rf"SMS \({language}\): (.*)", done.out)
        assert (url if language == "da" else f"{URL}/send?lang=en#{code}") in text
        assert code in text
        assert CASE not in text
    assert "kept nowhere" in done.err
    assert code not in desk.run("link", "list").out
    assert code not in desk.run("link", "list", "--json").out


def test_the_text_is_in_the_languages_of_the_link(desk: Program) -> None:
    made = create(desk, "--language", "en")
    assert list(made["messages"]) == ["en"]  # type: ignore[call-overload]
    assert made["url"] == f"{URL}/send?lang=en#{made['code']}"


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_qr_code_says_the_link(desk: Program, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"poster.{kind}"
    made = create(desk, "--kind", "incident", "--qr", path)
    assert made["qr"] == str(path)
    assert path.stat().st_mode & 0o077 == 0
    if kind == "png":
        picture = cv2.imread(str(path))
        assert picture is not None
        said, _, _ = cv2.QRCodeDetector().detectAndDecode(picture)
        assert said == made["url"]
        return
    drawn = ElementTree.parse(path).getroot()  # noqa: S314 - we made it
    dark = drawn[1].attrib["d"]
    assert dark.count("M") == sum(map(sum, modules(str(made["url"]))))
    assert desk.run("link", "create", "--case", CASE, "--qr", path, check=2).err.count("exists already") == 1


def test_requests_are_listed_by_the_hours_that_are_left(desk: Program) -> None:
    late = create(desk, *ASKED, "--keeps-days", "20")
    soon = create(desk, *ASKED, "--keeps-days", "10")
    law = create(desk, *ASKED)
    other = create(desk)
    listed = desk.run("link", "list", "--case", CASE, "--json").json
    assert [line["reference"] for line in listed] == [x["reference"] for x in (soon, late, law, other)]
    assert [line["hours_left"] is None for line in listed] == [False, False, False, True]
    assert listed[0]["request"]["legal_basis"] == "retsplejelovens § 804"
    assert listed[2]["request"]["overwritten_at"] == "2036-12-20T21:00:00.000000Z"
    assert "h left" in desk.run("link", "list").out


def test_a_revoked_link_is_listed_behind_those_that_work(desk: Program) -> None:
    first, second = create(desk, "--days", "1"), create(desk, "--days", "2")
    desk.run("link", "revoke", str(first["reference"]).lower(), "--reason", "sent to the wrong person")
    listed = desk.run("link", "list", "--json").json
    assert [(line["reference"], line["state"]) for line in listed] == [
        (second["reference"], "open"),
        (first["reference"], "revoked"),
    ]
    assert desk.run("link", "revoke", str(first["reference"]), check=2).err.count("already") == 1


def test_each_step_is_in_the_custody_of_the_case(desk: Program) -> None:
    made = create(desk)
    desk.run("link", "message", str(made["reference"]), "Kan du sende originalen?")
    desk.run("link", "revoke", str(made["reference"]))
    rows = desk.query("SELECT event_id FROM ledger_entry ORDER BY position")
    assert [row[0].rpartition(":")[2] for row in rows] == [
        "case.opened",
        "link.created",
        "link.message",
        "link.revoked",
    ]
    desk.run("verify", "case", CASE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--business", "Kiosk"), "business"),
        (("--kind", "business"), "nothing of the business"),
        ((*ASKED, "--until", "2036-11-20 21:00"), "before it begins"),
        ((*ASKED, "--keeps-days", "5", "--overwritten-at", "2036-11-21 08:00"), "not both"),
        ((*ASKED, "--order-reference", f"sag {CASE}"), "case's number"),
        (("--bytes", "many"), "size"),
        (("--language", "danish"), "language"),
        (("--language", "fr"), "spoken"),
        (("--qr", "poster.gif"), "neither"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_reason(
    shared: Program, options: tuple[str, ...], said: str
) -> None:
    done = shared.run("link", "create", "--case", CASE, *options, check=2)
    assert said in done.err
    assert shared.query("SELECT count(*) FROM upload_link") == [(0,)]


def test_without_an_address_of_the_portal_no_link_is_made(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    assert "VIDNE_PORTAL_URL" in program.run("link", "create", "--case", CASE, check=2).err


def test_doctor_says_what_the_public_would_meet(shared: Program, tmp_path: Path) -> None:
    def found(**settings: str) -> dict[str, tuple[str, str]]:
        program = Program(shared.data, settings)
        listed = program.run("doctor", "--only", "portal", "--only", "scanner", "--json", check=None).json
        return {item["name"]: (item["status"], item["text"]) for item in listed}

    assert found()["portal"][0] == "ok"
    named = {"VIDNE_PORTAL_CONTROLLER": "Testkredsen", "VIDNE_PORTAL_DPO": "dpo@example.org"}
    assert found(VIDNE_PORTAL_URL=URL, **named)["portal"][0] == "ok"
    status, text = found(VIDNE_PORTAL_URL="http://vidne.example.org")["portal"]
    assert status == "warning"
    assert "in the clear" in text
    assert "controller" in text
    away = str(tmp_path / "clamd.sock")
    assert found(VIDNE_CLAMAV_SOCKET=away)["scanner"][0] == "fail"
    with fake_clamd(tmp_path / "clamd.sock"):
        assert found(VIDNE_CLAMAV_SOCKET=away)["scanner"] == ("ok", VERSION)
