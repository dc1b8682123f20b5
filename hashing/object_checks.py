"""Checks on stored objects: that each is there, is in the ledger, and has the bytes that were recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

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

    def run(self, expected: Sequence[ExpectedObject], progress: Progress | None) -> list[Check]:
        """Go through every object; all defects are gathered."""
        if not expected and not self._recorded:
            reason = "Neither the ledger nor the catalogue knows an object here."
            return [not_checked(name, reason) for name in ("complete", "record", "digest")]
        for item in expected:
            if self._is_intact(item, progress) and item.role == Role.MANIFEST:
                self._take_manifest(item)
        for item in expected:
            self._check_record(item)
        self._check_missing_rows(expected)
        return [
            self._complete.conclude(f"All {len(expected)} objects are there, and no others were recorded."),
            self._record.conclude(f"The ledger names all {len(expected)} objects as the catalogue has them."),
            self._digest.conclude(f"{len(expected)} objects were read and have their recorded digests."),
        ]

    def _is_intact(self, item: ExpectedObject, progress: Progress | None) -> bool:
        """Read the object and compare its digests; whether they are those of its row."""
        if item.version_id is None:
            self._complete.defect(Cause.INCOMPLETE, item.subject, "It is being stored.", pending=True)
            return False
        try:
            self._check_version(item, item.version_id)
            with self._store.open(item.key, item.version_id) as stream:
                found = digest_file(stream, progress, piece_size=_piece_size(item.digests))
        except NotFoundError as error:
            self._complete.defect(Cause.INCOMPLETE, item.subject, f"It is missing from the store: {error}")
            return False
        except VidneError as error:
            self._digest.defect(Cause.UNREADABLE, item.subject, str(error))
            return False
        self._complete.looked_at()
        self._digest.looked_at()
        return self._compare(item, found)

    def _check_version(self, item: ExpectedObject, version_id: str) -> None:
        current = self._store.stat(item.key)
        if current is None:
            # Raises NotFoundError where it is gone altogether.
            self._store.open(item.key, version_id).close()
            self._complete.defect(Cause.INTEGRITY, item.subject, "A delete marker lies over it.")
        elif current.version_id != version_id:
            what = f"Another version, {current.version_id}, lies over it."
            self._complete.defect(Cause.INTEGRITY, item.subject, what)

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
        self._digest.defect(
            Cause.INTEGRITY,
            item.subject,
            f"Its bytes are not those recorded ({place or 'its pieces are not recorded'}).",
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
