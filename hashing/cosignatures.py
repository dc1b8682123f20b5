"""Cosignatures of checkpoints by witnesses (C2SP tlog-cosignature, Ed25519, cosignature/v1)."""

from datetime import UTC, datetime

from evidence.errors import TrustMaterialError
from hashing.note_keys import NoteSigner, NoteVerifier, Signature

_TIME = 8  # bytes of the time, seconds since 1970, the most significant first
_LATEST = 253_402_300_799  # the end of the year 9999: a verifier may refuse what is in the future


def _message(text: bytes, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n".encode() + text


class CosignatureVerifier(NoteVerifier):
    """The public half of a witness's key: it says that a checkpoint extends those that it saw before."""

    __slots__ = ()
    kind = b"\x04"

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """See NoteVerifier: eight bytes of time, then a signature over that time and the text."""
        seconds = int.from_bytes(signature[:_TIME], "big")
        return 0 < seconds <= _LATEST and self.has_signed(_message(text, seconds), signature[_TIME:])


class Cosigner(NoteSigner):
    """The private half of a witness's key."""

    __slots__ = ()
    kind = CosignatureVerifier.kind

    @property
    def verifier(self) -> CosignatureVerifier:
        """The public half."""
        return CosignatureVerifier(self.name, self.public_bytes())

    def signature(self, text: bytes, seconds: int) -> Signature:
        """The cosignature of the checkpoint `text`, made `seconds` after 1970."""
        blob = seconds.to_bytes(_TIME, "big") + self.sign(_message(text, seconds))
        return Signature(self.name, self.verifier.key_id + blob)


def cosigned_at(signature: Signature) -> datetime:
    """When a verified cosignature says that it was made."""
    return datetime.fromtimestamp(int.from_bytes(signature.blob[4 : 4 + _TIME], "big"), UTC)


def parse_witness_keys(text: str, what: str) -> tuple[CosignatureVerifier, ...]:
    """The vkeys of witnesses in `text`, one a line; raises TrustMaterialError, which calls it `what`."""
    try:
        keys = tuple(CosignatureVerifier.from_vkey(line) for line in text.splitlines() if line.strip())
    except TrustMaterialError as error:
        raise TrustMaterialError(
            f"{what} is no key of a witness: {error.what}", advice="Give the vkey that its keeper hands out."
        ) from error
    if not keys:
        raise TrustMaterialError(f"{what} holds no key of a witness.")
    return keys
