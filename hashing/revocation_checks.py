"""The check of revocation: what the lists that were kept say of the chains of time stamps."""

from collections.abc import Iterator
from hashlib import sha256

from evidence.custody import EventObject
from evidence.errors import IncompleteError, IntegrityError
from evidence.ports import LedgerStore, ObjectStore
from hashing.digests import same_digest
from hashing.entries import parse_entry
from hashing.publication import read_object, revocation_list_path
from hashing.report import Cause, Check, Defect, Findings, not_checked
from hashing.revocation import LIST_ROLE, RevocationLists, RevokedError, Standing
from hashing.timestamps import STAMP_ROLE, TimeStamp

NAME = "revocation"
STAMPED_EVENT = "checkpoint.stamped"
_INBOX = 1_000_000


class Revocation:
    """Gathers, stamp by stamp, what the lists say; one that was made too late does not count."""

    def __init__(self, lists: RevocationLists) -> None:
        self._lists = lists
        self._findings = Findings(NAME)
        self._seen = self._checked = 0
        self._unlisted: set[str] = set()
        for defect in lists.defects:
            self._findings.repeat(defect)

    def standing(self, subject: str, stamp: TimeStamp) -> Standing | None:
        """How a stamp stands; None, and a defect, where its chain was revoked when it was made."""
        self._seen += 1
        try:
            standing = self._lists.standing(stamp)
        except RevokedError as error:
            self._findings.defect(Cause.INTEGRITY, subject, error.what)
            return None
        self._unlisted.update(standing.unlisted)
        if not standing.unlisted:
            self._checked += 1
            self._findings.looked_at()
        return standing

    def defect(self, cause: Cause, subject: str, what: str) -> None:
        """Note what is wrong with the lists themselves."""
        self._findings.defect(cause, subject, what)

    def conclude(self) -> list[Check]:
        """The check; none where there was no stamp to look at."""
        rest = self._seen - self._checked
        by = "; ".join(sorted(self._unlisted))
        missing = f"Of {rest} of {self._seen} time stamps no list in force then is at hand by {by}."
        if not self._findings.has_defects and not self._checked:
            return [not_checked(NAME, missing)] if self._seen else []
        tail = f" {missing} Of those, revocation is not checked." if rest else ""
        passed = f"By the lists that were kept, the chains of {self._checked} time stamps were not revoked."
        return [self._findings.conclude(passed + tail)]


def recorded_lists(ledger: LedgerStore) -> dict[str, tuple[str, ...]]:
    """Of each stamp (the SHA-256 of its response) those of the lists that were kept with it, by the log."""
    found: dict[str, tuple[str, ...]] = {}
    for objects in _records(ledger):
        lists = tuple(item.sha256 for item in objects if item.role == LIST_ROLE)
        found |= {item.sha256: lists for item in objects if item.role == STAMP_ROLE}
    return found


def kept_lists(ledger: LedgerStore, store: ObjectStore, prefix: str) -> RevocationLists:
    """Every list that the log says was kept, as it lies in the store, and a defect for each that does not."""
    found: list[bytes] = []
    defects: list[Defect] = []
    for digest in sorted({digest for lists in recorded_lists(ledger).values() for digest in lists}):
        key = prefix + revocation_list_path(digest)
        try:
            found.append(read_list(store, prefix, digest))
        except IncompleteError as error:
            defects.append(Defect(Cause.INCOMPLETE, key, error.what))
        except IntegrityError as error:
            defects.append(Defect(Cause.INTEGRITY, key, error.what))
    return RevocationLists(found, defects)


def read_list(store: ObjectStore, prefix: str, digest: str) -> bytes:
    """A list that was kept; raises IncompleteError where it is gone, IntegrityError where it is another."""
    raw = read_object(store, prefix + revocation_list_path(digest))
    if raw is None:
        raise IncompleteError("This revocation list was kept with a time stamp, and is gone.")
    if not same_digest(sha256(raw).hexdigest(), digest):
        raise IntegrityError("It is not the revocation list that was kept with a time stamp.")
    return raw


def _records(ledger: LedgerStore) -> Iterator[tuple[EventObject, ...]]:
    """The objects of each entry, and waiting event, that says a stamp was received."""
    for row in ledger.case_entries(""):
        if STAMPED_EVENT.encode() not in row.entry:
            continue
        try:
            entry = parse_entry(row.entry)
        except IntegrityError:  # the checks of the log tell it
            continue
        if entry.type == STAMPED_EVENT:
            yield entry.objects
    for event in ledger.pending(_INBOX):
        if event.type == STAMPED_EVENT:
            yield event.objects
