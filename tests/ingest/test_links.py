"""Upload links: what each kind lets its holder do; that dead ones are alike; that custody has each step."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from evidence.cases import reference
from evidence.catalogue.cases import Case, close_case, get_case, open_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.links import FootageRequest, UploadLink, find_link, list_links
from evidence.errors import ConflictError, LinkError, NotFoundError, UsageError
from evidence.links import LinkKind
from ingest import link_submissions, links
from ingest.declaration import declaration
from ingest.links import NewLink, grant_of

NUMBER = "0100-10293-00001-26"
NOW, SOON, EXPIRY, LATER = (f"2026-11-2{n}T08:00:00.000000Z" for n in (3, 4, 7, 9))
ASKED = FootageRequest(
    "Torvets Kiosk",
    "Torvet 1",
    "indgang",
    "2026-11-20 22:00",
    "2026-11-20 23:00",
    "retsplejelovens § 804",
    "",
    EXPIRY,
    "2026-11-26.1",
)


@pytest.fixture
def case(catalogue: Catalogue) -> Case:
    with catalogue.write() as connection:
        return open_case(connection, NUMBER, NOW)


def made(
    catalogue: Catalogue, case: Case, kind: LinkKind = LinkKind.PERSONAL, **changed: object
) -> tuple[UploadLink, str]:
    values: dict[str, object] = {
        "kind": kind,
        "languages": ("da", "en"),
        "expires_at": EXPIRY,
        "uses": 2,
        "files": 3,
        "bytes": 1000,
        "request": ASKED if kind is LinkKind.BUSINESS else None,
        **changed,
    }
    with catalogue.write() as connection:
        return links.create(connection, case.id, NewLink(**values), "officer", NOW)  # type: ignore[arg-type]


def begun(catalogue: Catalogue, code: str, now: str = NOW) -> link_submissions.Begun:
    with catalogue.write() as connection:
        return link_submissions.begin(connection, code, declaration("1", "da"), "", "", now)


def events(catalogue: Catalogue, kind: str = "") -> list[tuple[str, str, str, dict[str, object]]]:
    """Type, actor, case and body of each event."""
    with catalogue.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT i.type, i.actor, i.case_id, b.body FROM ledger_inbox i JOIN ledger_body b"
            " ON b.event_id = i.event_id ORDER BY i.id"
        )
        return [(row[0], row[1], row[2], json.loads(row[3])) for row in rows if kind in row[0]]


def stored(catalogue: Catalogue) -> str:
    """All that the catalogue's tables hold, as text."""
    with catalogue.read() as connection:
        tables = (
            "upload_link",
            "link_submission",
            "footage_request",
            "link_message",
            "ledger_inbox",
            "ledger_body",
        )
        rows = [connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables]  # noqa: S608
    return "\n".join(
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for table in rows
        for row in table
        for part in row
    )


def test_a_link_grants_what_it_was_made_for(catalogue: Catalogue, case: Case) -> None:
    link, code = made(catalogue, case)
    with catalogue.read() as connection:
        grant = grant_of(connection, code.lower().replace("-", " "), SOON)
    assert (grant.link_id, grant.kind, grant.case_id) == (link.id, LinkKind.PERSONAL, case.id)
    assert (grant.max_files, grant.max_bytes) == (3, 1000)


def test_the_code_is_nowhere_at_rest(catalogue: Catalogue, case: Case) -> None:
    codes = [made(catalogue, case)[1], made(catalogue, case, LinkKind.INCIDENT)[1]]
    with catalogue.write() as connection:
        codes.append(links.visit(connection, codes[1], NOW))
    secret = begun(catalogue, codes[0]).receipt
    kept = stored(catalogue).lower()
    assert "officer" in kept, "else this test shows nothing"
    for code in (*codes, secret):
        assert code.lower() not in kept
        assert code.lower().replace("-", "") not in kept


def test_dead_links_are_told_apart_by_nothing(catalogue: Catalogue, case: Case) -> None:
    gone, gone_code = made(catalogue, case)
    _, late = made(catalogue, case, expires_at=SOON)
    with catalogue.write() as connection:
        links.revoke(connection, gone, "", "officer", NOW)
        other = open_case(connection, NUMBER.replace("00001", "00002"), NOW)
    _, closed = made(catalogue, other)
    with catalogue.write() as connection:
        close_case(connection, other, NOW)
    told = set()
    for code in ("", "no code", "2345-" * 7, gone_code, late, closed):
        with catalogue.read() as connection, pytest.raises(LinkError) as dead:
            grant_of(connection, code, SOON)
        told.add((str(dead.value), dead.value.exit_code))
    assert len(told) == 1
    assert "expire" not in str(told)
    assert "revoke" not in str(told)


