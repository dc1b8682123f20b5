"""The ledger's key on disk: a private key that is created once, and its public half beside it."""

import os
import secrets
from pathlib import Path

from evidence.errors import ConflictError, TrustMaterialError
from hashing.notes import Signer, Verifier


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
