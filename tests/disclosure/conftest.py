from pathlib import Path

import pytest

from tests.disclosure.packages import case_scene
from tests.hashing.cases import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A case before its export."""
    return case_scene(tmp_path)
