"""All of the real footage in one call: none lost, each in the state that its ground truth expects."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from tests.system.outcome import unlike, what_became
from tests.system.program import CASE, Program

FOOTAGE = os.environ.get("VIDNE_FOOTAGE", "")
pytestmark = pytest.mark.skipif(not FOOTAGE, reason="VIDNE_FOOTAGE names no folder of real footage")

ACCEPT, WARN, REFUSE = "accept", "accept with warning", "refuse with a clear error"


def ground_truth() -> dict[str, dict[str, str]]:
    if not FOOTAGE:
        return {}
    with (Path(FOOTAGE) / "footage.tsv").open(newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return {row["file"]: row for row in rows}


def verdict(known: dict[str, Any]) -> str:
    """What became of an exhibit, in the words of the ground truth."""
    if known["state"] in ("refused", "unplayable"):
        return REFUSE
    if known["state"] == "processed":
        return WARN if known["problems"] else ACCEPT
    return WARN if known["state"] == "partial" and known["problems"] else str(known["state"])


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, dict[str, dict[str, Any]]]:
    """Every file of the footage submitted in one call; what is known of each, by its relative path."""
    program = Program(tmp_path_factory.mktemp("footage") / "data")
    program.open_case()
    program.run("submit", Path(FOOTAGE), "--case", CASE, "--wait", check=3)
    known = [program.show(exhibit["exhibit"]) for exhibit in program.exhibits()]
    names = {item["original"]["filename"].partition("/")[2]: item for item in known}
    return program, names


@pytest.mark.parametrize("file", ground_truth())
def test_each_file_is_sealed_and_ends_as_expected(
    submitted: tuple[Program, dict[str, dict[str, Any]]], file: str
) -> None:
    truth, known = ground_truth()[file], submitted[1][file]
    assert known["original"]["sha256"] == truth["sha256"]
    assert known["original"]["stored"] is True
    allowed = {truth["expected"], truth["also_acceptable"]} - {""}
    assert verdict(known) in allowed, f"{known['state']}: {known['reason']} {known['problems']}"
    if verdict(known) == REFUSE:
        assert known["reason"]
    elif known["state"] == "processed":
        assert any(item["role"] == "working" for item in known["renditions"])


def test_the_case_verifies_and_no_file_was_lost(
    submitted: tuple[Program, dict[str, dict[str, Any]]],
) -> None:
    program, names = submitted
    assert set(ground_truth()) <= set(names)
    report = program.run("verify", "case", CASE, "--json").json
    assert report["exit_code"] == 0
    assert {check["name"]: check["status"] for check in report["checks"]}["digest"] == "pass"


def test_one_changed_byte_in_any_stored_object_is_found_and_its_exhibit_named(
    submitted: tuple[Program, dict[str, dict[str, Any]]],
) -> None:
    program, _ = submitted
    # Every object of a few exhibits, and one object of each of the others.
    by_exhibit: dict[str, list[Path]] = {}
    for path in program.objects():
        by_exhibit.setdefault(path.parts[path.parts.index("exhibits") + 1], []).append(path)
    chosen = [paths[n % len(paths)] for n, paths in enumerate(by_exhibit.values())]
    for path in chosen:
        flip(path, path.stat().st_size // 2)
    try:
        report = program.run("verify", "case", CASE, "--json", check=1).json
    finally:
        for path in chosen:
            flip(path, path.stat().st_size // 2)
    digest = next(check for check in report["checks"] if check["name"] == "digest")
    named = {defect["subject"].split()[0] for defect in digest["defects"]}
    assert named == set(by_exhibit)
    program.run("verify", "case", CASE)


# Encoded for as many reasons: codec, light, layout of pixels, fields, age.
ENCODED = (
    "phone/sample-5s_h265.mp4",
    "phone/hlg10-color-test.mp4",
    "reference/apple-prores-422-lt.mov",
    "reference/dv-pal-interlaced.mov",
    "cctv/video02.avi",
)


def test_on_one_core_and_on_all_the_same_footage_becomes_the_same(tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    assert len(cores) > 1
    became = []
    for name, allowed in (("all", cores), ("one", {min(cores)})):
        program = Program(tmp_path / name)
        os.sched_setaffinity(0, allowed)  # what is started has them too
        try:
            program.open_case()
            clips = [Path(FOOTAGE) / file for file in ENCODED]
            program.run("submit", *clips, "--case", CASE, "--wait")
        finally:
            os.sched_setaffinity(0, cores)
        became.append([what_became(program, item["exhibit"]) for item in program.exhibits()])
    for on_all, on_one in zip(*became, strict=True):
        assert list(unlike(on_all, on_one)) == []
        assert on_all["derivation"]["method"] == "encode"


def flip(path: Path, offset: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 0x01]))
    path.chmod(0o440)
