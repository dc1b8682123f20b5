"""One browser for the whole run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.browser import Player, player


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all cells."""
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="session")
def chromium(root: Path) -> Iterator[Player]:
    """A browser that plays what lies below `root`."""
    with player(root) as browser:
        yield browser
