"""The table in docs/reliability.md: written by the run, between its markers."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.faults.seed import SEED

FAULTS, COMBINED, TAMPERED = "faults", "combinations", "by hand"  # the three tables, as the markers name them


class Row(NamedTuple):
    """A line of the table: how often a fault happened, and what became of the files acknowledged."""

    line: str
    fault: str
    on: str
    times: int
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
    """Replace the tables that this run has rows for; the combinations only by a night of them alone."""
    text = path.read_text()
    is_night = {_table_of(row) for row in rows} == {COMBINED}
    for name in (COMBINED,) if is_night else (FAULTS, TAMPERED):
        found = [row for row in rows if _table_of(row) == name]
        if found:
            start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
            before, _, rest = text.partition(start)
            _, _, after = rest.partition(end)
            text = f"{before}{start}{_table(name, found)}{end}{after}"
    path.write_text(text)


def _table_of(row: Row) -> str:
    return row.line if row.line in (COMBINED, TAMPERED) else FAULTS


def _table(name: str, rows: list[Row]) -> str:
    heads = {
        FAULTS: "line | fault | on | happened | acknowledged | lost | duplicated",
        COMBINED: "faults | on | runs | acknowledged | lost | duplicated",
        TAMPERED: "done by hand | on | made | named",
    }
    head = heads[name]
    lines = [
        f"Run of {datetime.now(UTC):%Y-%m-%d}, seed {SEED}.",
        "",
        f"| {head} |",
        "|" + "---|" * (head.count("|") + 1),
        *(f"| {' | '.join(str(value) for value in _shown(name, row))} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def _shown(name: str, row: Row) -> tuple[object, ...]:
    if name == TAMPERED:
        return (*row[1:4], row.times)  # a row is entered once it was named
    return row if name == FAULTS else row[1:]
