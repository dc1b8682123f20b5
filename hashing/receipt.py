"""Receipts: what a submitter keeps of a submission, and a stranger can verify (docs/receipts.md).

A receipt is the body of an event of the log itself, laid open: the entry binds it by its salted hash.
It holds nothing of the case: no number, no exhibit, no word on whether the bytes were known.
"""

import re
from dataclasses import dataclass

from evidence.cases import REFERENCE, reference
from evidence.custody import CustodyEvent, EventBody
from evidence.errors import IncompleteError, IntegrityError, TrustMaterialError
from evidence.jsontypes import Json, JsonObject
from hashing import canonical
from hashing.digests import require_not_empty
from hashing.entries import AT, SALT_SIZE, Entry, body_matches, parse_entry
from hashing.note_keys import Verifier
from hashing.notes import checkpoint_of
from hashing.proof_file import EntryProof
from hashing.schema import SHA256, Fields, SchemaError

KIND = "vidne-receipt"
VERSION = 1
RECEIPT_EVENT = "submission.receipt"
ACTOR = "receipts"  # the program itself: a receipt names nobody
MAX_RECEIPT = 64 * 1024 * 1024

_SALT = re.compile(f"[0-9a-f]{{{2 * SALT_SIZE}}}")


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A file as it was received; `received` is the hex leaf hash of the case's entry that says so.

    `name` is the submitter's own, shown so that it can do no harm.
    """

    name: str
    size: int
    sha256: str
    blake3: str
    received: str

    def as_json(self) -> JsonObject:
        """Its fields."""
        return {
            "name": self.name,
            "size": self.size,
            "sha256": self.sha256,
            "blake3": self.blake3,
            "received": self.received,
        }

    @classmethod
    def from_json(cls, value: Json) -> "ReceiptFile":
        """Read it; raises SchemaError, IntegrityError."""
        fields = Fields(value, "a file of the receipt", {"name", "size", "sha256", "blake3", "received"})
        found = cls(
            name=fields.text("name"),
            size=fields.integer("size"),
            sha256=fields.text("sha256", SHA256),
            blake3=fields.text("blake3", SHA256),
            received=fields.text("received", SHA256),
        )
        require_not_empty(found.sha256, found.size)
        return found


@dataclass(frozen=True, slots=True)
class Statement:
    """What a receipt says: which files were received under which reference, and when the last of them was."""

    reference: str
    received_at: str
    files: tuple[ReceiptFile, ...]

    def as_json(self) -> JsonObject:
        """Its fields; the canonical bytes of this are the event's body."""
        return {
            "v": VERSION,
            "reference": self.reference,
            "received_at": self.received_at,
            "files": [item.as_json() for item in self.files],
        }

    @classmethod
    def from_json(cls, value: Json) -> "Statement":
        """Read it; raises SchemaError, IntegrityError."""
        fields = Fields(value, "the receipt's statement", {"v", "reference", "received_at", "files"})
        fields.version(VERSION)
        files = tuple(ReceiptFile.from_json(item) for item in fields.items("files"))
        if not files:
            raise SchemaError("The receipt names no file.")
        return cls(fields.text("reference", REFERENCE), fields.text("received_at", AT), files)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A statement, the ledger's entry that binds it, and the proof that the entry is in the log.

    `entry` and `proof` are bytes as they stand in the ledger; `key` is convenience, not trust.
    """

    statement: Statement
    salt: bytes
    entry: bytes
    proof: bytes
    key: Verifier

    def to_bytes(self) -> bytes:
        """The file: canonical JSON."""
        return canonical.encode(
            {
                "v": VERSION,
                "kind": KIND,
                "statement": self.statement.as_json(),
                "salt": self.salt.hex(),
                "entry": self.entry.decode("utf-8"),
                "proof": self.proof.decode("utf-8"),
                "key": self.key.vkey,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Receipt":
        """Read a file strictly; raises IntegrityError (SchemaError, CanonicalError, ...)."""
        if len(raw) > MAX_RECEIPT:
            raise SchemaError(f"The receipt has more than {MAX_RECEIPT} bytes.")
        names = {"v", "kind", "statement", "salt", "entry", "proof", "key"}
        fields = Fields(canonical.decode(raw), "the receipt", names)
        fields.version(VERSION)
        fields.text("kind", re.compile(KIND))
        found = cls(
            statement=Statement.from_json(fields.object("statement")),
            salt=bytes.fromhex(fields.text("salt", _SALT)),
            entry=fields.text("entry").encode(),
            proof=fields.text("proof").encode(),
            key=_key(fields.text("key")),
        )
        # What is malformed is refused here and nowhere later.
        _ = found.parsed, checkpoint_of(found.inclusion.checkpoint)
        return found

    @property
    def parsed(self) -> Entry:
        """What the entry says."""
        return parse_entry(self.entry)

    @property
    def inclusion(self) -> EntryProof:
        """The entry's way up to a signed root."""
        return EntryProof.from_bytes(self.proof)

    def require_bound(self) -> None:
        """Raise IntegrityError where the entry is not that of this receipt, or binds another statement."""
        entry = self.parsed
        submission, _, kind = entry.event_id.partition(":")
        if (entry.type, kind) != (RECEIPT_EVENT, RECEIPT_EVENT) or entry.case or entry.objects:
            raise IntegrityError(f"The entry is of the type {entry.type} and not that of a receipt.")
        if reference(submission) != self.statement.reference:
            raise IntegrityError("The entry is that of another reference.")
        body = EventBody(entry.event_id, self.salt, canonical.encode(self.statement.as_json()))
        if not body_matches(body, entry.body_hash):
            raise IntegrityError("The entry binds another statement than this: files, times or names differ.")


def event_id(submission: str) -> str:
    """The id of the event of a submission's receipt: there is one."""
    return f"{submission}:{RECEIPT_EVENT}"


def receipt_event(submission: str, statement: Statement, at: str) -> CustodyEvent:
    """The event by which the log binds `statement`; it belongs to no case, so that it tells of none."""
    return CustodyEvent(event_id(submission), RECEIPT_EVENT, at, ACTOR, "", body=statement.as_json())


def assemble(entry: bytes, body: EventBody, proof: EntryProof, key: Verifier) -> Receipt:
    """The receipt of a sequenced event.

    Raises IncompleteError where its body was erased, IntegrityError where its parts do not belong together.
    """
    if body.salt is None or body.body is None:
        raise IncompleteError(f"What the receipt says was erased: the body of {body.event_id}.")
    statement = Statement.from_json(canonical.decode(body.body))
    receipt = Receipt(statement, body.salt, entry, proof.to_bytes(), key)
    receipt.require_bound()
    return receipt


def _key(text: str) -> Verifier:
    try:
        found = Verifier.from_vkey(text)
    except TrustMaterialError as error:
        raise SchemaError(f"The receipt's key is malformed: {error}") from error
    if found.vkey != text:
        raise SchemaError("The receipt's key is not written as keys are.")
    return found
