"""The malware scanner: its word is kept in the row and in custody; whatever it says, the evidence stays."""

import io
import json
import socket
from pathlib import Path

import pytest

from evidence.catalogue.link_submissions import LinkSubmission, add_link_submission
from evidence.catalogue.links import find_link
from evidence.clock import system_clock, timestamp
from evidence.errors import UnavailableError
from evidence.jsontypes import JsonObject
from evidence.links import LinkKind
from ingest import links
from ingest.links import NewLink
from ingest.malware import Clamd
from ingest.scanning import Scanning
from tests.clamd import VERSION, WORD, fake_clamd
from tests.ingest.conftest import Desk

FAR = "2099-01-01T00:00:00.000000Z"


@pytest.fixture
def at(tmp_path: Path) -> Path:
    return tmp_path / "clamd.sock"


@pytest.fixture
def filed(desk: Desk, tmp_path: Path) -> str:
    """The id of an upload whose exhibit is sealed."""
    path = tmp_path / "clip.bin"
    path.write_bytes(b"some footage, " + WORD)
    intaker = desk.intaker()
    intaker.receive(path, "clip.bin")
    desk.work()
    now = timestamp(system_clock())
    with desk.catalogue.write() as connection:
        new = NewLink(LinkKind.PERSONAL, ("da",), FAR, 5, 5, 1000)
        link, _ = links.create(connection, desk.case().id, new, "officer", now)
        sent = LinkSubmission(intaker.submission_id, link.id, "da", "1", {}, now, now)
        add_link_submission(connection, sent, "0" * 64)
        connection.exec_driver_sql(
            "INSERT INTO upload (id, submission_id, name, size, state, created_at, changed_at, expires_at,"
            " sha256, ordinal) VALUES ('up', ?, x'61', 1, 'filed', ?, ?, ?, '', 1)",
            (intaker.submission_id, now, now, FAR),
        )
        assert find_link(connection, link.id) == link
    return "up"


def scan(desk: Desk, at: Path, scanning: Scanning | None = None) -> int:
    return (scanning or Scanning(desk.catalogue, desk.store, Clamd(str(at)), clock=system_clock)).run_once()


def kept(desk: Desk) -> JsonObject | None:
    [(raw,)] = desk.rows("SELECT scan FROM upload")
    return None if raw is None else json.loads(raw)


def told(desk: Desk) -> list[tuple[str, JsonObject]]:
    rows = desk.rows(
        "SELECT i.type, b.body FROM ledger_inbox i JOIN ledger_body b ON b.event_id = i.event_id"
        " WHERE i.actor = 'scanner' ORDER BY i.id"
    )
    return [(kind, json.loads(body)) for kind, body in rows]


def test_what_is_found_is_told_and_the_evidence_stays(desk: Desk, filed: str, at: Path) -> None:
    with fake_clamd(at) as server:
        assert scan(desk, at) == 1
        assert scan(desk, at) == 0, "once"
    assert server.streams == [14 + len(WORD)]
    found = kept(desk)
    assert found is not None
    assert (found["result"], found["detail"], found["scanner"]) == ("found", "Made.Up-1", VERSION)
    [(kind, body)] = told(desk)
    assert (kind, body["result"], body["detail"]) == ("file.scanned", "found", "Made.Up-1")
    [exhibit] = desk.exhibits()
    assert exhibit.spool is None
    assert desk.store.stat(desk.rows("SELECT key FROM stored_object WHERE role = 'original'")[0][0])


def test_a_scanner_that_is_away_is_told_once_and_asked_again(desk: Desk, filed: str, at: Path) -> None:
    for _ in range(3):
        with pytest.raises(UnavailableError):
            scan(desk, at)
    assert kept(desk) is None
    [(kind, body)] = told(desk)
    assert kind == "file.not-scanned"
    assert "does not answer" in str(body["reason"])
    with fake_clamd(at):
        assert scan(desk, at) == 1
    assert [kind for kind, _ in told(desk)] == ["file.not-scanned", "file.scanned"]


def test_a_file_that_is_too_large_for_the_scanner_is_told_so(desk: Desk, filed: str, at: Path) -> None:
    with fake_clamd(at, most=5):
        assert scan(desk, at) == 1
    found = kept(desk)
    assert found is not None
    assert found["result"] == "too-large"


def test_a_file_over_which_the_scanner_breaks_off_stops_no_other_for_ever(
    desk: Desk, filed: str, at: Path
) -> None:
    scanning = Scanning(desk.catalogue, desk.store, Clamd(str(at)), clock=system_clock)
    with fake_clamd(at, breaks=True):
        for _ in range(2):
            with pytest.raises(UnavailableError):
                scan(desk, at, scanning)
        assert scan(desk, at, scanning) == 1
    found = kept(desk)
    assert found is not None
    assert found["result"] == "failed"


def test_a_clean_stream_of_many_chunks(at: Path) -> None:
    with fake_clamd(at) as server:
        found = Clamd(str(at)).scan(io.BytesIO(bytes(5_000_000)))
    assert (found.result, found.scanner) == ("clean", VERSION)
    assert server.streams == [5_000_000]


def test_a_scanner_behind_a_port(at: Path) -> None:
    with fake_clamd(at), socket.create_server(("127.0.0.1", 0)) as listening:
        host, port = listening.getsockname()
        listening.close()
        with pytest.raises(UnavailableError, match=f"{host}:{port}"):
            Clamd(f"{host}:{port}").version()
