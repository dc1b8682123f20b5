"""A recorder's export, as a folder and as a ZIP archive, through the installed program."""

import time
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from samples.generator import clip
from tests.archives import link, quoted_bomb, raw_archive, zipped
from tests.system.program import CASE, Program, kill_group, wait_until


@pytest.fixture
def dvr(tmp_path: Path) -> Path:
    """What a recorder writes to a stick: footage by channel, an index, and its player."""
    folder = tmp_path / "DVR_Export"
    for channel in (1, 2):
        (folder / f"CH{channel:02d}").mkdir(parents=True)
        clip(folder / f"CH{channel:02d}" / "20260314.mp4", seconds=1, seed=channel)
    (folder / "index.idx").write_bytes(b"\x00\x01IDX" + bytes(200))
    (folder / "Player.exe").write_bytes(b"MZ\x90" + bytes(2000))
    (folder / "readme.txt").write_text("Open Player.exe\n")
    return folder


def archived(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(folder.rglob("*")):
            archive.write(item, item.relative_to(folder.parent))
    return path


def assert_export(program: Program, folder: Path, prefix: str) -> None:
    listed = {item["filename"]: item for item in program.exhibits()}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        item = listed[f"{prefix}{path.relative_to(folder.parent)}"]
        assert item["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert item["state"] == {".mp4": "processed", ".idx": "unplayable"}.get(path.suffix, "refused")
    assert "never run" in listed[f"{prefix}DVR_Export/Player.exe"]["reason"]


def test_a_folder_export_is_one_submission_with_its_paths_and_an_inert_player(
    program: Program, dvr: Path
) -> None:
    program.open_case()
    program.run("submit", dvr, "--case", CASE, "--wait", check=3)
    assert_export(program, dvr, "")
    assert len(program.query("SELECT DISTINCT submission_id FROM submitted_file")) == 1
    program.run("verify", "case", CASE)


def test_a_zip_export_is_an_exhibit_and_so_is_each_file_in_it(program: Program, dvr: Path) -> None:
    path = archived(dvr)
    program.open_case()
    done = program.run("submit", path, "--case", CASE, "--wait", "--json", check=3).json
    assert_export(program, dvr, "DVR_Export.zip/")
    assert len(program.query("SELECT DISTINCT submission_id FROM submitted_file")) == 1
    archive = program.show(f"{CASE}/EX-0001")
    assert archive["original"]["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert archive["state"] == "processed"
    assert len(archive["members"]) == len(done["members"]) == 5
    for item in archive["members"]:
        (arrived,) = program.show(item["exhibit"])["submissions"]
        assert arrived["member_of"]["exhibit"] == archive["exhibit"]
        assert arrived["member_of"]["sha256"] == archive["original"]["sha256"]
        assert arrived["member_of"]["path"] == item["path"]
    told = program.run("exhibit", "show", f"{CASE}/EX-0002").out
    assert f"stood in {CASE}/EX-0001" in told
    assert f"stood in {CASE}/EX-0001" in program.run("exhibit", "list").out
    assert "DVR_Export/CH01/20260314.mp4" in program.run("exhibit", "show", f"{CASE}/EX-0001").out
    program.run("verify", "case", CASE)


def test_bad_archives_are_kept_with_their_reasons_and_the_good_beside_them_opened(
    program: Program, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    words = {
        "slip.zip": (zipped(folder / "slip.zip", ("../../evil", b"e")), "leads out"),
        "link.zip": (zipped(folder / "link.zip", (link("l"), b"/etc/passwd")), "symbolic link"),
        "secret.zip": (raw_archive(folder / "secret.zip", [(b"a", b"x" * 20)], flags=1), "encrypted"),
        "bomb.zip": (quoted_bomb(folder / "bomb.zip"), "overlap"),
        "zeros.zip": (
            zipped(folder / "zeros.zip", *((f"{n}", bytes(9 << 20)) for n in range(12))),
            "ZIP bomb",
        ),
        "cut.zip": (zipped(folder / "cut.zip", ("a", bytes(5000)), method=0), "cut or damaged"),
    }
    cut = folder / "cut.zip"
    cut.write_bytes(cut.read_bytes()[:3000])
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number}", b"")
    words["many.zip"] = (folder / "many.zip", "100000 entries")
    zipped(folder / "good.zip", ("note.txt", b"seen at nine"))
    program.open_case()
    program.run("submit", folder, "--case", CASE, "--wait", check=3)
    listed = {item["filename"]: item for item in program.exhibits()}
    assert len(listed) == len(words) + 2
    for name, (path, word) in words.items():
        item = listed[f"in/{name}"]
        assert item["state"] == "refused"
        assert word in item["reason"]
        assert item["reason"].endswith("Send the files in it.")
        assert item["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert listed["in/good.zip/note.txt"]["member_of"][0]["exhibit"] == listed["in/good.zip"]["exhibit"]
    program.run("verify", "case", CASE)


@pytest.mark.parametrize("at", [1, 30, 150])
def test_killed_while_it_is_opened_every_member_is_received_once(
    program: Program, tmp_path: Path, at: int
) -> None:
    count = 200
    path = zipped(tmp_path / "notes.zip", *((f"n{n}.txt", b"note %d\n" % n) for n in range(count)))
    program.open_case()
    process = program.start("submit", path, "--case", CASE, "--wait")
    wait_until(lambda: (program.data / "catalogue.sqlite3").exists(), 20, "a catalogue")
    wait_until(lambda: program.query("SELECT count(*) FROM member")[0][0] >= at, 60, f"{at} members")
    kill_group(process)
    received = program.query("SELECT count(*) FROM member")[0][0]
    print(f"killed at {received} of {count}")
    time.sleep(0.1)
    program.run("submit", path, "--case", CASE, "--wait", timeout=120)
    wait_for_rest(program, path)
    assert program.query("SELECT count(*), count(DISTINCT place) FROM member") == [(count, count)]
    assert program.query("SELECT count(*) FROM exhibit") == [(count + 1,)]
    assert program.query("SELECT count(*) FROM ledger_inbox WHERE type = 'file.received'") == [(count + 2,)]
    program.run("verify", "case", CASE)


def wait_for_rest(program: Program, path: Path) -> None:
    """The members belong to the submission that was killed: a worker goes on with them."""
    serve = program.start("serve")
    try:
        left = "SELECT count(*) FROM exhibit WHERE state IN ('received', 'sealed')"
        wait_until(lambda: program.query(left) == [(0,)], 120, "every member to be processed")
    finally:
        serve.terminate()
        serve.wait(timeout=30)
