"""A witness (C2SP tlog-witness): it cosigns a log's checkpoint only where that extends all it has cosigned.

What is asked and answered, without HTTP. The folder of a witness holds its key (`witness.skey`), and for each
log `logs/<SHA-256 of the origin>/keys`, a vkey in each line, and `.../checkpoint`, the last that it cosigned.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from evidence.clock import Clock, system_clock
from evidence.errors import ConflictError, VidneError
from evidence.files import make_durable_folders, replace_file
from hashing.keys import load_cosigner
from hashing.merkle import EMPTY_ROOT, verify_consistency
from hashing.note_keys import Signature, Verifier
from hashing.notes import Checkpoint, NoteError, open_note, split_note, verified
from hashing.proof_file import MOST_HASHES, ProofError, parse_hash

MOST_BYTES = 128 * 1024  # of a request: 63 hashes and the longest note are less
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: an HTTP status, a body and its type."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class RefusedError(VidneError):
    """A submission that is not cosigned, with the status that says why."""

    def __init__(self, status: HTTPStatus, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to cosign: the size from which it goes on, the proof that it does, and the signed note."""

    old_size: int
    proof: tuple[bytes, ...]
    text: bytes
    signatures: tuple[Signature, ...]
    checkpoint: Checkpoint

    @classmethod
    def from_body(cls, body: bytes) -> "Submission":
        """Read the body of an `add-checkpoint`; nothing is verified yet. Raises RefusedError."""
        head, _, note = body.partition(b"\n\n")
        try:
            first, *hashes = head.decode("ascii").split("\n")
            proof = tuple(map(parse_hash, hashes[: MOST_HASHES + 1]))
            text, signatures = split_note(note)
            checkpoint = Checkpoint.from_text(text)
        except (UnicodeDecodeError, ProofError, NoteError) as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        old = _OLD.fullmatch(first)
        if old is None or len(proof) > MOST_HASHES or len(body) > MOST_BYTES:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "It names no old size, or is too long.")
        return cls(int(old[1]), proof, text, tuple(signatures), checkpoint)


class Witness:
    """A witness on a folder of its own; one process may have it at a time (apps/witness.py sees to that)."""

    def __init__(self, folder: Path, clock: Clock = system_clock) -> None:
        """Raises TrustMaterialError where the folder holds no key."""
        self._folder = folder
        self._clock = clock
        self._cosigner = load_cosigner(key_path(folder))
        self._locks: dict[str, threading.Lock] = {}

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an `add-checkpoint`; what is cosigned has been kept, durably, before.

        Raises VidneError or OSError where the folder cannot be read or written: nothing is cosigned then.
        """
        try:
            submission = Submission.from_body(body)
            log = origin_hash(submission.checkpoint.origin)
            signatures = self._signed_by_log(submission, log)
            # To compare with what was cosigned and to keep the next one is one step.
            with self._locks.setdefault(log, threading.Lock()):
                seen = self._last(log)
                self._check_turn(log, signatures)
                if submission.old_size != seen.size:
                    return Answer(HTTPStatus.CONFLICT, b"%d\n" % seen.size, "text/x.tlog.size")
                _check_extends(submission, seen)
                cosignature = self._cosigner.signature(submission.text, int(self._clock().timestamp()))
                lines = b"".join(signature.line for signature in (*signatures, cosignature))
                self.keep(log, submission.text + b"\n" + lines)
            return Answer(HTTPStatus.OK, cosignature.line)
        except RefusedError as refused:
            return Answer(refused.status, f"{refused.what}\n".encode())

    def checkpoint(self, log: str) -> Answer:
        """The last checkpoint that was cosigned for the log of that origin hash, with both signatures."""
        note = _read(self._folder / "logs" / log / "checkpoint") if _HASH.fullmatch(log) else None
        if note is None:
            return Answer(HTTPStatus.NOT_FOUND, b"No checkpoint of such a log was cosigned here.\n")
        return Answer(HTTPStatus.OK, note)

    def keep(self, log: str, note: bytes) -> None:
        """Make `note` the last checkpoint that was cosigned for a log, durably."""
        replace_file(self._folder / "logs" / log / "checkpoint", note)

    def _signed_by_log(self, submission: Submission, log: str) -> list[Signature]:
        keys = trusted_keys(self._folder, log)
        if not keys:
            raise RefusedError(HTTPStatus.NOT_FOUND, "This witness does not know a log of that origin.")
        try:
            found = verified(submission.text, submission.signatures, keys)
        except NoteError as error:
            raise RefusedError(HTTPStatus.FORBIDDEN, error.what) from error
        if not found:
            raise RefusedError(HTTPStatus.FORBIDDEN, "No key that is known of that log has signed it.")
        if submission.old_size > submission.checkpoint.size:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The old size is larger than that of the checkpoint.")
        return list(found.values())

    def _check_turn(self, log: str, signatures: Sequence[Signature]) -> None:
        """Refuse what only keys have signed that are known for longer than the one which signed last.

        A log that has gone over to its next key never goes back: who still has the old one is not the log.
        """
        note = _read(self._folder / "logs" / log / "checkpoint")
        keys = trusted_keys(self._folder, log)
        before = split_note(note)[1] if note else []
        if _latest(keys, signatures) < _latest(keys, before):
            what = "The log has gone over to another key: this one signs no more."
            raise RefusedError(HTTPStatus.FORBIDDEN, what)

    def _last(self, log: str) -> Checkpoint:
        """The last checkpoint cosigned; raises NoteError where what was kept is not as it was written."""
        note = _read(self._folder / "logs" / log / "checkpoint")
        if note is None:
            return Checkpoint("", 0, EMPTY_ROOT)
        return Checkpoint.from_text(open_note(note, [self._cosigner.verifier]))


def _latest(keys: Sequence[Verifier], signatures: Sequence[Signature]) -> int:
    """The place in `keys` of the last one that has a line; -1 for none."""
    return max((n for n, key in enumerate(keys) if any(line.is_of(key) for line in signatures)), default=-1)


def _check_extends(submission: Submission, seen: Checkpoint) -> None:
    new = submission.checkpoint
    if not verify_consistency(seen.size, seen.root, new.size, new.root, submission.proof):
        what = f"The proof does not show that the tree extends that of {seen.size} entries."
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, what)


def key_path(folder: Path) -> Path:
    """Where a witness's private key lies; the public one lies beside it."""
    return folder / "witness.skey"


def origin_hash(origin: str) -> str:
    """The name under which a witness keeps and gives the checkpoints of a log (tlog-witness)."""
    return sha256(origin.encode()).hexdigest()


def trust_log(folder: Path, log: Verifier) -> None:
    """Have the witness on `folder` cosign checkpoints of the log of this key, whose name is its origin.

    A log may have several keys, the next one last: once that has signed, the others sign no more.
    Raises ConflictError where it has this one already, TrustMaterialError where no witness is in the folder.
    """
    load_cosigner(key_path(folder))
    known = trusted_keys(folder, origin_hash(log.name))
    if log in known:
        raise ConflictError(f"That key of {log.name} is known already.", advice="There is nothing to do.")
    of_log = folder / "logs" / origin_hash(log.name)
    make_durable_folders(of_log)
    replace_file(of_log / "keys", "".join(f"{key.vkey}\n" for key in (*known, log)).encode())


def trusted_keys(folder: Path, log: str) -> list[Verifier]:
    """The keys under which the witness accepts checkpoints of the log of that origin hash."""
    text = _read(folder / "logs" / log / "keys") or b""
    return [Verifier.from_vkey(line) for line in text.decode("utf-8", "replace").splitlines()]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
