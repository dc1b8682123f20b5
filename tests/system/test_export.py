"""A real case exported and verified by the program, by tools alone, and by a core without the rest."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from samples.generator import clip
from tests.system.program import CASE, VIDNE, Program, environment, kill_group, wait_until

OTHER = "0100-10293-00002-26"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A case of two processed clips and a note that was refused."""
    folder = tmp_path_factory.mktemp("export")
    program = Program(folder / "data")
    program.open_case()
    program.open_case(OTHER)
    clips = [clip(folder / f"clip{n}.mp4", seconds=1, seed=n) for n in range(2)]
    (folder / "note.txt").write_text("Seen at nine.\n")
    source = ("--source", "citizen")
    program.run("submit", *clips, folder / "note.txt", "--case", CASE, *source, "--wait", check=3)
    return program


@pytest.fixture(scope="module")
def package(used: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("packages") / "P"
    used.run("export", CASE, "-o", output)
    return output


@pytest.fixture(scope="module")
def vkey(used: Program) -> Path:
    return used.data / "keys" / "ledger.vkey"


def verify(*args: str | Path, check: int = 0, prefix: tuple[str, ...] = (), cwd: Path | None = None) -> Any:
    """`vidne verify package` with no data folder to be had."""
    done = subprocess.run(
        [*prefix, VIDNE, "verify", "package", *args, "--json"],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**environment(), "VIDNE_DATA": "/nowhere/at/all"},
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == check, done.stdout.decode() + done.stderr.decode()
    return json.loads(done.stdout) if done.stdout else None


def statuses(report: Any) -> dict[str, str]:
    return {item["name"]: item["status"] for item in report["checks"]}


def test_a_real_case_verifies_with_no_data_folder(package: Path, vkey: Path) -> None:
    report = verify(package, "--log-key", vkey)
    passed = {name for name, status in statuses(report).items() if status == "pass"}
    assert passed == {
        "bag", "digest", "record", "canonical", "case-chain", "export-entry", "bodies", "inclusion",
        "checkpoint-signature", "stream-proof",
    }  # fmt: skip
    assert not Path("/nowhere").exists()


def test_it_verifies_where_there_is_no_network(package: Path, vkey: Path) -> None:
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody take its network away")
    verify(package, "--log-key", vkey, prefix=("unshare", "-n"))


def test_without_the_logs_key_it_ends_6(package: Path) -> None:
    report = verify(package, check=6)
    assert statuses(report)["checkpoint-signature"] == "pending"
    assert "trust material missing" in report["verdict"]


def test_the_packages_own_pem_serves_as_a_key_file(package: Path) -> None:
    verify("P", "--log-key", "P/log.pub.pem", cwd=package.parent)


def test_another_logs_key_ends_1_and_no_key_ends_6(package: Path, tmp_path: Path) -> None:
    other = Program(tmp_path / "data")
    other.open_case()
    report = verify(package, "--log-key", other.data / "keys" / "ledger.vkey", check=1)
    assert statuses(report)["checkpoint-signature"] == "fail"
    (tmp_path / "note").write_text("no key")
    verify(package, "--log-key", tmp_path / "note", check=6)


def test_the_core_alone_verifies_a_package(package: Path, vkey: Path) -> None:
    """Everything that only the pipeline needs is made impossible to import."""
    banned = (
        "sqlalchemy", "alembic", "dramatiq", "minio", "ffmpeg", "cv2", "numpy", "PIL", "rich", "exifread",
        "c2pa", "pyseccomp", "pillow_heif",
    )  # fmt: skip
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({banned!r}))\n"
        f"sys.argv = ['vidne', 'verify', 'package', {str(package)!r}, '--log-key', {str(vkey)!r}]\n"
        "from apps.cli.main import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "inclusion" in done.stdout


