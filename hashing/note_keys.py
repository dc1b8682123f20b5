"""Keys of signed notes (C2SP signed-note, Ed25519): the two halves, as text, and the lines that they sign."""

import base64
import binascii
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evidence.errors import TrustMaterialError, UsageError

LINE_PREFIX = "\N{EM DASH} "


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
        return f"{self.name}+{self.key_id.hex()}+{b64(self.kind + self.public)}"

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


@dataclass(frozen=True, slots=True)
class Verifier(NoteVerifier):
    """The public half of a log's key; `former` are the log's keys before it, the first one first.

    Two are equal where the key is, whatever is known of those before it.
    """

    kind = b"\x01"

    former: tuple["FormerKey", ...] = field(default=(), compare=False, repr=False)

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """See NoteVerifier: it is over the text alone."""
        return self.has_signed(text, signature)

    @property
    def keys(self) -> tuple["Verifier", ...]:
        """All keys of the log that are known, this one last."""
        return (*(earlier.key for earlier in self.former), self)

    def signing(self, size: int) -> "Verifier":
        """The one key of the log that signs the tree of `size` entries."""
        return next((earlier.key for earlier in self.former if size <= earlier.size), self)


@dataclass(frozen=True, slots=True)
class FormerKey:
    """A key that was followed by another: the tree of `size` entries under `root` is the last that it signed.

    `note` is the succession, signed by both keys, that says so (hashing.succession).
    """

    key: Verifier
    size: int
    root: bytes
    note: bytes


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
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{b64(self.kind + seed)}"

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
        return f"{LINE_PREFIX}{self.name} {b64(self.blob)}\n".encode()

    def is_of(self, verifier: NoteVerifier) -> bool:
        """Whether the line says to be by this key."""
        return (self.name, self.key_id) == (verifier.name, verifier.key_id)


def _key_fields(text: str, what: str, kind: bytes) -> tuple[str, str, bytes]:
    """Name, key id and 32 key bytes of an encoded key."""
    parts = text.split("+", 2)  # base64 may hold a + of its own, a name may not
    blob = from_b64(parts[2]) if len(parts) == 3 else None
    if blob is None or len(blob) != 33 or blob[:1] != kind:
        raise TrustMaterialError(
            f"The {what} is malformed.",
            advice="It is one line, name+id+key: have it sent anew, or restore it from a backup.",
        )
    return parts[0], parts[1], blob[1:]


def b64(raw: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(raw).decode("ascii")


def from_b64(text: str) -> bytes | None:
    """The bytes, or None where `text` is not their one standard encoding."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if b64(raw) == text else None
