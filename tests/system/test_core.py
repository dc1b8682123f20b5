"""The core alone: the built wheel in an empty environment verifies a package and identifies files by it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.disclosure.packages import Tampered, case_scene, export_all

ROOT = Path(__file__).parents[2]
ABSENT = ("sqlalchemy", "alembic", "cv2", "numpy", "minio", "dramatiq", "ffmpeg", "exifread", "PIL", "rich")


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program `vidne` of an environment that has the wheel and what the core needs."""
    folder = tmp_path_factory.mktemp("core")
    uv = Path(sys.executable).parent / "uv"
    run(uv, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, ROOT)
    [wheel] = folder.glob("vidne-*.whl")
    needed = folder / "core.txt"
    locked = ("-c", ROOT / "requirements.lock", "--python-version", "3.11")
    run(uv, "pip", "compile", "-q", ROOT / "pyproject.toml", *locked, "-o", needed)
    run(uv, "venv", "-q", "--python", sys.executable, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    run(uv, "pip", "install", "-q", "--python", python, "-r", needed)
    run(uv, "pip", "install", "-q", "--python", python, "--no-deps", wheel)
    return folder / "venv" / "bin" / "vidne"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Tampered:
    folder = tmp_path_factory.mktemp("package")
    return Tampered(export_all(case_scene(folder), folder / "P"))


def run(*command: str | Path, check: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == check, done.stderr + done.stdout
    return done.stdout


def test_nothing_of_the_pipeline_is_there(core: Path) -> None:
    looked = f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])"
    assert run(core.parent / "python", "-c", looked) == "[]\n"


def test_a_package_is_verified(core: Path, package: Tampered) -> None:
    key = package.root / "log.vkey"
    assert "passed" in run(core, "verify", "package", package.root, "--log-key", key)
    assert "trust material missing" in run(core, "verify", "package", package.root, check=6)


def test_a_file_is_identified_by_a_package(core: Path, package: Tampered, tmp_path: Path) -> None:
    original = package.root / "data" / "EX-0001.original.mp4"
    cut, stranger = tmp_path / "cut.mp4", tmp_path / "stranger.mp4"
    cut.write_bytes(original.read_bytes()[: 4 * 1024**2 + 7])
    stranger.write_bytes(b"another")
    told = run(core, "identify", original, cut, "--package", package.root)
    assert f"{original}: data/EX-0001.original.mp4, byte for byte" in told
    assert f"{cut}: data/EX-0001.original.mp4, cut short" in told
    assert "of no exhibit here" in run(core, "identify", stranger, "--package", package.root, check=5)


def test_what_needs_the_pipeline_says_so(core: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [core, "--data", tmp_path, "case", "list"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "vidne[pipeline]" in done.stderr
