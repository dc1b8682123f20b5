"""The bodies of a package: whose they are, and whether none is left out that the export says it has."""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence.custody import EventBody
from evidence.errors import IntegrityError
from hashing import canonical
from hashing.bag import Bag
from hashing.entries import ERASED, Entry, body_matches
from hashing.ledger_checks import BODIES_CHECK, CaseLedger
from hashing.package_files import BODIES, CONTACT, BodyState, PackagedBody, lines_of
from hashing.report import Cause, Findings


@dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of a package by event id; `findings` is what was wrong with their lines."""

    found: Mapping[str, EventBody]
    left_out: frozenset[str]
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Export:
    """What the last entry says of itself: its exhibits (None: all), and whether contact data are in it."""

    exhibits: frozenset[str] | None
    with_contact: bool

    def leaves_out(self, entry: Entry) -> bool:
        """Whether the body of an entry may be missing; of recorders this cannot be told from the entry."""
        if entry.type.startswith(CONTACT) and not self.with_contact:
            return True
        if self.exhibits is None or entry.type.startswith("case.") or entry.type == ERASED:
            return False
        return all(item.exhibit not in self.exhibits for item in entry.objects)


def read_bodies(bag: Bag, part: CaseLedger) -> Bodies:
    """The lines of bodies.jsonl, each the body of one entry of `part`."""
    findings = Findings(BODIES_CHECK)
    raw = bag.read(BODIES)
    if raw is None:
        findings.defect(Cause.INCOMPLETE, BODIES, "It is missing.")
    known = {entry.event_id for entry in part.parsed if entry}
    found: dict[str, EventBody] = {}
    left_out: set[str] = set()
    for number, line in enumerate(lines_of(raw or b"", BODIES, findings), 1):
        subject = f"{BODIES} line {number}"
        try:
            item = PackagedBody.from_line(line)
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, subject, str(error))
            continue
        event_id = item.body.event_id
        if event_id not in known or event_id in found or event_id in left_out:
            findings.defect(Cause.INTEGRITY, subject, "No entry, or one that has a body already, is its own.")
        elif item.state is BodyState.LEFT_OUT:
            left_out.add(event_id)
        else:
            found[event_id] = item.body
    _check_left_out(part, found, left_out, findings)
    return Bodies(found, frozenset(left_out), findings)


def _check_left_out(
    part: CaseLedger, found: Mapping[str, EventBody], left_out: set[str], findings: Findings
) -> None:
    last = part.parsed[-1] if part.parsed else None
    export = _said_of_export(last, found) if last else None
    if last and last.event_id in left_out:
        what = "The body of the export itself is left out: it says what else may be."
        findings.defect(Cause.INCOMPLETE, f"entry {last.case_seq} of the case", what)
    for entry in part.parsed[:-1]:
        if entry and export and entry.event_id in left_out and not export.leaves_out(entry):
            what = "Its body is left out, and by its own word this export has it."
            findings.defect(Cause.INCOMPLETE, f"entry {entry.case_seq} of the case", what)


def _said_of_export(last: Entry, found: Mapping[str, EventBody]) -> _Export | None:
    """None where that is not told by what the last entry binds."""
    body = found.get(last.event_id)
    if body is None or body.body is None or not body_matches(body, last.body_hash):
        return None
    try:
        said = canonical.decode(body.body)
    except canonical.CanonicalError:  # another check tells it
        return None
    is_whole, exhibits, with_contact = said.get("whole_case"), said.get("exhibits"), said.get("with_contact")
    if not isinstance(is_whole, bool) or not isinstance(exhibits, list):
        return None
    return _Export(None if is_whole else frozenset(map(str, exhibits)), with_contact is True)
