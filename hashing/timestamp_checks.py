"""The check of time stamps: are they over this log, do they hold, and do they cover the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from cryptography.x509 import Certificate

from evidence.clock import timestamp
from evidence.custody import KeptStamp
from evidence.errors import IntegrityError
from evidence.ports import LedgerStore
from hashing.entries import parse_entry
from hashing.ledger_checks import CaseLedger, departure, is_in
from hashing.merkle import leaf_hash
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Findings, not_checked
from hashing.revocation import NO_LISTS, RevocationLists, Standing
from hashing.revocation_checks import Revocation
from hashing.tiles import TiledTree
from hashing.timestamps import STAMP_ROLE, FutureTimeStampError, TimeStamp, TimeStampError, verify_response

NAME = "time-stamp"


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """The stamps at hand, roots and lists to check them by, and the authorities (URLs) that are set up."""

    now: datetime
    kept: Sequence[KeptStamp] = ()
    roots: Sequence[Certificate] = ()
    authorities: Sequence[str] = ()
    lists: RevocationLists = NO_LISTS


@dataclass(frozen=True, slots=True)
class Holding:
    """A stamp over `size` entries that holds; `digest` is the SHA-256 of its response."""

    size: int
    digest: str
    stamp: TimeStamp
    standing: Standing

    @property
    def until(self) -> datetime:
        """When it ceases to count by itself: its chain expires, or was revoked for good."""
        return min(self.stamp.expires, self.standing.until or self.stamp.expires)

    @property
    def end(self) -> str:
        """What then ends it, for the middle of a sentence."""
        if self.standing.until is not None and self.until == self.standing.until:
            return self.standing.why
        return f"its chain expired on {self.stamp.expires:%Y-%m-%d}"


def check_time_stamps(
    ledger: LedgerStore,
    trees: LedgerTree,
    part: CaseLedger,
    checkpoint: Checkpoint | None,
    verifier: Verifier | None,
    evidence: TimeEvidence | None,
) -> list[Check]:
    """Whether every stamp at hand is over a checkpoint that this log extends, and one covers the whole case.

    A stamp whose chain has expired, or was revoked for good, counts only where a later one was made over its
    record before that. Where there are stamps, what lists say of their chains is a check of its own.
    """
    if evidence is None or not (evidence.kept or evidence.authorities):
        return [not_checked(NAME, "No time-stamp authority is set up.")]
    if checkpoint is None or verifier is None:
        return [not_checked(NAME, "There is no checkpoint with a valid signature to check against.")]
    findings = Findings(NAME)
    if not evidence.roots:
        what = "The root certificates of the authorities are missing: see VIDNE_TSA_ROOTS."
        findings.defect(Cause.TRUST, "roots", what)
        return [findings.conclude("")]
    tree = trees.of_size(checkpoint.size)
    good = []
    revocation = Revocation(evidence.lists)
    for kept in evidence.kept:
        if kept.response is None:
            continue
        findings.looked_at()
        try:
            note = _stamped(ledger, kept, tree, checkpoint, verifier)
            stamp = _verified(kept.response, note, tuple(evidence.roots), evidence.now)
        except FutureTimeStampError as error:
            findings.defect(Cause.TRUST, _name(kept), str(error))
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, _name(kept), str(error))
        else:
            if standing := revocation.standing(_name(kept), stamp):
                good.append(Holding(kept.size, sha256(kept.response).hexdigest(), stamp, standing))
    records = _Records(ledger, trees, checkpoint)
    check = _conclude(findings, part, evidence, *_upheld(good, evidence.now, records))
    return [check, *revocation.conclude()]


@lru_cache(maxsize=4096)  # an archive holds every case against the same stamps
def _verified(response: bytes, note: bytes, roots: tuple[Certificate, ...], at: datetime) -> TimeStamp:
    return verify_response(response, note, roots, at=at)


def _stamped(
    ledger: LedgerStore, kept: KeptStamp, tree: TiledTree, checkpoint: Checkpoint, verifier: Verifier
) -> bytes:
    """The note that a stamp should be over, once it is of this log and the ledger extends it."""
    note = ledger.checkpoint(kept.size)
    if note is None:
        raise TimeStampError(f"There is no checkpoint over {kept.size} entries that it could be over.")
    stamped = open_checkpoint(note, verifier)
    if stamped.size != kept.size:
        raise NoteError(f"The checkpoint kept for {kept.size} entries is over {stamped.size}.")
    if departure(tree, checkpoint, stamped):
        raise TimeStampError("The ledger does not begin with the tree that was stamped.")
    return note


class _Records:
    """Where in the log the entries stand that stamps were received; read when first asked for."""

    def __init__(self, ledger: LedgerStore, trees: LedgerTree, checkpoint: Checkpoint) -> None:
        self._ledger, self._checkpoint = ledger, checkpoint
        self._tree = trees.of_size(checkpoint.size)
        self._places: dict[str, int] | None = None

    def place(self, digest: str) -> int | None:
        """The index of the entry that names the response with this SHA-256, or None."""
        if self._places is None:
            self._places = self._read()
        return self._places.get(digest)

    def _read(self) -> dict[str, int]:
        places: dict[str, int] = {}
        proved: dict[int, bytes] = {}
        for row in self._ledger.case_entries(""):
            try:
                entry = parse_entry(row.entry)
                is_there = leaf_hash(row.entry) == row.leaf_hash and is_in(
                    self._tree, row, self._checkpoint, proved
                )
            except IntegrityError:
                continue  # what is not in the log records nothing
            if is_there:
                places |= {item.sha256: row.index for item in entry.objects if item.role == STAMP_ROLE}
        return places


def _upheld(good: Sequence[Holding], now: datetime, records: _Records) -> tuple[list[Holding], list[Holding]]:
    """The stamps that still count, and those whose chain expired before they were stamped anew."""
    counting: list[Holding] = []
    lapsed: list[Holding] = []
    for held in sorted(good, key=lambda item: item.size, reverse=True):
        is_upheld = held.until >= now
        if not is_upheld and (place := records.place(held.digest)) is not None:
            is_upheld = any(new.size > place and new.stamp.time <= held.until for new in counting)
        (counting if is_upheld else lapsed).append(held)
    return counting, lapsed


def _conclude(
    findings: Findings,
    part: CaseLedger,
    evidence: TimeEvidence,
    counting: Sequence[Holding],
    lapsed: Sequence[Holding],
) -> Check:
    behind = part.rows[-1].index + 1 if part.rows else 0
    covering = [held for held in counting if held.size >= behind]
    if not covering:
        for held in lapsed:
            what = f"It counts no more: {held.end}; and it was not stamped anew before."
            findings.defect(Cause.TRUST, f"stamp over {held.size} entries", what)
        _not_yet(findings, part, max((held.size for held in counting), default=0))
    waiting = [kept for kept in evidence.kept if kept.response is None]
    if not covering:
        for kept in waiting:
            what = f"It was asked for, and there is no answer yet. {kept.error}".strip()
            findings.defect(Cause.INCOMPLETE, _name(kept), what, pending=True)
        return findings.conclude("")
    first = min(covering, key=lambda held: (held.stamp.time, held.size))
    sentence = (
        f"{timestamp(first.stamp.time)}: {first.stamp.authority} stamped the tree of {first.size} entries,"
        f" all {len(part.rows)} of the case among them"
    )
    more = [f"{len(waiting)} asked for, without an answer yet"] if waiting else []
    more += [f"{len(lapsed)} earlier ones have lapsed"] if lapsed else []
    return findings.conclude("; ".join([sentence, *more]) + ".")


def _not_yet(findings: Findings, part: CaseLedger, size: int) -> None:
    """Name the case's entries that no stamp covers."""
    late = [row.case_seq for row in part.rows if row.index >= size]
    if not late:
        return
    names = f"{late[0]}" if len(late) == 1 else f"{late[0]} to {late[-1]}"
    stamped = f"{len(part.rows) - len(late)} of {len(part.rows)} are"
    what = (
        f"Entries {names} of the case are not stamped yet; {stamped}. A worker has the next one made when the"
        " interval has passed; vidne ledger stamp has it made now."
    )
    findings.defect(Cause.INCOMPLETE, "case", what, pending=True)


def _name(kept: KeptStamp) -> str:
    return f"stamp over {kept.size} entries by {kept.authority}"
