"""Signing keys on disk: a private key that is created once, and its public half beside it."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from evidence.errors import ConflictError, TrustMaterialError
from evidence.files import create_file
from hashing.cosignatures import Cosigner
from hashing.note_keys import NoteVerifier, Signer, Verifier
from hashing.notes import NoteError, checkpoint_of
from hashing.succession import follow


def verifier_path(path: Path) -> Path:
    """Where the public half of the key at `path` lies: `ledger.vkey` beside `ledger.skey`."""
    return path.with_suffix(".vkey")


def succession_path(path: Path, size: int) -> Path:
    """Where the note lies by which another key followed that of `path` after the tree of `size` entries."""
    return path.with_name(f"{path.stem}-{size}.succession")


def create_key(path: Path, origin: str) -> Signer:
    """Make the key of the log `origin`, durably, readable by its owner alone, with its vkey beside it.

    Raises ConflictError where either half exists: what was signed would no longer verify with a new key.
    """
    signer = Signer.generate(origin)
    _create_pair(path, signer)
    return signer


def create_witness_key(path: Path, name: str) -> Cosigner:
    """Make the key of the witness `name`, as `create_key` does."""
    cosigner = Cosigner.generate(name)
    _create_pair(path, cosigner)
    return cosigner


def load_cosigner(path: Path) -> Cosigner:
    """The witness's key at `path`; raises TrustMaterialError where it is absent or damaged."""
    return Cosigner.from_skey(_read(path, "witness's signing key"))


def load_signer(path: Path) -> Signer:
    """The key at `path`; writes the vkey beside it where a crash kept that from being made.

    Raises TrustMaterialError where the key is absent, damaged, or not that of the vkey.
    """
    signer = Signer.from_skey(_read(path, "ledger's signing key"))
    if not verifier_path(path).exists():
        _publish(signer.verifier, path)
    if load_verifier(path) != signer.verifier:
        raise TrustMaterialError(
            f"{path} and {verifier_path(path)} are not two halves of one key.",
            advice="Restore both from the same backup.",
        )
    return signer


def load_verifier(path: Path) -> Verifier:
    """The public half of the key at `path` (a .skey or .vkey), with the keys before it.

    It is the newest that the successions beside it lead to. Raises TrustMaterialError.
    """
    # In this order: a rotation that goes on meanwhile has put the succession there before the next key.
    key = Verifier.from_vkey(_read(verifier_path(path), "ledger's verifier key"))
    notes = [item.read_bytes() for item in sorted(path.parent.glob(f"{path.stem}-*.succession"))]
    try:
        return follow(key, notes)
    except NoteError as error:
        raise TrustMaterialError(
            f"The keys in {path.parent} do not belong together: {error}",
            advice="Restore the folder from a backup; successions are published as ledger/key/<size>, too.",
        ) from error


def _create_pair(path: Path, signer: Signer | Cosigner) -> None:
    if verifier_path(path).exists() and not path.exists():
        raise ConflictError(
            f"{path} is missing, but {verifier_path(path)} is there.", advice="Restore the key."
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        create_file(path, f"{signer.skey}\n".encode(), 0o600)
    except FileExistsError:
        raise ConflictError(f"There is a key at {path} already.", advice="Use that one.") from None
    _publish(signer.verifier, path)


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
            f"The {what} {path} could not be read: {error}.", advice="Restore it from a backup."
        ) from error


def _publish(verifier: NoteVerifier, path: Path) -> None:
    try:
        create_file(verifier_path(path), f"{verifier.vkey}\n".encode())
    except FileExistsError:
        return  # another process was first; load_signer compares
