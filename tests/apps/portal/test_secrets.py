"""After a whole submission no file but the catalogue's erasable bodies has a code, a name or contact data."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.apps.portal.sender import Sender
from tests.databases import PostgresServer, redis_server
from tests.portal.site import Site
from tests.system.program import wait_until

NAME, PHONE, EMAIL = "Alma Solbærgaard", "87654321", "alma@blaabaer.example"
FILE = "min-optagelse-af-naboen.txt"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("secrets"), {"VIDNE_LOG_FORMAT": "text"})
    made.program.open_case()
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def sent(site: Site) -> Sender:
    """A whole submission through a visitor's link, with contact data, and questions after its receipt."""
    return whole_submission(site)


def whole_submission(site: Site) -> Sender:
    with httpx.Client(base_url=site.url, timeout=30) as client:
        poster = Sender(client, site.link("--kind", "incident")["code"])
        one = Sender(client, poster.call("POST", "/api/visit").json()["link"]).begin()
        upload = one.send(FILE, b"Seen at the back door at nine.\n")
        contact = {"name": NAME, "phone": PHONE, "email": EMAIL}
        assert one.answer(note=f"Ring til {NAME}", contact=contact).status_code == 204
        one.compare(upload, b"Seen at the back door at nine.\n")
        one.end()
        one.until("sealed")
        wait_until(lambda: one.look("/api/receipt.json").status_code == 200, 60, "the receipt")
        # What a confused client may do: put the code where it does not belong.
        client.get(f"/send?code={one.code}")
        client.get(f"/{one.code}")
        client.get(f"/api/submissions/{one.receipt}/answers")
        one.call("PUT", f"/api/submissions/{one.submission}/answers", json={"contact": {"name": 5}})
    one.uploads.append(poster.code)
    return one


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").lower()


def forms(secret: str) -> set[str]:
    return {secret.lower(), secret.lower().replace("-", "")}


def logs_of(site: Site) -> list[Path]:
    found = [site.folder / "serve.log", site.folder / "data" / "worker.log"]
    assert all(path.stat().st_size for path in found), "else this test shows nothing"
    return found


def test_a_log_has_its_lines(site: Site, sent: Sender) -> None:
    said = text_of(site.folder / "serve.log")
    for line in (
        "post /api/submissions 201",
        "put /api/submissions/{submission}/answers 204",
        "patch /files/{upload} 204",
        "get /api/receipt.json 200",
        "get /send 200",
        "get - 404",
    ):
        assert line in said, line


def test_no_log_has_a_code_a_name_or_contact_data(site: Site, sent: Sender) -> None:
    for path in logs_of(site):
        said = text_of(path)
        for secret in (sent.code, sent.receipt, sent.uploads[-1]):
            assert not any(form in said for form in forms(secret)), path
        for word in (NAME, PHONE, EMAIL, FILE, "ring til", "?code="):
            assert word.lower() not in said, (path, word)


def test_no_file_of_the_data_folder_has_a_code(site: Site, sent: Sender) -> None:
    files = [path for path in (site.folder / "data").rglob("*") if path.is_file()]
    assert any(path.name == "catalogue.sqlite3" for path in files)
    for path in files:
        held = text_of(path)
        for secret in (sent.code, sent.receipt, sent.uploads[-1]):
            assert not any(form in held for form in forms(secret)), path


def test_contact_data_stand_in_the_catalogue_alone_and_there_in_one_event(site: Site, sent: Sender) -> None:
    for path in (site.folder / "data").rglob("*"):
        if path.is_file() and not path.name.startswith("catalogue.sqlite3"):
            assert PHONE not in text_of(path), path
    rows = site.program.query("SELECT event_id FROM ledger_body WHERE CAST(body AS TEXT) LIKE '%87654321%'")
    assert [row[0].partition(":")[2] for row in rows] == ["contact.given"]
    for table in ("link_submission", "submission", "upload", "upload_link", "job", "ledger_inbox"):
        rows = site.program.query(f"SELECT * FROM {table}")  # noqa: S608
        assert PHONE not in str(rows), table


def test_an_erased_contact_is_gone(site: Site, sent: Sender) -> None:
    [(number,)] = site.program.query("SELECT case_seq FROM ledger_entry WHERE event_id LIKE '%contact.given'")
    case = "0100-10293-00001-26"
    site.kill()
    site.program.run("ledger", "erase", case, str(number), "--reason", "asked for", "--yes")
    for path in (site.folder / "data").rglob("*"):
        if path.is_file():
            assert PHONE not in text_of(path), path


def test_no_message_of_the_broker_has_any_of_it(tmp_path: Path, postgres: PostgresServer) -> None:
    heard: list[bytes] = []
    with redis_server(tmp_path) as broker, socket.create_connection(("127.0.0.1", broker.port)) as monitor:
        monitor.sendall(b"MONITOR\r\n")
        listening = threading.Thread(target=lambda: heard.extend(iter(lambda: monitor.recv(65536), b"")))
        listening.start()
        servers = {"VIDNE_CATALOGUE_URL": postgres.new_database(), "VIDNE_BROKER_URL": broker.url}
        site = Site(tmp_path, servers)
        site.program.open_case()
        site.start()
        try:
            one = whole_submission(site)
        finally:
            site.kill()
            monitor.shutdown(socket.SHUT_RDWR)
            listening.join(30)
    said = b"".join(heard).decode("utf-8", "replace").lower()
    assert "vidne" in said, "else this test shows nothing"
    for secret in (one.code, one.receipt, one.uploads[-1]):
        assert not any(form in said for form in forms(secret))
    for word in (NAME, PHONE, EMAIL, FILE):
        assert word.lower() not in said
