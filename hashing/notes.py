"""Signed notes (C2SP signed-note, Ed25519) and the checkpoint they carry (C2SP tlog-checkpoint)."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evidence.errors import IntegrityError, TrustMaterialError, UsageError

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


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """The public half of a note key: its name and 32 bytes of Ed25519 public key.

    `kind` is the byte that says what such a key signs (signed-note, signature types).
    """

    kind: ClassVar[bytes]

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        return sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """`<name>+<key id>+<base64(kind || public key)>`."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(self.kind + self.public)}"

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """Read a vkey; raises TrustMaterialError where it is malformed or of another kind."""
        name, key_id, public = _key_fields(text.strip(), "verifier key", cls.kind)
        verifier = cls(name, public)
        if verifier.key_id.hex() != key_id:
            raise TrustMaterialError(f"The verifier key of {name!r} does not match its own id.")
        return verifier

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature`, all that stands behind the key id, is by this key over a note's `text`."""
        raise NotImplementedError

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) over the very bytes of `message` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Verifier(NoteVerifier):
    """The public half of a log's key."""

    __slots__ = ()
    kind = b"\x01"

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """See NoteVerifier: it is over the text alone."""
        return self.has_signed(text, signature)


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """The private half: name and key. It is never shown."""

    kind: ClassVar[bytes]

    name: str
    _key: Ed25519PrivateKey

    @classmethod
    def generate(cls, name: str) -> Self:
        """A new random key of that name."""
        return cls(check_name(name), Ed25519PrivateKey.generate())

    @classmethod
    def from_skey(cls, text: str) -> Self:
        """Read `PRIVATE+KEY+<name>+<key id>+<base64(kind || seed)>`; raises TrustMaterialError."""
        prefix, rest = text.strip()[:12], text.strip()[12:]
        if prefix != "PRIVATE+KEY+":
            raise TrustMaterialError("The signing key is malformed.")
        name, key_id, seed = _key_fields(rest, "signing key", cls.kind)
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed))
        if signer.verifier.key_id.hex() != key_id:
            raise TrustMaterialError(f"The signing key of {name!r} does not match its own id.")
        return signer

    @property
    def skey(self) -> str:
        """The private key as text: keep it secret."""
        seed = self._key.private_bytes_raw()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{_b64(self.kind + seed)}"

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        raise NotImplementedError

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 signature over `message`."""
        return self._key.sign(message)

    def public_bytes(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()


class Signer(NoteSigner):
    """The private half of a log's key."""

    __slots__ = ()
    kind = Verifier.kind

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.public_bytes())

    def signature_line(self, text: bytes) -> bytes:
        """The line that signs `text`, with its newline."""
        return Signature(self.name, self.verifier.key_id + self.sign(text)).line


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line: the key's name, then four bytes of key id and what the key made of the text."""

    name: str
    blob: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key."""
        return self.blob[:4]

    @property
    def line(self) -> bytes:
        """The line, with its newline."""
        return f"{_PREFIX}{self.name} {_b64(self.blob)}\n".encode()

    def is_of(self, verifier: NoteVerifier) -> bool:
        """Whether the line says to be by this key."""
        return (self.name, self.key_id) == (verifier.name, verifier.key_id)


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
    name, space, encoded = line.removeprefix(_PREFIX).partition(" ")
    blob = _from_b64(encoded)
    if not line.startswith(_PREFIX) or not space or not name or blob is None or len(blob) < 5:
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


def _key_fields(text: str, what: str, kind: bytes) -> tuple[str, str, bytes]:
    """Name, key id and 32 key bytes of an encoded key."""
    parts = text.split("+", 2)  # base64 may hold a + of its own, a name may not
    blob = _from_b64(parts[2]) if len(parts) == 3 else None
    if blob is None or len(blob) != 33 or blob[:1] != kind:
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
