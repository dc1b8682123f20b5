"""Bad input through the installed program: a clear answer, the original kept, the others unharmed."""

import base64
import os
import shutil
import subprocess
import threading
import time
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from samples.generator import clip
from tests.system.hostile import ODD_NAMES, TARGETS, equal_md5, export_folder
from tests.system.program import CASE, Done, Program


class Submitted:
    """One submission of everything bad at once, beside good footage."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder / "data")
        self.export = folder / "export"
        export_folder(self.export)
        (folder / "gone.mp4").symlink_to("nowhere")
        self.unreadable = [
            folder / "gone.mp4",
            folder / "absent.mp4",
            self.export / "text.mp4" / "below",
            folder / ("y" * 300),
            Path("/dev/zero"),
        ]
        self.program.open_case()
        started = time.monotonic()
        self.done: Done = self.program.run(
            "submit", self.export, *self.unreadable, "--case", CASE, "--wait", "--json", check=4, timeout=120
        )
        self.took_s = time.monotonic() - started
        query = "SELECT name, number FROM submitted_file JOIN exhibit ON exhibit.id = exhibit_id"
        numbers = dict(self.program.query(query))
        listed = {int(item["exhibit"][-4:]): item for item in self.program.exhibits()}
        self.listed = {name: listed[number] for name, number in numbers.items()}

    def of(self, name: str | bytes) -> dict[str, Any]:
        """What `exhibit list` says of a file of the folder."""
        return self.listed[b"export/" + os.fsencode(name)]

    def show(self, name: str | bytes) -> dict[str, Any]:
        return self.program.show(self.of(name)["exhibit"])

    def stored(self, name: str | bytes) -> list[str]:
        """The names of the stored objects of its exhibit: an original's is its digest."""
        label = self.of(name)["exhibit"].rpartition("/")[2]
        return [path.name for path in self.program.objects() if label in path.parts]

    def failures(self) -> dict[str, str]:
        return {item["filename"]: item["error"] for item in self.done.json["failures"]}


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Submitted:
    return Submitted(tmp_path_factory.mktemp("bad"))


def test_every_file_that_can_be_read_is_sealed_with_its_own_digest(submitted: Submitted) -> None:
    files = [path for path in submitted.export.iterdir() if path.is_file() and not path.is_symlink()]
    assert len(files) == len(submitted.listed)
    for path in files:
        digest = sha256(path.read_bytes()).hexdigest()
        assert submitted.of(path.name)["sha256"] == digest
        assert digest in submitted.stored(path.name)


def test_the_good_files_beside_them_are_processed(submitted: Submitted) -> None:
    for name in ("good.mp4", "neighbour.mp4"):
        assert submitted.of(name)["state"] == "processed"


@pytest.mark.parametrize(
    ("name", "states", "word"),
    [
        ("empty.mp4", {"unplayable"}, "empty"),
        ("text.mp4", {"refused"}, "text"),
        ("huge.png", {"refused", "unplayable"}, "pixel"),
        ("cut.mkv", {"partial", "processed"}, ""),
    ],
)
def test_a_bad_file_ends_in_a_named_state_with_a_reason(
    submitted: Submitted, name: str, states: set[str], word: str
) -> None:
    known = submitted.show(name)
    assert known["state"] in states
    assert word in known["reason"].lower()
    if name == "cut.mkv":
        assert known["problems"] or known["reason"]


@pytest.mark.parametrize("kind", ["concat", "m3u", "spaced"])
def test_no_playlist_opens_what_it_names(submitted: Submitted, kind: str) -> None:
    for number in range(len(TARGETS) + 1):
        name = f"{kind}{number}.mp4"
        assert submitted.of(name)["state"] == "refused", submitted.of(name)["reason"]
        assert "playlist" in submitted.of(name)["reason"]
        assert submitted.stored(name) == [submitted.of(name)["sha256"]]
    assert submitted.show(f"{kind}0.mp4")["renditions"] == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_kept_byte_for_byte_and_shown_escaped(submitted: Submitted, name: bytes) -> None:
    known = submitted.show(name)
    assert base64.b64decode(known["original"]["filename_b64"]) == b"export/" + name
    told = submitted.program.run("exhibit", "show", known["exhibit"]).out
    assert known["original"]["filename"].isprintable()
    assert known["original"]["filename"] in told
    assert not set("\x1b\u202e") & set(told)


@pytest.mark.parametrize("name", ["link.txt", "linked"])
def test_a_link_in_a_folder_is_not_followed_and_that_is_said(submitted: Submitted, name: str) -> None:
    assert "links in a folder are not followed" in submitted.failures()[str(submitted.export / name)]
    digests = {item["sha256"] for item in submitted.listed.values()}
    assert sha256(b"of another case\n").hexdigest() not in digests


def test_every_path_that_cannot_be_read_is_named_with_its_reason(submitted: Submitted) -> None:
    failures = submitted.failures()
    named = [*submitted.unreadable, submitted.export / "pipe.mp4"]
    for path in named[:3] + named[4:]:
        assert str(path) in failures
        assert len(failures[str(path)]) > len(str(path)) + 10
    assert len(failures) == len(named) + 2  # the two links


