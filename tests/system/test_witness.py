"""A log and a witness, each the installed program: what a witness sees, and what it catches."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from samples.generator import clip
from tests.system.program import CASE, VIDNE, Program, environment, kill_group, wait_until

OTHER = "0100-10293-00002-26"
NAME = "witness.example/w1"


@contextmanager
def serving(folder: Path, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """The witness's address while it runs; it is killed in the end, as a power cut does."""
    process = subprocess.Popen(
        [VIDNE, "ledger", "witness", "serve", folder, "--listen", listen],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
    finally:
        kill_group(process)
        if process.stdout is not None:
            process.stdout.close()


def trusted(log: Program, folder: Path) -> str:
    """A new witness that knows the log; its vkey."""
    vkey = log.run("ledger", "witness", "init", folder, "--name", NAME).out.strip()
    log.run("ledger", "witness", "trust", folder, (log.data / "keys" / "ledger.vkey").read_text().strip())
    return vkey


def outcome(log: Program, *args: str, check: int) -> dict[str, Any]:
    """The check named witness of a verification."""
    report = log.run(*args, "--json", check=check).json
    (found,) = [item for item in report["checks"] if item["name"] == "witness"]
    assert isinstance(found, dict)
    return found


def forget_outside_of_the_witness(log: Program) -> None:
    """Whoever holds the machine takes what lies on it: published log, cosignatures, what was seen before."""
    for path in (log.data / "objects" / "ledger").rglob("*"):
        if path.is_file():
            path.unlink()
    (log.data / "keys" / "last-seen-checkpoint").unlink()
    log.execute("DELETE FROM ledger_cosignature")


def cut_back(log: Program, size: int) -> None:
    """The catalogue as it was when the log had `size` entries."""
    log.execute("DELETE FROM ledger_entry WHERE position >= :size", size=size)
    log.execute("DELETE FROM ledger_checkpoint WHERE size > :size", size=size)
    log.execute("DELETE FROM ledger_inbox WHERE id NOT IN (SELECT inbox_id FROM ledger_entry)")


def test_what_a_worker_sequences_is_witnessed_and_a_rewritten_end_is_caught(
    program: Program, tmp_path: Path
) -> None:
    program.open_case()
    assert outcome(program, "verify", "case", CASE, check=0)["status"] == "not-checked"
    vkey = trusted(program, tmp_path / "w")
    with serving(tmp_path / "w") as url:
        log = Program(program.data, {"VIDNE_WITNESSES": f"{url}={vkey}"})
        assert outcome(log, "verify", "case", CASE, check=3)["status"] == "pending"
        assert outcome(log, "ledger", "witness", "check", check=3)["status"] == "pending"
        worker = log.start("worker")
        try:
            moving = clip(tmp_path / "clip.mp4", seconds=1)
            log.run("submit", moving, "--case", CASE, "--wait")

            def is_witnessed() -> bool:
                if log.query("SELECT 1 FROM ledger_inbox WHERE sequenced = 0"):
                    return False  # a worker that is told to stop still sequences it, and asks no witness
                size = log.query("SELECT max(position) + 1 FROM ledger_entry")
                return size == log.query("SELECT max(size) FROM ledger_cosignature")

            wait_until(is_witnessed, 20, "the witness has cosigned all")
        finally:
            worker.terminate()
            worker.wait(20)
        found = outcome(log, "verify", "case", CASE, check=0)
        ((size,),) = log.query("SELECT max(size) FROM ledger_checkpoint")
        assert (found["status"], f"the tree of {size} entries by {NAME} at" in found["reason"]) == (
            "pass",
            True,
        )
        assert outcome(log, "verify", "file", str(moving), check=0)["status"] == "pass"
        assert outcome(log, "verify", "exhibit", f"{CASE}/EX-0001", check=0)["status"] == "pass"
        assert outcome(log, "ledger", "witness", "check", check=0)["status"] == "pass"

        kept = log.run("ledger", "head").out
        assert kept.count("\N{EM DASH}") == 2
        (tmp_path / "kept").write_text(kept)
        log.run("case", "open", OTHER)
        extends = log.run("ledger", "consistency", tmp_path / "kept", "--json").json
        assert (extends["old_size"], extends["size"], extends["extends"]) == (size, size + 1, True)
        assert extends["proof"]

        # The end is cut off and written anew, signed with the log's own key, which the intruder holds.
        cut_back(log, 1)
        log.run("case", "close", CASE)
        found = outcome(log, "verify", "case", CASE, check=1)
        assert found["status"] == "fail"
        assert f"cosigned checkpoint over {size} entries" in found["reason"]
        assert outcome(log, "ledger", "witness", "check", check=1)["status"] == "fail"
        assert log.run("ledger", "witness", "submit", check=1).err.count(f"cosigned {size} entries") == 1
        log.run("ledger", "consistency", tmp_path / "kept", check=1)
        findings = {item["name"]: item["status"] for item in log.run("doctor", "--json", check=1).json}
        assert (findings["ledger"], findings["catalogue"]) == ("fail", "ok")

        # He also takes from the machine all that could tell of it: only the witness remembers.
        forget_outside_of_the_witness(log)
        assert outcome(log, "verify", "case", CASE, check=1)["status"] == "pending"
        found = outcome(log, "ledger", "witness", "check", check=1)
        assert (found["status"], "the ledger now ends at" in found["reason"]) == ("fail", True)


def test_a_history_as_long_as_the_true_one_is_caught_by_the_witness_alone(
    program: Program, tmp_path: Path
) -> None:
    program.open_case()
    vkey = trusted(program, tmp_path / "w")
    with serving(tmp_path / "w") as url:
        log = Program(program.data, {"VIDNE_WITNESSES": f"{url}={vkey}"})
        log.run("case", "open", OTHER)
        log.run("ledger", "witness", "submit")
        assert outcome(log, "verify", "case", CASE, check=0)["status"] == "pass"
        cut_back(log, 1)
        forget_outside_of_the_witness(log)
        for number in ("0100-10293-00003-26", "0100-10293-00004-26"):
            log.run("case", "open", number)
        assert outcome(log, "verify", "case", CASE, check=3)["status"] == "pending", (
            "nothing here tells of it"
        )
        found = outcome(log, "ledger", "witness", "check", check=1)
        assert "does not begin with the tree it signed" in found["reason"]
        assert "answered 422" in log.run("ledger", "witness", "submit", check=1).err


def test_a_witness_that_is_away_holds_up_nothing_and_is_asked_again(program: Program, tmp_path: Path) -> None:
    program.open_case()
    vkey = trusted(program, tmp_path / "w")
    with serving(tmp_path / "w") as url:
        pass
    log = Program(program.data, {"VIDNE_WITNESSES": f"{url}={vkey}"})
    worker = log.start("worker")
    try:
        log.run("case", "open", OTHER)
        sql = "SELECT count(*) FROM ledger_entry"
        wait_until(lambda: log.query(sql) == [(2,)], 30, "the event has its place")
        said = log.data / "worker.log"
        wait_until(
            lambda: said.exists() and "Connection refused" in said.read_text(), 30, "the worker asks in vain"
        )
        assert outcome(log, "ledger", "witness", "check", check=4)["status"] == "fail"
        assert outcome(log, "verify", "case", OTHER, check=3)["status"] == "pending"
        with serving(tmp_path / "w", url.removeprefix("http://")):
            wait_until(lambda: log.query("SELECT size FROM ledger_cosignature") == [(2,)], 30, "cosigned")
    finally:
        worker.terminate()
        worker.wait(20)
    assert outcome(log, "verify", "case", OTHER, check=0)["status"] == "pass"


def test_proofs_and_heads_are_given_out(program: Program, tmp_path: Path) -> None:
    assert program.run("ledger", "head", check=2).err.startswith("vidne: The ledger has no entry yet.")
    program.open_case()
    program.run("case", "open", OTHER)
    note = program.run("ledger", "head").out
    assert [note.encode()] == [
        bytes(row) for (row,) in program.query("SELECT note FROM ledger_checkpoint WHERE size = 2")
    ]
    head = program.run("ledger", "head", "--json").json
    lines = note.splitlines()
    assert (head["origin"], head["size"]) == (lines[0], 2)
    assert [item["name"] for item in head["signatures"]] == [lines[0]]
    assert len(bytes.fromhex(head["root"])) == 32

    ((event_id,),) = program.query("SELECT event_id FROM ledger_entry WHERE position = 1")
    by_index = program.run("ledger", "proof", "1").out
    program.run("ledger", "proof", event_id, "-o", tmp_path / "1.tlog-proof")
    assert (tmp_path / "1.tlog-proof").read_text() == by_index
    assert by_index.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert by_index.endswith(note)
    for absent in ("2", "9" * 5000, "no-such-event", "-1"):
        program.run("ledger", "proof", absent, check=2)

    changed = b"x" * 32
    program.execute("UPDATE ledger_entry SET entry = :entry WHERE position = 1", entry=changed)
    refused = program.run("ledger", "proof", "1", check=1)
    assert (refused.out, "does not show" in refused.err) == ("", True)


def test_a_checkpoint_of_another_key_is_no_measure(program: Program, tmp_path: Path) -> None:
    program.open_case()
    other = Program(tmp_path / "other")
    other.open_case()
    kept = tmp_path / "kept"
    kept.write_text(other.run("ledger", "head").out)
    program.run("ledger", "consistency", kept, check=6)
    kept.write_text(program.run("ledger", "head").out.replace("\n1\n", "\n7\n"))
    program.run("ledger", "consistency", kept, check=1)
    kept.write_bytes(b"\x00nonsense")
    program.run("ledger", "consistency", kept, check=1)
    program.run("ledger", "consistency", tmp_path / "absent", check=2)


@pytest.mark.parametrize("command", ["submit", "check"])
def test_without_a_witness_there_is_nobody_to_ask(program: Program, command: str) -> None:
    program.open_case()
    assert "VIDNE_WITNESSES" in program.run("ledger", "witness", command, check=2).err


def test_keys_and_addresses_that_cannot_be_are_told(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    made = json.loads(program.run("ledger", "witness", "init", folder, "--name", NAME, "--json").out)
    assert made["name"] == NAME
    program.run("ledger", "witness", "init", folder, "--name", NAME, check=2)
    program.run("ledger", "witness", "init", tmp_path / "x", "--name", "a b", check=2)
    program.run("ledger", "witness", "trust", folder, made["vkey"], check=6)
    program.run("ledger", "witness", "trust", tmp_path / "x", made["vkey"], check=6)
    for listen in ("8020", "host:", "host:99999", "host:x"):
        program.run("ledger", "witness", "serve", folder, "--listen", listen, check=2)
    program.run("ledger", "witness", "serve", tmp_path / "x", check=6)
    program.run("ledger", "witness", "serve", folder, "--listen", "192.0.2.1:1", check=4)
    wrong = Program(program.data, {"VIDNE_WITNESSES": "https://w.example"})
    assert "VIDNE_WITNESSES has 'https://w.example'" in wrong.run("ledger", "witness", "check", check=2).err


def test_an_export_and_a_receipt_carry_the_word_of_the_witness(program: Program, tmp_path: Path) -> None:
    program.open_case()
    vkey = trusted(program, tmp_path / "w")
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    key = program.data / "keys" / "ledger.vkey"

    def package(name: str, *args: str, check: int) -> dict[str, Any]:
        return outcome(
            log, "verify", "package", str(tmp_path / name), "--log-key", str(key), *args, check=check
        )

    with serving(tmp_path / "w") as url:
        log = Program(program.data, {"VIDNE_WITNESSES": f"{url}={vkey}"})
        log.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3)
        log.run("receipt", "--last-of", CASE, "-o", tmp_path / "receipt.json")
        made = log.run("export", CASE, "-o", tmp_path / "P", "--json").json
        assert (made["cosignatures"], made["lacks"]) == (1, [])
    by_key, by_file = ("--witness-key", vkey), ("--witness-key", str(tmp_path / "w" / "witness.vkey"))
    for given in (by_key, by_file):
        found = package("P", *given, check=0)
        assert (found["status"], f"{NAME} cosigned the tree of" in found["reason"]) == ("pass", True)
    assert package("P", check=0)["status"] == "not-checked"
    receipt = ("verify", "receipt", str(tmp_path / "receipt.json"), "--log-key", str(key))
    assert f"was cosigned by {NAME} at" in outcome(log, *receipt, *by_key, check=0)["reason"]
    assert outcome(log, *receipt, check=0)["status"] == "not-checked"
    assert log.run("verify", "package", tmp_path / "P", "--witness-key", "none", check=6).out == ""

    # Now the witness is away: the package has its word for what came before, and says what it lacks.
    done = log.run("export", CASE, "-o", tmp_path / "Q")
    assert f"{NAME} has not signed the export itself" in done.err
    found = package("Q", *by_file, check=3)
    assert (found["status"], "are behind what was cosigned" in found["reason"]) == ("pending", True)
    stripped = json.loads((tmp_path / "receipt.json").read_bytes())
    stripped["proof"] = "\n".join(stripped["proof"].split("\n")[:-2]) + "\n"
    (tmp_path / "receipt.json").write_text(
        json.dumps(stripped, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )
    assert "the line was taken out" in outcome(log, *receipt, *by_key, check=6)["reason"]
    assert outcome(log, *receipt, check=0)["reason"] == "The checkpoint has none."


def test_catalogue_and_store_rolled_back_together_are_caught_from_outside_alone(
    program: Program, tmp_path: Path
) -> None:
    program.open_case()
    vkey = trusted(program, tmp_path / "w")
    shutil.copytree(program.data, tmp_path / "backup")
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    with serving(tmp_path / "w") as url:
        log = Program(program.data, {"VIDNE_WITNESSES": f"{url}={vkey}"})
        log.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3)
        log.run("export", CASE, "-o", tmp_path / "P")
        (tmp_path / "printed").write_text(log.run("ledger", "head").out)

        shutil.rmtree(program.data)
        shutil.copytree(tmp_path / "backup", program.data)
        program.run("verify", "archive")  # nothing inside tells of it: docs/threat-model.md says so
        program.run("verify", "case", CASE)
        for kept in (tmp_path / "printed", tmp_path / "P" / "custody" / "checkpoint"):
            found = program.run("verify", "case", CASE, "--checkpoint", kept, check=1)
            assert "It was seen before; the ledger now ends at 1 entries" in found.out
            program.run("ledger", "consistency", kept, check=1)
        assert outcome(log, "ledger", "witness", "check", check=1)["status"] == "fail"
