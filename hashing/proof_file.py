"""Proofs in files: that an entry is in the log (C2SP tlog-proof), and that one tree begins with another."""

import base64
import binascii
import re
from dataclasses import dataclass

from evidence.errors import IntegrityError
from hashing.merkle import HASH_SIZE, leaf_hash, verify_consistency, verify_inclusion
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, open_checkpoint

_MAGIC = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})", re.ASCII)
_OLD = re.compile(r"old ([1-9][0-9]{0,15})", re.ASCII)
MOST_HASHES = 63  # of any proof
_LONGEST = 128 * 1024  # of a file: 63 hashes and the longest note are less


class ProofError(IntegrityError):
    """A proof is malformed, or does not show what it is asked for."""


@dataclass(frozen=True, slots=True)
class EntryProof:
    """The way from entry `index` up to the root that the signed note `checkpoint` states."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def to_bytes(self) -> bytes:
        """The file."""
        lines = [_MAGIC, f"index {self.index}", *map(hash_line, self.hashes)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint

    @classmethod
    def from_bytes(cls, raw: bytes) -> "EntryProof":
        """Read a file; a line of extra data is passed over, since nothing vouches for it.

        Raises ProofError; what follows the empty line is the note, as it stands.
        """
        head, separator, checkpoint = raw[:_LONGEST].partition(b"\n\n")
        if len(raw) > _LONGEST or not separator:
            raise ProofError("The proof is too long, or has no checkpoint.")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ProofError("The proof is not plain ASCII.") from None
        if lines[:1] != [_MAGIC]:
            raise ProofError(f"The proof does not begin with {_MAGIC}.")
        rest = lines[2:] if lines[1:2] and lines[1].startswith("extra ") else lines[1:]
        found = _INDEX.fullmatch(rest[0]) if rest else None
        if found is None:
            raise ProofError("The proof names no index.")
        if len(rest) - 1 > MOST_HASHES:
            raise ProofError(f"The proof has more than {MOST_HASHES} hashes.")
        return cls(int(found[1]), tuple(parse_hash(line) for line in rest[1:]), checkpoint)

    def verify(self, entry: bytes, verifier: Verifier) -> Checkpoint:
        """The checkpoint under which `entry` is shown to be in the log; raises NoteError, ProofError."""
        checkpoint = open_checkpoint(self.checkpoint, verifier)
        if not verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, self.hashes, checkpoint.root):
            raise ProofError(
                f"The proof does not show that these bytes are entry {self.index} of {checkpoint.size}."
            )
        return checkpoint


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The hashes that show the tree of `old_size` entries to be the beginning of a larger one (RFC 9162)."""

    old_size: int
    hashes: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The file: `old <size>`, then each hash in base64, a line each."""
        lines = [f"old {self.old_size}", *map(hash_line, self.hashes)]
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ConsistencyProof":
        """Read a file; raises ProofError."""
        try:
            first, *rest = raw[: _LONGEST + 1].decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise ProofError("The proof is not plain ASCII.") from None
        found = _OLD.fullmatch(first)
        if found is None:
            raise ProofError("The proof does not name the size of the old tree.")
        if rest[-1:] != [""] or len(rest) - 1 > MOST_HASHES:
            raise ProofError(f"The proof is cut short, or has more than {MOST_HASHES} hashes.")
        return cls(int(found[1]), tuple(map(parse_hash, rest[:-1])))

    def verify(self, old: Checkpoint, new: Checkpoint) -> None:
        """Raise ProofError where it does not show that the tree of `new` begins with that of `old`."""
        if self.old_size != old.size or not verify_consistency(
            old.size, old.root, new.size, new.root, self.hashes
        ):
            raise ProofError(
                f"The proof does not show that the tree of {new.size} entries begins with that of {old.size}."
            )


def hash_line(value: bytes) -> str:
    """A hash as a line of a proof holds it, without the newline."""
    return base64.b64encode(value).decode()


def parse_hash(line: str) -> bytes:
    """The hash that a line of a proof holds; raises ProofError."""
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != HASH_SIZE or hash_line(raw) != line:
        raise ProofError("A line of the proof is not 32 bytes in base64.")
    return raw
