"""Ledger entries and the bodies that they bind: what the bytes are (docs/ledger-format.md).

An entry is made once, by the sequencer, and its bytes are never made again; reading one demands that they
are exactly the canonical form of what they say.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import NamedTuple

from evidence.custody import ACTOR, EVENT_TYPE, CustodyEvent, EventBody, EventObject, PendingEvent
from evidence.errors import UsageError
from evidence.jsontypes import Json, JsonObject
from hashing import canonical
from hashing.digests import same_digest
from hashing.schema import EXHIBIT, ROLE, SHA256, Fields, SchemaError

ENTRY_VERSION = 1
MAX_ENTRY = 64 * 1024 - 1
SALT_SIZE = 32
ERASED = "body.erased"  # the type of an entry that says whose bodies in its case were erased, and why
NO_ENTRY = "0" * 64  # `case_prev` of a case's first entry
MAX_LOG_NAME = 255

_EVENT_ID = re.compile(r"[!-~]{1,255}")
_CASE = re.compile(r"[a-z0-9]{0,64}")  # no hyphen: a case number is not an id
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_FIELDS = frozenset({
    "v", "log", "event_id", "type", "at", "actor", "case", "case_seq", "case_prev", "objects", "body_hash",
})  # fmt: skip
_OBJECT_FIELDS = frozenset({"exhibit", "role", "sha256", "size"})

# Most entries need no escape and no number above 10^15: then these bytes and no others are their canonical
# form. To see that takes less than half the time of reading and writing JSON; tests hold both together.
_PLAIN_TEXT, _PLAIN_ID = r"[ !#-\[\]-~]*", r"[!#-\[\]-~]{1,255}"
_COUNT = r"[1-9]\d{0,14}"
_PLAIN_OBJECT = re.compile(
    rf'{{"exhibit":"({EXHIBIT.pattern})","role":"({ROLE.pattern})","sha256":"({SHA256.pattern})"'
    rf',"size":(0|{_COUNT})}}',
    re.ASCII,
)
_ANY_OBJECT = _PLAIN_OBJECT.pattern.replace("(", "(?:")
_PLAIN_ENTRY = re.compile(
    rf'{{"actor":"(?P<actor>{ACTOR.pattern})","at":"(?P<at>{AT.pattern})"'
    rf',"body_hash":"(?P<body_hash>{SHA256.pattern})","case":"(?P<case>{_CASE.pattern})"'
    rf',"case_prev":"(?P<case_prev>{SHA256.pattern})","case_seq":(?P<case_seq>{_COUNT})'
    rf',"event_id":"(?P<event_id>{_PLAIN_ID})","log":"(?P<log>{_PLAIN_TEXT})"'
    rf',"objects":\[(?P<objects>(?:{_ANY_OBJECT}(?:,{_ANY_OBJECT})*)?)\]'
    rf',"type":"(?P<type>{EVENT_TYPE.pattern})","v":{ENTRY_VERSION}}}',
    re.ASCII,
)


class SealedBody(NamedTuple):
    """A body as it is kept beside the ledger, and the hash by which an entry binds it (lower-case hex)."""

    salt: bytes
    body: bytes
    body_hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says; `case_prev` is the hex leaf hash of the case's entry before it."""

    log: str
    event_id: str
    type: str
    at: str
    actor: str
    case: str
    case_seq: int
    case_prev: str
    objects: tuple[EventObject, ...]
    body_hash: str


def make_body(body: JsonObject) -> SealedBody:
    """`body` in canonical bytes, with 32 random bytes of salt and their hash; raises CanonicalError."""
    raw = canonical.encode(body)
    salt = secrets.token_bytes(SALT_SIZE)
    return SealedBody(salt, raw, body_hash(salt, raw))


def body_hash(salt: bytes, body: bytes) -> str:
    """SHA-256(salt || body), lower-case hex."""
    return hashlib.sha256(salt + body).hexdigest()


