"""What a case's events say of it, fact by fact: the counterpart of what the catalogue shows.

The events are written in events.py, recorders.py, link_submissions.py and by `vidne case`.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from evidence.catalogue.jobs import Stage
from evidence.exhibits import ExhibitState
from evidence.jsontypes import Json, JsonObject
from evidence.text import name_from_bytes

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
        except (
            KeyError,
            TypeError,
            ValueError,
        ):  # also a body of another form
            self.unknown.add(place)

    def know(self, place: Place, fact: Json) -> None:
        """Take a fact that the entry itself tells."""
        self.unknown.discard(place)
        self.facts[place] = fact


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


class Event(NamedTuple):
    """An event of a case; `exhibit` is the label of the one that it speaks of, or empty.

    `body` is None where it was erased or lost.
    """

    event_id: str
    type: str
    at: str
    actor: str
    exhibit: str
    body: JsonObject | None


@dataclass(slots=True)
class _Brought:
    """A submission: who made it and when, the body that spoke of its clock last, and its exhibits."""

    actor: str
    began_at: str
    clock: JsonObject | None
    completed_at: str | None = None
    exhibits: set[str] = field(default_factory=set)


class Reader:
    """Takes the events of one case, in their order."""

    def __init__(self) -> None:
        self._told = Told()
        self._stuck: dict[str, str | None] = {}  # exhibits in quarantine, and the stage; None: not known
        self._submissions: dict[str, _Brought] = {}
        self._answers: dict[str, JsonObject | None] = {}  # by submission, before its first file came in
        self._numbers: list[tuple[str, JsonObject | None]] = []  # since when, and the body that has it
        self._exhibits: set[str] = set()
        self._told.know(CLOSED, None)

    def read(self, event: Event) -> None:
        """Take the next event; those of other things are passed over."""
        if event.type in _READERS:
            _READERS[event.type](self, event)
        elif stage := _STAGE.fullmatch(event.event_id):
            self._stage(event, stage[1])

    def finish(self) -> Told:
        """What all of them said."""
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

    def _numbered(self, event: Event) -> None:
        if event.type == "case.opened":
            self._told.know(OPENED, event.at)
        self._numbers.append((event.at, event.body))

    def _closed(self, event: Event) -> None:
        self._told.know(CLOSED, event.at)

    def _received(self, event: Event) -> None:
        file = _FILE.fullmatch(event.event_id)
        if file is None:
            return
        label, submission_id = event.exhibit, file[1]
        self._told.say(
            file_place(label, submission_id, int(file[2])),
            event.body,
            lambda body: {
                "filename": name_from_bytes(b64decode(str(body["filename_b64"]))),
                "source": body["source"],
                "received_at": event.at,
                "stood_in": _membership(body.get("member_of")),
            },
        )
        one = self._submissions.get(submission_id)
        if one is None:  # what is said of the clock later is an event of its own
            clock = self._answers.get(submission_id, event.body)
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

    def _answered(self, event: Event) -> None:
        if said := _ANSWERS.fullmatch(event.event_id):
            self._answers[said[1]] = event.body
            if one := self._submissions.get(said[1]):
                one.clock = event.body

    def _completed(self, event: Event) -> None:
        if one := self._submissions.get(event.event_id.partition(":")[0]):
            one.completed_at = event.at

    def _quarantined(self, event: Event) -> None:
        self._set_state(event.exhibit, ExhibitState.QUARANTINED, event.body)
        self._stuck[event.exhibit] = str(event.body["stage"]) if event.body else None

    def _retried(self, event: Event) -> None:
        self._stuck.pop(event.exhibit, None)
        self._told.say((event.exhibit, STATE), event.body, lambda said: said["state"])
        self._told.know((event.exhibit, REASON), "")

    def _recorder_added(self, event: Event) -> None:
        place = (event.event_id.partition(":")[0], FACTS)
        self._told.say(place, event.body, lambda body: {**_whole(body), "added_at": event.at})

    def _clock_read(self, event: Event) -> None:
        if reading := _READING.fullmatch(event.event_id):
            self._told.say(reading_place(reading[1], int(reading[2])), event.body, _reading)

    def _recorder_linked(self, event: Event) -> None:
        place = (event.exhibit, RECORDER)
        self._told.say(place, event.body, lambda body: {**_whole(body), "linked_at": event.at})

    def _stage(self, event: Event, stage: str) -> None:
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


_READERS: Mapping[str, Callable[[Reader, Event], None]] = {
    "case.opened": Reader._numbered,
    "case.renumbered": Reader._numbered,
    "case.closed": Reader._closed,
    "file.received": Reader._received,
    "submission.answers": Reader._answered,
    "submission.completed": Reader._completed,
    "exhibit.quarantined": Reader._quarantined,
    "exhibit.retried": Reader._retried,
    "recorder.added": Reader._recorder_added,
    "recorder.clock-read": Reader._clock_read,
    "recorder.linked": Reader._recorder_linked,
}
