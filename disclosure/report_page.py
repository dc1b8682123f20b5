"""The custody report of an export package: a PDF in Danish and English that a court can read and print."""

from collections.abc import Sequence
from pathlib import Path

from disclosure import report_words as words
from disclosure.report import ReportFacts, facts_of
from disclosure.report_exhibit import exhibit_pages, file_name
from disclosure.report_sheet import Sheet
from disclosure.report_steps import STEP_COLUMNS, both_cells, moment, step_rows
from disclosure.report_text import (
    DIGEST,
    SMALL,
    STRONG,
    TEXT,
    Cell,
    Column,
    Later,
    grouped,
    shown,
    shown_code,
)  # fmt: skip
from evidence.text import base64_text, human_size
from hashing.keys import fingerprint
from hashing.package_files import BodyState

_NAMED = 40  # exhibits that are listed by their labels


def report_pdf(package: Path) -> bytes:
    """The report of a package, all of whose files but its report and its tag manifest are there.

    The same package gives the same bytes, with the same ffmpeg for its pictures. Raises IntegrityError for
    what cannot be read, OSError.
    """
    facts = facts_of(package)
    reference = facts.export.text("export")
    sheet = Sheet(
        f"Forvaringsrapport / Custody report {facts.case_number}",
        ("Forvaringsrapport / Custody report", f"Sag / Case {shown(facts.case_number)}"),
        f"Pakke / Package {shown(reference)}",
    )
    _first_page(sheet, facts)
    _explanations(sheet)
    _overview(sheet, facts)
    for exhibit in facts.exhibits:
        exhibit_pages(sheet, package, exhibit)
    _case_events(sheet, facts)
    return sheet.finish()


def _first_page(sheet: Sheet, facts: ReportFacts) -> None:
    sheet.mark("report", "Forvaringsrapport / Custody report")
    sheet.heading("Forvaringsrapport", "Custody report", 18)
    sheet.space(2)
    sheet.both(*words.WHAT_IT_IS)
    sheet.space(3)
    export = facts.export
    said = export.entry
    sheet.facts(
        [
            ("Sag", "Case", [(STRONG, shown(facts.case_number))]),
            ("Pakkens reference", "Package's reference", [(TEXT, shown(export.text("export")))]),
            ("Eksporteret", "Exported", [(TEXT, f"{moment(said.at)} UTC, {said.actor}")]),
            ("Indhold", "Contents", _contents(facts)),
            ("Ikke med", "Left out", _left_out(facts)),
            ("Filernes liste, SHA-256", "List of files, SHA-256", [(DIGEST, grouped(facts.manifest_sha256))]),
            ("Log", "Log", [(TEXT, shown(facts.verifier.name))]),
            ("Nøglens fingeraftryk", "Key's fingerprint", [(DIGEST, grouped(fingerprint(facts.verifier)))]),
            ("Tidsstempler", "Time stamps", _stamps(facts)),
            ("Vidner", "Witnesses", _witnesses(facts)),
        ]
    )
    sheet.heading("Kontrolpunkt", "Checkpoint")
    sheet.both(*words.CHECKPOINT)
    root = f"rod / root {base64_text(facts.root)}"
    sheet.paragraph(f"{facts.size} poster / entries, {root}", SMALL)
    sheet.block(shown_code(facts.note.decode("utf-8", "replace").rstrip("\n")))


def _contents(facts: ReportFacts) -> Cell:
    export = facts.export
    count = len(facts.exhibits)
    size, files = int(export.text("size") or 0), export.text("files")
    whole = export.content.get("whole_case") is True
    part = ("hele sagen", "the whole case") if whole else ("en del af sagen", "a part of the case")
    return both_cells(
        f"Bevisgenstande: {count} ({part[0]}). Filer: {files}, {human_size(size)}. Hændelser: alle sagens"
        f" {export.entry.case_seq}, eksporten selv som den sidste.",
        f"Exhibits: {count} ({part[1]}). Files: {files}, {human_size(size)}. Events: all of the case's"
        f" {export.entry.case_seq}, the export itself the last.",
    )


