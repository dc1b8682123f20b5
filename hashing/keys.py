"""The ledger's key on disk: a private key that is created once, and its public half beside it."""

import os
import secrets
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from evidence.errors import ConflictError, TrustMaterialError
from hashing.notes import NoteError, Signer, Verifier, checkpoint_of


def verifier_path(path: Path) -> Path:
    """Where the public half of the key at `path` lies: `ledger.vkey` beside `ledger.skey`."""
    return path.with_suffix(".vkey")


def create_key(path: Path, origin: str) -> Signer:
    """Make the key of the log `origin`, durably, readable by its owner alone, with its vkey beside it.

    Raises ConflictError where either half exists: what was signed would no longer verify with a new key.
    """
    signer = Signer.generate(origin)
    if verifier_path(path).exists() and not path.exists():
        raise ConflictError(
            f"{path} is missing, but {verifier_path(path)} is there.", advice="Restore the key."
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _create(path, signer.skey + "\n", 0o600)
    except FileExistsError:
        raise ConflictError(f"There is a ledger key at {path} already.", advice="Use that one.") from None
    _publish(signer.verifier, path)
    return signer


def load_signer(path: Path) -> Signer:
    """The key at `path`; writes the vkey beside it where a crash kept that from being made.

    Raises TrustMaterialError where the key is absent, damaged, or not that of the vkey.
    """
    signer = Signer.from_skey(_read(path, "signing key"))
    if not verifier_path(path).exists():
        _publish(signer.verifier, path)
    if load_verifier(path) != signer.verifier:
        raise TrustMaterialError(
            f"{path} and {verifier_path(path)} are not two halves of one key.",
            advice="Restore both from the same backup.",
        )
    return signer


def load_verifier(path: Path) -> Verifier:
    """The public half of the key at `path` (a .skey or .vkey); raises TrustMaterialError."""
    return Verifier.from_vkey(_read(verifier_path(path), "verifier key"))


def public_pem(verifier: Verifier) -> bytes:
    """The public key as PEM (RFC 8410), for openssl; it has no name."""
    key = Ed25519PublicKey.from_public_bytes(verifier.public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(verifier: Verifier) -> str:
    """SHA-256 of the public key in DER: `openssl pkey -pubin -in FILE -outform DER | sha256sum`."""
    key = Ed25519PublicKey.from_public_bytes(verifier.public)
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def parse_public(raw: bytes, what: str) -> Verifier:
    """A public key as a vkey or as PEM; one of PEM has an empty name. Raises TrustMaterialError."""
    if not raw.lstrip().startswith(b"-----BEGIN"):
        try:
            return Verifier.from_vkey(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise TrustMaterialError(f"{what} holds no key.") from None
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustMaterialError(f"{what} holds no public key that can be read: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise TrustMaterialError(f"{what} does not hold an Ed25519 key.")
    return Verifier("", key.public_bytes_raw())


def named_for(verifier: Verifier, note: bytes | None) -> Verifier:
    """The key under the name of the log in `note` where it has none of its own: PEM has no place for one."""
    if verifier.name or note is None:
        return verifier
    try:
        return replace(verifier, name=checkpoint_of(note).origin)
    except NoteError:  # the check of the signature tells it
        return verifier


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustMaterialError(
            f"The ledger's {what} {path} could not be read: {error}.", advice="Restore it from a backup."
        ) from error


def _publish(verifier: Verifier, path: Path) -> None:
    try:
        _create(verifier_path(path), verifier.vkey + "\n", 0o644)
    except FileExistsError:
        return  # another process was first; load_signer compares


def _create(path: Path, text: str, mode: int) -> None:
    """Create `path` whole and durable, or raise FileExistsError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # refuses to overwrite
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
