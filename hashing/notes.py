"""Signed notes (C2SP signed-note, Ed25519) and the checkpoint they carry (C2SP tlog-checkpoint)."""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evidence.errors import IntegrityError, TrustMaterialError, UsageError

_ED25519 = b"\x01"
_MAX_NOTE = 64 * 1024
_MAX_SIGNATURES = 64
_PREFIX = "\N{EM DASH} "
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")


class NoteError(IntegrityError):
    """A note is malformed, or no signature on it is by the key it was checked with."""


def check_name(name: str) -> str:
    """`name` where it can name a key and a log: at most 255 bytes, no `+`, white space or controls."""
    if (
        not 1 <= len(name.encode()) <= 255
        or "+" in name
        or any(c.isspace() or unicodedata.category(c)[0] == "C" for c in name)
    ):
        raise UsageError(
            f"{name!r} cannot name a log.",
            advice="Use a name like an address, as example.org/log, without +.",
        )
    return name


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half of a note key: its name and 32 bytes of Ed25519 public key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return _key_id(self.name, self.public)

    @property
    def vkey(self) -> str:
        """`<name>+<key id>+<base64(01 || public key)>`."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public)}"

    @classmethod
    def from_vkey(cls, text: str) -> "Verifier":
        """Read a vkey; raises TrustMaterialError where it is malformed."""
        name, key_id, public = _key_fields(text.strip(), "verifier key")
        verifier = cls(name, public)
        if verifier.key_id.hex() != key_id:
            raise TrustMaterialError(f"The verifier key of {name!r} does not match its own id.")
        return verifier

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) over `text` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """The private half: name and key. It is never shown."""

    name: str
    _key: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str) -> "Signer":
        """A new random key of that name."""
        return cls(check_name(name), Ed25519PrivateKey.generate())

    @classmethod
    def from_skey(cls, text: str) -> "Signer":
        """Read `PRIVATE+KEY+<name>+<key id>+<base64(01 || seed)>`; raises TrustMaterialError."""
        prefix, rest = text.strip()[:12], text.strip()[12:]
        if prefix != "PRIVATE+KEY+":
            raise TrustMaterialError("The signing key is malformed.")
        name, key_id, seed = _key_fields(rest, "signing key")
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if signer.verifier.key_id.hex() != key_id:
            raise TrustMaterialError(f"The signing key of {name!r} does not match its own id.")
        return signer

    @property
    def skey(self) -> str:
        """The private key as text: keep it secret."""
        seed = self._key.private_bytes_raw()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{_b64(_ED25519 + seed)}"

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self._key.public_key().public_bytes_raw())

    def signature_line(self, text: bytes) -> bytes:
        """The line that signs `text`, with its newline."""
        blob = self.verifier.key_id + self._key.sign(text)
        return f"{_PREFIX}{self.name} {_b64(blob)}\n".encode()


def sign_note(text: bytes, signers: Sequence[Signer]) -> bytes:
    """`text`, an empty line, and a signature line for each signer; `text` ends in a newline."""
    _check_text(text)
    return text + b"\n" + b"".join(signer.signature_line(text) for signer in signers)


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> bytes:
    """The text of a note that one of `verifiers` signed.

    Lines by unknown keys are ignored; a wrong signature under a known key's name fails the whole note.
    Raises NoteError.
    """
    text, lines = _split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    verified = False
    for name, blob in lines:
        verifier = known.get((name, blob[:4]))
        if verifier is None:
            continue
        if not verifier.accepts(text, blob[4:]):
            raise NoteError(f"The signature of {name!r} is not over this text.")
        verified = True
    if not verified:
        names = ", ".join(repr(verifier.name) for verifier in verifiers) or "any known key"
        raise NoteError(f"The note carries no signature by {names}.")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its origin, the number of entries, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> bytes:
        """`<origin>\\n<size>\\n<base64 root>\\n`."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n".encode()

    @classmethod
    def from_text(cls, text: bytes) -> "Checkpoint":
        """Read a checkpoint body; lines after the third are extensions, which are signed but not read."""
        lines = _check_text(text).split("\n")[:-1]
        if len(lines) < 3 or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise NoteError("The checkpoint is malformed.")
        root = _from_b64(lines[2])
        if root is None or len(root) != 32:
            raise NoteError("The checkpoint's root is not 32 bytes in base64.")
        return cls(lines[0], int(lines[1]), root)


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """The checkpoint as a signed note."""
    return sign_note(checkpoint.to_text(), signers)


def open_checkpoint(note: bytes, *verifiers: Verifier) -> Checkpoint:
    """The checkpoint in a note signed by one of `verifiers`, each of which must name its origin."""
    checkpoint = Checkpoint.from_text(open_note(note, verifiers))
    if checkpoint.origin not in {verifier.name for verifier in verifiers}:
        raise NoteError(f"The checkpoint is of another log, {checkpoint.origin!r}.")
    return checkpoint


def checkpoint_of(note: bytes) -> Checkpoint:
    """The checkpoint in a note whose signatures are not looked at; raises NoteError."""
    return Checkpoint.from_text(_split_note(note)[0])


def signature_lines(note: bytes) -> int:
    """How many signature lines a note has, by whomever; raises NoteError."""
    return len(_split_note(note)[1])


def _split_note(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
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


def _signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_PREFIX).partition(" ")
    blob = _from_b64(encoded)
    if not line.startswith(_PREFIX) or not space or not name or blob is None or len(blob) < 5:
        raise NoteError("A signature line of the note is malformed.")
    return name, blob


def _check_text(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError(f"The note is not UTF-8: {error}.") from error
    if not decoded.endswith("\n") or any(char < " " and char != "\n" for char in decoded):
        raise NoteError("The note's text has control characters or no newline at its end.")
    return decoded


def _key_fields(text: str, what: str) -> tuple[str, str, bytes]:
    """Name, key id and 32 key bytes of an encoded key."""
    parts = text.split("+", 2)  # base64 may hold a + of its own, a name may not
    blob = _from_b64(parts[2]) if len(parts) == 3 else None
    if blob is None or len(blob) != 33 or blob[:1] != _ED25519:
        raise TrustMaterialError(
            f"The {what} is malformed.", advice="It is one line; restore it from a backup."
        )
    return parts[0], parts[1], blob[1:]


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _from_b64(text: str) -> bytes | None:
    """The bytes, or None where `text` is not their one standard encoding."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _b64(raw) == text else None