def test_nothing_hung_and_the_case_verifies(submitted: Submitted) -> None:
    assert submitted.took_s < 90
    submitted.program.run("verify", "case", CASE)


def test_the_same_bytes_twice_are_one_exhibit_and_each_answer_says_so(
    program: Program, tmp_path: Path
) -> None:
    program.open_case()
    note, copy = tmp_path / "note.txt", tmp_path / "copy.txt"
    note.write_text("Seen at nine.\n")
    shutil.copy(note, copy)
    first = program.run("submit", note, copy, note, "--case", CASE, "--json").json["files"]
    assert [item["further_submission"] for item in first] == [False, True, True]
    again = program.run("submit", note, "--case", CASE)
    assert "further submission" in again.out
    assert len(program.exhibits()) == 1
    assert len(program.show(f"{CASE}/EX-0001")["submissions"]) == 4


def test_two_files_of_equal_size_and_equal_md5_are_two_exhibits(program: Program, tmp_path: Path) -> None:
    tail = clip(tmp_path / "clip.mp4", seconds=1).read_bytes()
    contents = [block + tail for block in equal_md5()]
    assert len({md5(content, usedforsecurity=False).digest() for content in contents}) == 1
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.mp4").write_bytes(content)
    program.open_case()
    program.run("submit", tmp_path / "0.mp4", tmp_path / "1.mp4", "--case", CASE, "--wait", check=3)
    digests = {sha256(content).hexdigest() for content in contents}
    assert {item["sha256"] for item in program.exhibits()} == digests
    assert len(digests) == 2
    assert digests <= {path.name for path in program.objects()}
    program.run("verify", "case", CASE)


def test_the_same_bytes_from_two_programs_at_once_are_one_exhibit(program: Program, tmp_path: Path) -> None:
    program.open_case()
    path = clip(tmp_path / "clip.mp4", seconds=1)
    both = [program.start("submit", path, "--case", CASE, "--wait") for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    (item,) = program.exhibits()
    assert item["state"] == "processed"
    assert len(program.show(item["exhibit"])["submissions"]) == 2
    assert list((program.data / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--case", "12"), "dddd-ddddd-ddddd-dd"),
        (("--case", "0100-10293-00099-26"), "vidne case open 0100-10293-00099-26"),
        (("--case", CASE, "--clock-shown", "2026-03-14 22:17:05"), "--clock-true"),
        (("--case", CASE, "--clock-true", "noon", "--clock-shown", "noon"), "not a time"),
        (("--case", CASE, "--source", "hearsay"), "--source"),
        ((), "--case"),
    ],
)
def test_wrong_usage_ends_2_with_advice(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    program.open_case()
    (tmp_path / "note.txt").write_text("note")
    assert words in program.run("submit", tmp_path / "note.txt", *arguments, check=2).err
    assert program.exhibits() == []


def test_a_closed_case_takes_nothing_in(program: Program, tmp_path: Path) -> None:
    program.open_case()
    program.run("case", "close", CASE)
    (tmp_path / "note.txt").write_text("note")
    assert "closed" in program.run("submit", tmp_path / "note.txt", "--case", CASE, check=2).err
    assert program.exhibits() == []


def test_a_folder_without_files_is_named(program: Program, tmp_path: Path) -> None:
    program.open_case()
    (tmp_path / "nothing").mkdir()
    assert "no files" in program.run("submit", tmp_path / "nothing", "--case", CASE, check=4).err


def test_what_may_not_be_read_is_named_and_the_rest_is_taken(program: Program, tmp_path: Path) -> None:
    caps = "-dac_override,-dac_read_search"
    bound = ("setpriv", f"--bounding-set={caps}", f"--inh-caps={caps}") if os.geteuid() == 0 else ()
    if bound and subprocess.run([*bound, "true"], check=False).returncode:
        pytest.skip("root's right to read everything cannot be laid down here")
    folder = tmp_path / "export"
    (folder / "closed").mkdir(parents=True)
    for name in ("a.txt", "secret.txt", "closed/b.txt", "z.txt"):
        (folder / name).write_text(name)
    (folder / "secret.txt").chmod(0)
    (folder / "closed").chmod(0)
    try:
        program.open_case()
        done = Program(program.data, prefix=bound).run("submit", folder, "--case", CASE, check=4)
    finally:
        (folder / "closed").chmod(0o700)
    for path in ("secret.txt", "closed"):
        assert f"{folder / path} cannot be read: Permission denied." in done.err
    assert {item["filename"] for item in program.exhibits()} == {"export/a.txt", "export/z.txt"}


def test_a_file_that_never_stops_growing_is_not_received(program: Program, tmp_path: Path) -> None:
    program.open_case()
    path = tmp_path / "recording.mp4"
    path.write_bytes(bytes(64 << 20))
    stop = threading.Event()

    def record() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < 4 << 30:
                file.write(bytes(1 << 16))
                time.sleep(0.001)

    recorder = threading.Thread(target=record)
    recorder.start()
    try:
        done = program.run("submit", path, "--case", CASE, check=4, timeout=60)
    finally:
        stop.set()
        recorder.join()
    assert "changed while it was read" in done.err
    assert program.exhibits() == []
    assert list((program.data / "spool").iterdir()) == []
