"""What the catalogue shows, held against what the ledger's entries say: the check `catalogue`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256

from evidence.catalogue.cases import Case, get_case, numbers_of
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import Exhibit, list_exhibits
from evidence.catalogue.objects import ObjectRow, objects_by_exhibit
from evidence.catalogue.recorders import exhibits_of, list_recorders, readings_of
from evidence.catalogue.shown import filed_events, shown_files, shown_findings, shown_problems
from evidence.errors import VidneError
from evidence.exhibits import Problem, Role
from evidence.jsontypes import Json
from evidence.text import base64_text, name_from_bytes, printable
from hashing.canonical import floats_as_text
from hashing.report import Cause, Check, Findings, VerificationReport, not_checked
from ingest import told
from ingest.events import NAME_LIMIT, finding_digest
from ingest.filing import manifest_of, original_row, row_of_manifest
from ingest.recorders import facts_json
from ingest.told import Place, Told, told_by

NAME = "catalogue"
_TEXT = 120  # characters of a value, as a defect tells it
_NOTHING = object()


def with_catalogue(
    report: VerificationReport, catalogue: Catalogue, case_id: str, exhibit: str | None = None
) -> VerificationReport:
    """The report with this check behind its others."""
    return VerificationReport(report.subject, (*report.checks, check_catalogue(catalogue, case_id, exhibit)))


def with_unlisted(report: VerificationReport) -> VerificationReport:
    """The report on a case of which the ledger has entries, and that the catalogue does not list."""
    findings = Findings(NAME)
    findings.defect(Cause.INTEGRITY, "case", "The ledger has entries of it; the catalogue shows none.")
    return VerificationReport(report.subject, (*report.checks, findings.conclude("")))


def check_catalogue(catalogue: Catalogue, case_id: str, exhibit: str | None = None) -> Check:
    """Whether states, names, clocks and findings are those of which the case's entries speak.

    With `exhibit` (its label) what concerns other exhibits alone is left out. Bodies and manifests are taken
    as they are: that they are those which the entries bind is for the checks `bodies` and `digest`.
    """
    with catalogue.read() as connection:
        shown = _Shown(connection, case_id)
        said = told_by(filed_events(connection, case_id))
    said.facts |= shown.listed
    findings = Findings(NAME)
    places = [place for place in sorted(shown.facts.keys() | said.facts.keys()) if _is_of(place, exhibit)]
    compared = [place for place in places if place not in said.unknown and not shown.is_unread(place, said)]
    for place in compared:
        findings.looked_at()
        difference = _difference(shown.facts.get(place, _NOTHING), said.facts.get(place, _NOTHING))
        if difference:
            findings.defect(Cause.INTEGRITY, shown.name_of(place), difference)
    left = len(places) - len(compared)
    if left and not compared:
        return not_checked(NAME, "The bodies that would say it are gone.")
    more = f" {left} more could not be compared: no body says them." if left else ""
    return findings.conclude(f"{len(compared)} facts are shown as the entries have them.{more}")


class _Shown:
    """The facts of a case as the catalogue has them, by the places of `ingest.told`.

    `listed` are digests of manifests, which have to be those that the rows of their objects give.
    """

    def __init__(self, connection: Connection, case_id: str) -> None:
        self.facts: dict[Place, Json] = {}
        self.listed: dict[Place, Json] = {}
        self._stages: dict[Place, str] = {}  # of the findings
        self._names: dict[str, str] = {}  # of recorders, by their ids
        self._case(connection, get_case(connection, case_id))
        exhibits = list_exhibits(connection, case_id)
        self._exhibits(exhibits)
        rows = objects_by_exhibit(connection, [exhibit.id for exhibit in exhibits])
        for exhibit in exhibits:
            self._renditions(exhibit, rows[exhibit.id])
        self._submitted(connection, case_id)
        self._found(connection, case_id)
        self._recorders(connection, case_id)

    def name_of(self, place: Place) -> str:
        """A place in the words of a report."""
        subject, what = place
        return f"{self._names.get(subject, subject)} {what}"

    def is_unread(self, place: Place, said: Told) -> bool:
        """Whether the stage that found it left no digests of what it found, or they are gone."""
        return (place[0], self._stages.get(place, "")) in said.unread

    def _case(self, connection: Connection, case: Case) -> None:
        self.facts[told.NUMBERS] = [[*dated] for dated in numbers_of(connection, case.id)]
        self.facts[told.OPENED] = case.opened_at
        self.facts[told.CLOSED] = case.closed_at
        self.facts[told.EXHIBITS] = case.exhibits

    def _exhibits(self, exhibits: Sequence[Exhibit]) -> None:
        for exhibit in exhibits:
            self.facts[exhibit.label, told.STATE] = exhibit.state.value
            self.facts[exhibit.label, told.REASON] = exhibit.reason
            self.facts[exhibit.label, told.RECEIVED] = exhibit.received_at

    def _renditions(self, exhibit: Exhibit, rows: Sequence[ObjectRow]) -> None:
        """Names, tools, arguments and details stand in the rows and in the stage's manifest.

        The original and the manifests stand in none: theirs are the same for every exhibit.
        """
        made: dict[Place, list[ObjectRow]] = {}
        for row in rows:
            place = (exhibit.label, f"renditions of {row.stage}")
            if row.role not in (Role.ORIGINAL, Role.MANIFEST):
                made.setdefault(place, []).append(row)
                continue
            itself = (exhibit.label, f"{row.role} of {row.stage}")
            is_original = row.role is Role.ORIGINAL
            own = original_row(exhibit) if is_original else row_of_manifest(row.stage, row.key, row.digests)
            self.facts[itself], self.listed[itself] = _filed_as(row), _filed_as(own)
            if not is_original:
                self.listed[place] = row.digests.sha256
        for place, renditions in made.items():
            self.facts[place] = _manifest_digest(exhibit, renditions)

    def _submitted(self, connection: Connection, case_id: str) -> None:
        for file in shown_files(connection, case_id):
            label, submission_id = file.exhibit, file.submission_id
            self.facts[told.file_place(label, submission_id, file.ordinal)] = {
                "filename": printable(name_from_bytes(file.name), limit=NAME_LIMIT),
                "filename_b64": base64_text(file.name),
                "source": file.source,
                "received_at": file.received_at,
                "stood_in": file.stood_in and [*file.stood_in[:2], base64_text(file.stood_in[2])],
            }
            self.facts[told.submission_place(label, submission_id)] = {
                "actor": file.actor,
                "received_at": file.began_at,
                "completed_at": file.completed_at,
            }
            shown, true = file.clock
            self.facts[told.clock_place(label, submission_id)] = {"clock_shown": shown, "clock_true": true}

    def _found(self, connection: Connection, case_id: str) -> None:
        problems: dict[Place, list[Problem]] = {}
        for label, stage, problem in shown_problems(connection, case_id):
            problems.setdefault(told.problems_place(label, stage), []).append(problem)
        for place, listed in problems.items():
            self.facts[place] = [problem.as_json() for problem in listed]
        for finding in shown_findings(connection, case_id):
            place = told.finding_place(finding.exhibit, finding.name)
            self.facts[place] = finding_digest(finding.text)
            self._stages[place] = finding.stage

    def _recorders(self, connection: Connection, case_id: str) -> None:
        for recorder in list_recorders(connection, case_id):
            label = recorder.label
            self._names[recorder.id] = label
            self.facts[recorder.id, told.FACTS] = {
                "recorder": label,
                **facts_json(recorder.facts),
                "added_at": recorder.added_at,
            }
            for number, reading in enumerate(readings_of(connection, recorder.id), 1):
                value: Json = {"recorder": label, "number": number, **asdict(reading)}
                self.facts[told.reading_place(recorder.id, number)] = floats_as_text(value)
            for link in exhibits_of(connection, recorder.id):
                self.facts[link.label, told.RECORDER] = {
                    "recorder": label,
                    "channel": link.channel,
                    "linked_at": link.linked_at,
                }


def _filed_as(row: ObjectRow) -> Json:
    return {
        "name": row.name,
        "parent": row.parent,
        "tool": row.tool,
        "args": [*row.args],
        "detail": row.detail,
    }


def _manifest_digest(exhibit: Exhibit, rows: Sequence[ObjectRow]) -> str:
    try:
        return sha256(manifest_of(exhibit, rows).to_bytes()).hexdigest()
    except (VidneError, KeyError, TypeError, AttributeError):  # rows of which no manifest could be made
        return "none that could be made"


def _is_of(place: Place, exhibit: str | None) -> bool:
    return exhibit is None or place[0] == exhibit or not place[0].startswith("EX-")


def _difference(shown: object, said: object) -> str:
    if shown == said:
        return ""
    if isinstance(shown, dict) and isinstance(said, dict):
        names = sorted(name for name in shown.keys() | said.keys() if shown.get(name) != said.get(name))
        shown, said = ({name: facts.get(name) for name in names} for facts in (shown, said))
    return f"The catalogue shows {_in_words(shown)}; the entries say {_in_words(said)}."


def _in_words(value: object) -> str:
    return "none" if value is _NOTHING else printable(json.dumps(value, ensure_ascii=False), limit=_TEXT)
