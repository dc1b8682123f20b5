"""The API as the page's script uses it, against the running program."""

import json
import socket
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.apps.portal.sender import Sender
from tests.portal.site import Site
from tests.system.program import CASE, wait_until

NOTE = b"Seen at the back door at nine.\n"
Make = Callable[..., Sender]


@pytest.fixture
def sender(site: Site, client: httpx.Client) -> Make:
    """Makes senders, each with a link of their own."""

    def make(*options: str) -> Sender:
        return Sender(client, site.link(*options)["code"])

    return make


def test_a_link_says_what_it_lets_its_holder_do(site: Site, client: httpx.Client) -> None:
    made = site.link("--files", "3", "--bytes", "2MB", "--uses", "4", "--language", "en,da")
    told = Sender(client, made["code"]).call("GET", "/api/link").json()
    assert told == {
        "kind": "personal",
        "reference": made["reference"],
        "languages": ["en", "da"],
        "expires_at": made["expires_at"],
        "declaration": {"version": "1"},
        "limits": {"files": 3, "bytes": 2_000_000, "largest": 2_000_000},
        "uses_left": 4,
        "request": None,
        "messages": [],
    }


def test_a_request_to_a_business_counts_down(site: Site, client: httpx.Client) -> None:
    made = site.business_link("--keeps-days", "3650")
    asked = Sender(client, made["code"]).call("GET", "/api/link").json()["request"]
    assert asked["business"] == "Kiosken på Torvet"
    assert asked["overwritten_at"] == made["overwritten_at"]
    assert abs(asked["hours_left"] - made["hours_left"]) <= 1
    assert set(asked) == {
        "business", "place", "camera", "wanted_from", "wanted_until", "legal_basis", "order_reference",
        "overwritten_at", "hours_left",
    }  # fmt: skip


def test_a_message_of_the_officer_is_read_by_the_holder(site: Site, client: httpx.Client) -> None:
    made = site.link()
    site.program.run("link", "message", made["reference"], "Kan du sende originalen?")
    [message] = Sender(client, made["code"]).call("GET", "/api/link").json()["messages"]
    assert message["text"] == "Kan du sende originalen?"


