"""What a receipt's code shows, as time passes: one data folder, worked on from inside this process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.portal import sending
from apps.portal.app import Portal
from apps.portal.receipts import receipt, receipt_state
from apps.wiring import Application
from evidence.catalogue.cases import find_case, open_case
from evidence.clock import timestamp
from evidence.errors import IncompleteError, LinkError
from evidence.exhibits import ExhibitState
from evidence.jsontypes import JsonObject
from evidence.links import LinkKind
from evidence.rules import rule_set
from evidence.settings import Settings
from ingest import links
from ingest.footage_requests import new_request
from ingest.link_submissions import Begun
from ingest.links import NewLink
from samples.generator import clip
from tests.ingest.conftest import NUMBER, Desk

FORWARDED = "VID-20260314-WA0003.mp4"


@dataclass
class Clock:
    """Begins a day ago, so that what it put off is due by the desk's own clock."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=1))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Site:
    """A portal on the desk's data folder, whose time passes as the test wants."""

    desk: Desk
    portal: Portal
    clock: Clock

    def link(self, kind: LinkKind = LinkKind.PERSONAL) -> str:
        request = None
        if kind is LinkKind.BUSINESS:
            request = new_request(
                business="Kiosk", place="Torvet", camera="dør", wanted_from="2026-11-20 22:00",
                wanted_until="2026-11-20 23:00", legal_basis="§ 4 c", order_reference="", keeps_days=None,
                overwritten_at=None, zone=self.portal.settings.zone, rules=rule_set(),
            )  # fmt: skip
        expires = timestamp(self.clock() + timedelta(days=9))
        new = NewLink(kind, ("da", "en"), expires, 9, 9, 10**9, request)
        with self.desk.catalogue.write() as connection:
            case = find_case(connection, NUMBER)
            return links.create(connection, case.id, new, "officer", timestamp(self.clock()))[1]

    def send(self, code: str, name: str, raw: bytes) -> Begun:
        """A submission of one file, ended."""
        begun = sending.begin(self.portal, code, "da", "1")
        grant = sending.authorise(self.portal, code)
        uploads = self.portal.uploads
        upload = uploads.create(grant, begun.id, name.encode(), len(raw))
        with uploads.receiving(grant, upload.id, 0) as body:
            body.write(raw)
        assert uploads.file(upload.id)
        sending.end(self.portal, code, begun.id)
        return begun

    def look(self, begun: Begun, language: str = "da") -> JsonObject:
        return receipt_state(self.portal, begun.receipt, language)

    def file(self, begun: Begun, language: str = "da") -> JsonObject:
        files = self.look(begun, language)["files"]
        assert isinstance(files, list)
        [found] = files
        assert isinstance(found, dict)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    clock = Clock()
    settings = Settings(data=tmp_path / "data")
    application = Application(settings, clock)
    with application.catalogue.write() as connection:
        open_case(connection, NUMBER, timestamp(clock()))
    desk = Desk(settings.data, application.catalogue, application.store)
    return Site(desk, Portal(application, settings, application.uploads), clock)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1).read_bytes()


def test_hints_come_with_the_processing_and_no_sooner_than_after_five_minutes(
    site: Site, footage: bytes
) -> None:
    begun = site.send(site.link(), FORWARDED, footage)
    assert site.look(begun)["state"] == "received"
    site.desk.work()
    assert site.file(begun)["state"] == "received", "sealed, but so soon it would tell of known bytes"
    site.clock.pass_by(seconds=11)
    assert site.file(begun)["state"] == "sealed"
    assert site.file(begun)["hints"] == []
    site.clock.pass_by(minutes=5)
    found = site.file(begun)
    assert found["hints"] == ["forwarded"]
    assert found["reasons"] == ["name:whatsapp", "no-camera"]
    assert found["quality"] is None, "that is for a shop"


def test_a_shop_is_told_what_its_own_camera_is_good_for(site: Site, footage: bytes) -> None:
    begun = site.send(site.link(LinkKind.BUSINESS), "ch01.mp4", footage)
    site.desk.work()
    site.clock.pass_by(minutes=6)
    danish, english = (site.file(begun, language)["quality"] for language in ("da", "en"))
    assert isinstance(danish, list)
    assert isinstance(english, list)
    assert [item["code"] for item in danish][:2] == ["size", "rate"]  # type: ignore[call-overload,index]
    assert "pixels" in str(danish)
    assert str(danish) != str(english)


def test_what_is_no_footage_is_told_so(site: Site) -> None:
    begun = site.send(site.link(), "note.txt", b"Seen at nine.\n")
    site.desk.work()
    site.clock.pass_by(minutes=6)
    assert site.file(begun)["hints"] == ["unopened"]


