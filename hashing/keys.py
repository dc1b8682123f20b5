"""Signing keys on disk: a private key that is created once, and its public half beside it."""

from pathlib import Path

from evidence.errors import ConflictError, TrustMaterialError
from evidence.files import create_file
from hashing.cosignatures import Cosigner
from hashing.notes import NoteVerifier, Signer, Verifier


def verifier_path(path: Path) -> Path:
    """Where the public half of the key at `path` lies: `ledger.vkey` beside `ledger.skey`."""
    return path.with_suffix(".vkey")


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
    """The public half of the key at `path` (a .skey or .vkey); raises TrustMaterialError."""
    return Verifier.from_vkey(_read(verifier_path(path), "ledger's verifier key"))


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
