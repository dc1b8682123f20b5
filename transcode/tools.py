"""The programs that do the media work: where they are, which version, which bytes."""

import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import version as distribution_version
from pathlib import Path

from evidence.errors import ToolMissingError
from transcode.model import Tool

# Debian's package for each program.
PACKAGES = {
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "exiftool": "libimage-exiftool-perl",
    "bwrap": "bubblewrap",
    "prlimit": "util-linux",
}


def locate(name: str) -> Path:
    """The absolute path of a program on PATH; raises ToolMissingError, which names the package to install."""
    found = _which(name, os.environ.get("PATH"))
    if found is None:
        package = PACKAGES.get(name, name)
        raise ToolMissingError(
            f"The program {name} is not installed.", advice=f"On Debian: apt-get install {package}."
        )
    return Path(found).absolute()


@lru_cache(maxsize=64)
def _which(name: str, path: str | None) -> str | None:
    return shutil.which(name, path=path)


def identify(name: str) -> Tool:
    """The program `name` as a rendition's record has it; raises ToolMissingError.

    The version of ffmpeg and ffprobe includes those of the libav libraries, which hold most of their code.
    It is read once per process and binary, again when the file changes.
    """
    path = locate(name)
    status = path.stat()
    return _identified(name, path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _identified(name: str, path: Path, _mtime_ns: int, _size: int) -> Tool:
    flag = "-ver" if name == "exiftool" else "-version" if name.startswith("ff") else "--version"
    try:
        finished = subprocess.run(
            [os.fspath(path), flag], capture_output=True, check=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissingError(
            f"{path} does not tell its version: {error}.", advice="Install it anew."
        ) from error
    lines = finished.stdout.decode("utf-8", "replace").splitlines()
    return Tool(name, _version(lines), hashlib.sha256(path.read_bytes()).hexdigest())


def _version(lines: list[str]) -> str:
    if not lines:
        return "unknown"
    words = lines[0].split()
    own = words[2] if words[1:2] == ["version"] and len(words) > 2 else words[-1]
    # "libavcodec     59. 37.100 / 59. 37.100": built against / running with.
    libraries = [
        f"{line.split(None, 1)[0]} {line.rpartition('/')[2].replace(' ', '')}"
        for line in lines
        if line.startswith("lib") and "/" in line
    ]
    return f"{own} ({', '.join(libraries)})" if libraries else own


@lru_cache(maxsize=16)
def library_version(name: str) -> str:
    """The version of an installed Python distribution."""
    return distribution_version(name)


@lru_cache(maxsize=4)
def identify_library(name: str, module_file: str) -> Tool:
    """A Python distribution as a tool: its version, and the SHA-256 of the file of ours that drives it."""
    return Tool(name, library_version(name), hashlib.sha256(Path(module_file).read_bytes()).hexdigest())
