"""`vidne verify exhibit --derivation`: the copies are proved once more from what lies in the store."""

import shutil
from pathlib import Path

from samples.generator import clip
from tests.system.program import CASE, Program

EXHIBIT = f"{CASE}/EX-0001"


def derivation(report: dict[str, object]) -> dict[str, object]:
    checks = report["checks"]
    assert isinstance(checks, list)
    [found] = [check for check in checks if check["name"] == "derivation"]
    assert isinstance(found, dict)
    return found


def test_stored_copies_are_proved_again_and_a_foreign_one_is_named(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    source = clip(tmp_path / "clip.mp4", seconds=2, size=(320, 240), rate=25)
    program.run("submit", source, "--case", CASE, "--wait")
    report = program.run("verify", "exhibit", EXHIBIT, "--derivation", "--json").json
    assert derivation(report)["status"] == "pass"
    assert derivation(report)["reason"] == "working.mp4: packets identical, 50 decoded frames identical."
    assert "stream-proof" not in {check["name"] for check in report["checks"]}

    shown = program.show(EXHIBIT)["derivation"]
    [product] = shown["products"]
    assert (product["name"], product["role"]) == ("working.mp4", "working")
    assert product["args"][0] == "ffmpeg"
    assert len(product["tool"]["sha256"]) == 64
    [proof] = shown["proofs"]
    assert proof["verdict"] == "packets identical"

    [stored] = (tmp_path / "data" / "objects").rglob("*working.mp4")
    other = clip(tmp_path / "other.mp4", seconds=2, size=(320, 240), rate=20)
    stored.chmod(0o640)
    shutil.copyfile(other, stored)
    tampered = program.run("verify", "exhibit", EXHIBIT, "--derivation", "--json", check=1).json
    assert derivation(tampered)["status"] == "fail"
    assert "EX-0001 working.mp4" in str(derivation(tampered)["reason"])
