"""What a case's events say of it, fact by fact: the counterpart of what the catalogue shows.

The events are written in events.py, recorders.py, link_submissions.py and by `vidne case`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from evidence.catalogue.jobs import Stage
from evidence.catalogue.shown import FiledEvent
from evidence.exhibits import ExhibitState
from evidence.jsontypes import Json, JsonObject

# A subject (EX-0001, `case`, a recorder's id) and which of its facts.
Place = tuple[str, str]
CASE = "case"
NUMBERS, OPENED, CLOSED, EXHIBITS = (
    (CASE, what) for what in ("numbers", "opened at", "closed at", "exhibits")
)
STATE, REASON, RECEIVED, RECORDER, FACTS = "state", "reason", "received at", "recorder", "facts"
_NO_REASON: JsonObject = {"reason": ""}
_FILE = re.compile(r"([a-z0-9]+)-(\d+):file\.received", re.ASCII)
_ANSWERS = re.compile(r"([a-z0-9]+)-\d+:submission\.answers", re.ASCII)
_READING = re.compile(r"([a-z0-9]+)-(\d+):recorder\.clock-read", re.ASCII)
_STAGE = re.compile(r"job-\d+:(seal|inspect|fast|slow)", re.ASCII)


@dataclass(slots=True)
class Told:
    """What the events say: `facts` by place; of those in `unknown` the body is gone that would say it.

    `unread` are exhibits and stages of which the events do not say what was found.
    """

    facts: dict[Place, Json] = field(default_factory=dict)
    unknown: set[Place] = field(default_factory=set)
    unread: set[tuple[str, str]] = field(default_factory=set)

    def say(self, place: Place, body: JsonObject | None, fact: Callable[[JsonObject], Json]) -> None:
        """Take `fact` of the body, in place of what was said before; where it is gone, nobody knows it."""
        self.facts.pop(place, None)
        self.unknown.discard(place)
        try:
            self.facts[place] = fact(body or {})
        except (KeyError, TypeError):  # also a body that was edited: the check `bodies` tells of that
            self.unknown.add(place)

    def know(self, place: Place, fact: Json) -> None:
        """Take a fact that the entry itself tells."""
        self.say(place, {}, lambda _: fact)


def file_place(exhibit: str, submission_id: str, ordinal: int) -> Place:
    """Of a file that came in."""
    return exhibit, f"file {ordinal} of submission {submission_id}"


def submission_place(exhibit: str, submission_id: str) -> Place:
    """Of a submission that brought the exhibit."""
    return exhibit, f"submission {submission_id}"


def clock_place(exhibit: str, submission_id: str) -> Place:
    """Of what a submission says of its recorder's clock."""
    return exhibit, f"clock of submission {submission_id}"


def reading_place(recorder_id: str, number: int) -> Place:
    """Of a reading of a recorder's clock."""
    return recorder_id, f"reading {number}"


def problems_place(exhibit: str, stage: str) -> Place:
    """Of the problems that a stage named."""
    return exhibit, f"problems of {stage}"


def finding_place(exhibit: str, name: str) -> Place:
    """Of a section that a stage found: its fact is a digest of it."""
    return exhibit, f"finding {name}"