def test_known_bytes_wait_for_all_that_came_before_them(site: Site, footage: bytes) -> None:
    code = site.link()
    first = site.send(code, "first.mp4", footage)
    site.desk.work()
    site.clock.pass_by(minutes=10)
    assert site.file(first)["state"] == "sealed"
    site.send(code, "between.txt", b"This one is not sealed yet.\n")
    site.clock.pass_by(seconds=1)
    again = site.send(site.link(), FORWARDED, footage)
    site.clock.pass_by(minutes=10)
    # Its bytes have been sealed and processed for long: a new file would still wait behind the one before it.
    assert (site.file(again)["state"], site.file(again)["hints"]) == ("received", [])
    site.desk.work()
    site.clock.pass_by(seconds=3)
    assert (site.file(again)["state"], site.file(again)["hints"]) == ("sealed", ["forwarded"])


def test_the_name_is_the_sender_s_own_and_not_that_of_another_who_sent_the_same(
    site: Site, footage: bytes
) -> None:
    site.send(site.link(), FORWARDED, footage)
    other = site.send(site.link(), "IMG_4711.MOV", footage)
    site.desk.work()
    site.clock.pass_by(minutes=10)
    found = site.file(other)
    assert (found["name"], found["hints"]) == ("IMG_4711.MOV", [])


def test_a_receipt_is_had_once_all_is_sealed_and_the_log_has_it(site: Site) -> None:
    begun = site.send(site.link(), "note.txt", b"Seen at nine.\n")
    site.desk.work()
    with pytest.raises(IncompleteError):
        receipt(site.portal, begun.receipt)
    site.clock.pass_by(seconds=11)
    with pytest.raises(IncompleteError):  # the case's entries have no place yet
        receipt(site.portal, begun.receipt)
    site.portal.application.sequence_all()
    with pytest.raises(IncompleteError):  # now the receipt itself waits for one
        receipt(site.portal, begun.receipt)
    assert site.look(begun)["state"] == "sealed"
    site.portal.application.sequence_all()
    found = receipt(site.portal, begun.receipt)
    found.require_bound()
    assert found.statement.reference == begun.reference
    assert site.look(begun)["state"] == "issued"
    assert receipt(site.portal, begun.receipt).to_bytes() == found.to_bytes()


def test_what_could_not_be_sealed_is_not_called_sealed(site: Site) -> None:
    begun = site.send(site.link(), "note.txt", b"Seen at nine.\n")
    with site.desk.catalogue.write() as connection:
        connection.exec_driver_sql(
            "UPDATE exhibit SET state = ?", (ExhibitState.QUARANTINED,)
        )  # its file is still in the spool
        connection.exec_driver_sql("UPDATE job SET state = 'quarantined'")
    site.clock.pass_by(minutes=10)
    assert site.file(begun)["state"] == "received"


def test_a_submission_that_brought_nothing_ends_as_received(site: Site) -> None:
    code = site.link()
    begun = sending.begin(site.portal, code, "en", "1")
    assert site.look(begun)["state"] == "receiving"
    sending.end(site.portal, code, begun.id)
    told = site.look(begun)
    assert (told["state"], told["files"], told["received_at"]) == ("received", [], None)
    assert told["declaration"] == {"version": "1", "language": "en"}


@pytest.mark.parametrize("code", ["", "nothing", "2345-6789-BCDF-GHJK-MNPQ-RSTV-WXZ2"])
def test_another_code_opens_nothing(site: Site, code: str) -> None:
    asked: list[Callable[[], object]] = [
        lambda: receipt_state(site.portal, code, "da"),
        lambda: receipt(site.portal, code),
    ]
    for ask in asked:
        with pytest.raises(LinkError):
            ask()


def test_the_code_of_a_link_opens_no_receipt_and_the_reverse(site: Site) -> None:
    code = site.link()
    begun = site.send(code, "note.txt", b"x")
    with pytest.raises(LinkError):
        receipt_state(site.portal, code, "da")
    with pytest.raises(LinkError):
        sending.view_link(site.portal, begun.receipt)


def test_a_receipt_can_be_looked_at_when_the_link_has_long_expired(site: Site) -> None:
    begun = site.send(site.link(), "note.txt", b"x")
    site.clock.pass_by(days=400)
    assert site.look(begun)["reference"] == begun.reference


def test_the_browser_s_digest_after_the_filing_is_an_event_of_its_own(site: Site) -> None:
    code = site.link()
    begun = site.send(code, "note.txt", b"x")
    [(upload,)] = site.desk.rows("SELECT id FROM upload")
    digest = str(site.file(begun)["sha256"])
    for _ in range(2):
        assert sending.compare(site.portal, code, upload, digest) is True
    kinds = [kind for (kind,) in site.desk.rows("SELECT type FROM ledger_inbox ORDER BY id")]
    assert kinds.count("file.compared") == 1
    with pytest.raises(LinkError):
        sending.compare(site.portal, site.link(), upload, digest)