def test_a_link_expires_at_its_moment(catalogue: Catalogue, case: Case) -> None:
    _, code = made(catalogue, case)
    with catalogue.read() as connection:
        grant_of(connection, code, EXPIRY.replace("08:00", "07:59"))
        with pytest.raises(LinkError):
            grant_of(connection, code, EXPIRY)


def test_a_used_up_link_begins_nothing_more_and_goes_on_with_what_was_begun(
    catalogue: Catalogue, case: Case
) -> None:
    _, code = made(catalogue, case, uses=1)
    first = begun(catalogue, code)
    with pytest.raises(LinkError):
        begun(catalogue, code)
    with catalogue.read() as connection:
        grant_of(connection, code, NOW)
        assert links.view(connection, code, NOW).uses_left == 0
    with catalogue.write() as connection:
        link_submissions.end(connection, code, first.id, NOW)
    with catalogue.read() as connection, pytest.raises(LinkError):
        links.view(connection, code, NOW)


def test_each_visitor_of_a_poster_is_given_a_link_of_their_own(catalogue: Catalogue, case: Case) -> None:
    poster, code = made(catalogue, case, LinkKind.INCIDENT)
    with pytest.raises(LinkError):  # what is on a poster takes nothing itself
        begun(catalogue, code)
    with catalogue.write() as connection:
        visitors = [links.visit(connection, code, NOW) for _ in range(2)]
        with pytest.raises(LinkError):  # used up
            links.visit(connection, code, NOW)
    assert len(set(visitors)) == 2
    with catalogue.read() as connection:
        grants = [grant_of(connection, visitor, NOW) for visitor in visitors]
    assert [grant.kind for grant in grants] == [LinkKind.VISITOR] * 2
    assert [(grant.max_files, grant.max_bytes) for grant in grants] == [(3, 1000)] * 2
    with catalogue.write() as connection, pytest.raises(LinkError):  # no chain of links
        links.visit(connection, visitors[0], NOW)
    told = [body for kind, _, _, body in events(catalogue, "link.created") if body["kind"] == "visitor"]
    assert [body["parent"] for body in told] == [reference(poster.id)] * 2


def test_to_revoke_a_poster_is_to_revoke_its_visitors(catalogue: Catalogue, case: Case) -> None:
    poster, code = made(catalogue, case, LinkKind.INCIDENT)
    with catalogue.write() as connection:
        visitor = links.visit(connection, code, NOW)
    submission = begun(catalogue, visitor)
    with catalogue.write() as connection:
        assert links.revoke(connection, poster, "a mistake", "officer", SOON) == 1
        with pytest.raises(ConflictError):
            links.revoke(connection, poster, "", "officer", SOON)
    with catalogue.write() as connection, pytest.raises(LinkError):
        link_submissions.end(connection, visitor, submission.id, SOON)
    [(_, actor, of_case, body)] = events(catalogue, "link.revoked")
    assert (actor, of_case) == ("officer", case.id)
    assert body == {"link": reference(poster.id), "visitors": 1, "reason": "a mistake"}


def test_a_message_reaches_who_holds_the_link(catalogue: Catalogue, case: Case) -> None:
    poster, code = made(catalogue, case, LinkKind.INCIDENT)
    with catalogue.write() as connection:
        visitor = links.visit(connection, code, NOW)
        links.tell(connection, poster, " Kan du sende originalen? ", "officer", SOON)
    with catalogue.read() as connection:
        [message] = links.view(connection, visitor, SOON).messages
    assert (message.at, message.text) == (SOON, "Kan du sende originalen?")
    [(_, _, _, body)] = events(catalogue, "link.message")
    assert body == {"link": reference(poster.id), "text": "Kan du sende originalen?"}


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001, f"Om {NUMBER}: ring."])
def test_a_message_that_must_not_be_sent_is_refused(catalogue: Catalogue, case: Case, text: str) -> None:
    link, _ = made(catalogue, case)
    with catalogue.write() as connection, pytest.raises(UsageError):
        links.tell(connection, link, text, "officer", NOW)