def told_by(events: Iterable[FiledEvent]) -> Told:
    """What `events` of one case, in their order, say of it."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return reader.finish()


@dataclass(slots=True)
class _Brought:
    """A submission: who made it and when, the body that spoke of its clock last, and its exhibits."""

    actor: str
    began_at: str
    clock: JsonObject | None
    completed_at: str | None = None
    exhibits: set[str] = field(default_factory=set)


class _Reader:
    def __init__(self) -> None:
        self._told = Told()
        self._stuck: dict[str, str | None] = {}  # exhibits in quarantine, and the stage; None: not known
        self._submissions: dict[str, _Brought] = {}
        self._answered: dict[str, JsonObject | None] = {}  # by submission, before its first file came in
        self._numbers: list[tuple[str, JsonObject | None]] = []  # since when, and the body that has it
        self._exhibits: set[str] = set()
        self._told.know(CLOSED, None)

    def read(self, event: FiledEvent) -> None:
        if event.type in _READERS:
            _READERS[event.type](self, event)
        elif stage := _STAGE.fullmatch(event.event_id):
            self._stage(event, stage[1])

    def finish(self) -> Told:
        told = self._told
        told.know(EXHIBITS, len(self._exhibits))
        told.say(NUMBERS, {}, lambda _: self._dated_numbers())
        for submission_id, one in self._submissions.items():
            fact: Json = {
                "actor": one.actor,
                "received_at": one.began_at,
                "completed_at": one.completed_at,
            }
            for label in one.exhibits:
                told.know(submission_place(label, submission_id), fact)
                told.say(clock_place(label, submission_id), one.clock, _clock)
        return told

    def _dated_numbers(self) -> Json:
        """Each number with since and until when the case had it."""
        since = [at for at, _ in self._numbers]
        until = [*since[1:], None]
        return [
            [_number(body or {}), *at] for (_, body), *at in zip(self._numbers, since, until, strict=False)
        ]

    def numbered(self, event: FiledEvent) -> None:
        if event.type == "case.opened":
            self._told.know(OPENED, event.at)
        self._numbers.append((event.at, event.body))

    def closed(self, event: FiledEvent) -> None:
        self._told.know(CLOSED, event.at)

    def received(self, event: FiledEvent) -> None:
        file = _FILE.fullmatch(event.event_id)
        if file is None:
            return
        label, submission_id = event.exhibit, file[1]
        self._told.say(
            file_place(label, submission_id, int(file[2])),
            event.body,
            lambda body: {
                "filename": body["filename"],
                "filename_b64": body["filename_b64"],
                "source": body["source"],
                "received_at": event.at,
                "stood_in": _membership(body.get("member_of")),
            },
        )
        one = self._submissions.get(submission_id)
        if one is None:  # what is said of the clock later is an event of its own
            clock = self._answered.get(submission_id, event.body)
            one = self._submissions[submission_id] = _Brought(event.actor, event.at, clock)
        one.exhibits.add(label)
        if label not in self._exhibits:
            self._exhibits.add(label)
            self._told.know((label, RECEIVED), event.at)
            self._set_state(label, ExhibitState.RECEIVED, _NO_REASON)
        elif label in self._stuck:  # where it was the seal that could not be made, these bytes take its place
            stage = self._stuck[label]
            if stage is None:
                self._told.say((label, STATE), None, lambda said: said[STATE])
            elif stage == Stage.SEAL:
                self._set_state(label, ExhibitState.RECEIVED, _NO_REASON)

    def answered(self, event: FiledEvent) -> None:
        if said := _ANSWERS.fullmatch(event.event_id):
            self._answered[said[1]] = event.body
            if one := self._submissions.get(said[1]):
                one.clock = event.body

    def completed(self, event: FiledEvent) -> None:
        if one := self._submissions.get(event.event_id.partition(":")[0]):
            one.completed_at = event.at

    def quarantined(self, event: FiledEvent) -> None:
        self._set_state(event.exhibit, ExhibitState.QUARANTINED, event.body)
        self._stuck[event.exhibit] = str(event.body["stage"]) if event.body else None

    def retried(self, event: FiledEvent) -> None:
        self._stuck.pop(event.exhibit, None)
        self._told.say((event.exhibit, STATE), event.body, lambda said: said["state"])
        self._told.know((event.exhibit, REASON), "")

    def recorder_added(self, event: FiledEvent) -> None:
        place = (event.event_id.partition(":")[0], FACTS)
        self._told.say(place, event.body, lambda body: {**_whole(body), "added_at": event.at})

    def clock_read(self, event: FiledEvent) -> None:
        if reading := _READING.fullmatch(event.event_id):
            self._told.say(reading_place(reading[1], int(reading[2])), event.body, _reading)

    def recorder_linked(self, event: FiledEvent) -> None:
        place = (event.exhibit, RECORDER)
        self._told.say(place, event.body, lambda body: {**_whole(body), "linked_at": event.at})

    def _stage(self, event: FiledEvent, stage: str) -> None:
        """A stage ended: the entry's type tells the state, its body the rest."""
        label, body, state = event.exhibit, event.body, event.type.removeprefix("exhibit.")
        if state in list(ExhibitState):
            self._set_state(label, ExhibitState(state), body)
        if body is None or body.get("problems"):
            self._told.say(problems_place(label, stage), body, lambda said: said["problems"])
        findings = body.get("findings") if body else None
        if not isinstance(findings, dict):
            self._told.unread.add((label, stage))
            return
        for name, digest in findings.items():
            self._told.know(finding_place(label, name), digest)

    def _set_state(self, label: str, state: ExhibitState, body: JsonObject | None) -> None:
        self._stuck.pop(label, None)
        self._told.know((label, STATE), state.value)
        self._told.say((label, REASON), body, lambda said: said["reason"])


def _number(body: JsonObject) -> Json:
    return body["number"] if "number" in body else body["to"]


def _whole(body: JsonObject) -> JsonObject:
    if not body:
        raise KeyError
    return body


def _reading(body: JsonObject) -> Json:
    """A reading, without the offset, which is worked out of it."""
    return {name: value for name, value in _whole(body).items() if name != "offset_s"}


def _clock(body: JsonObject) -> Json:
    return {"clock_shown": body["clock_shown"], "clock_true": body["clock_true"]}


def _membership(value: Json) -> Json:
    return [value["exhibit"], value["place"], value["path_b64"]] if isinstance(value, dict) else None


_READERS: Mapping[str, Callable[[_Reader, FiledEvent], None]] = {
    "case.opened": _Reader.numbered,
    "case.renumbered": _Reader.numbered,
    "case.closed": _Reader.closed,
    "file.received": _Reader.received,
    "submission.answers": _Reader.answered,
    "submission.completed": _Reader.completed,
    "exhibit.quarantined": _Reader.quarantined,
    "exhibit.retried": _Reader.retried,
    "recorder.added": _Reader.recorder_added,
    "recorder.clock-read": _Reader.clock_read,
    "recorder.linked": _Reader.recorder_linked,
}
