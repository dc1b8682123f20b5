"""Running whole processes and taking their times; ours and the bare tools' in turn, in one run."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VIDNE = Path(sys.executable).parent / "vidne"
CASE = "0100-10293-00001-26"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several runs."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Minimum, median, maximum."""
        return cls(min(values), statistics.median(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def in_turn(
    ours: Callable[[], float], bare: Callable[[], float], pairs: int
) -> tuple[Spread, Spread, Spread]:
    """Seconds of ours, of the bare tools, and their ratio pair by pair; one uncounted pair first."""
    ours(), bare()
    taken = [(ours(), bare()) for _ in range(pairs)]
    return (
        Spread.of([a for a, _ in taken]),
        Spread.of([b for _, b in taken]),
        Spread.of([a / b for a, b in taken]),
    )


def wall(*commands: Sequence[str | Path]) -> float:
    """Wall seconds of commands run one after the other, each of which must end 0."""
    started = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


@contextmanager
def started(command: Sequence[str | Path]) -> "Iterator[subprocess.Popen[bytes]]":
    """A command that runs meanwhile: it must end 0 by itself, and is killed where the block is left early."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
            if process.wait() != 0:
                raise RuntimeError(f"{command[0]} ended {process.returncode}")
        finally:
            process.kill()


def fresh_case(data: Path) -> None:
    """A data folder with one open case."""
    subprocess.run([VIDNE, "--data", data, "case", "open", CASE], check=True, stdout=subprocess.DEVNULL)


def submit(data: Path, path: Path, *options: str) -> list[str | Path]:
    """The command that submits `path`."""
    return [VIDNE, "--data", data, "submit", path, "--case", CASE, *options]


def own_cpu(process: "subprocess.Popen[bytes]", every_s: float = 0.02) -> float:
    """CPU seconds of a vidne process and of its worker themselves, without the tools that they ran."""
    spent: dict[int, float] = {}
    while process.poll() is None:
        for pid in (process.pid, *_children(process.pid)):
            cpu = _cpu(pid)
            if cpu is not None:
                spent[pid] = cpu
        time.sleep(every_s)
    return sum(spent.values())


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it ended while we looked
        return []


def _cpu(pid: int) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS
