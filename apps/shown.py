"""What the catalogue shows, held against what the ledger's entries say: the check `catalogue`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from apps.expected import expected_objects
from evidence.catalogue.cases import Case, get_case, numbers_of
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import Exhibit, list_exhibits
from evidence.catalogue.objects import ObjectRow, objects_by_exhibit
from evidence.catalogue.recorders import exhibits_of, list_recorders, readings_of
from evidence.catalogue.shown import (
    last_entry,
    shown_files,
    shown_findings,
    shown_problems,
    waiting_events,
)
from evidence.custody import PendingEvent
from evidence.errors import IntegrityError, VidneError
from evidence.exhibits import Problem, Role
from evidence.jsontypes import Json, JsonObject
from evidence.text import base64_text, name_from_bytes, printable
from hashing import canonical
from hashing.entries import Entry
from hashing.ledger_checks import Account
from hashing.object_reading import ExpectedObject
from hashing.report import Cause, Check, Findings, not_checked
from ingest import told
from ingest.events import finding_digest
from ingest.filing import ORIGINAL, manifest_name, manifest_of
from ingest.recorders import facts_json
from ingest.told import Place

NAME = "catalogue"
_TEXT = 120  # characters of a value, as a defect tells it
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Unshown:
    """An Account of a case of which the catalogue shows nothing, or nothing that can be read: `what`."""

    what: str

    def take(self, entry: Entry, body: JsonObject | None) -> None:
        """Whatever the entries say."""

    def conclude(self) -> Check:
        """See Account."""
        findings = Findings(NAME)
        findings.defect(Cause.INTEGRITY, "case", self.what)
        return findings.conclude("")


class Shown:
    """What the catalogue shows of a case, read at one moment; then it takes the entries of the case.

    States, names, clocks and findings have to be those of which the entries up to that moment speak. Bodies
    are those that the entries bind, and manifests are read by the check `digest`. With `label` (EX-0001) what
    concerns other exhibits alone is left out.
    """

    def __init__(self, catalogue: Catalogue, case_id: str, label: str | None = None) -> None:
        """Raises IntegrityError where the catalogue does not have the case, or has what nobody filed."""
        self._label = label
        self._facts: dict[Place, Json] = {}
        self._listed: dict[Place, Json] = {}  # by manifests, and by the program for originals and manifests
        self._stages: dict[Place, str] = {}  # of the findings
        self._names: dict[str, str] = {}  # of recorders, by their ids
        self._told = told.Reader()
        with catalogue.read() as connection:
            self._case(connection, get_case(connection, case_id))
            self.exhibits = list_exhibits(connection, case_id)
            self.objects = objects_by_exhibit(connection, [exhibit.id for exhibit in self.exhibits])
            self._files = list(shown_files(connection, case_id))
            self._found(connection, case_id)
            self._recorders(connection, case_id)
            self._last = last_entry(connection, case_id)
            self._waiting = waiting_events(connection, case_id)

    def take(self, entry: Entry, body: JsonObject | None) -> None:
        """See Account."""
        if entry.case_seq <= self._last:
            self._read(entry, body)

    def conclude(self) -> Check:
        """See Account."""
        for event, body in self._waiting:
            self._read(event, _decoded(body))
        for exhibit in self.exhibits:
            self._exhibit(exhibit, self.objects[exhibit.id])
        self._submitted()
        said = self._told.finish()
        facts = said.facts | self._listed
        findings = Findings(NAME)
        differences: list[tuple[Place, str]] = []
        compared = left = 0
        for place in filter(self._is_wanted, self._facts | facts):
            shown, told_of = self._facts.get(place, _NOTHING), facts.get(place, _NOTHING)
            if shown == told_of:
                compared += 1
            elif place in said.unknown or (place[0], self._stages.get(place)) in said.unread:
                left += 1
            else:
                differences.append((place, _difference(shown, told_of)))
        findings.looked_at(compared + len(differences))
        for (subject, what), difference in sorted(differences):
            findings.defect(Cause.INTEGRITY, f"{self._names.get(subject, subject)} {what}", difference)
        if left and not (compared or differences):
            return not_checked(NAME, "The bodies that would say it are gone.")
        more = f" {left} more could not be compared: no body says them." if left else ""
        return findings.conclude(f"{compared} facts are shown as the entries have them.{more}")

    def _is_wanted(self, place: Place) -> bool:
        return not self._label or place[0] == self._label or not place[0].startswith("EX-")

    def _read(self, event: Entry | PendingEvent, body: JsonObject | None) -> None:
        exhibit = event.objects[0].exhibit if event.objects else ""
        self._told.read(told.Event(event.event_id, event.type, event.at, event.actor, exhibit, body))

    def _case(self, connection: Connection, case: Case) -> None:
        self._facts[told.NUMBERS] = [[*dated] for dated in numbers_of(connection, case.id)]
        self._facts[told.OPENED] = case.opened_at
        self._facts[told.CLOSED] = case.closed_at
        self._facts[told.EXHIBITS] = case.exhibits

    def _exhibit(self, exhibit: Exhibit, rows: Sequence[ObjectRow]) -> None:
        """Names, tools, arguments and details of what was made stand in the rows and in the stage's manifest.

        The original and the manifests stand in none: theirs are the same for every exhibit.
        """
        label = exhibit.label
        self._facts[label, told.STATE] = exhibit.state.value
        self._facts[label, told.REASON] = exhibit.reason
        self._facts[label, told.RECEIVED] = exhibit.received_at
        made: dict[Place, list[ObjectRow]] = {}
        for row in rows:
            place = (label, f"renditions of {row.stage}")
            if row.role not in (Role.ORIGINAL, Role.MANIFEST):
                made.setdefault(place, []).append(row)
                continue
            self._facts[label, f"{row.role} of {row.stage}"] = _filed_as(row)
            is_original = row.role is Role.ORIGINAL
            name, parent = (ORIGINAL, None) if is_original else (manifest_name(row.stage), ORIGINAL)
            self._listed[label, f"{row.role} of {row.stage}"] = [name, parent, None, [], None]
            if not is_original:
                self._listed[place] = row.digests.sha256
        for place, renditions in made.items():
            self._facts[place] = _manifest_digest(exhibit, renditions)

    def _submitted(self) -> None:
        for file in self._files:
            label, submission_id = file.exhibit, file.submission_id
            self._facts[told.file_place(label, submission_id, file.ordinal)] = {
                "filename": name_from_bytes(file.name),
                "source": file.source,
                "received_at": file.received_at,
                "stood_in": file.stood_in and [*file.stood_in[:2], base64_text(file.stood_in[2])],
            }
            self._facts[told.submission_place(label, submission_id)] = {
                "actor": file.actor,
                "received_at": file.began_at,
                "completed_at": file.completed_at,
            }
            shown, true = file.clock
            self._facts[told.clock_place(label, submission_id)] = {"clock_shown": shown, "clock_true": true}

    def _found(self, connection: Connection, case_id: str) -> None:
        problems: dict[Place, list[Problem]] = {}
        for label, stage, problem in shown_problems(connection, case_id):
            problems.setdefault(told.problems_place(label, stage), []).append(problem)
        for place, listed in problems.items():
            self._facts[place] = [problem.as_json() for problem in listed]
        for finding in shown_findings(connection, case_id):
            place = told.finding_place(finding.exhibit, finding.name)
            self._facts[place] = finding_digest(finding.text)
            self._stages[place] = finding.stage

    def _recorders(self, connection: Connection, case_id: str) -> None:
        for recorder in list_recorders(connection, case_id):
            label = recorder.label
            self._names[recorder.id] = label
            self._facts[recorder.id, told.FACTS] = {
                "recorder": label,
                **facts_json(recorder.facts),
                "added_at": recorder.added_at,
            }
            for number, reading in enumerate(readings_of(connection, recorder.id), 1):
                value: Json = {"recorder": label, "number": number, **asdict(reading)}
                self._facts[told.reading_place(recorder.id, number)] = canonical.floats_as_text(value)
            for link in exhibits_of(connection, recorder.id):
                self._facts[link.label, told.RECORDER] = {
                    "recorder": label,
                    "channel": link.channel,
                    "linked_at": link.linked_at,
                }


def account_of(
    catalogue: Catalogue, case_id: str, label: str | None = None
) -> tuple[Account, list[ExpectedObject]]:
    """What the catalogue shows of a case, and what should lie in the store: nothing, if it cannot be read.

    With `label`, of that exhibit alone.
    """
    try:
        shown = Shown(catalogue, case_id, label)
    except IntegrityError as error:
        return Unshown(str(error)), []
    expected = expected_objects(shown.exhibits, shown.objects)
    return shown, [item for item in expected if label in (None, item.exhibit)]


def _decoded(body: bytes | None) -> JsonObject | None:
    """A body that waits; its entry is not made yet, so whether it is the one that was filed is not known."""
    try:
        return None if body is None else canonical.decode(body)
    except IntegrityError:
        return None


def _filed_as(row: ObjectRow) -> Json:
    return [row.name, row.parent, row.tool, [*row.args], row.detail]


def _manifest_digest(exhibit: Exhibit, rows: Sequence[ObjectRow]) -> str:
    try:
        return sha256(manifest_of(exhibit, rows).to_bytes()).hexdigest()
    except (VidneError, KeyError, TypeError, AttributeError):  # rows of which no manifest could be made
        return "none that could be made"


def _difference(shown: object, said: object) -> str:
    if isinstance(shown, dict) and isinstance(said, dict):
        names = sorted(name for name in shown.keys() | said.keys() if shown.get(name) != said.get(name))
        shown, said = ({name: facts.get(name) for name in names} for facts in (shown, said))
    return f"The catalogue shows {_in_words(shown)}; the entries say {_in_words(said)}."


def _in_words(value: object) -> str:
    return "none" if value is _NOTHING else printable(json.dumps(value, ensure_ascii=False), limit=_TEXT)
