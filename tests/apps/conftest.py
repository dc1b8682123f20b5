from pathlib import Path

import pytest

from samples.generator import clip
from tests.system.program import CASE, Program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def used(folder: Path) -> Program:
    """A data folder with one case of a processed clip and a refused note; tests leave it as it is."""
    program = Program(folder / "data")
    program.open_case()
    (folder / "note.txt").write_text("Seen at nine.\n")
    moving = clip(folder / "clip.mp4", seconds=1)
    program.run("submit", moving, folder / "note.txt", "--case", CASE, "--wait", check=3)
    return program


@pytest.fixture
def empty(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")
