"""The table in docs/reliability.md: written by the run, between its markers."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.faults.seed import SEED

COMBINED = "combinations"


class Row(NamedTuple):
    """A line of the table: how often a fault happened, and what became of the files acknowledged."""

    line: str
    fault: str
    on: str
    count: int
    acknowledged: int
    lost: int
    duplicated: int


def rows_of(values: Iterable[object]) -> list[Row]:
    """The rows that tests entered, those of the same fault added up."""
    summed: dict[tuple[str, str, str], Row] = {}
    for value in values:
        row = Row(*json.loads(str(value)))
        key = row[:3]
        numbers = zip(summed[key][3:], row[3:], strict=True) if key in summed else ((0, n) for n in row[3:])
        summed[key] = Row(*key, *(int(a) + int(b) for a, b in numbers))
    return sorted(summed.values())


def write_report(path: Path, rows: list[Row]) -> None:
    """Replace the tables that this run has rows for; a run of one part leaves the other as it is."""
    text = path.read_text()
    for name in ("faults", COMBINED):
        found = [row for row in rows if (row.line == COMBINED) == (name == COMBINED)]
        if found:
            start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
            before, _, rest = text.partition(start)
            _, _, after = rest.partition(end)
            text = f"{before}{start}{_table(found)}{end}{after}"
    path.write_text(text)


def _table(rows: list[Row]) -> str:
    lines = [
        f"Run of {datetime.now(UTC):%Y-%m-%d}, seed {SEED}.",
        "",
        "| line | fault | on | happened | acknowledged | lost | duplicated |",
        "|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(str(value) for value in row)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)
