"""The worker and time-stamp authorities: stamps come by themselves, and one that hangs holds up nothing."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from apps.wiring import Application
from evidence.custody import CustodyEvent
from evidence.settings import Settings
from hashing.timestamps import make_request
from ingest.custody import record
from tests.system.program import CASE, Done, Program, kill_group, wait_until
from tests.tsa import Authority, authority, openssl_accepts, serving, stamping


@pytest.fixture
def tsa(tmp_path: Path) -> Authority:
    return authority(tmp_path / "tsa")


def program(tmp_path: Path, tsa: Authority, url: str) -> Program:
    settings = {"VIDNE_TSA_URLS": url, "VIDNE_TSA_ROOTS": str(tsa.roots), "VIDNE_TSA_INTERVAL": "1"}
    made = Program(tmp_path / "data", settings)
    made.open_case()
    return made


@contextmanager
def at_work(program: Program) -> Iterator[None]:
    process = program.start("serve")
    try:
        yield
    finally:
        kill_group(process)


def submit(program: Program, tmp_path: Path, name: str) -> float:
    """How many seconds it took until the file was done with."""
    note = tmp_path / f"{name}.txt"
    note.write_text(f"Seen by {name} at nine.\n")
    started = time.monotonic()
    program.run("submit", note, "--case", CASE, "--wait", check=3)  # refused: it is no footage
    return time.monotonic() - started


def time_stamp(done: Done) -> dict[str, object]:
    found: dict[str, object] = next(c for c in done.json["checks"] if c["name"] == "time-stamp")
    return found


def looked_at(program: Program) -> dict[str, str]:
    found = program.run("doctor", "--json", check=None).json
    return next(item for item in found if item["name"] == "time stamps")


def test_new_checkpoints_are_stamped_by_themselves_and_the_case_verifies(
    tmp_path: Path, tsa: Authority
) -> None:
    with serving(stamping(tsa)) as url:
        used = program(tmp_path, tsa, url)
        with at_work(used):
            submit(used, tmp_path, "one")
            wait_until(
                lambda: (
                    time_stamp(used.run("verify", "case", CASE, "--json", check=None))["status"] == "pass"
                ),
                60,
                "the case to be stamped",
            )
    done = used.run("verify", "case", CASE)
    assert "CN=Test Time-Stamp Authority stamped the tree of" in done.out
    rows = used.query(
        "SELECT t.size, t.response, c.note FROM ledger_timestamp t JOIN ledger_checkpoint c USING (size)"
    )
    published = {path.parent.name: path for path in (used.data / "objects/ledger/timestamp").rglob("*.tsr")}
    assert rows
    for size, response, note in rows:
        assert openssl_accepts(response, note, tsa.roots, tmp_path)
        assert published[str(size)].read_bytes() == response
        assert (used.data / "objects/ledger/checkpoint" / str(size)).read_bytes() == note
    assert looked_at(used)["status"] == "ok"
    without_roots = replace(used, settings={**used.settings, "VIDNE_TSA_ROOTS": ""})
    assert "VIDNE_TSA_ROOTS" in without_roots.run("verify", "case", CASE, check=6).err
    assert time_stamp(used.run("verify", "file", tmp_path / "one.txt", "--json"))["status"] == "pass"
    assert "VIDNE_TSA_ROOTS" in str(looked_at(without_roots))
    with serving(stamping(tsa)) as url:  # another address: the authority of before is away
        elsewhere = replace(used, settings={**used.settings, "VIDNE_TSA_URLS": url})
        made = elsewhere.run("export", CASE, "-o", tmp_path / "P", "--json").json
    assert (made["time_stamps"], made["lacks"]) == (1, [])
    key = used.data / "keys" / "ledger.vkey"
    command = ("verify", "package", tmp_path / "P", "--log-key", key, "--json")
    found = time_stamp(used.run(*command, "--tsa-roots", tsa.roots))
    assert (found["status"], "is behind the last time stamp" in str(found["reason"])) == ("pass", False)
    assert "--tsa-roots" in str(time_stamp(used.run(*command, check=6)))
    used.run(*command, "--tsa-roots", key, check=6)
    used.execute("UPDATE ledger_timestamp SET response = :other", other=tsa.reply(make_request(b"x").der))
    failed = used.run("verify", "case", CASE, "--json", check=1)
    assert "over other bytes" in json.dumps(time_stamp(failed))


def test_an_authority_that_hangs_holds_up_neither_submission_nor_ledger(
    tmp_path: Path, tsa: Authority
) -> None:
    asked, release = threading.Event(), threading.Event()

    def hang(_handler: BaseHTTPRequestHandler, _query: bytes) -> None:
        asked.set()
        release.wait(60)

    with serving(hang) as url:
        used = program(tmp_path, tsa, url)
        with at_work(used):
            submit(used, tmp_path, "one")
            assert asked.wait(20), "the worker has asked, and waits"
            assert submit(used, tmp_path, "two") < 10
            wait_until(
                lambda: used.query("SELECT count(*) FROM ledger_inbox WHERE sequenced = 0") == [(0,)],
                8,
                "the events to have their places",
            )
            assert used.query("SELECT attempts FROM ledger_timestamp") == [(0,)], "it still waits"
            found = used.run("verify", "case", CASE, "--json", check=3)
    release.set()
    assert time_stamp(found)["status"] == "pending"
    assert "no answer yet" in looked_at(used)["text"]


def test_a_stamp_can_be_had_at_once_with_a_worker_or_without(tmp_path: Path, tsa: Authority) -> None:
    with serving(stamping(tsa)) as url:
        used = program(tmp_path, tsa, url)
        used = replace(used, settings={**used.settings, "VIDNE_TSA_INTERVAL": "86400"})
        waiting = time_stamp(used.run("verify", "case", CASE, "--json", check=3))
        assert (waiting["status"], "vidne ledger stamp" in str(waiting["reason"])) == ("pending", True)
        done = used.run("ledger", "stamp")
        assert f"{url} has stamped 1 of 1 entries." in done.out
        assert time_stamp(used.run("verify", "case", CASE, "--json"))["status"] == "pass"
        assert "what is behind records time stamps alone" in used.run("ledger", "stamp").out
        assert used.query("SELECT count(*) FROM ledger_timestamp") == [(1,)], "there was nothing new"
        with at_work(used):
            submit(used, tmp_path, "one")
            assert used.run("ledger", "stamp", "--json").json[0]["size"] > 1
        assert time_stamp(used.run("verify", "case", CASE, "--json"))["status"] == "pass"


def test_what_a_kill_left_unpublished_is_published_and_stamped_with_no_worker_about(
    tmp_path: Path, tsa: Authority
) -> None:
    with serving(stamping(tsa)) as url:
        used = program(tmp_path, tsa, url)
        app = Application(Settings.from_environment(used.settings, data=used.data))
        with app.catalogue.write() as connection:
            record(
                connection,
                CustodyEvent("late:test.event", "test.event", "2026-11-26T08:00:00.000000Z", "tester", ""),
            )
        assert app.sequencer.run_all() == 1, "sequenced, and killed before it was published"
        assert used.run("ledger", "stamp", "--json").json == [{"url": url, "size": 2}]


def test_an_authority_that_is_away_is_told_at_once_and_the_export_is_made(
    tmp_path: Path, tsa: Authority
) -> None:
    with serving(stamping(tsa)) as url:
        pass
    used = program(tmp_path, tsa, url)
    note = tmp_path / "one.txt"
    note.write_text("Seen at nine.\n")
    used.run("submit", note, "--case", CASE, "--wait", check=3)
    assert "could not be reached" in used.run("ledger", "stamp", check=4).err
    done = used.run("export", CASE, "-o", tmp_path / "P")
    assert f"{url} has not signed the export itself" in done.err
    key = used.data / "keys" / "ledger.vkey"
    found = time_stamp(used.run("verify", "package", tmp_path / "P", "--log-key", key, "--json"))
    assert found["reason"] == "The package has none."
    without = replace(used, settings={})
    assert "VIDNE_TSA_URLS" in without.run("ledger", "stamp", check=2).err