def test_revoked_and_expired_links_answer_as_one_that_never_was(site: Site, client: httpx.Client) -> None:
    revoked, expired = site.link(), site.link()
    site.program.run("link", "revoke", revoked["reference"])
    site.program.execute(
        "UPDATE upload_link SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE id LIKE :beginning",
        beginning=expired["reference"].replace("-", "").lower() + "%",
    )
    answers = [
        Sender(client, code).call("GET", "/api/link")
        for code in ("nothing", revoked["code"], expired["code"])
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_visitor_of_a_poster_gets_a_link_of_their_own(site: Site, client: httpx.Client) -> None:
    poster = Sender(client, site.link("--kind", "incident")["code"])
    assert poster.call("GET", "/api/link").json()["kind"] == "incident"
    codes = [poster.call("POST", "/api/visit").json()["link"] for _ in range(2)]
    assert len({*codes, poster.code}) == 3
    begun = poster.call("POST", "/api/submissions", json={"language": "da", "declaration": "1"})
    assert begun.status_code == 404
    one, other = (Sender(client, code).begin() for code in codes)
    assert other.call("POST", f"/api/submissions/{one.submission}/end").status_code == 404
    assert Sender(client, codes[0]).call("POST", "/api/visit").status_code == 404


def test_the_whole_way_from_a_link_to_a_receipt_that_verifies(
    site: Site, sender: Make, tmp_path: Path
) -> None:
    one = sender().begin()
    upload = one.send("note.txt", NOTE)
    assert one.answer(place="Torvet 1", clock_shown="22:10:00", clock_true="22:07:00").status_code == 204
    deadline = time.monotonic() + 30
    while one.compare(upload, NOTE).json()["identical"] is not True:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert one.look("/api/receipt.json").status_code == 425
    assert one.end().status_code == 202
    sealed = one.until("sealed")
    [file] = sealed["files"]
    assert (file["name"], file["size"], file["sha256"]) == ("note.txt", len(NOTE), sha256(NOTE).hexdigest())
    assert (file["state"], file["identical"]) == ("sealed", True)
    assert sealed["reference"] == one.reference
    receipt = receipt_of(one)
    assert one.until("issued")["files"] == sealed["files"]
    path = tmp_path / "receipt.json"
    path.write_bytes(receipt.content)
    (tmp_path / "note.txt").write_bytes(NOTE)
    (tmp_path / "vkey").write_text(site.program.run("ledger", "head", "--json").json["key"]["vkey"])
    site.program.run(
        "verify", "receipt", path, "--file", tmp_path / "note.txt", "--log-key", tmp_path / "vkey"
    )
    pdf = one.look("/api/receipt.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in pdf.headers["content-security-policy"]


def receipt_of(one: Sender) -> httpx.Response:
    deadline = time.monotonic() + 60
    while (answer := one.look("/api/receipt.json")).status_code == 425:
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["error"] == "early"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.status_code == 200
    return answer


def test_a_wrong_digest_is_told_and_cannot_be_changed(sender: Make) -> None:
    one = sender().begin()
    upload = one.send("note.txt", NOTE)
    wait_until(lambda: one.look().json()["files"][0]["sha256"] is not None, 30, "the file is filed")
    assert one.compare(upload, b"something else").json() == {"identical": False}
    assert one.look().json()["files"][0]["identical"] is False
    again = one.compare(upload, NOTE)
    assert (again.status_code, again.json()["error"]) == (409, "conflict")


def test_known_bytes_are_told_no_sooner_than_new_ones(site: Site, sender: Make) -> None:
    raw = b"the same bytes, sent by two people\n"
    first = sender().begin()
    first.send("a.txt", raw)
    first.end()
    first.until("sealed")
    second = sender().begin()
    second.send("b.txt", raw)
    second.end()
    wait_until(lambda: second.look().json()["state"] == "received", 10, "received")
    began = time.monotonic()
    second.until("sealed")
    assert time.monotonic() - began > 5
    [told] = second.look().json()["files"]
    assert told["name"] == "b.txt"
    assert (told["hints"], told["quality"]) == ([], None)


def test_a_receipt_shows_nobody_s_case_number_even_to_who_guesses_it(sender: Make) -> None:
    one = sender().begin()
    one.send(f"{CASE} 0100-10293-00002-26.txt", NOTE)
    one.end()
    one.until("sealed")
    [file] = receipt_of(one).json()["statement"]["files"]
    assert file["name"] == f"{CASE} 0100-10293-00002-26.txt", (
        "to blank out one of them would tell which it is"
    )


def test_answers_say_what_the_sender_says_and_custody_has_it(site: Site, sender: Make) -> None:
    one = sender().begin("en")
    assert one.answer(recorded_at="around ten", note="A grey car.\nOr blue.", contact=None).status_code == 204
    assert one.answer(recorded_at="at ten").status_code == 204
    rows = site.program.query("SELECT event_id, body FROM ledger_body ORDER BY event_id")
    bodies = [
        json.loads(body) for name, body in rows if name.startswith(one.submission) and "answers" in name
    ]
    assert [body["recorded_at"] for body in bodies] == ["around ten", "at ten"]
    [(answers,)] = site.program.query(f"SELECT answers FROM link_submission WHERE id = '{one.submission}'")  # noqa: S608
    assert json.loads(answers)["note"] is None, "the last answers count as they are"


@pytest.mark.parametrize(
    ("said", "status", "code", "word"),
    [
        ({"surname": "x"}, 400, "body", "surname"),
        ({"note": 5}, 400, "body", "note"),
        ({"note": "x" * 4001}, 400, "body", "note"),
        ({"place": "\ud800"}, 400, "body", "place"),
        ({"place": "a\x07"}, 400, "body", "place"),
        ({"contact": "me"}, 400, "body", "contact"),
        ({"contact": {"fax": "1"}}, 400, "body", "fax"),
        ({"contact": {"email": "x" * 321}}, 400, "body", "email"),
        ({"note": "x" * 20_000}, 413, "body-large", ""),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused_by_name(
    sender: Make, said: dict[str, Any], status: int, code: str, word: str
) -> None:
    one = sender().begin()
    raw = json.dumps(said).encode()
    answer = one.call(
        "PUT",
        f"/api/submissions/{one.submission}/answers",
        content=raw,
        headers={"Content-Type": "application/json", "Accept-Language": "en"},
    )
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert word in answer.json()["message"]


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"language": "da", "language": "en", "declaration": "1"}', "application/json", 400),
        (b'{"language": NaN, "declaration": "1"}', "application/json", 400),
        (b'{"language": "da"}', "application/json", 400),
        (b'{"language": "fr", "declaration": "1"}', "application/json", 400),
        (b'{"language": "da", "declaration": "99"}', "application/json", 400),
        (b'{"language": "da", "declaration": ""}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 16_000, "application/json", 400),
        (b"language=da", "application/x-www-form-urlencoded", 415),
        (b'{"language": "da", "declaration": "1"}', "", 415),
    ],
)
def test_a_submission_is_begun_by_a_right_body_alone(
    sender: Make, raw: bytes, kind: str, status: int
) -> None:
    one = sender("--uses", "1")
    answer = one.call("POST", "/api/submissions", content=raw, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    one.begin()  # the one use is still there


def test_errors_speak_the_language_of_the_page(sender: Make) -> None:
    nobody = sender()
    nobody.code = "nothing"
    danish = nobody.call("GET", "/api/link").json()["message"]
    english = nobody.call("GET", "/api/link?lang=en").json()["message"]
    accepted = nobody.call("GET", "/api/link", headers={"Accept-Language": "en-GB,en;q=0.9"}).json()[
        "message"
    ]
    assert "virker ikke" in danish
    assert (
        english == accepted == "This link does not work, or not any more. Ask whoever sent it for a new one."
    )


def test_a_stranger_is_answered_before_the_body_comes(site: Site) -> None:
    head = (
        f"PUT /api/submissions/{'2' * 20}/answers HTTP/1.1\r\nHost: x\r\nVidne-Link: no code\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), 10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 404 ")