def _left_out(facts: ReportFacts) -> Cell:
    lines: list[tuple[str, str]] = []
    if facts.left_out:
        named = _labels(facts.left_out)
        lines.append((f"andre bevisgenstande i sagen: {named}", f"other exhibits of the case: {named}"))
    if facts.export.content.get("with_copies") is not True:
        lines.append(("alle kopier og billeder: kun originaler", "all copies and pictures: originals only"))
    unfinished = facts.export.texts("unfinished")
    if unfinished:
        named = _labels(unfinished)
        lines.append(
            (f"kopier, der ikke var lavet endnu: {named}", f"copies that were not yet made: {named}")
        )
    if facts.bodies[BodyState.LEFT_OUT]:
        count = facts.bodies[BodyState.LEFT_OUT]
        lines.append((f"enkeltheder om hændelser: {count}", f"details of events: {count}"))
    if facts.bodies[BodyState.ERASED]:
        count = facts.bodies[BodyState.ERASED]
        lines.append(
            (
                f"slettet for altid: enkeltheder om hændelser: {count}",
                f"erased for good: details of events: {count}",
            )
        )
    contact = facts.export.content.get("with_contact") is True
    lines.append(
        (
            "kontaktoplysninger er i pakken, ikke i rapporten",
            "contact data is in the package, not in this report",
        )
        if contact
        else ("kontaktoplysninger", "contact data")
    )
    return [cell for danish, english in lines for cell in both_cells(f"- {danish}", f"- {english}")]


def _labels(labels: Sequence[str]) -> str:
    more = f" … (+{len(labels) - _NAMED})" if len(labels) > _NAMED else ""
    return shown(", ".join(labels[:_NAMED]), limit=1000) + more


def _stamps(facts: ReportFacts) -> Cell:
    if not facts.stamps:
        return both_cells("Pakken har ingen", "The package has none")
    told = [f"{stamp.time or '?'} UTC: {stamp.size} poster / entries" for stamp in facts.stamps[-5:]]
    danish, english = "Efter deres eget udsagn; ikke kontrolleret her", "By their own word; not checked here"
    more = [(SMALL, f"({len(facts.stamps)} i alt / in all)")] if len(facts.stamps) > len(told) else []
    return [*((TEXT, line) for line in told), *more, *both_cells(danish, english)]


def _witnesses(facts: ReportFacts) -> Cell:
    if not facts.cosigners:
        return both_cells(
            "Ingen yderligere underskrift på kontrolpunktet", "No further signature on the checkpoint"
        )
    danish, english = "Underskrevet også af (ikke kontrolleret her)", "Also signed by (not checked here)"
    return [*both_cells(danish, english), *((TEXT, shown(name)) for name in facts.cosigners[:10])]


def _explanations(sheet: Sheet) -> None:
    sheet.new_page()
    for danish, english, texts in (
        ("Sådan efterprøves pakken", "How to verify the package", words.VERIFYING),
        ("Hvad optegnelsen ikke kan vise", "What the record cannot show", words.LIMITS),
        ("Hvad ordene betyder", "What the words mean", words.MEANINGS),
    ):
        sheet.heading(danish, english)
        for text in texts:
            sheet.both(*text)


def _overview(sheet: Sheet, facts: ReportFacts) -> None:
    sheet.new_page()
    sheet.heading("Bevisgenstande i pakken", "Exhibits in the package")
    columns = [
        Column("Nr. / No.", 22),
        Column("Filens navn / File name", 64),
        Column("Modtaget fra / Received from", 38),
        Column("Tilstand / State", 36),
        Column("Side / Page", 14),
    ]
    rows: list[list[Cell | Later]] = []
    for exhibit in facts.exhibits:
        received = exhibit.of("file.received")
        first = received[0] if received else None
        rows.append(
            [
                [(STRONG, exhibit.label)],
                [(SMALL, file_name(first, 120))],
                both_cells(*(words.source_words(first.text("source")) if first else words.UNKNOWN)),
                both_cells(*words.state_words(exhibit.state)),
                exhibit.label,
            ]
        )
    sheet.table(columns, rows)


def _case_events(sheet: Sheet, facts: ReportFacts) -> None:
    sheet.new_page()
    sheet.mark("case-events", "Sagens øvrige hændelser / The case's other events")
    sheet.heading("Sagens øvrige hændelser", "The case's other events")
    sheet.table(STEP_COLUMNS, step_rows(facts.steps))
    sheet.space(3)
    if facts.unnamed:
        sheet.both(
            f"{facts.unnamed} hændelser taler kun om bevisgenstande, der ikke er med i pakken; de står i"
            " custody/entries.jsonl.",
            f"{facts.unnamed} events speak only of exhibits that are not in the package; they stand in"
            " custody/entries.jsonl.",
        )
    sheet.both("Rapporten slutter her.", "The report ends here.")
