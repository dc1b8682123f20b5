"""The forms without scripts, as any client may send them: whole, cut off, too large, in the wrong order."""

import fcntl
import re
import socket
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.portal.site import Site
from tests.system.program import children_of, wait_until

_BOUNDARY = "xYzZy"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def send(site: Site, *parts: bytes, end: bytes = f"--{_BOUNDARY}--\r\n".encode()) -> httpx.Response:
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Accept-Language": "en"}
    return httpx.post(f"{site.url}/send", content=b"".join([*parts, end]), headers=headers, timeout=60)


def code_of(site: Site, *options: str) -> bytes:
    return str(site.link(*options)["code"]).encode()


def uploads(site: Site) -> set[tuple[str, str]]:
    return {(row[0], row[1]) for row in site.program.query("SELECT id, state FROM upload")}


def test_each_file_of_a_form_becomes_an_exhibit_with_its_name_as_it_was_sent(site: Site) -> None:
    first, second = b"first" * 1000, b"second\r\n--xYzZ" * 1000
    code = code_of(site)
    answer = send(
        site, part("code", code), part("file", first, "a/clip 1.mp4"), part("file", second, "Ørsted.mp4")
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    for content in (first, second):
        assert sha256(content).hexdigest() in answer.text
    ended = site.program.query(
        "SELECT cast(name AS text), ended_at IS NOT NULL FROM upload"
        " JOIN link_submission ON link_submission.id = upload.submission_id"
        " WHERE cast(name AS text) IN ('a/clip 1.mp4', 'Ørsted.mp4')"
    )
    assert sorted(ended) == [("a/clip 1.mp4", 1), ("Ørsted.mp4", 1)], "the form is all that is sent"


def test_a_file_that_somebody_else_is_filing_is_waited_for(site: Site) -> None:
    content = b"in other hands" * 10_000
    parts = [part("code", code_of(site)), part("file", content, "held.mp4"), part("note", b"after it")]
    end = f"--{_BOUNDARY}--\r\n".encode()
    size = sum(map(len, parts)) + len(end)
    host = urlsplit(site.url)
    with socket.create_connection((host.hostname or "", host.port or 0)) as line:
        head = (
            f"POST /send HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: {size}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nConnection: close\r\n\r\n"
        )
        line.sendall(head.encode() + b"".join(parts))

        def held() -> list[str]:
            query = "SELECT id FROM upload WHERE cast(name AS text) = 'held.mp4' AND state = 'complete'"
            return [row[0] for row in site.program.query(query)]

        wait_until(lambda: bool(held()), 20, "the file to be there")
        with (site.program.data / "uploads" / held()[0]).open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # as who files it does
            line.sendall(end)
            line.settimeout(1)
            with pytest.raises(TimeoutError):
                line.recv(1)
        line.settimeout(30)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert sha256(content).hexdigest().encode() in answer


def test_an_empty_file_field_is_no_file_and_an_empty_file_is_one(site: Site) -> None:
    code = part("code", code_of(site))
    answer = send(site, code, part("file", b"", ""))
    assert answer.status_code == 400
    assert "No file was chosen" in answer.text
    answer = send(site, code, part("file", b"", "empty.mp4"))
    assert answer.status_code == 200
    assert sha256(b"").hexdigest() in answer.text


def test_a_file_before_the_code_is_not_taken(site: Site) -> None:
    before = uploads(site)
    answer = send(site, part("file", b"x" * 5000, "clip.mp4"), part("code", code_of(site)))
    assert answer.status_code == 404
    assert uploads(site) == before


def test_a_form_that_is_cut_off_gives_no_exhibit_of_what_is_not_whole(site: Site) -> None:
    content = b"cut off" * 100_000
    code = code_of(site)
    body = part("code", code) + part("file", content, "cut.mp4")
    host = urlsplit(site.url)
    with socket.create_connection((host.hostname or "", host.port or 0)) as line:
        head = (
            f"POST /send HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: {len(body) + 100}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
        )
        line.sendall(head.encode() + body[: len(body) // 2])
    size = len(body) + 100

    def was_begun() -> bool:
        return any(state == "receiving" for _, state in uploads(site))

    wait_until(was_begun, 20, "what came of it")
    assert sha256(content).hexdigest() not in {item["sha256"] for item in site.program.exhibits()}
    assert size not in {item["size"] for item in site.program.exhibits()}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"hello"),
        ("multipart/form-data", b"no boundary"),
        (f"multipart/form-data; boundary={_BOUNDARY}", b"this is no part"),
        (f"multipart/form-data; boundary={_BOUNDARY}", part("code", b"x" * 40_000)),
    ],
    ids=["no form", "no boundary", "no part", "a field too long"],
)
def test_what_is_no_form_is_answered_with_a_page_that_says_so(
    site: Site, content_type: str, body: bytes
) -> None:
    answer = httpx.post(f"{site.url}/send", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "kan ikke forstås" in answer.text


def test_more_than_the_link_allows_is_refused_and_told(site: Site) -> None:
    code = part("code", code_of(site, "--bytes", "1MB"))
    answer = send(site, code, part("file", b"x" * 2_000_000, "large.mp4"))
    assert answer.status_code == 413
    assert "The files are larger than this link allows" in answer.text
    assert 2_000_000 not in {item["size"] for item in site.program.exhibits()}


def test_a_poster_s_code_gives_a_link_of_one_s_own_also_without_scripts(site: Site) -> None:
    poster = code_of(site, "--kind", "incident")
    looked = send(site, part("code", poster), part("look", b"1"))
    own = re.findall(r'name="code" value="([^"]+)"', looked.text)[0]
    assert own.encode() != poster
    answer = send(site, part("code", own.encode()), part("file", b"from a visitor", "v.mp4"))
    assert answer.status_code == 200
    kinds = site.program.query("SELECT kind FROM upload_link ORDER BY created_at")
    assert ("visitor",) in kinds


def test_a_large_form_goes_to_the_disk_and_not_into_memory(site: Site, tmp_path: Path) -> None:
    assert site.process is not None
    (server,) = [
        pid
        for pid in children_of(site.process.pid)
        if b"apps.portal.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]

    def peak() -> int:
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server}/status").read_text())
        return int(line) * 1024

    film = tmp_path / "film.mp4"
    with film.open("wb") as out:
        for number in range(200):
            out.write(number.to_bytes(8, "big") * 131_072)
    send(site, part("code", code_of(site)), part("file", b"warm", "warm.mp4"))
    before = peak()
    with film.open("rb") as stream:
        answer = httpx.post(
            f"{site.url}/send",
            data={"code": code_of(site).decode()},
            files={"file": ("film.mp4", stream, "video/mp4")},
            timeout=120,
        )
    assert answer.status_code == 200
    assert peak() - before < 60_000_000
    assert sha256(film.read_bytes()).hexdigest() in answer.text


def test_a_wrong_receipt_code_opens_nothing_and_a_long_body_is_not_read(site: Site) -> None:
    answer = httpx.post(f"{site.url}/receipt", data={"code": "2222"}, headers={"Accept-Language": "en"})
    assert (answer.status_code, "no receipt with this code" in answer.text) == (404, True)
    answer = httpx.post(f"{site.url}/receipt", data={"code": "2" * 100_000})
    assert answer.status_code == 404


def kept_answers(site: Site, name: str) -> tuple[str, int]:
    """The answers that came with the file of that name, and whether its submission was ended."""
    rows = site.program.query(
        "SELECT answers, ended_at IS NOT NULL, cast(name AS text) FROM link_submission"
        " JOIN upload ON upload.submission_id = link_submission.id"
    )
    [(answers, ended, _)] = [row for row in rows if row[2] == name]
    return str(answers), int(str(ended))


def test_enter_in_any_field_sends_all_that_was_filled_in(site: Site) -> None:
    """It presses the first button of the form, which is that beside the code."""
    answer = send(
        site,
        part("code", code_of(site)),
        part("look", b"1"),
        part("file", b"by enter", "enter.mp4"),
        part("place", b"Torvet 9"),
    )
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    answers, ended = kept_answers(site, "enter.mp4")
    assert ("Torvet 9" in answers, ended) == (True, 1)


def test_a_name_without_leave_to_use_it_is_not_kept_and_that_is_told(site: Site) -> None:
    answer = send(
        site,
        part("code", code_of(site)),
        part("file", b"unnamed", "unnamed.mp4"),
        part("contact", b"no"),
        part("name", b"Hans Vidne"),
    )
    assert "Name, telephone and e-mail were not kept" in answer.text
    assert "Hans" not in kept_answers(site, "unnamed.mp4")[0]


def test_a_note_may_have_as_many_characters_as_the_page_says_however_its_lines_end(site: Site) -> None:
    note = ("a" * 19 + "\r\n") * 200
    answer = send(
        site,
        part("code", code_of(site)),
        part("file", b"lines", "lines.mp4"),
        part("note", note.encode() + b"\x07"),
    )
    assert "not kept" not in answer.text
    assert "aaa\\naaa" in kept_answers(site, "lines.mp4")[0]


def test_answers_that_cannot_be_kept_are_told_and_the_files_are_received(site: Site) -> None:
    answer = send(
        site,
        part("code", code_of(site)),
        part("file", b"much to say", "much.mp4"),
        part("note", b"x" * 4001),
    )
    assert answer.status_code == 200
    assert "Your answers were not kept" in answer.text
    assert kept_answers(site, "much.mp4")[1] == 1


@pytest.mark.parametrize("wrong", ["no file", "code", "code and file", "code and a short file"])
def test_what_was_typed_comes_back_with_the_form(site: Site, wrong: str) -> None:
    code = part("code", b"2222" if "code" in wrong else code_of(site))
    size = {"code and file": 100_000, "code and a short file": 10}.get(wrong, 0)
    files = (part("file", b"x" * size, "x.mp4"),) if size else ()
    answer = send(site, code, *files, part("place", b'Torvet "9"'), part("contact", b"yes"))
    assert answer.status_code == (400 if wrong == "no file" else 404)
    assert 'value="Torvet &#34;9&#34;"' in answer.text
    assert re.search(r'id="named"[^>]* checked>', answer.text)


def test_the_first_click_on_a_receipt_that_is_ready_gives_the_file(site: Site) -> None:
    answer = send(site, part("code", code_of(site)), part("file", b"receipt" * 50, "receipt.mp4"))
    [code] = set(re.findall(r'name="code" value="([^"]+)"', answer.text))

    def state() -> str:
        told = httpx.get(f"{site.url}/api/receipt", headers={"Vidne-Receipt": code})
        return str(told.json()["state"])

    wait_until(lambda: state() == "sealed", 60, "all is sealed")
    got = httpx.post(f"{site.url}/receipt", data={"code": code, "as": "pdf"}, timeout=60)
    assert (got.status_code, got.content[:5]) == (200, b"%PDF-")


def test_a_receipt_that_is_not_ready_leads_back_to_itself(site: Site) -> None:
    answer = send(site, part("code", code_of(site)), part("file", b"too early" * 50, "early.mp4"))
    [code] = set(re.findall(r'name="code" value="([^"]+)"', answer.text))
    got = httpx.post(f"{site.url}/receipt", data={"code": code, "as": "pdf"}, timeout=60)
    assert got.status_code == 425
    assert f'name="code" value="{code}"' in got.text


@pytest.mark.parametrize("path", ["/receipt", "/send"])
def test_forms_that_no_page_has_are_refused_with_a_page(site: Site, path: str) -> None:
    if path == "/receipt":
        answer = httpx.post(f"{site.url}{path}", data={f"f{number}": "x" for number in range(30)})
    else:
        kind = f"multipart/form-data; boundary={'b' * 5000}"
        answer = httpx.post(f"{site.url}{path}", content=b"", headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "kan ikke forstås" in answer.text


def test_no_address_leads_to_a_host_that_the_request_names(site: Site) -> None:
    answer = httpx.get(f"{site.url}/send/", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers
