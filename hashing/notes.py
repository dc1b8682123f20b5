"""Signed notes (C2SP signed-note, Ed25519) and the checkpoint they carry (C2SP tlog-checkpoint)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evidence.errors import IntegrityError
from hashing.note_keys import LINE_PREFIX, NoteVerifier, Signature, Signer, Verifier, b64, from_b64

_MAX_NOTE = 64 * 1024
_MAX_SIGNATURES = 64
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class NoteError(IntegrityError):
    """A note is malformed, or no signature on it is by the key it was checked with."""


class TurnError(NoteError):
    """A checkpoint is signed by a key of the log, but not by the one whose turn it was at that size."""


def sign_note(text: bytes, signers: Sequence[Signer]) -> bytes:
    """`text`, an empty line, and a signature line for each signer; `text` ends in a newline."""
    _check_text(text)
    return text + b"\n" + b"".join(signer.signature_line(text) for signer in signers)


def with_lines(note: bytes, lines: Sequence[bytes]) -> bytes:
    """The note, to the byte, with more signature lines behind it; raises NoteError where it is none then."""
    longer = note + b"".join(lines)
    if split_note(longer)[0] != split_note(note)[0]:
        raise NoteError("What is added to the note is no signature line.")
    return longer


def open_note(note: bytes, verifiers: Sequence[NoteVerifier]) -> bytes:
    """The text of a note that one of `verifiers` signed.

    Lines by unknown keys are ignored; a wrong signature under a known key's name fails the whole note.
    Raises NoteError.
    """
    text, signatures = split_note(note)
    if not verified(text, signatures, verifiers):
        names = ", ".join(repr(verifier.name) for verifier in verifiers) or "any known key"
        raise NoteError(f"The note carries no signature by {names}.")
    return text


def verified(
    text: bytes, signatures: Sequence[Signature], verifiers: Sequence[NoteVerifier]
) -> dict[NoteVerifier, Signature]:
    """The signatures that are by one of `verifiers`, one for each key.

    Raises NoteError where a line under a key's name and id is not by that key.
    """
    found: dict[NoteVerifier, Signature] = {}
    for signature in signatures:
        for verifier in verifiers:
            if not signature.is_of(verifier):
                continue
            if not verifier.accepts(text, signature.blob[4:]):
                raise NoteError(f"The signature of {signature.name!r} is not over this text.")
            found[verifier] = signature
    return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its origin, the number of entries, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> bytes:
        """`<origin>\\n<size>\\n<base64 root>\\n`."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n".encode()

    @classmethod
    def from_text(cls, text: bytes) -> "Checkpoint":
        """Read a checkpoint body; lines after the third are extensions, which are signed but not read."""
        lines = _check_text(text).split("\n")[:-1]
        if len(lines) < 3 or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise NoteError("The checkpoint is malformed.")
        root = from_b64(lines[2])
        if root is None or len(root) != 32:
            raise NoteError("The checkpoint's root is not 32 bytes in base64.")
        return cls(lines[0], int(lines[1]), root)


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """The checkpoint as a signed note."""
    return sign_note(checkpoint.to_text(), signers)


def open_checkpoint(note: bytes, verifier: Verifier) -> Checkpoint:
    """The checkpoint of the log in a note, signed by the one of its keys whose turn it was at that size.

    Raises NoteError: by no such key, of another log, by a former key beyond its last size.
    """
    text, signatures = split_note(note)
    found = verified(text, signatures, verifier.keys)
    if not found:
        raise NoteError(f"The note carries no signature by {verifier.name!r}.")
    checkpoint = Checkpoint.from_text(text)
    if checkpoint.origin != verifier.name:
        raise NoteError(f"The checkpoint is of another log, {checkpoint.origin!r}.")
    _require_turn(checkpoint, verifier, found)
    return checkpoint


def _require_turn(checkpoint: Checkpoint, verifier: Verifier, found: Collection[NoteVerifier]) -> None:
    turn = verifier.signing(checkpoint.size)
    if turn not in found:
        by = ", ".join(key.key_id.hex() for key in found)
        raise TurnError(
            f"Key {by} has signed a tree of {checkpoint.size} entries, where only key {turn.key_id.hex()}"
            f" may: {_turns(verifier)}."
        )
    for former in verifier.former:
        if former.size == checkpoint.size and former.root != checkpoint.root:
            raise TurnError(
                f"It is another tree of {former.size} entries than the last one that key"
                f" {former.key.key_id.hex()} signed before the next key followed."
            )


def _turns(verifier: Verifier) -> str:
    ends = [f"{former.key.key_id.hex()} up to {former.size} entries" for former in verifier.former]
    return ", ".join([*ends, f"then {verifier.key_id.hex()}"])


def checkpoint_of(note: bytes) -> Checkpoint:
    """The checkpoint in a note whose signatures are not looked at; raises NoteError."""
    return Checkpoint.from_text(split_note(note)[0])


def signature_lines(note: bytes) -> int:
    """How many signature lines a note has, by whomever; raises NoteError."""
    return len(split_note(note)[1])


def split_note(note: bytes) -> tuple[bytes, list[Signature]]:
    """A note's text and its signature lines, none of which is verified; raises NoteError."""
    if len(note) > _MAX_NOTE:
        raise NoteError(f"The note is longer than {_MAX_NOTE} bytes.")
    text, separator, signatures = note.rpartition(b"\n\n")
    if not separator or not signatures.endswith(b"\n"):
        raise NoteError("The note has no signatures.")
    text += b"\n"
    _check_text(text)
    lines = _check_text(signatures).split("\n")[:-1]
    if len(lines) > _MAX_SIGNATURES:
        raise NoteError(f"The note has more than {_MAX_SIGNATURES} signatures.")
    return text, [_signature(line) for line in lines]


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(LINE_PREFIX).partition(" ")
    blob = from_b64(encoded)
    if not line.startswith(LINE_PREFIX) or not space or not name or blob is None or len(blob) < 5:
        raise NoteError("A signature line of the note is malformed.")
    return Signature(name, blob)


def _check_text(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError(f"The note is not UTF-8: {error}.") from error
    if not decoded.endswith("\n") or any(char < " " and char != "\n" for char in decoded):
        raise NoteError("The note's text has control characters or no newline at its end.")
    return decoded
