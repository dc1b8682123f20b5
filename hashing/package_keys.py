"""The keys of a package's log: who vouches for whom, by the successions that came with it (custody/keys/)."""

import re
from collections.abc import Sequence

from evidence.errors import IntegrityError
from hashing.bag import Bag
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError
from hashing.package_files import EXTENDS, KEYS, SUCCESSION
from hashing.proof_file import ConsistencyProof
from hashing.report import Cause, Findings
from hashing.succession import Succession, follow

_FILE = re.compile(rf"{KEYS}([1-9][0-9]{{0,15}})({re.escape(SUCCESSION)}|{re.escape(EXTENDS)})", re.ASCII)


def log_keys(bag: Bag, key: Verifier, given: Sequence[bytes], findings: Findings) -> Verifier | None:
    """The newest key of the log that the successions in the package, and those `given`, lead to from `key`.

    None where they do not belong together; that, and files that are none, are noted in `findings`.
    """
    notes = []
    for path in bag.below(KEYS):
        named = _FILE.fullmatch(path)
        if named is None:
            findings.defect(Cause.INTEGRITY, path, "By its name it is no file of a succession.")
        elif named[2] == SUCCESSION:
            notes.append(bag.read(path) or b"")
            if not _has_size(notes[-1], int(named[1])):
                findings.defect(Cause.INTEGRITY, path, "It is not a succession at the size in its name.")
        elif f"{KEYS}{named[1]}{SUCCESSION}" not in bag.files:
            findings.defect(Cause.INCOMPLETE, path, "The succession that it belongs to is missing.")
    try:
        return follow(key, [*notes, *given])
    except NoteError as error:
        findings.defect(Cause.INTEGRITY, KEYS, str(error))
        return None


def check_last_trees(bag: Bag, verifier: Verifier, checkpoint: Checkpoint, findings: Findings) -> None:
    """Note where `checkpoint` is not shown to extend the last tree of a former key that is in the package."""
    for former in verifier.former:
        path, proof = f"{KEYS}{former.size}{SUCCESSION}", bag.read(f"{KEYS}{former.size}{EXTENDS}")
        if path not in bag.files:
            continue
        findings.looked_at()
        if proof is None:
            findings.defect(
                Cause.INCOMPLETE, path, "The proof that the log goes on from its tree is missing."
            )
            continue
        try:
            last = Checkpoint(verifier.name, former.size, former.root)
            ConsistencyProof.from_bytes(proof).verify(last, checkpoint)
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, path, str(error))


def keys_told(verifier: Verifier, checkpoint: Checkpoint) -> str:
    """Sentences on the keys around the one that signed `checkpoint`, each behind a space; often none."""
    told = [
        f" Key {former.key.key_id.hex()} signed up to {former.size} entries, and was followed by another."
        for former in verifier.former
    ]
    if any(checkpoint.size <= former.size for former in verifier.former):
        told.append(
            " That this tree is a beginning of the one that the next key goes on from was not compared: who"
            " had the earlier key later could have made it then."
        )
    return "".join(told)


def _has_size(note: bytes, size: int) -> bool:
    try:
        return Succession.from_note(note).size == size
    except NoteError:
        return False
