"""Exhibits and what can become of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from evidence.jsontypes import Json


class ExhibitState(StrEnum):
    """The life of an exhibit; *sealed* is reached before anything is decoded."""

    RECEIVED = "received"
    SEALED = "sealed"
    PROCESSED = "processed"
    PARTIAL = "partial"  # some of it decodes; the working copy is marked so
    UNPLAYABLE = "unplayable"  # nothing decodes
    REFUSED = "refused"  # policy: it is kept, and not opened further
    QUARANTINED = "quarantined"  # its job killed the worker three times, or could not be done

    @property
    def is_final(self) -> bool:
        """Whether no job will change it any more."""
        return self not in (ExhibitState.RECEIVED, ExhibitState.SEALED)


class Source(StrEnum):
    """Who a submission came from; unknown is what a rebuilt catalogue can no longer say."""

    SEIZED = "seized"
    CITIZEN = "citizen"
    BUSINESS = "business"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What a stored object is to its exhibit."""

    ORIGINAL = "original"
    WORKING = "working"  # plays in a browser
    REWRAP = "rewrap"  # the same packets in another container, where the working copy is not
    PREVIEW = "preview"
    KEYFRAME = "keyframe"
    CONTACT_SHEET = "contact-sheet"
    TRACK = "track"  # the fixes of a GPS track inside
    EMBEDDED = "embedded"  # a file that stands in the original, byte for byte: a motion photo's clip
    PROOF = "proof"  # packet hashes of both sides
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Digests:
    """What is known of a run of bytes: length, SHA-256, BLAKE3, and BLAKE3 of each piece.

    `pieces_blake3` has one lower-case hex digest for each `piece_size` bytes, the last piece may be shorter.
    `heads` are BLAKE3 of the first so many bytes, from the fewest up; they stand in no record, and are empty
    where the digests come from one.
    """

    size: int
    sha256: str
    blake3: str
    piece_size: int
    pieces_blake3: tuple[str, ...] = field(repr=False)
    heads: tuple[tuple[int, str], ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a reader of the exhibit should know: a stable code and a sentence."""

    code: str
    text: str

    def as_json(self) -> Json:
        """`{"code": ..., "text": ...}`."""
        return {"code": self.code, "text": self.text}
