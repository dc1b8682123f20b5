"""`vidne demo`: every sample ends as it should, within two minutes, and the case verifies."""

import subprocess
import time
from pathlib import Path

from samples.generator import SAMPLES
from tests.system.program import VIDNE, Program, environment

EXPECTED = {
    "cctv.mp4": ("processed", "remux"),
    "phone.mp4": ("processed", "remux"),
    "dvr.mkv": ("processed", "encode"),
    "edited.mp4": ("processed", ""),
    "still.jpg": ("processed", "encode"),
    "cut.mkv": ("partial", ""),
    "noindex.mp4": ("unplayable", "none"),
    "playlist.mp4": ("refused", "none"),
}


def demo(folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(VIDNE), *options],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment() | settings,
        check=False,
    )


def test_the_demo_touches_nothing_that_it_did_not_make(tmp_path: Path) -> None:
    real = Program(tmp_path / "real")
    real.open_case()
    (tmp_path / "mine" / "footage").mkdir(parents=True)
    (tmp_path / "mine" / "footage" / "only-copy.mp4").write_bytes(b"x")
    for folder, *options in (("mine",), ("mine", "--fresh"), ("real", "--fresh")):
        done = demo(tmp_path, "--data", folder, "demo", *options)
        assert (done.returncode, "did not make" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "mine" / "footage" / "only-copy.mp4").exists()
    assert len(real.run("case", "list", "--json").json) == 1
    (tmp_path / "a file").write_bytes(b"x")
    assert demo(tmp_path, "--data", "a file", "demo", "--fresh").returncode == 2
    key = str(real.data / "keys" / "ledger.skey")
    for name, value in {"VIDNE_STORE_URL": "s3://host/bucket", "VIDNE_LEDGER_KEY_FILE": key}.items():
        done = demo(tmp_path, "demo", **{name: value})
        assert (done.returncode, f"unset {name}" in done.stderr) == (2, True)
        assert not (tmp_path / "demo-data").exists()


def test_every_file_of_the_demo_is_shown_with_the_state_and_method_expected(tmp_path: Path) -> None:
    started = time.monotonic()
    (tmp_path / "real").mkdir()
    done = demo(tmp_path, "demo", VIDNE_DATA=str(tmp_path / "real"))
    took_s = time.monotonic() - started
    assert done.returncode == 0, done.stdout + done.stderr
    assert took_s < 120
    assert "Traceback" not in done.stderr
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines() if "│" in line]
    shown = {row[2]: row for row in rows if row[1].startswith("EX-")}
    assert set(shown) == set(EXPECTED) == set(SAMPLES)
    for name, (state, method) in EXPECTED.items():
        assert shown[name][3] == state
        assert shown[name][4] == method or not method, shown[name]

    assert not any((tmp_path / "real").iterdir())
    program = Program(tmp_path / "demo-data")
    for item in program.exhibits():
        known = program.show(item["exhibit"])
        assert known["state"] == EXPECTED[known["original"]["filename"].rpartition("/")[2]][0]
    assert "passed" in done.stdout
