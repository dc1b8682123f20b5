"""The server of tus 1.0, asked as any client may ask it: over HTTP, in a process of its own."""

import random
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.uploads.portal import House, Portal, Sender, checksum, pieces

CONTENT = random.Random(1).randbytes(3_000_000)


def fresh(size: int = 1000) -> bytes:
    """Bytes that no other test has: each is an exhibit of its own."""
    return random.randbytes(size)


def error_of(reply: httpx.Response) -> str:
    assert reply.headers["Tus-Resumable"] == "1.0.0"
    assert reply.headers["Cache-Control"] == "no-store"
    told = reply.json()
    assert set(told) == {"error", "message"}
    return str(told["error"])


def test_what_is_spoken_here_is_told_to_anybody(portal: Portal) -> None:
    reply = httpx.options(f"{portal.url}/files")
    assert reply.status_code == 204
    assert reply.headers["Tus-Version"] == "1.0.0"
    told = set(reply.headers["Tus-Extension"].split(","))
    assert told == {"creation", "creation-with-upload", "expiration", "checksum", "termination"}
    assert reply.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_another_version_is_refused(sender: Sender) -> None:
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        reply = sender.ask("POST", "/files", headers)
        assert (reply.status_code, error_of(reply)) == (412, "version")
        assert reply.headers["Tus-Version"] == "1.0.0"


def test_a_file_goes_the_whole_way(house: House, sender: Sender) -> None:
    content = fresh(3_000_000)
    reply = sender.try_create(len(content))
    assert reply.status_code == 201
    assert reply.content == b""
    place = reply.headers["Location"]
    expires = parsedate_to_datetime(reply.headers["Upload-Expires"])
    assert timedelta(days=6.9) < expires - datetime.now(UTC) < timedelta(days=7.1)
    asked = sender.head(place)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "0")
    assert asked.headers["Upload-Length"] == str(len(content))
    assert asked.headers["Cache-Control"] == "no-store"
    assert asked.headers["Upload-Metadata"] == sender.metadata()["Upload-Metadata"]
    reply = sender.patch(place, 0, content[:1_000_000])
    assert (reply.status_code, reply.headers["Upload-Offset"]) == (204, "1000000")
    assert "Upload-Expires" in reply.headers
    assert sender.offset(place) == 1_000_000
    reply = sender.patch(place, 1_000_000, content[1_000_000:])
    assert (reply.status_code, reply.headers["Upload-Offset"]) == (204, "3000000")
    house.await_exhibit(content)
    assert sender.offset(place) == 3_000_000


def test_a_body_of_unknown_length_is_taken_piece_by_piece(house: House, sender: Sender) -> None:
    content = fresh(1_000_001)
    place = sender.create(len(content))
    assert sender.patch(place, 0, pieces(content, 70_001)).status_code == 204
    house.await_exhibit(content)


def test_the_last_request_may_be_asked_again(sender: Sender) -> None:
    """Its sender had no answer."""
    place = sender.send(fresh())
    reply = sender.patch(place, 1000, b"")
    assert (reply.status_code, reply.headers["Upload-Offset"]) == (204, "1000")


def test_an_empty_file_is_received_when_it_is_made(house: House, sender: Sender) -> None:
    place = sender.create(0)
    assert sender.offset(place) == 0
    house.await_exhibit(b"")


@pytest.mark.parametrize("part", [1.0, 0.4, 0.0])
def test_a_creation_may_bring_the_first_bytes(house: House, sender: Sender, part: float) -> None:
    content = fresh()
    first = int(len(content) * part)
    reply = sender.try_create(len(content), content[:first])
    assert reply.status_code == 201
    assert reply.headers.get("Upload-Offset", "0") == str(first)
    if first < len(content):
        assert sender.patch(reply.headers["Location"], first, content[first:]).status_code == 204
    house.await_exhibit(content)


def test_another_offset_is_a_conflict_and_changes_nothing(house: House, sender: Sender) -> None:
    content = fresh()
    place = sender.create(len(content))
    assert sender.patch(place, 0, content[:500]).status_code == 204
    for offset in (0, 499, 501, 1000, 10**17):
        reply = sender.patch(place, offset, b"x")
        assert (reply.status_code, error_of(reply)) == (409, "offset")
    assert sender.offset(place) == 500
    assert sender.patch(place, 500, content[500:]).status_code == 204
    house.await_exhibit(content)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_body_is_held_against_its_checksum(house: House, sender: Sender, algorithm: str) -> None:
    content = fresh()
    place = sender.create(len(content))
    wrong = content[:499] + bytes([content[499] ^ 1])
    reply = sender.patch(place, 0, wrong, Upload_Checksum=checksum(algorithm, content[:500]))
    assert (reply.status_code, error_of(reply)) == (460, "checksum")
    assert sender.offset(place) == 0
    for at in (0, 500):
        part = content[at : at + 500]
        reply = sender.patch(place, at, part, Upload_Checksum=checksum(algorithm, part))
        assert (reply.status_code, reply.headers["Upload-Offset"]) == (204, str(at + 500))
    house.await_exhibit(content)


