"""Submissions through upload links: begun, answered, ended; what the sender says is never taken for fact."""

from dataclasses import asdict, dataclass
from unicodedata import category

from evidence.cases import new_id, reference
from evidence.catalogue import link_submissions as rows
from evidence.catalogue.engine import Connection
from evidence.catalogue.ledger import body_of
from evidence.catalogue.link_submissions import LinkSubmission
from evidence.catalogue.links import UploadLink, uses_of
from evidence.custody import CustodyEvent
from evidence.errors import ConflictError, LinkError, UsageError
from evidence.jsontypes import Json, JsonObject
from evidence.links import LinkKind, link_actor, new_code
from hashing import canonical
from ingest.custody import record
from ingest.declaration import Declaration
from ingest.links import open_link

LIMITS = {  # characters of what a sender says
    "recorded_at": 100,
    "recorded_at_from": 20,
    "place": 500,
    "clock_shown": 100,
    "clock_true": 100,
    "note": 4000,
    "name": 200,
    "phone": 50,
    "email": 320,
}
# Where a time comes from that the page suggested and the sender let stand: the recording, or the file's date.
TIME_SOURCES = ("recording", "file")
MOST_ANSWERS = 200  # changes of one submission's answers: each is an entry for ever


@dataclass(frozen=True, slots=True)
class Begun:
    """A submission that was begun: its id, what people call it, and the secret that opens its receipt."""

    id: str
    reference: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What the sender says of the recording, as it was written; None where nothing was said."""

    recorded_at: str | None = None
    place: str | None = None
    clock_shown: str | None = None
    clock_true: str | None = None
    note: str | None = None
    recorded_at_from: str | None = None  # see TIME_SOURCES; None: the sender's own word


@dataclass(frozen=True, slots=True)
class Contact:
    """How the sender can be reached; it stands in the body of a custody event and nowhere else."""

    name: str = ""
    phone: str = ""
    email: str = ""


def begin(
    connection: Connection, code: str, shown: Declaration, controller: str, dpo: str, now: str
) -> Begun:
    """A submission through the link of `code`, to which `shown` was shown (`declaration.shown`).

    `controller` and `dpo` are the names that stood in it. Raises LinkError, also for a link that is used up
    and for that of a poster, through which visitors get links of their own.
    """
    link = open_link(connection, code, now, lock=True)
    if link.kind is LinkKind.INCIDENT or uses_of(connection, link) >= link.max_uses:
        raise LinkError
    secret, hashed = new_code()
    new = LinkSubmission(new_id(), link.id, shown.language, shown.version, {}, now, None)
    rows.add_link_submission(connection, new, hashed)
    body: JsonObject = {
        "submission": new.id,
        "link": reference(link.id),
        "version": shown.version,
        "language": shown.language,
        "sha256": shown.sha256,
        "controller": controller,
        "dpo": dpo,
    }
    _record(connection, link, "declaration.shown", new.id, now, body)
    return Begun(new.id, reference(new.id), secret)


def answer(
    connection: Connection,
    code: str,
    submission_id: str,
    answers: Answers,
    contact: Contact | None,
    now: str,
    *,
    keeps_contact: bool = False,
) -> None:
    """Keep what the sender says, in place of what was said before (`submission.answers`).

    `contact` of None says that they want to stay unnamed, unless `keeps_contact` leaves it as it was. What
    was said already is not recorded again. Raises LinkError where the submission is not of this link,
    UsageError for what is too long or no text, ConflictError after too many changes.
    """
    link, found = _own(connection, code, submission_id, now)
    _check(answers, contact)
    before = found.answers
    number = int(str(before.get("change", 0))) + 1
    said: dict[str, Json] = {**asdict(answers)}
    changed = said != {name: before.get(name) for name in said}
    given = int(str(before.get("contact", 0)))  # the change with which contact data was given; 0: never
    contact_changed = not keeps_contact and contact != _contact(connection, submission_id, given)
    if not (changed or contact_changed):
        return
    if number > MOST_ANSWERS:
        raise ConflictError(f"The answers were changed {MOST_ANSWERS} times.", advice="Send what you have.")
    if contact_changed:
        given = number if contact else 0
        kind = "contact.given" if contact else "contact.withdrawn"
        told: JsonObject = {"submission": submission_id, **(asdict(contact) if contact else {})}
        _record(connection, link, kind, f"{submission_id}-{number}", now, told)
    if changed:
        _record(
            connection,
            link,
            "submission.answers",
            f"{submission_id}-{number}",
            now,
            {"submission": submission_id, **said},
        )
    rows.put_answers(connection, submission_id, {**said, "change": number, "contact": given})


def end(connection: Connection, code: str, submission_id: str, now: str) -> LinkSubmission:
    """The sender says that all is sent; again it changes nothing. Raises LinkError."""
    _, found = _own(connection, code, submission_id, now)
    rows.end_link_submission(connection, submission_id, now)
    return found


def _check(answers: Answers, contact: Contact | None) -> None:
    if answers.recorded_at_from not in (None, *TIME_SOURCES):
        raise UsageError(f"{answers.recorded_at_from!r} is not where a time comes from.")
    said = {**asdict(answers), **(asdict(contact) if contact else {})}
    for name, text in said.items():
        if text and (len(text) > LIMITS[name] or any(category(char) in ("Cs", "Cc") for char in _flat(text))):
            raise UsageError(f"The {name} has more than {LIMITS[name]} characters, or some that are no text.")


def _flat(text: str) -> str:
    """Without what ends and indents lines."""
    return text.translate({ord(char): None for char in "\r\n\t"})


def _own(
    connection: Connection, code: str, submission_id: str, now: str
) -> tuple[UploadLink, LinkSubmission]:
    """The link and its submission, locked; another's submission is answered as a link that does not work."""
    link = open_link(connection, code, now)
    found = rows.get_link_submission(connection, submission_id, lock=True)
    if found is None or found.link_id != link.id:
        raise LinkError
    return link, found


def _contact(connection: Connection, submission_id: str, given: int) -> Contact | None:
    """The contact data that was given last, read from its event; None where there is none, or was erased."""
    raw = body_of(connection, f"{submission_id}-{given}:contact.given") if given else None
    if raw is None:
        return None
    body = canonical.decode(raw)
    return Contact(*(str(body[name]) for name in ("name", "phone", "email")))


def _record(
    connection: Connection, link: UploadLink, kind: str, key: str, now: str, body: JsonObject
) -> None:
    event = CustodyEvent(f"{key}:{kind}", kind, now, link_actor(link.id), link.case_id, body=body)
    record(connection, event)