def body_matches(body: EventBody, expected_hash: str) -> bool:
    """Whether salt and body are those that an entry binds; False where they were erased."""
    if body.salt is None or body.body is None or len(body.salt) != SALT_SIZE:
        return False
    return same_digest(body_hash(body.salt, body.body), expected_hash)


def entry_bytes(event: PendingEvent, *, log: str, case_seq: int, case_prev: str) -> bytes:
    """The final bytes of `event` at its place in its case.

    Raises SchemaError where a field has not its form, UsageError where the entry would reach 64 KiB.
    """
    value = _as_json(event, log, case_seq, case_prev)
    _entry(value, f"event {event.event_id}")  # what is written must be what can be read
    raw = canonical.encode(value)
    if len(raw) > MAX_ENTRY:
        raise UsageError(
            f"Event {event.event_id} names {len(event.objects)} objects, more than an entry can hold.",
            advice="Name the manifest that lists them instead.",
        )
    return raw


def check_event(event: CustodyEvent) -> None:
    """Raise where the sequencer could not make an entry of `event`: to be called before it is filed.

    SchemaError names a malformed field; UsageError says that the list of objects is too long.
    """
    pending = PendingEvent(
        0, event.event_id, event.type, event.at, event.actor, event.case, event.objects, NO_ENTRY
    )
    entry_bytes(pending, log="x" * MAX_LOG_NAME, case_seq=canonical.MAX_INTEGER, case_prev=NO_ENTRY)


def parse_entry(raw: bytes) -> Entry:
    """Read an entry; raises CanonicalError or SchemaError where these are not the bytes of one."""
    if len(raw) > MAX_ENTRY:
        raise SchemaError(f"The entry has {len(raw)} bytes; {MAX_ENTRY} are the most.")
    plain = _PLAIN_ENTRY.fullmatch(raw.decode("ascii")) if raw.isascii() else None
    return _plain_entry(plain) if plain else _entry(canonical.decode(raw))


def _as_json(event: PendingEvent, log: str, case_seq: int, case_prev: str) -> JsonObject:
    objects: list[Json] = [
        {"exhibit": item.exhibit, "role": item.role, "sha256": item.sha256, "size": item.size}
        for item in event.objects
    ]
    return {
        "v": ENTRY_VERSION,
        "log": log,
        "event_id": event.event_id,
        "type": event.type,
        "at": event.at,
        "actor": event.actor,
        "case": event.case,
        "case_seq": case_seq,
        "case_prev": case_prev,
        "objects": objects,
        "body_hash": event.body_hash,
    }


def _plain_entry(found: re.Match[str]) -> Entry:
    objects = _PLAIN_OBJECT.findall(found["objects"])
    return Entry(
        log=found["log"],
        event_id=found["event_id"],
        type=found["type"],
        at=found["at"],
        actor=found["actor"],
        case=found["case"],
        case_seq=int(found["case_seq"]),
        case_prev=found["case_prev"],
        objects=tuple(EventObject(name, role, digest, int(size)) for name, role, digest, size in objects),
        body_hash=found["body_hash"],
    )


def _entry(value: JsonObject, what: str = "the entry") -> Entry:
    fields = Fields(value, what, _FIELDS)
    fields.version(ENTRY_VERSION)
    return Entry(
        log=fields.text("log"),
        event_id=fields.text("event_id", _EVENT_ID),
        type=fields.text("type", EVENT_TYPE),
        at=fields.text("at", AT),
        actor=fields.text("actor", ACTOR),
        case=fields.text("case", _CASE),
        case_seq=fields.integer("case_seq", least=1),
        case_prev=fields.text("case_prev", SHA256),
        objects=tuple(_event_object(item) for item in fields.items("objects")),
        body_hash=fields.text("body_hash", SHA256),
    )


def _event_object(value: Json) -> EventObject:
    fields = Fields(value, "an object of the entry", _OBJECT_FIELDS)
    return EventObject(
        exhibit=fields.text("exhibit", EXHIBIT),
        role=fields.text("role", ROLE),
        sha256=fields.text("sha256", SHA256),
        size=fields.integer("size"),
    )
