"""vidne ledger rotate-key: with and without a worker, killed between any two steps, and who sees it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps import rotation
from apps.archive import verify_archive
from apps.lock import try_worker_lock
from apps.wiring import Application
from evidence.catalogue.cases import list_cases
from evidence.errors import ConflictError, IntegrityError, TrustMaterialError
from evidence.settings import Settings
from hashing.keys import fingerprint, load_signer, load_verifier
from hashing.note_keys import Verifier
from hashing.notes import open_checkpoint
from hashing.report import Status
from hashing.rotation import begun_rotation
from ingest.cases import open_case
from ingest.custody import record
from tests.databases import PostgresServer
from tests.hashing.cases import AT, event
from tests.servers import S3Server
from tests.system.program import CASE, Program, kill_group, wait_until


def app_on(folder: Path) -> Application:
    return Application(Settings(data=folder))


def file(app: Application, name: str) -> None:
    """Another event of the one case; the first opens it."""
    with app.catalogue.write() as connection:
        cases = list_cases(connection)
        if cases:
            record(connection, event(f"{name}:test.event", cases[0].id))
        else:
            open_case(connection, CASE, "tester", AT)


def started(folder: Path) -> Application:
    app = app_on(folder)
    file(app, "first")
    app.sequence_all()
    return app


def rotate(app: Application, reason: str = "planned") -> Verifier:
    rotation.begin(app, reason)
    return rotation.await_rotation(app)


def rotations(app: Application) -> int:
    return sum(row.event_id.endswith(":key.rotated") for row in app.ledger.case_entries(""))


def require_whole(app: Application) -> None:
    report = verify_archive(app, app.verifier)
    wrong = [item for item in report.checks if item.status not in (Status.PASS, Status.NOT_CHECKED)]
    assert (wrong, report.exit_code) == ([], 0)


def test_the_new_key_signs_and_the_entry_says_why(tmp_path: Path) -> None:
    app = started(tmp_path)
    old = app.verifier
    new = rotate(app, "planned: 2026")
    assert (new.former[0].key, new.former[0].size) == (old, 1)
    (row,) = app.ledger.case_entries("")
    body = app.ledger.body(row.event_id)
    assert body is not None
    assert json.loads(body.body or b"") == {
        "reason": "planned: 2026", "size": 1, "old": old.vkey, "new": new.vkey,
    }  # fmt: skip
    note = app.ledger.latest_checkpoint() or b""
    assert open_checkpoint(note, Verifier(new.name, new.public)).size == 2
    require_whole(app)


def test_it_can_be_done_again_and_again(tmp_path: Path) -> None:
    app = started(tmp_path)
    for number in range(4):
        rotate(app)
        file(app, f"later-{number}")
    app.sequence_all()
    assert (len(app.verifier.keys), rotations(app)) == (5, 4)
    require_whole(app_on(tmp_path))


def test_before_the_first_entry_there_is_nothing_to_vouch_for(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="no entry yet"):
        rotation.begin(app_on(tmp_path), "")


def test_a_process_that_had_the_old_key_in_hand_does_not_sign_with_it(tmp_path: Path) -> None:
    stale = started(tmp_path)
    assert stale.signer.name == stale.verifier.name
    rotate(app_on(tmp_path))
    file(stale, "second")
    stale.sequence_all()
    require_whole(app_on(tmp_path))
    assert open_checkpoint(stale.ledger.latest_checkpoint() or b"", stale.verifier).size == 3


def test_a_tampered_ledger_is_given_no_new_key(tmp_path: Path) -> None:
    app = started(tmp_path)
    file(app, "second")
    app.sequence_all()
    with app.catalogue.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_checkpoint WHERE size = 2")
    key = load_signer(app.settings.ledger_key_path).skey
    with pytest.raises(IntegrityError, match="not as it was last signed"):
        rotate(app)
    assert load_signer(app.settings.ledger_key_path).skey == key


_CHILD = """
import os, sys
from pathlib import Path
from apps import rotation
from apps.wiring import Application
from evidence.settings import Settings

left = int(sys.argv[2])
app = Application(Settings(data=Path(sys.argv[1])))

