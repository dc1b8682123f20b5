"""`make bench`: measure, and write docs/performance.md; `python -m bench NAME...` only prints some of it."""

import gc
import platform
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import catalogue, custody, machines, media, pages, spine, upload_load, uploads
from bench.spine import Row

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_HEAD = """# Performance

Whole processes, ours and the bare tools in turn on the same input in the same run: median (least-most).
What counts is the ratio or the difference; absolute times are those of one small shared machine.
`make bench` writes this page; clips of real footage are measured where VIDNE_FOOTAGE names a folder of it.

"""


_TABLE = ("| what | ours | bare tools | result | target | held |", "|---|---|---|---|---|---|")
MEASUREMENTS: dict[str, Callable[[], Iterable[Row]]] = {
    "sealing": lambda: [spine.sealing()],
    "playable": lambda: [spine.playable()],
    "small-clips": lambda: [spine.small_clips()],
    "media": media.rows,
    "custody": custody.rows,
    "catalogue": catalogue.rows,
    "machines": machines.rows,
    "upload": lambda: [uploads.throughput()],
    "upload-load": upload_load.rows,
    "pages": pages.rows,
}


def main(names: Sequence[str]) -> int:
    """Measure all, or what is named; ends 1 where a target was missed, 2 at an unknown name."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(f"No measurement is called {', '.join(sorted(unknown))}. There are {', '.join(MEASUREMENTS)}.")
        return 2
    # Ended from outside, it leaves neither programs nor folders: each block is left as by an error.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    gc.set_threshold(20_000)  # as worker and commands have it
    rows, lines = [], [*_TABLE]
    for name in names or MEASUREMENTS:
        for row in MEASUREMENTS[name]():
            rows.append(row)
            held = {True: "yes", False: "**no**", None: "-"}[row.held]
            lines.append(f"| {row.what} | {row.ours} | {row.bare} | {row.result} | {row.target} | {held} |")
            print(lines[-1], flush=True)
    machine = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, Python {platform.python_version()}."
    )
    if not names:
        DOCUMENT.write_text(_HEAD + "\n".join(lines) + f"\n\n{machine}\n")
    return 0 if all(row.held is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
