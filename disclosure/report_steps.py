"""The steps of a chain of custody as rows of a table, each in plain words with its technical type."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from disclosure import report_words as words
from disclosure.report import Step
from disclosure.report_text import CODE, NOTE, SMALL, Cell, Column, Style, shown
from evidence.errors import UsageError
from evidence.recorders import Reading, check_reading
from hashing.package_files import BodyState

STEP_COLUMNS = (
    Column("Nr. / No.", 15),
    Column("Tid / Time (UTC)", 33),
    Column("Hændelse / Event", 62),
    Column("Type", 34),
    Column("Aktør / Actor", 30),
)


def moment(at: str) -> str:
    """A time of the ledger to the second: `2026-11-23 03:34:44`."""
    return f"{at[:10]} {at[11:19]}"


def both_cells(danish: str, english: str) -> list[tuple[Style, str]]:
    """A text in both languages, one beneath the other."""
    return [(SMALL, danish), (NOTE, english)]


def step_rows(steps: Iterable[Step]) -> Iterator[list[Cell]]:
    """A row of `STEP_COLUMNS` for each step."""
    for step in steps:
        entry = step.entry
        yield [
            [(SMALL, str(entry.case_seq))],
            [(SMALL, moment(entry.at))],
            _event(step),
            [(CODE, entry.type)],
            [(CODE, entry.actor)],
        ]


def _event(step: Step) -> Cell:
    """What happened, and what of it is a fact of ours."""
    kind = step.entry.type
    danish, english = words.event_words(kind)
    if kind == "object.stored":
        count = Counter(item.role for item in step.entry.objects)
        danish, english = f"{danish}: {counted(count, 0)}", f"{english}: {counted(count, 1)}"
    told = both_cells(danish, english)
    if step.body is not BodyState.INCLUDED:
        told += both_cells(*words.NO_BODY[step.body])
    detail = shown(_DETAIL[kind](step)) if kind in _DETAIL and step.content else ""
    return [*told, (SMALL, detail)] if detail else told


def counted(count: Counter[str], language: int) -> str:
    """How many files there are of each role, in Danish (0) or English (1)."""
    return ", ".join(
        words.role_words(role)[language] + (f" ({number})" if number > 1 else "")
        for role, number in count.items()
    )


def _reading(step: Step) -> str:
    return f"{step.text('recorder')}: {told_clock(step, 'shown', 'true')}"


def told_clock(step: Step, shown_name: str, true_name: str) -> str:
    """Both times of a clock reading in the body of a step, and the offset; empty where it has none."""
    reading = Reading(step.text(shown_name), step.text(true_name))
    try:
        check_reading(reading)
    except UsageError:
        return ""
    sure = step.text("uncertainty_s")
    more = f" ± {sure} s" if sure else ""
    return f"viste / showed {reading.shown}, rigtig / true {reading.true}: {reading.offset_s:+.1f} s{more}"


# Details that are numbers and names of ours alone: nothing in them tells who somebody is.
_DETAIL: Mapping[str, Callable[[Step], str]] = {
    "case.opened": lambda step: step.text("number"),
    "case.renumbered": lambda step: f"{step.text('from')}, nu / now {step.text('to')}",
    "submission.completed": lambda step: (
        f"{step.text('files')} filer / files; {step.text('not_received_count')} ikke modtaget / not received"
    ),
    "recorder.added": lambda step: " ".join(filter(None, map(step.text, ("recorder", "make", "model")))),
    "recorder.clock-read": _reading,
    "recorder.linked": lambda step: step.text("recorder"),
    "exhibit.quarantined": lambda step: step.text("reason"),
    "exhibit.retried": lambda step: step.text("reason"),
    "export.created": lambda step: step.text("export"),
}
