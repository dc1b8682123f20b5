"""How many programs each stage starts over a file: a start costs more than most of what they do."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.transcode.conftest import B_FRAMES, Maker, slowed
from transcode import tools
from transcode.fast import fast
from transcode.inspect import inspect

_heard: list[list[str]] = []
_listening = [False]


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _listening[0]:
        argv = arguments[1]
        assert isinstance(argv, list)
        _heard.append([str(part) for part in argv])


sys.addaudithook(_hear)  # Python's own report of every start; it cannot be taken back, only be deaf


def _program(argv: list[str]) -> str:
    """What a start runs in its sandbox: behind the last `--` that ends an option list of a wrapper."""
    places = [at for at, part in enumerate(argv) if part == "--"]
    return Path(argv[places[1] + 1] if len(places) > 1 else argv[0]).name


@contextmanager
def starts() -> Iterator[Counter[str]]:
    """Count the starts within the block, by program."""
    found: Counter[str] = Counter()
    _heard.clear()
    _listening[0] = True
    try:
        yield found
    finally:
        _listening[0] = False
        found.update(_program(argv) for argv in _heard)


@pytest.fixture(scope="module", autouse=True)
def _tools_are_known(film: Maker, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Versions are asked for once in a process: that is no start of a clip."""
    slowed(film("first.mp4", *B_FRAMES), tmp_path_factory.mktemp("first") / "work")
    tools.identify("exiftool")


def test_a_start_is_counted(clip: Path, tmp_path: Path) -> None:
    with starts() as one:
        inspect(clip, tmp_path, clip.name)
    with starts() as none:
        pass
    assert one["ffprobe"] > 0
    assert not none


def test_a_clip_that_is_remuxed(clip: Path, tmp_path: Path) -> None:
    with starts() as found:
        slowed(clip, tmp_path / "work")
    assert found == {"ffprobe": 2, "exiftool": 1, "ffmpeg": 3}


def test_a_clip_that_is_encoded(film: Maker, tmp_path: Path) -> None:
    source = film("old.mp4", "-c:v", "mpeg4", "-q:v", "3")
    with starts() as found:
        slowed(source, tmp_path / "work")
    assert found == {"ffprobe": 2, "exiftool": 1, "ffmpeg": 4}


def test_a_still(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    Image.effect_noise((640, 480), 90).save(source, "JPEG")
    with starts() as found:
        sections = inspect(source, tmp_path, source.name).sections
        fast(source, tmp_path, sections)
    assert found == {"exiftool": 1, "python": 3}
