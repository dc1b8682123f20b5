"""The files of an export package beside its payload, and how bodies stand in it (docs/package-format.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evidence.custody import EventBody
from evidence.errors import IncompleteError, IntegrityError
from evidence.jsontypes import Json
from evidence.text import base64_text
from hashing import canonical
from hashing.bag import PAYLOAD_MANIFEST, TAG_MANIFEST, Bag
from hashing.manifest import ObjectRecord, from_base64
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint
from hashing.proof_file import ConsistencyProof
from hashing.publication import authority_id
from hashing.report import Cause, Findings
from hashing.schema import Fields, SchemaError

ENTRIES = "custody/entries.jsonl"
BODIES = "custody/bodies.jsonl"
CHECKPOINT = "custody/checkpoint"
PROOFS = "custody/proofs/"
TIME_STAMPS = "custody/tsa/"
REVOCATION_LISTS = f"{TIME_STAMPS}crl.pem"
WITNESSED = "custody/witness/"
STAMP, STAMPED, EXTENDS, CHAIN = ".tsr", ".checkpoint", ".consistency", ".chain.pem"  # ends of names there
KEYS = "custody/keys/"
SUCCESSION = ".succession"
STREAMS = "streams/"
PEM, VKEY = "log.pub.pem", "log.vkey"
REPORT = "report.pdf"

# What a package holds beside its payload, and nothing else; what lies in the folders has checks of its own.
_FILES = frozenset(
    {
        *("bagit.txt", "bag-info.txt", PAYLOAD_MANIFEST, TAG_MANIFEST),
        *(ENTRIES, BODIES, CHECKPOINT, PEM, VKEY),
        *(REPORT, "VERIFY.txt", "verify.sh", "verify.html"),
    }
)
_FOLDERS = (PROOFS, TIME_STAMPS, WITNESSED, KEYS, STREAMS)

CONTACT = "contact."  # types of events whose bodies hold contact data and nothing else
EXPORT_EVENT = "export.created"
EXPORT_ROLE = "export-manifest"
ORIGINAL = "original"


class BodyState(StrEnum):
    """What a package has of an event's body."""

    INCLUDED = "included"
    ERASED = "erased"  # for good, at the source
    LEFT_OUT = "left-out"  # from this package


@dataclass(frozen=True, slots=True)
class PackagedBody:
    """A line of `bodies.jsonl`: `body` has salt and bytes where its state is `included`."""

    state: BodyState
    body: EventBody

    @classmethod
    def of(cls, body: EventBody, *, is_wanted: bool) -> "PackagedBody":
        """The line of a body as the ledger's store has it."""
        if body.salt is None and body.body is None:
            return cls(BodyState.ERASED, body)
        if not is_wanted:
            return cls(BodyState.LEFT_OUT, EventBody(body.event_id, None, None))
        return cls(BodyState.INCLUDED, body)

    def to_line(self) -> bytes:
        """Canonical JSON and a newline; a body that is not UTF-8, which is damage, goes as base64."""
        raw = self.body.body or b""
        try:
            encoding, text = "text", raw.decode("utf-8")
        except UnicodeDecodeError:
            encoding, text = "base64", base64_text(raw)
        line = {
            "event_id": self.body.event_id,
            "state": self.state.value,
            "salt": (self.body.salt or b"").hex(),
            "encoding": encoding,
            "body": text,
        }
        return canonical.encode(dict[str, Json](line)) + b"\n"

    @classmethod
    def from_line(cls, raw: bytes) -> "PackagedBody":
        """Read a line, without its newline; raises CanonicalError or SchemaError."""
        names = {"event_id", "state", "salt", "encoding", "body"}
        fields = Fields(canonical.decode(raw), "a line of bodies.jsonl", names)
        event_id, text, encoding = fields.text("event_id"), fields.text("body"), fields.text("encoding")
        try:
            state, salt = BodyState(fields.text("state")), bytes.fromhex(fields.text("salt"))
        except ValueError as error:
            raise SchemaError(f"A line of bodies.jsonl is malformed: {error}.") from error
        if encoding not in ("text", "base64"):
            raise SchemaError(f"A line of bodies.jsonl has the encoding {encoding!r}.")
        if state is not BodyState.INCLUDED:
            if salt or text:
                raise SchemaError("A line of bodies.jsonl has a body that it says is not there.")
            return cls(state, EventBody(event_id, None, None))
        body = text.encode() if encoding == "text" else from_base64(text, "body of a line of bodies.jsonl")
        found = cls(state, EventBody(event_id, salt, body))
        if found.to_line() != raw + b"\n":  # another spelling of the salt, base64 of what is text
            raise SchemaError("A line of bodies.jsonl is not in its one form.")
        return found


def may_stand(path: str) -> bool:
    """Whether a package can have a file of this path beside its payload."""
    folder, _, name = path.rpartition("/")
    return path in _FILES or (f"{folder}/" in _FOLDERS and bool(name))


def proof_path(case_seq: int) -> str:
    """Where the proof of a case's entry number `case_seq` stands."""
    return f"{PROOFS}{case_seq}.tlog-proof"


def stamp_name(size: int, authority: str) -> str:
    """What the files of a stamp by `authority` (its URL) are called, without folder and suffix."""
    return f"{size}-{authority_id(authority)}"


def earlier_note(bag: Bag, folder: str, size: int, checkpoint: Checkpoint, verifier: Verifier) -> bytes:
    """The note over `size` entries in `folder`, once it is of this log and `checkpoint` extends its tree.

    Raises IncompleteError where it or its proof is missing, NoteError, ProofError.
    """
    note, proof = bag.read(f"{folder}{size}{STAMPED}"), bag.read(f"{folder}{size}{EXTENDS}")
    if note is None or proof is None:
        raise IncompleteError(f"The checkpoint over {size} entries, or its proof, is missing.")
    earlier = open_checkpoint(note, verifier)
    if earlier.size != size:
        raise NoteError(f"The checkpoint named for {size} entries is over {earlier.size}.")
    ConsistencyProof.from_bytes(proof).verify(earlier, checkpoint)
    return note


def framehash_name(name: str) -> str:
    """What a package calls the proof that the store calls `working.mp4.proof.txt`."""
    return f"{name.removesuffix('.proof.txt')}.framehash"


def record_in(value: Json) -> ObjectRecord | None:
    """The record of a stored object, as the body of `object.stored` lists it; None where it is none."""
    try:
        return ObjectRecord.from_bytes(canonical.encode(value))
    except IntegrityError:
        return None


def lines_of(raw: bytes, path: str, findings: Findings) -> Sequence[bytes]:
    """The lines of the file at `path`, each without its newline; a last one that has none is noted."""
    lines = raw.split(b"\n")
    if lines.pop():
        findings.defect(Cause.INTEGRITY, path, "Its last line does not end.")
        return raw.split(b"\n")
    return lines
