from pathlib import Path

import pytest

from samples.generator import clip
from tests.system.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program on an empty data folder."""
    return Program(tmp_path / "data")


@pytest.fixture(scope="session")
def twenty_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twenty short clips, each of other bytes."""
    folder = tmp_path_factory.mktemp("twenty")
    for n in range(20):
        clip(folder / f"clip{n:02d}.mp4", seconds=1, seed=n)
    return folder


@pytest.fixture(scope="session")
def six_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six short clips, each of other bytes."""
    folder = tmp_path_factory.mktemp("six")
    return [clip(folder / f"clip{n}.mp4", seconds=1, seed=n) for n in range(6)]
