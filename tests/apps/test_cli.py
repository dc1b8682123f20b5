"""The commands as their users have them: exit codes, --json shapes, and never a traceback."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.system.program import CASE, Program

SECOND, THIRD = "0100-10293-00002-26", "0100-10293-00003-26"
CLIP, NOTE = f"{CASE}/EX-0001", f"{CASE}/EX-0002"


def shape(value: dict[str, Any]) -> set[str]:
    return set(value)


def test_case_open_makes_a_case_once(empty: Program) -> None:
    opened = empty.run("case", "open", CASE, "--json").json
    assert opened["case"] == CASE
    assert CASE not in opened["id"]
    assert "exists already" in empty.run("case", "open", CASE, check=2).err
    assert "dddd-ddddd-ddddd-dd" in empty.run("case", "open", "12", check=2).err


def test_case_list_tells_each_case_and_what_to_do_when_there_is_none(empty: Program) -> None:
    assert empty.run("case", "list", "--json").json == []
    assert "vidne case open" in empty.run("case", "list").out
    empty.open_case(SECOND)
    empty.open_case(CASE)
    listed = empty.run("case", "list", "--json").json
    assert [item["case"] for item in listed] == [CASE, SECOND]
    assert shape(listed[0]) == {"case", "id", "state", "opened_at", "closed_at", "exhibits"}


def test_case_show_names_its_numbers_and_exhibits(used: Program) -> None:
    shown = used.run("case", "show", CASE, "--json").json
    assert [item["exhibit"] for item in shown["exhibit_list"]] == [CLIP, NOTE]
    assert shown["numbers"][0]["number"] == CASE
    assert "EX-0002" in used.run("case", "show", CASE).out
    assert "vidne case open" in used.run("case", "show", SECOND, check=2).err


def test_case_close_ends_a_case_once(empty: Program) -> None:
    empty.open_case()
    closed = empty.run("case", "close", CASE, "--json").json
    assert (closed["case"], bool(closed["closed_at"])) == (CASE, True)
    assert "closed" in empty.run("case", "close", CASE, check=2).err
    assert empty.run("case", "show", CASE, "--json").json["state"] == "closed"


def test_case_renumber_keeps_the_old_number_as_an_alias_and_retags(empty: Program, tmp_path: Path) -> None:
    empty.open_case()
    (tmp_path / "note.txt").write_text("note")
    empty.run("submit", tmp_path / "note.txt", "--case", CASE)
    assert empty.run("case", "renumber", CASE, SECOND, "--json").json["case"] == SECOND
    assert SECOND in empty.run("case", "show", CASE, check=2).err
    (tag,) = (empty.data / "objects.tags").rglob("*.json")
    assert SECOND in tag.read_text()
    tag.unlink()
    empty.run("case", "renumber", SECOND, SECOND)  # sets the tags again, and nothing else
    assert SECOND in tag.read_text()
    assert len(empty.run("case", "show", SECOND, "--json").json["numbers"]) == 2
    empty.open_case(THIRD)
    empty.run("case", "renumber", THIRD, SECOND, check=2)
    empty.run("case", "renumber", THIRD, "12", check=2)
    empty.run("verify", "case", SECOND, check=None)


def test_exhibit_list_has_the_documented_fields(used: Program, folder: Path) -> None:
    listed = used.run("exhibit", "list", "--json").json
    assert [item["state"] for item in listed] == ["processed", "refused"]
    assert shape(listed[0]) == {"exhibit", "state", "reason", "filename", "sha256", "size", "member_of"}
    assert listed[0]["sha256"] == sha256((folder / "clip.mp4").read_bytes()).hexdigest()
    assert used.run("exhibit", "list", "--case", CASE, "--json").json == listed
    used.run("exhibit", "list", "--case", SECOND, check=2)
    assert CLIP in used.run("exhibit", "list").out


def test_exhibit_show_has_the_documented_fields(used: Program) -> None:
    known = used.show(CLIP)
    assert (known["exhibit"], known["case"], known["state"]) == (CLIP, CASE, "processed")
    assert {"filename", "filename_b64", "size", "sha256", "blake3"} <= shape(known["original"])
    assert len(known["submissions"]) == 1
    assert known["metadata"]
    assert known["streams"][0]["codec"] == "h264"
    for item in known["renditions"]:
        assert {"role", "name", "sha256", "size", "parent", "tool", "args"} <= shape(item)
    for item in known["keyframes"]:
        assert {"time_s", "frame", "sharpness", "name"} <= shape(item)
    for item in known["quality"]["measures"]:
        assert {"name", "value", "unit", "advice"} <= shape(item)
    assert "density_class" in known["quality"]
    assert {"method", "reason", "verdict"} <= shape(known["derivation"])
    assert isinstance(known["problems"], list)


def test_custody_is_whole_as_soon_as_submit_returns(used: Program) -> None:
    custody = used.show(CLIP)["custody"]
    assert shape(custody[0]) == {"seq", "type", "at", "actor"}
    types = [item["type"] for item in custody]
    assert types[0] == "file.received"
    assert {"object.stored", "exhibit.sealed", "exhibit.processed"} <= set(types)
    assert [item["seq"] for item in custody] == sorted(item["seq"] for item in custody)


def test_exhibit_show_for_a_person_tells_what_the_json_does(used: Program) -> None:
    told = used.run("exhibit", "show", CLIP).out
    known = used.show(CLIP)
    for text in (known["original"]["sha256"], known["original"]["blake3"], known["derivation"]["method"]):
        assert text in told
    for item in known["renditions"]:
        assert item["name"] in told


@pytest.mark.parametrize("name", [f"{CASE}/EX-0099", f"{SECOND}/EX-0001", "EX-0001", "x/y/z", ""])
def test_an_exhibit_that_is_not_there_ends_2_with_advice(used: Program, name: str) -> None:
    for command in (("show", name), ("fetch", name, "-o", used.data.parent / "never")):
        assert len(used.run("exhibit", *command, check=2).err.splitlines()) == 2


def test_a_damaged_object_keeps_the_others_from_nobody(used: Program, tmp_path: Path) -> None:
    shutil.copytree(used.data, tmp_path / "data")
    program = Program(tmp_path / "data")
    [key] = [row[0] for row in program.query("SELECT key FROM stored_object WHERE role = 'working'")][:1]
    damaged = program.data / "objects" / str(key)
    damaged.chmod(0o600)
    damaged.write_bytes(b"x")
    done = program.run("exhibit", "fetch", CLIP, "--all", "-o", tmp_path / "all", "--json", check=1)
    assert "is not what was filed" in done.err
    names = {Path(item["path"]).name for item in json.loads(done.out)}
    assert {path.name for path in (tmp_path / "all").iterdir()} == names
    assert len(names) == len(used.show(CLIP)["renditions"])


def test_exhibit_fetch_copies_out_what_verifies(used: Program, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    used.run("exhibit", "fetch", CLIP, "--original", "-o", out)
    assert (out / "EX-0001.original.mp4").read_bytes() == (folder / "clip.mp4").read_bytes()
    used.run("exhibit", "fetch", CLIP, "--original", "-o", out, check=2)  # nothing is overwritten
    fetched = used.run("exhibit", "fetch", CLIP, "--all", "-o", tmp_path / "all", "--json").json
    assert len(fetched) == 1 + len(used.show(CLIP)["renditions"])
    for item in fetched:
        assert sha256(Path(item["path"]).read_bytes()).hexdigest() == item["sha256"]
    assert "Seen" in fetch_note(used, tmp_path / "note")
    used.run("exhibit", "fetch", NOTE, "--working", "-o", tmp_path / "none", check=3)
    used.run("exhibit", "fetch", CLIP, "-o", folder / "note.txt" / "below", check=4)


def fetch_note(program: Program, out: Path) -> str:
    program.run("exhibit", "fetch", NOTE, "--original", "-o", out)
    return (out / "EX-0002.original.txt").read_text()


def test_exhibit_fetch_gives_out_nothing_that_was_changed(empty: Program, tmp_path: Path) -> None:
    empty.open_case()
    (tmp_path / "note.txt").write_text("Seen at nine.\n")
    empty.run("submit", tmp_path / "note.txt", "--case", CASE)
    (stored,) = empty.objects()
    stored.chmod(0o600)
    stored.write_text("Seen at ten..\n")
    done = empty.run("exhibit", "fetch", f"{CASE}/EX-0001", "--original", "-o", tmp_path / "out", check=1)
    assert "SHA-256 differs" in done.err
    assert list((tmp_path / "out").iterdir()) == []


def test_queue_status_counts_jobs_by_stage_and_state(used: Program) -> None:
    status = used.run("queue", "status", "--json").json
    assert shape(status) == {"jobs", "oldest_unsealed", "troubled"}
    assert status["jobs"]["seal"] == {"done": 2}
    assert status["jobs"]["slow"] == {"done": 1, "skipped": 1}
    assert (status["oldest_unsealed"], status["troubled"]) == (None, [])
    assert "seal     2 done" in used.run("queue", "status").out


def test_queue_retry_says_when_nothing_is_quarantined(used: Program) -> None:
    assert used.run("queue", "retry", "--json").json == []
    assert "Nothing is quarantined" in used.run("queue", "retry", CLIP).out
    used.run("queue", "retry", f"{CASE}/EX-0099", check=2)


def test_doctor_looks_at_everything_and_ends_0_where_all_works(used: Program) -> None:
    found = {item["name"]: item for item in used.run("doctor", "--json").json}
    assert set(found) == {
        "settings", "ffmpeg", "ffprobe", "exiftool", "sandbox", "data folder", "catalogue", "object store",
        "ledger", "time stamps", "broker", "worker", "portal", "scanner", "validation",
    }  # fmt: skip
    assert {item["status"] for item in found.values()} <= {"ok", "warning"}
    assert "not WORM" in found["object store"]["text"]


def test_doctor_ends_1_where_something_fails_and_still_looks_at_the_rest(empty: Program) -> None:
    empty.data.mkdir()
    (empty.data / "catalogue.sqlite3").write_bytes(os.urandom(5000))
    found = {item["name"]: item["status"] for item in empty.run("doctor", "--json", check=1).json}
    assert found["catalogue"] == "fail"
    assert (found["ffmpeg"], found["sandbox"], found["worker"]) == ("ok", "ok", "ok")


def test_verify_has_its_exit_codes(used: Program, folder: Path, tmp_path: Path) -> None:
    used.run("verify", "case", CASE)
    used.run("verify", "exhibit", CLIP)
    known = used.run("verify", "file", folder / "clip.mp4", "--json").json
    assert (known["exhibits"], known["exit_code"]) == ([CLIP], 0)
    (tmp_path / "other").write_text("never seen")
    used.run("verify", "file", tmp_path / "other", check=5)
    used.run("verify", "file", tmp_path / "absent", check=4)
    used.run("verify", "file", "x" * 300, check=4)
    used.run("verify", "case", SECOND, check=2)


def test_verify_without_the_ledgers_key_ends_6_and_makes_no_new_one(empty: Program) -> None:
    empty.open_case()
    keys = empty.data / "keys"
    keys.rename(empty.data / "elsewhere")
    done = empty.run("verify", "case", CASE, check=6)
    assert "key is missing" in done.out + done.err
    assert not keys.exists()


def test_the_public_half_of_the_key_is_enough_to_verify(empty: Program, tmp_path: Path) -> None:
    empty.open_case()
    (tmp_path / "note.txt").write_text("note")
    empty.run("submit", tmp_path / "note.txt", "--case", CASE, "--wait", check=3)
    (empty.data / "keys" / "ledger.skey").unlink()
    empty.run("verify", "case", CASE)
    done = empty.run("case", "open", SECOND)  # its event waits for the key, and that is said
    assert "wait for their place" in done.err
    assert not (empty.data / "keys" / "ledger.skey").exists()


def test_find_takes_digests_times_and_places_and_names_what_it_cannot_take(used: Program) -> None:
    digest = used.exhibits()[0]["sha256"]
    found = used.run("exhibit", "find", "--sha256", digest.upper(), "--json").json
    assert [item["sha256"] for item in found["exhibits"]] == [digest]
    assert found["more"] is False
    assert len(used.run("exhibit", "find", "--case-prefix", "0100", "--json").json["exhibits"]) == 2
    assert used.run("exhibit", "find", "--case-prefix", "0100", "--limit", "1", "--json").json["more"] is True
    nothing = used.run("exhibit", "find", "--from", "2026-03-01", "--to", "2026-03-01", "--near", "55.7,12.5")
    assert "Nothing is found" in nothing.err
    for wrong in (
        ["--sha256", "abc"],
        ["--from", "yesterday"],
        ["--to", "2026-02-30"],
        ["--near", "55.7"],
        ["--near", "91,0"],
        ["--near", "1,2,0"],
        ["--near", "nan,2"],
        [],
    ):
        assert used.run("exhibit", "find", *wrong, check=2).err.startswith("vidne: ")


def test_a_new_data_folder_is_for_its_owner_alone(empty: Program) -> None:
    empty.open_case()
    assert empty.data.stat().st_mode & 0o777 == 0o700
