"""Checks on stored objects: that each is there, is in the ledger, and has the bytes that were recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from evidence.errors import IntegrityError, NotFoundError, VidneError
from evidence.exhibits import Digests, Role
from evidence.ports import ObjectStore
from hashing.digests import PIECE_SIZE, Progress, digest_file, first_difference, same_digest
from hashing.manifest import ExhibitManifest
from hashing.report import Cause, Check, Findings, not_checked


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """What the catalogue says of a stored object: current or superseded, it has to be there.

    `exhibit` is the label that ledger entries use (`EX-0001`); `version_id` is None while it is being stored.
    """

    exhibit: str
    role: str
    name: str
    key: str
    version_id: str | None
    digests: Digests

    @property
    def subject(self) -> str:
        """What a report calls it."""
        return f"{self.exhibit} {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Recorded:
    """What the ledger, or a manifest that it names, says of an object; names stand in manifests only."""

    exhibit: str
    role: str
    sha256: str
    size: int

    @classmethod
    def of(cls, item: ExpectedObject) -> "Recorded":
        """What should be recorded of `item`."""
        return cls(item.exhibit, item.role, item.digests.sha256, item.digests.size)


class Scrub(Protocol):
    """Which objects are to be read this time, and who wants to know what came of it."""

    def wants(self, item: ExpectedObject) -> bool:
        """Whether the object is to be read; manifests are read in any case."""
        ...

    def read(self, item: ExpectedObject, *, is_intact: bool) -> None:
        """The object was read, or could not be."""
        ...


class ObjectChecks:
    """The three checks on a case's objects, made together in one read of each object."""

    def __init__(
        self, store: ObjectStore, case: str, recorded: Iterable[Recorded], waiting: Iterable[Recorded]
    ) -> None:
        """`recorded` stands in the case's entries, `waiting` in its events that have no place yet."""
        self._store = store
        self._case = case
        self._recorded = set(recorded)
        self._waiting = set(waiting)
        self._names: dict[Recorded, set[str]] = {}
        self._complete = Findings("complete")
        self._record = Findings("record")
        self._digest = Findings("digest")
        self._count_read = 0

    def run(
        self, expected: Sequence[ExpectedObject], progress: Progress | None, scrub: Scrub | None = None
    ) -> list[Check]:
        """Go through every object; all defects are gathered. With `scrub` only some are read."""
        if not expected and not self._recorded:
            reason = "Neither the ledger nor the catalogue knows an object here."
            return [not_checked(name, reason) for name in ("complete", "record", "digest")]
        for item in expected:
            if scrub and item.role != Role.MANIFEST and not scrub.wants(item):
                self._check_presence(item)
                continue
            is_intact = self._read(item, progress)
            if scrub:
                scrub.read(item, is_intact=is_intact)
            if is_intact and item.role == Role.MANIFEST:
                self._take_manifest(item)
        for item in expected:
            self._check_record(item)
        self._check_missing_rows(expected)
        return [
            self._complete.conclude(f"All {len(expected)} objects are there, and no others were recorded."),
            self._record.conclude(f"The ledger names all {len(expected)} objects as the catalogue has them."),
            self._conclude_digests(),
        ]

    def _conclude_digests(self) -> Check:
        if not self._count_read and not self._digest.has_defects:
            return not_checked("digest", "None of its objects was chosen to be read.")
        return self._digest.conclude(f"{self._count_read} objects were read and have their recorded digests.")

    def _check_presence(self, item: ExpectedObject) -> None:
        """Whether the object is there, unread."""
        try:
            self._check_version(item)
            self._complete.looked_at()
        except NotFoundError as error:
            self._miss(item, error)
        except VidneError as error:
            self._complete.defect(Cause.UNREADABLE, item.subject, str(error))

    def _miss(self, item: ExpectedObject, error: NotFoundError) -> None:
        if item.version_id is None:
            what = "It is being stored."
            self._complete.defect(Cause.INCOMPLETE, item.subject, what, pending=True)
        else:
            what = f"It is missing from the store: {error}"
            self._complete.defect(Cause.INCOMPLETE, item.subject, what)

    def _read(self, item: ExpectedObject, progress: Progress | None) -> bool:
        """Read the object and compare its digests; whether they are those of its row."""
        try:
            version_id = self._check_version(item)
            with self._store.open(item.key, version_id) as stream:
                found = digest_file(stream, progress, piece_size=_piece_size(item.digests))
        except NotFoundError as error:
            self._miss(item, error)
            return False
        except VidneError as error:
            self._digest.defect(Cause.UNREADABLE, item.subject, str(error))
            return False
        self._complete.looked_at()
        self._digest.looked_at()
        self._count_read += 1
        return self._compare(item, found)

    def _check_version(self, item: ExpectedObject) -> str:
        """The version that was stored; raises NotFoundError where it is not there."""
        version_id = item.version_id
        if version_id is None:
            raise NotFoundError("It is being stored.")
        current = self._store.stat(item.key)
        if current is None:
            # Raises NotFoundError where it is gone altogether.
            self._store.open(item.key, version_id).close()
            self._complete.defect(Cause.INTEGRITY, item.subject, "A delete marker lies over it.")
        elif current.version_id != version_id:
            what = f"Another version, {current.version_id}, lies over it."
            self._complete.defect(Cause.INTEGRITY, item.subject, what)
        return version_id

    def _compare(self, item: ExpectedObject, found: Digests) -> bool:
        same_bytes = found.size == item.digests.size and same_digest(found.sha256, item.digests.sha256)
        if same_bytes and found == item.digests:
            return True
        if same_bytes:
            what = "The catalogue's BLAKE3 digests are not those of these bytes, its SHA-256 is."
            self._digest.defect(Cause.INTEGRITY, item.subject, what)
            return False
        comparable = found.piece_size == item.digests.piece_size
        place = first_difference(item.digests, found) if comparable else None
        what = f"Its bytes are not those recorded ({place or 'its pieces are not recorded'})."
        self._digest.defect(
            Cause.INTEGRITY,
            item.subject,
            what,
            detail={
                "expected_sha256": item.digests.sha256,
                "found_sha256": found.sha256,
                "found_size": found.size,
                "range": [place.start, place.end] if place else None,
            },
        )
        return False

    def _take_manifest(self, item: ExpectedObject) -> None:
        """Count what a manifest lists as recorded, where the ledger names the manifest."""
        if Recorded.of(item) not in self._recorded or item.version_id is None:
            return
        try:
            raw = self._store.read_range(item.key, item.version_id, 0, item.digests.size)
            if not same_digest(sha256(raw).hexdigest(), item.digests.sha256):
                raise IntegrityError("The store gave other bytes at the second reading.")
            manifest = ExhibitManifest.from_bytes(raw)
        except VidneError as error:
            cause = Cause.INTEGRITY if isinstance(error, IntegrityError) else Cause.UNREADABLE
            self._record.defect(cause, item.subject, str(error))
            return
        if (manifest.case, manifest.exhibit) != (self._case, item.exhibit):
            self._record.defect(Cause.INTEGRITY, item.subject, "It is the manifest of another exhibit.")
            return
        for line in manifest.objects:
            entry = Recorded(item.exhibit, line.role, line.digests.sha256, line.digests.size)
            self._recorded.add(entry)
            self._names.setdefault(entry, set()).add(line.name)

    def _check_record(self, item: ExpectedObject) -> None:
        """Whether the ledger knows the object as its row has it."""
        self._record.looked_at()
        record = Recorded.of(item)
        if record in self._recorded:
            names = self._names.get(record)
            if names and item.name not in names:
                what = f"Its manifest calls it {', '.join(sorted(names))}."
                self._record.defect(Cause.INTEGRITY, item.subject, what)
        elif record in self._waiting:
            what = "Its event waits for its place in the ledger."
            self._record.defect(Cause.INCOMPLETE, item.subject, what, pending=True)
        else:
            what = f"No entry of its case names these bytes (SHA-256 {item.digests.sha256}) in its role."
            self._record.defect(Cause.INTEGRITY, item.subject, what)

    def _check_missing_rows(self, expected: Sequence[ExpectedObject]) -> None:
        """Whether the catalogue lists everything that was recorded."""
        listed = {Recorded.of(item) for item in expected}
        for record in sorted(self._recorded - listed):
            what = f"The catalogue lists no {record.role} with SHA-256 {record.sha256}; the ledger does."
            self._complete.defect(Cause.INCOMPLETE, record.exhibit, what)


def _piece_size(digests: Digests) -> int:
    """The recorded piece size, where it fits the recorded pieces: a row may have been meddled with."""
    size, count = digests.piece_size, len(digests.pieces_blake3)
    return size if size > 0 and count == -(-digests.size // size) else PIECE_SIZE
