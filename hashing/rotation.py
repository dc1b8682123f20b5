"""Rotation of a log's key on disk, in steps each of which can be the last before a crash.

What stands beside `ledger.skey`: `ledger.rotation`, as long as one is begun and not ended, holds the next
key; `ledger-<size>.succession` is the note by which that one follows, made once. From that note on the old
key signs nothing more, whatever else was done. Only the holder of worker.lock goes on with a rotation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import IntegrityError, TrustMaterialError
from evidence.files import create_file, fsync_folder, replace_file
from evidence.jsontypes import JsonObject
from hashing import canonical
from hashing.keys import load_signer, load_verifier, succession_path, verifier_path
from hashing.note_keys import FormerKey, Signer
from hashing.notes import Checkpoint
from hashing.schema import Fields
from hashing.succession import sign_succession


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that was begun: the next key, and who wanted it (a pseudonym), why, and when."""

    signer: Signer
    reason: str
    actor: str
    at: str


def begin_rotation(path: Path, rotation: Rotation) -> bool:
    """Ask for a rotation of the key at `path`; False where one is begun already: that one goes on."""
    value: JsonObject = {
        "v": 1,
        "skey": rotation.signer.skey,
        "reason": rotation.reason,
        "actor": rotation.actor,
        "at": rotation.at,
    }
    try:
        create_file(_begun_path(path), canonical.encode(value), 0o600)
    except FileExistsError:
        return False
    return True


def begun_rotation(path: Path) -> Rotation | None:
    """The rotation that was begun and not ended; raises TrustMaterialError where its file is damaged."""
    try:
        raw = _begun_path(path).read_bytes()
    except FileNotFoundError:
        return None
    try:
        fields = Fields(canonical.decode(raw), "the rotation", {"v", "skey", "reason", "actor", "at"})
        fields.version()
        signer = Signer.from_skey(fields.text("skey"))
        return Rotation(signer, fields.text("reason"), fields.text("actor"), fields.text("at"))
    except IntegrityError as error:
        raise TrustMaterialError(
            f"{_begun_path(path)} is damaged: {error}",
            advice="Where there is no succession by its key beside it, delete it and rotate again.",
        ) from error


def hand_over(path: Path, rotation: Rotation, last: Callable[[], Checkpoint]) -> FormerKey | None:
    """Put the next key in the place of the one at `path`, which is then gone; again after a crash.

    `last` gives the newest checkpoint that the log has signed. None, and nothing done, where no entry has
    come since the last rotation: the next key would follow at the same size. Raises as `load_signer` and
    `last` do.
    """
    verifier = load_verifier(path)
    if verifier != rotation.signer.verifier:
        old, newest = load_signer(path), last()
        if newest.size <= max((former.size for former in verifier.former), default=0):
            return None
        create_file(succession_path(path, newest.size), sign_succession(old, rotation.signer, newest))
        verifier = load_verifier(path)
    # The public half first: where the secret one is still the old, no more is signed until this is run again.
    replace_file(verifier_path(path), f"{rotation.signer.verifier.vkey}\n".encode())
    replace_file(path, f"{rotation.signer.skey}\n".encode(), 0o600)
    return verifier.former[-1]


def end_rotation(path: Path) -> None:
    """Forget that a rotation was begun, and what a crash left of files on their way: they may hold a key."""
    for draft in path.parent.glob(f".{path.stem}[.-]*"):
        draft.unlink(missing_ok=True)
    _begun_path(path).unlink(missing_ok=True)
    fsync_folder(path.parent)


def _begun_path(path: Path) -> Path:
    return path.with_suffix(".rotation")
