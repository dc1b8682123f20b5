"""Checks on stored objects: that each is there, is in the ledger, and has the bytes that were recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from evidence.errors import IntegrityError, NotFoundError, VidneError
from evidence.exhibits import Digests, Role
from evidence.ports import ObjectStore
from hashing.digests import first_difference, same_digest
from hashing.manifest import ExhibitManifest
from hashing.object_reading import ExpectedObject, Seen, Wanted
from hashing.report import Cause, Check, Findings, not_checked


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
        self, wanted: Sequence[Wanted], looked: Iterable[Seen], scrub: Scrub | None = None
    ) -> list[Check]:
        """Go through every object and what was seen of it; all defects are gathered, and `scrub` is told."""
        expected = [item for item, _ in wanted]
        if not expected and not self._recorded:
            reason = "Neither the ledger nor the catalogue knows an object here."
            return [not_checked(name, reason) for name in ("complete", "record", "digest")]
        for (item, _), seen in zip(wanted, looked, strict=True):
            is_intact = self._take(item, seen)
            if scrub and seen.is_read:
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

    def _miss(self, item: ExpectedObject, error: NotFoundError) -> None:
        if item.version_id is None:
            what = "It is being stored."
            self._complete.defect(Cause.INCOMPLETE, item.subject, what, pending=True)
        else:
            what = f"It is missing from the store: {error}"
            self._complete.defect(Cause.INCOMPLETE, item.subject, what)

    def _take(self, item: ExpectedObject, seen: Seen) -> bool:
        """Note what was seen; whether it was read, and its bytes are those of its row."""
        if seen.on_top is None and not seen.error:
            self._complete.defect(Cause.INTEGRITY, item.subject, "A delete marker lies over it.")
        elif seen.on_top not in (None, item.version_id):
            what = f"Another version, {seen.on_top}, lies over it."
            self._complete.defect(Cause.INTEGRITY, item.subject, what)
        if isinstance(seen.error, NotFoundError):
            self._miss(item, seen.error)
        elif seen.error:
            check = self._digest if seen.is_read else self._complete
            check.defect(Cause.UNREADABLE, item.subject, str(seen.error))
        else:
            self._complete.looked_at()
        if seen.found is None:
            return False
        self._digest.looked_at()
        self._count_read += 1
        return self._compare(item, seen.found)

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
