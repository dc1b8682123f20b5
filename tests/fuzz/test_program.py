"""Damaged files submitted through the installed program: its worker lives, and what was handed in is kept."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.case import COUNT, FIRST, case
from tests.system.program import CASE, Program

# One in ten of the cases that the stages are given, and others than those.
PICKED = range(FIRST + COUNT, FIRST + COUNT + max(1, COUNT // 10))
ENDS = {"processed", "partial", "unplayable", "refused"}


class Submitted:
    """All of them in one case, and what is known of each by its digest."""

    def __init__(self, folder: Path, bases: Sequence[Path]) -> None:
        self.program = Program(folder / "data")
        self.cases = {}
        (folder / "damaged").mkdir()
        for number in PICKED:
            damaged = case(number, bases)
            damaged.write(folder / "damaged")
            self.cases[sha256(damaged.data).hexdigest()] = damaged
        self.program.open_case()
        self.done = self.program.run(
            "submit", folder / "damaged", "--case", CASE, "--wait", check=None, timeout=3600
        )
        self.known = {item["sha256"]: item for item in self.program.exhibits()}

    def wrong(self, digest: str, known: dict[str, Any]) -> str:
        return f"{known['state']}: {known.get('reason')}\n{self.cases[digest].keep()}"


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory, bases: Sequence[Path]) -> Submitted:
    return Submitted(tmp_path_factory.mktemp("program"), bases)


def test_every_damaged_file_is_an_exhibit_with_its_own_digest_and_is_stored(submitted: Submitted) -> None:
    assert set(submitted.known) == set(submitted.cases)
    stored = {path.name: path for path in submitted.program.objects()}
    for digest, damaged in submitted.cases.items():
        assert stored[digest].read_bytes() == damaged.data, damaged.keep()


def test_each_ends_in_a_state_and_none_is_quarantined(submitted: Submitted) -> None:
    assert submitted.known
    wrong = [
        submitted.wrong(digest, known)
        for digest, known in submitted.known.items()
        if known["state"] not in ENDS
    ]
    assert not wrong, "\n\n".join(wrong)


def test_the_worker_never_died_and_no_job_was_tried_again(submitted: Submitted) -> None:
    assert submitted.program.query("SELECT count(*) FROM job WHERE crashes > 0") == [(0,)]
    query = "SELECT sha256, stage, error FROM job JOIN exhibit ON exhibit.id = exhibit_id WHERE attempts > 1"
    failed = [
        f"{stage}: {error}\n{submitted.cases[digest].keep()}"
        for digest, stage, error in submitted.program.query(query)
    ]
    assert not failed, "\n\n".join(failed)
    assert submitted.done.code in (0, 3), submitted.done.err


def test_nothing_is_left_of_the_work_and_the_case_verifies(submitted: Submitted) -> None:
    for folder in ("spool", "work"):
        assert not list((submitted.program.data / folder).iterdir())
    submitted.program.run("verify", "case", CASE)
