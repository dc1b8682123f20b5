"""The log's side: a real catalogue and store, a real witness behind real HTTP."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from apps import cosigning as ours
from apps import remote_witness
from apps.cosigning import Cosigning, cosigned_size, keep_asking, kept_cosignatures
from apps.remote_witness import RemoteWitness, parse_witnesses
from evidence.catalogue.cosignatures import lines_over
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import SqlLedgerStore
from evidence.catalogue.sqlite import open_catalogue
from evidence.errors import IntegrityError, SettingsError, TrustMaterialError, UnavailableError
from hashing.cosignatures import Cosigner
from hashing.keys import create_witness_key
from hashing.ledger_checks import read_case
from hashing.note_keys import Signer
from hashing.notes import NoteError
from hashing.publication import LedgerTree, Publisher, read_object
from hashing.report import Status
from hashing.sequencer import Sequencer
from hashing.succession import follow, sign_succession
from hashing.witness import key_path, trust_log
from hashing.witness_checks import check_witness, open_cosigned
from ingest.custody import record
from retention.folder import FolderStore
from retention.keys import LEDGER
from tests.apps.test_witness_server import running
from tests.hashing.cases import ORIGIN, event
from tests.system.program import wait_until

NAME = "witness.example/w1"


@dataclass
class Log:
    """A log on a catalogue and a store of its own, as a worker keeps it."""

    folder: Path
    signer: Signer = field(default_factory=lambda: Signer.generate(ORIGIN))

    def __post_init__(self) -> None:
        self.catalogue: Catalogue = open_catalogue(self.folder / "catalogue.sqlite3")
        self.store = FolderStore(self.folder / "objects")
        self.ledger = SqlLedgerStore(self.catalogue)
        self.events = 0

    def grow(self, count: int, said: str = "event") -> None:
        """Append and publish."""
        with self.catalogue.write() as connection:
            for _ in range(count):
                record(connection, event(f"{said}-{self.events}", "case1"))
                self.events += 1
        Sequencer(self.ledger, self.signer).run_all()
        self.publish()

    def publish(self) -> None:
        work = self.folder / "work"
        Publisher(self.ledger, self.store, self.signer.verifier, prefix=LEDGER, work=work).run_once()

    def cosigning(self, witness: RemoteWitness) -> Cosigning:
        verifier = self.signer.verifier
        return Cosigning(witness, self.catalogue, self.store, lambda: verifier, work=self.folder / "work")

    def roll_back(self, size: int) -> None:
        """What somebody does who holds the catalogue, so that the sequencer takes it."""
        assert self.ledger.checkpoint(size), "a size at which the log stopped"
        self.execute("DELETE FROM ledger_entry WHERE position >= :size", size=size)
        self.execute("DELETE FROM ledger_checkpoint WHERE size > :size", size=size)
        self.execute("DELETE FROM ledger_inbox WHERE id NOT IN (SELECT inbox_id FROM ledger_entry)")

    def execute(self, sql: str, **values: object) -> None:
        with self.catalogue.write() as connection:
            connection.execute(text(sql), values)

    def cosignature(self, size: int, witness: RemoteWitness) -> Path:
        return self.folder / "objects" / "ledger" / "cosignature" / str(size) / witness.key_id

    def forget_published(self) -> None:
        """A store that is no WORM may lose what is in it."""
        for path in (self.folder / "objects" / "ledger").rglob("*"):
            if path.is_file():
                path.unlink()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


@pytest.fixture
def witness(tmp_path: Path, log: Log) -> Iterator[RemoteWitness]:
    verifier = create_witness_key(key_path(tmp_path / "w"), NAME).verifier
    trust_log(tmp_path / "w", log.signer.verifier)
    with running(tmp_path / "w") as server:
        yield RemoteWitness(server.url, verifier)


def test_what_is_published_is_cosigned_kept_and_published(log: Log, witness: RemoteWitness) -> None:
    cosigning = log.cosigning(witness)
    assert cosigning.run_once() is None, "there is nothing yet"
    for count, size in [(3, 3), (300, 303)]:
        log.grow(count)
        assert (cosigning.run_once(), cosigning.run_once()) == (size, None)
        published = log.cosignature(size, witness).read_bytes()
        with log.catalogue.read() as connection:
            assert lines_over(connection, size) == [published]
        note = log.ledger.checkpoint(size)
        assert note is not None
        checkpoint, _ = open_cosigned(note + published, log.signer.verifier, [witness.verifier])
        assert checkpoint.size == size
        assert read_object(log.store, f"ledger/checkpoint/{size}") == note, "what was published stays"
    assert cosigned_size(log.catalogue, witness) == 303


def test_what_is_not_published_is_not_shown_to_a_witness(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    log.forget_published()
    assert log.cosigning(witness).run_once() is None
    assert witness.last(ORIGIN) is None


def test_a_log_that_forgot_how_far_it_came_goes_on_from_where_the_witness_says(
    log: Log, witness: RemoteWitness
) -> None:
    log.grow(3)
    log.cosigning(witness).run_once()
    log.execute("DELETE FROM ledger_cosignature")
    log.grow(2)
    assert log.cosigning(witness).run_once() == 5


def test_an_answer_that_was_lost_is_asked_for_again(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    note = log.ledger.latest_checkpoint()
    assert note is not None
    witness.cosign(note, LedgerTree(log.ledger, log.store, LEDGER).of_size(3), 0)
    assert log.cosigning(witness).run_once() == 3


def test_what_a_crash_left_unpublished_is_published(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    log.cosigning(witness).run_once()
    line = log.cosignature(3, witness).read_bytes()
    log.cosignature(3, witness).unlink()
    log.cosigning(witness).run_once()
    assert log.cosignature(3, witness).read_bytes() == line


def test_a_restored_catalogue_takes_up_what_is_published(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    log.cosigning(witness).run_once()
    log.execute("DELETE FROM ledger_cosignature")
    log.cosigning(witness).run_once()
    with log.catalogue.read() as connection:
        assert lines_over(connection, 3) == [log.cosignature(3, witness).read_bytes()]


def test_what_the_next_key_signs_is_cosigned_once_the_witness_knows_it(
    log: Log, witness: RemoteWitness, tmp_path: Path
) -> None:
    log.grow(3)
    log.cosigning(witness).run_once()
    following = Signer.generate(ORIGIN)
    last = Sequencer(log.ledger, log.signer).last_signed()
    known = follow(following.verifier, [sign_succession(log.signer, following, last)])
    with log.catalogue.write() as connection:
        record(connection, event("after", "case1"))
    Sequencer(log.ledger, following, known).run_all()
    Publisher(log.ledger, log.store, known, prefix=LEDGER, work=tmp_path / "work").run_once()
    cosigning = Cosigning(witness, log.catalogue, log.store, lambda: known, work=tmp_path / "work")
    with pytest.raises(TrustMaterialError, match="403"):
        cosigning.run_once()
    trust_log(tmp_path / "w", following.verifier)
    assert cosigning.run_once() == 4
    tree = LedgerTree(log.ledger, log.store, LEDGER)
    kept = kept_cosignatures([witness], log.catalogue, log.store)
    newest = Sequencer(log.ledger, following, known).last_signed()
    part, _ = read_case(log.ledger, "case1")
    assert check_witness(tree, part, newest, known, kept).status is Status.PASS


def test_two_witnesses_each_have_their_line(log: Log, witness: RemoteWitness, tmp_path: Path) -> None:
    verifier = create_witness_key(key_path(tmp_path / "w2"), "witness.example/w2").verifier
    trust_log(tmp_path / "w2", log.signer.verifier)
    with running(tmp_path / "w2") as server:
        second = RemoteWitness(server.url, verifier)
        log.grow(3)
        for each in (witness, second):
            assert log.cosigning(each).run_once() == 3
    with log.catalogue.read() as connection:
        assert len(lines_over(connection, 3)) == 2
    kept = kept_cosignatures([witness, second], log.catalogue, log.store)
    assert len(kept.kept) == 4, "from the catalogue and from the store"


def test_what_else_lies_among_the_cosignatures_is_passed_over(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    log.cosigning(witness).run_once()
    folder = log.cosignature(3, witness).parents[1]
    for place in ("9" * 200, "²", "-7", "x", "9/deeper"):
        (folder / place).mkdir(parents=True)
        (folder / place / witness.key_id).write_bytes(b"planted")
    kept = kept_cosignatures([witness], log.catalogue, log.store)
    assert [item.size for item in kept.kept] == [3, 3]


def test_a_rolled_back_ledger_is_not_cosigned_and_told(log: Log, witness: RemoteWitness) -> None:
    log.grow(3)
    log.grow(2)
    log.cosigning(witness).run_once()
    log.roll_back(3)
    with pytest.raises(IntegrityError, match="has cosigned 5 entries; the log ends at 3"):
        log.cosigning(witness).run_once()
    log.execute("DELETE FROM ledger_cosignature")
    with pytest.raises(IntegrityError, match="has cosigned 5 entries; the log ends at 3"):
        log.cosigning(witness).run_once()


@pytest.mark.parametrize("again", [2, 7])
def test_a_history_signed_again_is_not_cosigned_and_told(
    log: Log, witness: RemoteWitness, again: int
) -> None:
    log.grow(3)
    log.grow(2)
    log.cosigning(witness).run_once()
    log.roll_back(3)
    log.execute("DELETE FROM ledger_cosignature")
    log.forget_published()
    log.grow(again, "never-happened")
    with pytest.raises(IntegrityError, match="answered 422"):
        log.cosigning(witness).run_once()


def test_a_log_that_the_witness_does_not_know_is_told(
    log: Log, witness: RemoteWitness, tmp_path: Path
) -> None:
    log.grow(1)
    other = Log(tmp_path / "other", Signer.generate(ORIGIN))
    other.grow(1)
    with pytest.raises(TrustMaterialError, match="403"):
        other.cosigning(witness).run_once()
    stranger = Log(tmp_path / "stranger", Signer.generate("vidne.example/stranger"))
    stranger.grow(1)
    with pytest.raises(TrustMaterialError, match="404"):
        stranger.cosigning(witness).run_once()


def test_a_witness_of_another_key_than_was_agreed_is_told(log: Log, witness: RemoteWitness) -> None:
    log.grow(1)
    expected = RemoteWitness(witness.url, Cosigner.generate(NAME).verifier)
    with pytest.raises(NoteError, match="without a cosignature by"):
        log.cosigning(expected).run_once()
    assert cosigned_size(log.catalogue, expected) == 0


def test_while_the_witness_is_away_it_is_asked_again_and_nothing_else_waits(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ours, "_LOOK_S", 0.02)
    verifier = create_witness_key(key_path(tmp_path / "w"), NAME).verifier
    trust_log(tmp_path / "w", log.signer.verifier)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    witness = RemoteWitness(f"http://127.0.0.1:{port}", verifier)
    stop = threading.Event()
    thread = threading.Thread(target=keep_asking, args=(log.cosigning(witness), stop))
    caplog.set_level(logging.WARNING)
    thread.start()
    try:
        log.grow(3)
        wait_until(lambda: len(caplog.records) >= 3, 10, "three vain attempts")
        log.grow(2)
        assert log.ledger.size() == 5
        from apps.witness import witness_server  # noqa: PLC0415 - beside its one use

        with witness_server(tmp_path / "w", "127.0.0.1", port) as server:
            serving = threading.Thread(target=server.serve_forever, args=(0.02,))
            serving.start()
            wait_until(lambda: cosigned_size(log.catalogue, witness) == 5, 10, "it is cosigned")
            server.shutdown()
            serving.join()
    finally:
        stop.set()
        thread.join()
    assert "Connection refused" in caplog.text


Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def impostor(answering: Answering) -> Iterator[RemoteWitness]:
    """A server that answers a witness's requests in its own way."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answering(self)

        def do_GET(self) -> None:
            answering(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield RemoteWitness(f"http://127.0.0.1:{server.server_address[1]}", Cosigner.generate(NAME).verifier)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(status: int, body: bytes, **headers: str) -> Answering:
    def answering(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answering


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        try:
            handler.wfile.write(b"x")
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answering", "error"),
    [
        (reply(500, b"no"), UnavailableError),
        (reply(429, b"later"), UnavailableError),
        (reply(302, b"", Location="http://127.0.0.1:9/"), UnavailableError),
        (reply(409, b"five\n"), UnavailableError),
        (reply(409, b"9" * 5000), UnavailableError),
        (reply(409, b"1\n"), UnavailableError),
        (reply(409, b"4\n"), IntegrityError),
        (reply(200, b""), NoteError),
        (reply(200, b"<html>hello</html>\n"), NoteError),
        (reply(200, b"x" * 100_000), UnavailableError),
        (drip, UnavailableError),
        (lambda handler: handler.connection.close(), UnavailableError),
        (lambda _handler: time.sleep(1), UnavailableError),
    ],
    ids=[
        "500", "429", "redirect", "no size", "a long size", "the same size again", "more than there is",
        "nothing", "a page", "too long", "drip", "cut", "silence",
    ],
)  # fmt: skip
def test_an_impostor_or_a_broken_witness_changes_nothing(
    log: Log, answering: Answering, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_witness, "_WAIT_S", 0.4)
    monkeypatch.setattr(remote_witness, "_ALL_S", 0.4)
    log.grow(3)
    with impostor(answering) as witness:
        began = time.monotonic()
        with pytest.raises(error):
            log.cosigning(witness).run_once()
        assert time.monotonic() - began < 3
        assert cosigned_size(log.catalogue, witness) == 0
    assert not log.cosignature(3, witness).exists()


def test_the_settings_name_witnesses() -> None:
    keys = [Cosigner.generate(f"witness.example/w{n}").verifier for n in range(2)]
    text_ = f" http://[::1]:80 ={keys[0].vkey}, https://w.example/a/={keys[1].vkey},"
    found = parse_witnesses(text_.replace(" =", "="))
    assert [(item.url, item.verifier) for item in found] == [
        ("http://[::1]:80", keys[0]),
        ("https://w.example/a/", keys[1]),
    ]
    assert parse_witnesses("") == []


@pytest.mark.parametrize(
    "given",
    [
        "http://w.example", "http://w.example=", "http://w.example=w+00+AAAA", "w.example={vkey}",
        "file:///etc/passwd={vkey}", "={vkey}", "{vkey}", "http://w.example={vkey} http://x.example={vkey}",
    ],
)  # fmt: skip
def test_a_setting_that_names_no_witness_is_told(given: str) -> None:
    vkey = Cosigner.generate(NAME).verifier.vkey
    with pytest.raises(SettingsError, match="VIDNE_WITNESSES"):
        parse_witnesses(given.replace("{vkey}", vkey))


def test_a_log_key_is_no_witness() -> None:
    with pytest.raises(SettingsError):
        parse_witnesses(f"http://w.example={Signer.generate(ORIGIN).verifier.vkey}")
