"""Custody events: what happened to an exhibit, before the ledger gives it its place.

Fields of an event that enter the ledger for good hold no case number, no name of a person or a file;
those stand in `body`, which only its salted hash binds, so that it can be erased (docs/ledger-format.md).
"""

import re
from dataclasses import dataclass, field

from evidence.jsontypes import JsonObject

ACTOR = re.compile(r"[a-z0-9][a-z0-9._:-]{0,63}")
EVENT_TYPE = re.compile(r"[a-z]+(\.[a-z-]+)+")


@dataclass(frozen=True, slots=True)
class EventObject:
    """A run of bytes that an event speaks of."""

    exhibit: str
    role: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """What a state change says of itself, in the same transaction as the change.

    `event_id` is deterministic, so that a rerun cannot append it twice; `at` is RFC 3339 UTC;
    `actor` a pseudonym; `case` the case's random id, or empty where an event belongs to no case.
    """

    event_id: str
    type: str
    at: str
    actor: str
    case: str
    objects: tuple[EventObject, ...] = ()
    body: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event in the inbox, as the sequencer takes it; `body_hash` is lower-case hex."""

    inbox_id: int
    event_id: str
    type: str
    at: str
    actor: str
    case: str
    objects: tuple[EventObject, ...]
    body_hash: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A sequenced entry: its bytes are final and are never made again.

    `index` is its place in the log from 0, `case_seq` its place in its case from 1, `leaf_hash` 32 bytes.
    """

    index: int
    inbox_id: int
    event_id: str
    case: str
    case_seq: int
    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class KeptStamp:
    """A time stamp over the checkpoint of `size` entries that `authority` (its URL) was asked for.

    `response` is a DER TimeStampResp as it came, or None as long as there is none; `error` then says why.
    `chain` is PEM, from the authority's certificate to the root that was trusted; `expires` is when the first
    of its certificates does, empty where that is not known.
    """

    size: int
    authority: str
    response: bytes | None
    error: str = ""
    chain: bytes = b""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class CaseTip:
    """The last entry of a case's chain; `case_seq` is 0, and there is no hash, where it has none."""

    case_seq: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class EventBody:
    """What `body_hash` binds: SHA-256(salt || body); both are None after erasure."""

    event_id: str
    salt: bytes | None
    body: bytes | None