def test_nobody_can_read_a_message_by_a_dead_link(catalogue: Catalogue, case: Case) -> None:
    link, _ = made(catalogue, case)
    with catalogue.write() as connection, pytest.raises(ConflictError):
        links.tell(connection, link, "Hallo", "officer", LATER)


def test_a_request_tells_nobody_the_case_number(catalogue: Catalogue, case: Case) -> None:
    with pytest.raises(UsageError, match="number"):
        made(catalogue, case, LinkKind.BUSINESS, request=FootageRequest(**{
            **{name: getattr(ASKED, name) for name in FootageRequest.__dataclass_fields__},
            "order_reference": f"sag {NUMBER}",
        }))  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"expires_at": NOW},
        {"uses": 0},
        {"files": 0},
        {"bytes": 0},
        {"request": ASKED},
        {"kind": LinkKind.BUSINESS, "request": None},
    ],
)
def test_a_link_that_cannot_be_meant_is_not_made(
    catalogue: Catalogue, case: Case, changed: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        made(catalogue, case, **changed)  # type: ignore[arg-type]
    assert stored(catalogue) == ""


def test_no_link_is_made_into_a_closed_case(catalogue: Catalogue, case: Case) -> None:
    with catalogue.write() as connection:
        close_case(connection, get_case(connection, case.id), NOW)
    with pytest.raises(ConflictError):
        made(catalogue, case)


def test_custody_has_each_link_without_its_code(catalogue: Catalogue, case: Case) -> None:
    link, _ = made(catalogue, case, LinkKind.BUSINESS)
    [(_, actor, of_case, body)] = events(catalogue, "link.created")
    assert (actor, of_case) == ("officer", case.id)
    assert body["link"] == reference(link.id)
    assert body["kind"] == "business"
    asked = body["request"]
    assert isinstance(asked, dict)
    assert asked["legal_basis"] == "retsplejelovens § 804"
    assert asked["rules_version"] == "2026-11-26.1"


def test_requests_come_first_by_what_is_overwritten_first_and_then_links_by_expiry(
    catalogue: Catalogue, case: Case
) -> None:
    def asked(at: str) -> FootageRequest:
        fields = {name: getattr(ASKED, name) for name in FootageRequest.__dataclass_fields__}
        return FootageRequest(**{**fields, "overwritten_at": at})

    wanted = [
        made(catalogue, case, LinkKind.BUSINESS, request=asked(SOON))[0].id,
        made(catalogue, case, LinkKind.BUSINESS, request=asked(LATER))[0].id,
        made(catalogue, case, expires_at=SOON)[0].id,
        made(catalogue, case, expires_at=LATER)[0].id,
    ]
    with catalogue.read() as connection:
        assert [link.id for link, _ in list_links(connection, case.id)] == wanted
        assert [link.id for link, _ in list_links(connection)] == wanted


def test_a_link_is_found_by_its_reference(catalogue: Catalogue, case: Case) -> None:
    link, _ = made(catalogue, case)
    with catalogue.read() as connection:
        assert find_link(connection, link.id[:12]) == link
        with pytest.raises(NotFoundError):
            find_link(connection, "x" * 12)


def test_many_at_once_begin_no_more_than_the_link_allows(catalogue: Catalogue, case: Case) -> None:
    _, code = made(catalogue, case, uses=3)
    assert _at_once(8, lambda: begun(catalogue, code)) == 3


def test_many_visitors_at_once_are_no_more_than_the_poster_allows(catalogue: Catalogue, case: Case) -> None:
    _, code = made(catalogue, case, LinkKind.INCIDENT, uses=3)

    def visit() -> str:
        with catalogue.write() as connection:
            return links.visit(connection, code, NOW)

    assert _at_once(8, visit) == 3


def _at_once(count: int, action: Callable[[], object]) -> int:
    """How many of so many at once were let in."""
    barrier = Barrier(count)

    def one(_: int) -> bool:
        barrier.wait()
        try:
            action()
        except LinkError:
            return False
        return True

    with ThreadPoolExecutor(count) as threads:
        results: Sequence[bool] = list(threads.map(one, range(count)))
    return results.count(True)