def test_a_large_body_with_a_checksum_counts_at_its_end_alone(house: House, sender: Sender) -> None:
    content = fresh(20_000_000)
    place = sender.create(len(content))
    wrong = sender.patch(place, 0, content, Upload_Checksum=checksum("sha256", content[:-1]))
    assert wrong.status_code == 460
    assert sender.offset(place) == 0
    assert sender.patch(place, 0, content, Upload_Checksum=checksum("sha256", content)).status_code == 204
    house.await_exhibit(content)


def test_a_creation_whose_bytes_are_wrong_leaves_no_upload(house: House, sender: Sender) -> None:
    before = house.rows("SELECT count(*) FROM upload WHERE state = 'receiving'")
    reply = sender.try_create(10, b"0123456789", Upload_Checksum=checksum("sha1", b"012345678X"))
    assert (reply.status_code, error_of(reply)) == (460, "checksum")
    assert house.rows("SELECT count(*) FROM upload WHERE state = 'receiving'") == before


@pytest.mark.parametrize("value", ["md5 AAAA", "sha1", "sha1 AAAA", "sha256 ???", "sha1 " + 40 * "0"])
def test_a_checksum_that_makes_no_sense_is_told(sender: Sender, value: str) -> None:
    reply = sender.patch(sender.create(4), 0, b"1234", Upload_Checksum=value)
    assert (reply.status_code, error_of(reply)) == (400, "algorithm")


def test_a_terminated_upload_is_gone(sender: Sender) -> None:
    place = sender.create(1000)
    sender.patch(place, 0, fresh(10))
    assert sender.tus("DELETE", place).status_code == 204
    assert sender.head(place).status_code == 410
    for reply in (sender.patch(place, 10, b"x"), sender.tus("DELETE", place)):
        assert (reply.status_code, error_of(reply)) == (410, "gone")


def test_what_was_received_can_not_be_deleted(house: House, sender: Sender) -> None:
    content = fresh()
    reply = sender.tus("DELETE", sender.send(content))
    assert (reply.status_code, error_of(reply)) == (409, "received")
    house.await_exhibit(content)


def test_more_bytes_than_were_declared_are_refused(house: House, sender: Sender) -> None:
    content = fresh()
    place = sender.create(len(content))
    reply = sender.patch(place, 0, content + b"x")
    assert (reply.status_code, error_of(reply)) == (413, "length")
    assert sender.offset(place) == 0
    reply = sender.patch(place, 0, iter([content[:600], content[600:] + b"x"]))
    assert reply.status_code == 413
    offset = sender.offset(place)
    assert offset in (0, 600)  # as the two pieces arrive together or not
    assert sender.patch(place, offset, content[offset:]).status_code == 204
    house.await_exhibit(content)
    reply = sender.try_create(10, b"01234567890")
    assert (reply.status_code, error_of(reply)) == (413, "length")


def test_the_limits_of_the_link_hold(portal: Portal, house: House) -> None:
    sender = Sender.begin(portal.url, house.link(files=2, size=1000))
    for size, code in ((1001, "bytes"), (10**17, "largest")):
        reply = sender.try_create(size)
        assert (reply.status_code, error_of(reply)) == (413, code)
    sender.create(400)
    reply = sender.try_create(601)
    assert (reply.status_code, error_of(reply)) == (413, "bytes")
    sender.create(600)
    reply = sender.try_create(0)
    assert (reply.status_code, error_of(reply)) == (413, "files")


def test_a_length_has_to_be_said_at_once(sender: Sender) -> None:
    reply = sender.tus("POST", "/files", {"Upload-Defer-Length": "1", **sender.metadata()})
    assert (reply.status_code, error_of(reply)) == (400, "defer")
    for value in ("", "-1", "1.5", "x", "9" * 30):
        reply = sender.tus("POST", "/files", {"Upload-Length": value, **sender.metadata()})
        assert (reply.status_code, error_of(reply)) == (400, "header")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "filename Y2xpcA==",
        "submission Y2xpcA==",
        "filename Y2xpcA==,submission ?",
        "filename ,submission Y2xpcA==",
        "filename Y2xpcA==,filename Y2xpcA==,submission Y2xpcA==",
        "filename Y2xpcA==,submission 5Q==",
    ],
)
def test_metadata_that_name_no_file_or_submission_are_refused(sender: Sender, value: str) -> None:
    reply = sender.tus("POST", "/files", {"Upload-Length": "1", "Upload-Metadata": value})
    assert (reply.status_code, error_of(reply)) == (400, "metadata")


def test_another_type_of_body_is_refused(sender: Sender) -> None:
    place = sender.create(4)
    reply = sender.tus("PATCH", place, {"Upload-Offset": "0", "Content-Type": "text/plain"}, content=b"1234")
    assert (reply.status_code, error_of(reply)) == (415, "type")
    reply = sender.tus("PATCH", place, {"Content-Type": "application/offset+octet-stream"}, content=b"1234")
    assert (reply.status_code, error_of(reply)) == (400, "header")
    assert sender.offset(place) == 0


def test_a_proxy_that_knows_no_patch_is_worked_around(house: House, sender: Sender) -> None:
    content = fresh()
    place = sender.create(len(content))
    headers = {
        "X-HTTP-Method-Override": "PATCH",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    assert sender.tus("POST", place, headers, content=content).status_code == 204
    house.await_exhibit(content)


def test_what_tus_does_not_know_is_not_allowed(sender: Sender) -> None:
    place = sender.create(4)
    for method, path in (("GET", place), ("PUT", place), ("GET", "/files"), ("POST", place)):
        reply = sender.tus(method, path)
        assert (reply.status_code, error_of(reply)) == (405, "method")


def test_every_link_that_opens_nothing_is_told_the_same(portal: Portal, house: House) -> None:
    revoked = house.link()
    sender = Sender.begin(portal.url, revoked)
    place = sender.create(10)
    house.revoke(revoked)
    told = set()
    for code in (revoked, "7KXM-2PQR-9BDF-7KXM-2PQR-9BDF-7KXM", "", "x" * 5000):
        other = Sender(portal.url, code, sender.submission)
        for reply in (other.try_create(1), other.patch(place, 0, b"x"), other.tus("DELETE", place)):
            told.add((reply.status_code, reply.content))
        assert other.head(place).status_code == 404
    assert len(told) == 1
    ((status, body),) = told
    assert (status, b'"link"' in body) == (404, True)


def test_the_upload_of_another_link_is_not_there(portal: Portal, house: House, sender: Sender) -> None:
    place = sender.create(10)
    other = Sender.begin(portal.url, house.link())
    for path in (place, "/files/unknown", "/files/..%2f..%2fetc", "/files/a/b"):
        replies = (other.patch(path, 0, b"x"), other.tus("DELETE", path))
        assert {(reply.status_code, error_of(reply)) for reply in replies} == {(404, "upload")}
        assert other.head(path).status_code == 404
    thief = Sender(portal.url, other.code, sender.submission)
    reply = thief.try_create(1)
    assert (reply.status_code, error_of(reply)) == (404, "link")
    assert sender.offset(place) == 0


@pytest.mark.parametrize("knows_the_link", [True, False])
def test_not_one_byte_is_read_for_a_stranger(portal: Portal, sender: Sender, *, knows_the_link: bool) -> None:
    """A client that asks before it sends is told to go on, or is answered, and sends nothing."""
    place = sender.create(4)
    head = "\r\n".join(
        [
            f"PATCH {place} HTTP/1.1",
            "Host: portal",
            f"Vidne-Link: {sender.code if knows_the_link else 'nobody'}",
            "Tus-Resumable: 1.0.0",
            "Upload-Offset: 0",
            "Content-Type: application/offset+octet-stream",
            "Content-Length: 4",
            "Expect: 100-continue",
            "\r\n",
        ]
    )
    with socket.create_connection(portal.address, timeout=10) as connection:
        connection.sendall(head.encode())
        said = connection.recv(65536)
        if knows_the_link:
            assert said.startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"1234")
            said = connection.recv(65536)
            assert said.startswith(b"HTTP/1.1 204 ")
        else:
            assert said.startswith(b"HTTP/1.1 404 ")
    assert sender.offset(place) == (4 if knows_the_link else 0)


def test_a_stranger_with_much_to_send_is_hung_up_on(portal: Portal, sender: Sender) -> None:
    place = sender.create(1 << 30)
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: portal\r\nVidne-Link: nobody\r\nTus-Resumable: 1.0.0\r\n"
        "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
        "Content-Length: 1073741824\r\n\r\n"
    )
    with socket.create_connection(portal.address, timeout=10) as connection:
        connection.sendall(head.encode())
        said = b""
        while more := connection.recv(65536):
            said += more
    assert said.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in said.lower()


def test_errors_are_told_in_the_language_that_is_read(sender: Sender) -> None:
    place = sender.create(4)
    told = {}
    for language in ("da", "en"):
        headers = {"Accept-Language": language, "Upload-Offset": "3"}
        headers["Content-Type"] = "application/offset+octet-stream"
        reply = sender.tus("PATCH", place, headers, content=b"x")
        assert reply.headers["Content-Language"] == language
        told[language] = reply.json()["message"]
    assert "Filen" in told["da"]
    assert "upload" in told["en"]


def test_the_log_tells_neither_codes_nor_names(portal: Portal, sender: Sender) -> None:
    name = "Tina Testesen.mp4"
    sender.tus("POST", "/files", {"Upload-Length": "1", **sender.metadata(name)})
    place = sender.create(1000)
    calls: list[Callable[[], httpx.Response]] = [
        lambda: sender.patch(place, 5, b"x"),
        lambda: sender.patch(place, 0, bytes(1001)),
        lambda: sender.tus("DELETE", place),
    ]
    for call in calls:
        assert call().status_code in (204, 409, 413)
    said = portal.said.read_text()
    assert "/files" in said
    for secret in (name, sender.code, sender.receipt, "Testesen"):
        assert secret not in said