def die(event, args):
    global left
    if event in ("os.rename", "os.link", "os.remove") and f"{os.sep}keys{os.sep}" in str(args[0]):
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(die)
rotation.begin(app, "planned")
rotation.await_rotation(app)
"""


def test_killed_between_any_two_steps_it_is_finished_or_was_not_begun(tmp_path: Path) -> None:
    started(tmp_path / "before").catalogue.close()
    code, steps, unfinished = 9, 0, 0
    while code == 9:
        folder = Path(shutil.copytree(tmp_path / "before", tmp_path / f"killed-{steps}"))
        old = load_signer(folder / "keys" / "ledger.skey")
        code = subprocess.run([sys.executable, "-c", _CHILD, str(folder), str(steps)], check=False).returncode
        app = app_on(folder)
        was_begun = begun_rotation(app.settings.ledger_key_path) is not None
        unfinished += was_begun
        file(app, "later")
        app.sequence_all()  # as whoever comes next does
        is_done = was_begun or code == 0
        signer = load_signer(app.settings.ledger_key_path)
        if steps >= 2 and code == 9:  # beyond the file that begins it
            assert is_done or signer.verifier != old.verifier
        assert (signer.verifier != old.verifier) == (rotations(app) == 1)
        assert begun_rotation(app.settings.ledger_key_path) is None
        if rotations(app):
            left = {path.name for path in (folder / "keys").iterdir()} - {"last-seen-checkpoint"}
            assert left == {"ledger.skey", "ledger.vkey", "ledger-1.succession"}, "no copy of a key is left"
        require_whole(app)
        steps += 1
    assert code == 0
    assert (steps, unfinished) == (8, 6), "steps on the disk: 2 to begin, 2 for the note, 2 keys, 1 to end"


def test_a_running_worker_takes_the_next_key_up(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    worker = program.start("serve", said=tmp_path / "said")
    try:
        log = program.data / "worker.log"
        wait_until(lambda: log.exists() and "started" in log.read_text(), 60, "a worker")
        with try_worker_lock(program.data / "worker.lock") as is_free:
            assert not is_free
        done = program.run("ledger", "rotate-key", "--reason", "planned", "--json").json
        program.run("case", "open", "0100-10293-00002-26")
        wait_until(lambda: program.run("ledger", "head", "--json").json["size"] >= 3, 30, "it signs")
    finally:
        kill_group(worker)
    head = program.run("ledger", "head", "--json").json
    assert head["key"] == {"vkey": done["vkey"], "fingerprint": done["fingerprint"]}
    assert head["former_keys"] == [done["old"]]
    verifier = load_verifier(program.data / "keys" / "ledger.vkey")
    assert fingerprint(verifier) == done["fingerprint"]
    assert Path(done["succession"]).read_bytes() == verifier.former[0].note
    assert program.run("verify", "case", CASE, check=0).code == 0


def test_what_was_kept_and_handed_out_before_verifies_after(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    kept = tmp_path / "checkpoint"
    kept.write_text(program.run("ledger", "head").out)
    proof = tmp_path / "first.tlog-proof"
    program.run("ledger", "proof", "0", "-o", proof)
    program.run("verify", "case", CASE)  # and is now a checkpoint seen before
    program.run("ledger", "rotate-key")
    assert "extends" in program.run("ledger", "consistency", kept).out
    program.run("verify", "case", CASE, "--checkpoint", kept)
    program.run("verify", "archive")
    program.run("ledger", "proof", "0")


def test_doctor_and_the_next_command_tell_and_finish_what_was_interrupted(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    app = app_on(program.data)
    rotation.begin(app, "planned")
    found = {item["name"]: item for item in program.run("doctor", "--json", check=None).json}
    assert found["ledger"]["status"] == "warning"
    assert "is not finished" in found["ledger"]["text"]
    done = program.run("ledger", "rotate-key")
    assert "is brought to its end" in done.err
    assert len(app.verifier.keys) == 2
    assert "not finished" not in program.run("doctor", check=None).out


def test_an_empty_ledger_is_told_on_the_command_line(tmp_path: Path) -> None:
    done = Program(tmp_path / "data").run("ledger", "rotate-key", check=2)
    assert "no entry yet" in done.err


def test_a_machine_with_a_copy_of_the_old_key_appends_nothing_until_it_has_the_next(
    tmp_path: Path, postgres: PostgresServer, s3: S3Server
) -> None:
    store = s3.settings(s3.new_bucket(), tmp_path / "secret")
    shared = {**store, "VIDNE_CATALOGUE_URL": postgres.new_database()}
    one, two = (Application(Settings.from_environment(shared, data=tmp_path / n)) for n in ("one", "two"))
    file(one, "first")
    one.sequence_all()
    shutil.copytree(one.settings.ledger_key_path.parent, two.settings.ledger_key_path.parent)
    rotate(one)
    one.catalogue.close()  # its session ends, and with it the sequencer's lock
    file(two, "second")
    with pytest.raises((IntegrityError, TrustMaterialError)):
        two.sequence()
    assert two.ledger.pending_count() == 1
    two.catalogue.close()
    for path in one.settings.ledger_key_path.parent.iterdir():
        shutil.copy(path, two.settings.ledger_key_path.parent)
    again = Application(two.settings)
    again.sequence_all()
    assert again.ledger.pending_count() == 0
    require_whole(again)
    again.catalogue.close()