def test_sha256sum_and_verify_sh_agree(package: Path) -> None:
    subprocess.run(["sha256sum", "-c", "--quiet", "manifest-sha256.txt"], cwd=package, check=True)
    done = subprocess.run(["sh", package / "verify.sh"], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout
    assert "3 stand in entries" in done.stdout


def test_the_report_has_digests_pictures_and_from_whom(package: Path) -> None:
    pages = PdfReader(package / "report.pdf").pages
    said = " ".join(" ".join(page.extract_text().split()) for page in pages)
    for line in (package / "manifest-sha256.txt").read_text().splitlines():
        digest, path = line.split("  ")
        if ".original" in path or ".working" in path:
            assert " ".join(digest[at : at + 8] for at in range(0, 64, 8)) in said
    assert said.count("from a citizen") == 3
    assert said.count("digests were compared; the proof is in streams/") == 2
    assert "evenly chosen" in said
    assert "Not all pictures" not in said
    assert "It is text" in said  # why the note was refused


def test_ffmpeg_lists_the_packets_that_a_stream_proof_has(package: Path) -> None:
    """The command that VERIFY.txt gives."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", package / "data" / "EX-0001.working.mp4", "-map", "0", "-c", "copy",
         "-copyinkf", "-f", "framehash", "-hash", "sha256", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    def hashes(text: str) -> list[str]:
        return [line.split(",")[5].strip() for line in text.splitlines() if line[:1].isdigit()]

    proof = (package / "streams" / "EX-0001.working.mp4.framehash").read_text()
    assert hashes(done.stdout) == hashes(proof)
    assert len(hashes(proof)) == 25


def test_every_file_of_the_package_is_covered_by_a_check(package: Path, vkey: Path, tmp_path: Path) -> None:
    """One flipped bit in each of them, real ones of all roles: it never passes, and the file is named."""
    for path in sorted(package.rglob("*")):
        if path.is_dir():
            continue
        name = str(path.relative_to(package))
        shutil.copytree(package, tmp_path / "P")
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        (tmp_path / "P" / name).write_bytes(bytes(raw))
        report = verify(tmp_path / "P", "--log-key", vkey, check=1)
        named = {defect["subject"] for item in report["checks"] for defect in item["defects"]}
        assert name in named or name == "tagmanifest-sha256.txt"
        shutil.rmtree(tmp_path / "P")


def test_export_says_what_it_made(used: Program, tmp_path: Path) -> None:
    made = used.run(
        "export", CASE, "-o", tmp_path / "P", "--exhibit", "EX-0001", "--originals-only", "--json"
    ).json
    assert made["exhibits"] == ["EX-0001"]
    assert made["files"] == 1
    assert [path.name for path in (tmp_path / "P" / "data").iterdir()] == ["EX-0001.original.mp4"]
    manifest = (tmp_path / "P" / "manifest-sha256.txt").read_bytes()
    assert made["manifest_sha256"] == sha256(manifest).hexdigest()
    assert made["key_fingerprint"] in used.run("export", CASE, "-o", tmp_path / "Q").out
    bodies = (tmp_path / "P" / "custody" / "bodies.jsonl").read_text()
    assert "clip0.mp4" in bodies
    assert "clip1.mp4" not in bodies
    report = verify(tmp_path / "P", "--log-key", used.data / "keys" / "ledger.vkey")
    assert statuses(report)["stream-proof"] == "not-checked"


def test_an_export_is_an_event_of_the_case_which_still_verifies(used: Program, tmp_path: Path) -> None:
    used.run("export", CASE, "-o", tmp_path / "P")
    used.run("verify", "case", CASE)
    (last,) = used.query("SELECT entry FROM ledger_entry WHERE case_id != '' ORDER BY position DESC LIMIT 1")
    assert json.loads(last[0])["type"] == "export.created"


def test_wrong_usage_is_told(used: Program, tmp_path: Path) -> None:
    used.run("export", CASE, check=2)
    assert "exists already" in used.run("export", CASE, "-o", tmp_path, check=2).err
    assert (
        "no exhibit EX-0099"
        in used.run("export", CASE, "-o", tmp_path / "P", "--exhibit", "EX-0099", check=2).err
    )
    assert "does not name" in used.run("export", CASE, "-o", tmp_path / "P", "--exhibit", "9", check=2).err
    assert "has no exhibits" in used.run("export", OTHER, "-o", tmp_path / "P", check=2).err
    assert "no folder" in used.run("export", CASE, "-o", tmp_path / "none" / "P", check=2).err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_object_is_not_exported(used: Program, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(used.data, data)
    program = Program(data)
    victim = next(path for path in program.objects() if "/original/" in str(path))
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    done = program.run("export", CASE, "-o", tmp_path / "P", check=1)
    assert "is not what was filed" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_running_worker_gives_the_export_its_place(used: Program, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(used.data, data)
    program = Program(data)
    worker = program.start("worker")
    try:
        log = data / "worker.log"
        wait_until(lambda: log.exists() and "started" in log.read_text(), 30, "the worker")
        program.run("export", CASE, "-o", tmp_path / "P")
        assert worker.poll() is None
        verify(tmp_path / "P", "--log-key", data / "keys" / "ledger.vkey")
    finally:
        kill_group(worker)


def test_an_interrupted_export_leaves_nothing(used: Program, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(4 << 20))
    program = Program(tmp_path / "data")
    program.open_case()
    program.run("submit", big, "--case", CASE)
    (tmp_path / "out").mkdir()
    running = program.start("export", CASE, "-o", tmp_path / "out" / "P")
    wait_until(lambda: any((tmp_path / "out").rglob("*.bin")), 30, "the copy")
    running.terminate()
    assert running.wait(30) in (130, 0)
    if running.returncode == 130:
        assert list((tmp_path / "out").iterdir()) == []
