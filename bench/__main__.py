"""`make bench`: measure, and write docs/performance.md."""

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench import media, spine

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_HEAD = """# Performance

Whole processes, ours and the bare tools in turn on the same input in the same run: median (least-most).
What counts is the ratio or the difference; absolute times are those of one small shared machine.
`make bench` writes this page; clips of real footage are measured where VIDNE_FOOTAGE names a folder of it.

"""


def main() -> int:
    """Measure; ends 1 where a target was missed."""
    rows = [*spine.rows(), *media.rows()]
    lines = ["| what | ours | bare tools | result | target | held |", "|---|---|---|---|---|---|"]
    for row in rows:
        held = "yes" if row.held else "**no**"
        lines.append(f"| {row.what} | {row.ours} | {row.bare} | {row.result} | {row.target} | {held} |")
    machine = (
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, Python {platform.python_version()}."
    )
    text = _HEAD + "\n".join(lines) + f"\n\n{machine}\n"
    DOCUMENT.write_text(text)
    print(text)
    return 0 if all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
