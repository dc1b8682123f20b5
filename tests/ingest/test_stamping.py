"""Checkpoints are stamped at an interval, kept and published; an authority that fails is asked again."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from evidence.catalogue.ledger import SqlLedgerStore
from evidence.catalogue.timestamps import kept_stamps
from evidence.custody import CustodyEvent
from evidence.errors import ObjectExistsError
from evidence.ports import NewObject
from hashing.keys import create_key
from hashing.note_keys import Signer
from hashing.publication import LedgerTree, Publisher, timestamp_path
from hashing.report import Check, Status
from hashing.sequencer import Sequencer
from hashing.timestamp_checks import NAME, TimeEvidence
from hashing.timestamps import load_roots_file, make_request
from hashing.verify import verify_case
from ingest.custody import record
from ingest.stamping import FIRST_PAUSE, LONGEST_PAUSE, Stamper
from tests.ingest.conftest import Desk
from tests.tsa import Authority, authority, openssl_accepts, revocation_list, send, serving, stamping

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CASE = "case1"


@dataclass
class Log:
    """A catalogue with a ledger that grows, and a clock that can be set forward."""

    desk: Desk
    tsa: Authority
    signer: Signer
    ahead: timedelta = timedelta(0)
    events: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @property
    def ledger(self) -> SqlLedgerStore:
        return SqlLedgerStore(self.desk.catalogue)

    def grow(self) -> None:
        self.events += 1
        at = "2026-11-23T03:34:44.123456Z"
        with self.desk.catalogue.write() as connection:
            record(connection, CustodyEvent(f"job-{self.events}:test", "test.event", at, "worker", CASE))
        self.sequence()

    def sequence(self) -> None:
        Sequencer(self.ledger, self.signer).run_all()
        Publisher(
            self.ledger,
            self.desk.store,
            self.signer.verifier,
            prefix="ledger/",
            work=self.desk.data / "work",
        ).run_once()

    def stamper(self, *urls: str) -> Stamper:
        given: dict[str, Any] = {
            "roots": str(self.tsa.roots),
            "interval": HOUR,
            "renewal": 30 * DAY,
            "timeout": 1.0,
        }
        return Stamper(
            self.desk.catalogue,
            self.desk.store,
            authorities=urls,
            prefix="ledger/",
            work=self.desk.data / "work",
            clock=self.clock,
            **(given | self.options),
        )

    def rows(self) -> list[tuple[Any, ...]]:
        return self.desk.rows("SELECT size, state, attempts FROM ledger_timestamp ORDER BY size, authority")

    def error(self) -> str:
        ((text,),) = self.desk.rows("SELECT error FROM ledger_timestamp")
        return str(text)

    def check(self, *urls: str) -> Check:
        with self.desk.catalogue.read() as connection:
            kept = kept_stamps(connection)
        report = verify_case(
            self.ledger,
            LedgerTree(self.ledger, self.desk.store, "ledger/"),
            self.desk.store,
            self.signer.verifier,
            case=CASE,
            expected=[],
            stamps=TimeEvidence(self.clock(), kept, load_roots_file(str(self.tsa.roots)), urls),
        )
        return next(item for item in report.checks if item.name == NAME)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def log(desk: Desk, tsa: Authority) -> Log:
    return Log(desk, tsa, create_key(desk.data / "keys" / "ledger.skey", "vidne.example/log"))


@pytest.fixture(scope="module")
def url(tsa: Authority) -> Iterator[str]:
    with serving(stamping(tsa)) as found:
        yield found


def test_a_checkpoint_is_stamped_and_openssl_accepts_what_is_stored(
    log: Log, url: str, tmp_path: Path
) -> None:
    log.grow()
    assert log.stamper(url).run_once() == 1
    ((size, response, chain, published),) = log.desk.rows(
        "SELECT size, response, chain, published FROM ledger_timestamp"
    )
    note = log.ledger.checkpoint(size)
    assert (size, published) == (1, 1)
    assert note is not None
    key = f"ledger/timestamp/1/{sha256(url.encode()).hexdigest()[:16]}.tsr"
    with log.desk.store.open(key, "0") as stream:
        assert stream.read() == response
    assert openssl_accepts(response, note, log.tsa.roots, tmp_path)
    (tmp_path / "chain.pem").write_bytes(chain)
    assert chain.count(b"BEGIN CERTIFICATE") == 3
    assert openssl_accepts(response, note, tmp_path / "chain.pem", tmp_path)
    found = log.check(url)
    assert (found.status, found.checked) == (Status.PASS, 1)


def test_nothing_is_stamped_where_there_is_no_checkpoint(log: Log, url: str) -> None:
    assert log.stamper(url).run_once() == 0
    assert log.rows() == []


def test_a_checkpoint_that_is_not_published_is_not_stamped_yet(log: Log, url: str) -> None:
    log.grow()
    published = log.desk.data / "objects/ledger/checkpoint/1"
    note = published.read_bytes()
    published.unlink()
    assert log.stamper(url).run_once() == 0
    published.write_bytes(note)
    assert log.stamper(url).run_once() == 1


def test_a_new_checkpoint_is_stamped_once_an_interval(log: Log, url: str) -> None:
    stamper = log.stamper(url)
    log.grow()
    assert [stamper.run_once(), stamper.run_once()] == [1, 0]
    log.grow()
    assert stamper.run_once() == 0
    log.ahead = HOUR
    assert [stamper.run_once(), stamper.run_once()] == [1, 0]
    assert [size for size, _, _ in log.rows()] == [1, 3]  # the second entry records the first stamp


def test_the_record_of_a_stamp_alone_is_no_reason_for_another(log: Log, url: str) -> None:
    log.grow()
    log.stamper(url).run_once()
    log.sequence()
    assert log.ledger.size() == 2
    log.ahead = 300 * DAY
    log.options["renewal"] = DAY
    assert log.stamper(url).run_once() == 0


def test_every_authority_is_asked(log: Log, url: str, tmp_path: Path) -> None:
    other = authority(tmp_path / "other", root=log.tsa.root)
    log.grow()
    with serving(stamping(other)) as second:
        assert log.stamper(url, second).run_once() == 2
    assert [state for _, state, _ in log.rows()] == ["stamped", "stamped"]
    assert log.check(url, second).checked == 2


def test_an_authority_that_is_down_is_pending_and_asked_again_after_ever_longer_pauses(log: Log) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        stamper = log.stamper(down)
        log.grow()
        assert [stamper.run_once(), stamper.run_once()] == [0, 0]
        assert log.rows() == [(1, "pending", 1)]
        assert "could not be reached" in log.error()
        assert log.check(down).status is Status.PENDING
        for attempt in range(2, 10):
            log.ahead += min(FIRST_PAUSE * 2 ** (attempt - 2), LONGEST_PAUSE) - timedelta(seconds=5)
            stamper.run_once()
            assert log.rows() == [(1, "pending", attempt - 1)]
            log.ahead += timedelta(seconds=5)
            stamper.run_once()
            assert log.rows() == [(1, "pending", attempt)]


def test_an_authority_that_comes_back_stamps_what_waited_and_then_what_is_new(log: Log) -> None:
    is_down = True

    def answer(handler: Any, query: bytes) -> None:
        if is_down:
            send(handler, b"", status=503)
        else:
            stamping(log.tsa)(handler, query)

    with serving(answer) as url:
        log.grow()
        assert log.stamper(url).run_once() == 0
        is_down = False
        log.grow()
        log.ahead = HOUR
        assert [log.stamper(url).run_once(), log.stamper(url).run_once()] == [1, 1]
        assert [size for size, state, _ in log.rows() if state == "stamped"] == [1, 2]
        assert log.check(url).status is Status.PASS


def test_one_authority_that_is_down_keeps_no_other_from_stamping(log: Log, url: str) -> None:
    log.grow()
    with serving(lambda handler, _: send(handler, b"", status=500)) as down:
        assert log.stamper(down, url).run_once() == 1
    assert {state for _, state, _ in log.rows()} == {"pending", "stamped"}
    assert "1 asked for, without an answer yet" in log.check(url).reason


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "does not hold"), (b"garbage", "does not hold"), (bytes(10 << 20), "more than")],
    ids=["nothing", "garbage", "ten-megabytes"],
)
def test_an_answer_that_is_no_stamp_is_refused_and_asked_again(log: Log, content: bytes, said: str) -> None:
    log.grow()
    with serving(lambda handler, _: send(handler, content)) as url:
        assert log.stamper(url).run_once() == 0
    assert log.rows() == [(1, "pending", 1)]
    assert said in log.error()


def test_the_answer_to_another_request_over_the_same_checkpoint_is_refused(log: Log) -> None:
    log.grow()
    note = log.ledger.latest_checkpoint()
    assert note is not None
    old = log.tsa.reply(make_request(note).der)
    with serving(lambda handler, _: send(handler, old)) as url:
        assert log.stamper(url).run_once() == 0
    assert "nonce" in log.error()


def test_a_stamp_over_other_bytes_is_refused(log: Log) -> None:
    log.grow()
    with serving(lambda handler, _: send(handler, log.tsa.reply(make_request(b"x").der))) as url:
        assert log.stamper(url).run_once() == 0
    assert "other bytes" in log.error()


@pytest.mark.parametrize("roots", ["", "nowhere.pem"])
def test_without_roots_no_stamp_is_kept_and_the_reason_is(log: Log, url: str, roots: str) -> None:
    log.grow()
    log.options["roots"] = roots
    assert log.stamper(url).run_once() == 0
    assert "VIDNE_TSA_ROOTS" in log.error()


def test_a_stamp_is_recorded_in_the_log_itself(log: Log, url: str) -> None:
    log.grow()
    log.stamper(url).run_once()
    log.sequence()
    (entry,) = log.ledger.case_entries("")
    ((response,),) = log.desk.rows("SELECT response FROM ledger_timestamp")
    assert sha256(response).hexdigest().encode() in entry.entry
    assert b'"type":"checkpoint.stamped"' in entry.entry
    assert url.encode() not in entry.entry


def test_a_stamp_whose_chain_will_expire_is_made_anew_over_the_newest_checkpoint(
    log: Log, tmp_path: Path
) -> None:
    ageing = authority(tmp_path / "ageing", root=log.tsa.root, end=datetime.now(UTC) + 40 * DAY)
    young = authority(tmp_path / "young", root=log.tsa.root)
    current = ageing
    with serving(lambda handler, query: stamping(current)(handler, query)) as url:
        stamper = log.stamper(url)
        log.grow()
        assert stamper.run_once() == 1
        log.sequence()
        log.ahead = 5 * DAY
        assert stamper.run_once() == 0
        log.ahead = 11 * DAY
        assert stamper.run_once() == 1
        log.sequence()
        log.ahead += HOUR
        assert stamper.run_once() == 0, "the authority's certificate is still the old one: once a day"
        current = young
        log.ahead += DAY
        assert stamper.run_once() == 1
        log.sequence()
        log.ahead = 100 * DAY
        assert stamper.run_once() == 0
        found = log.check(url)
    assert [size for size, _, _ in log.rows()] == [1, 2, 3]
    assert (found.status, found.checked) == (Status.PASS, 3)
    assert "tree of 1 entries" in found.reason, "what was stamped first still counts"


def test_a_clock_that_jumped_forward_and_back_stops_nothing(log: Log, url: str) -> None:
    log.grow()
    log.ahead = 300 * DAY
    assert log.stamper(url).run_once() == 1
    log.ahead = timedelta(0)
    log.grow()
    assert log.stamper(url).run_once() == 1


def test_a_stamp_that_the_store_did_not_take_is_published_later(log: Log, url: str, tmp_path: Path) -> None:
    log.grow()
    key = f"ledger/{timestamp_path(1, url)}"
    source = tmp_path / "other"
    source.write_bytes(b"other")
    log.desk.store.put([NewObject(key, source, sha256(b"other").hexdigest(), 5)])
    with pytest.raises(ObjectExistsError):
        log.stamper(url).run_once()
    assert log.rows() == [(1, "stamped", 0)]
    (log.desk.data / "objects" / key).unlink()
    assert log.stamper(url).run_once() == 0
    assert log.desk.store.stat(key) is not None


# Revocation lists


@pytest.fixture
def listed(log: Log, tmp_path: Path) -> Iterator[tuple[Log, Authority, dict[str, bytes], str]]:
    """A log with an authority whose certificate says where its revocation list is; the page is empty yet."""
    pages: dict[str, bytes] = {}
    made: list[Authority] = []
    with serving(lambda handler, query: stamping(made[0])(handler, query), pages) as url:
        crl = url.replace("/tsa", "/list.crl")
        made.append(authority(tmp_path / "listed", root=log.tsa.root, crl=crl))
        log.grow()
        yield log, made[0], pages, url


Listed = tuple[Log, Authority, dict[str, bytes], str]


def test_the_revocation_list_of_the_chain_is_kept_and_recorded(listed: Listed, tmp_path: Path) -> None:
    log, tsa, pages, url = listed
    raw = pages["/list.crl"] = revocation_list(tsa.middle, log.tsa.leaf)
    assert log.stamper(url).run_once() == 1
    log.sequence()
    key = f"ledger/timestamp/crl/{sha256(raw).hexdigest()}.crl"
    with log.desk.store.open(key, "0") as stream:
        assert stream.read() == raw
    (entry,) = log.ledger.case_entries("")
    assert sha256(raw).hexdigest().encode() in entry.entry
    assert log.check(url).status is Status.PASS


@pytest.mark.parametrize("end", [DAY, -DAY], ids=["in force", "old"])
def test_a_stamp_by_a_certificate_that_was_revoked_is_refused(listed: Listed, end: timedelta) -> None:
    log, tsa, pages, url = listed
    pages["/list.crl"] = revocation_list(tsa.middle, tsa.leaf, end=datetime.now(UTC) + end)
    assert log.stamper(url).run_once() == 0
    assert "was revoked on" in log.error()
    assert log.rows() == [(1, "pending", 1)]


@pytest.mark.parametrize("kind", ["absent", "garbage", "huge", "by another", "old"])
def test_a_stamp_is_kept_without_a_list_that_is_none(
    listed: Listed, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    log, tsa, pages, url = listed
    yesterday = datetime.now(UTC) - DAY
    raw = {
        "absent": None,
        "garbage": b"garbage",
        "huge": bytes(5 << 20),
        "by another": revocation_list(log.tsa.middle, tsa.leaf),
        "old": revocation_list(tsa.middle, end=yesterday),
    }[kind]
    if raw is not None:
        pages["/list.crl"] = raw
    assert log.stamper(url).run_once() == 1
    assert "no revocation list for CN=Test Time-Stamp Authority" in caplog.text
    assert list(log.desk.store.list_keys("ledger/timestamp/crl/")) == []
