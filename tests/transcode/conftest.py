"""Footage for the tests of transcode/: made once a session, by ffmpeg from its own test pictures."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`film(name, *output options, of=inputs)`: a file of that name, made by one ffmpeg command."""
    folder = tmp_path_factory.mktemp("film")
    made: dict[tuple[str, ...], Path] = {}

    def make(name: str, *options: str, of: tuple[str, ...] = PICTURES) -> Path:
        key = (name, *options, *of)
        if key not in made:
            path = Path(tempfile.mkdtemp(dir=folder)) / name
            command = [
                "ffmpeg",
                "-v",
                "error",
                "-nostdin",
                "-y",
                *of,
                "-fflags",
                "+bitexact",
                *options,
                str(path),
            ]
            subprocess.run(command, check=True, capture_output=True)
            made[key] = path
        return made[key]

    return make


PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=r=8000:d=2")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "1")
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-pix_fmt", "yuv420p", "-threads", "1")


@pytest.fixture(scope="session")
def clip(film: Maker) -> Path:
    """Two seconds of H.264 with B-frames in MP4, and AAC."""
    return film("clip.mp4", *B_FRAMES, "-c:a", "aac", of=(*PICTURES, *SOUND))
