"""The readers beside the probe, all at once: each starts a program, and somebody waits for the first look."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evidence.jsontypes import JsonObject
from transcode import exiftool, gps, signatures


@dataclass(frozen=True, slots=True)
class Readers:
    """What each found; `result()` waits for it, and raises SandboxError or ToolMissingError."""

    tags: Future[tuple[exiftool.Reading, gps.Track]]
    signatures: Future[JsonObject]


@contextmanager
def beside(source: Path, format_name: str) -> Iterator[Readers]:
    """Read the file at `source`, of which `format_name` is the sniffed format, while the block runs."""
    with ThreadPoolExecutor(2) as pool:
        yield Readers(pool.submit(gps.read, source), pool.submit(signatures.read, source, format_name))
