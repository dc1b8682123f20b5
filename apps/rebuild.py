"""The catalogue made again of what the store holds: the published log, the objects, their tags and manifests.

Catalogues that are empty or older than the store are brought up to it. Nothing is believed before the
published log has the root that its checkpoint signed, and begins with the entries that the catalogue has.
Bodies are not in the store (ADR 20): file names, findings and contact data come back from a backup alone.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import islice

from apps.lock import try_worker_lock
from apps.wiring import Application
from evidence.catalogue import rebuild as rows
from evidence.catalogue.engine import Connection
from evidence.catalogue.exhibits import mark_sealed, set_state
from evidence.catalogue.intake import complete_submission
from evidence.catalogue.objects import ObjectRow, announce_objects, mark_stored
from evidence.clock import timestamp
from evidence.custody import EventObject, LedgerEntry, PendingEvent
from evidence.errors import ConflictError, IntegrityError, NotFoundError, VidneError
from evidence.exhibits import Digests, ExhibitState, Role
from hashing.digests import digest_file
from hashing.entries import Entry, parse_entry
from hashing.keys import load_verifier
from hashing.manifest import ExhibitManifest, ManifestObject
from hashing.merkle import Frontier, leaf_hash
from hashing.notes import Checkpoint
from hashing.publication import newest_published, published_entries
from ingest.filing import CASE_TAG, ORIGINAL
from retention.keys import LEDGER, case_prefix, original_key, renditions_prefix

_BATCH = 256
_RECEIVED = re.compile(r"([a-z0-9]+)-(\d+):file\.received", re.ASCII)
_DONE = re.compile(r"job-(\d+):(seal|inspect|fast|slow)", re.ASCII)
_STORED = re.compile(r"job-(\d+):object\.stored", re.ASCII)


@dataclass
class Rebuilt:
    """What came back, and what did not: sentences."""

    entries: int = 0
    cases: int = 0
    exhibits: set[str] = field(default_factory=set)
    objects: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """Objects of one entry, as they are to be filed: rows and version ids by key."""

    stage: str
    rows: tuple[ObjectRow, ...]
    versions: dict[str, str]


class Rebuilder:
    """Brings the catalogue of `app` up to what its store holds."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._result = Rebuilt()

    def run(self) -> Rebuilt:
        """Raises ConflictError where a worker runs, IntegrityError where log and catalogue do not agree.

        What was interrupted goes on with the next call.
        """
        app = self._app
        with try_worker_lock(app.settings.worker_lock_path) as is_ours:
            if not is_ours:
                raise ConflictError("A worker runs on this data folder.", advice="Stop vidne serve first.")
            verifier = load_verifier(app.settings.ledger_key_path)
            published = newest_published(app.store, LEDGER, verifier)
            if published is None:
                raise NotFoundError("The store holds no published log.", advice="Name the right store.")
            checkpoint, note = published
            start = app.ledger.size()
            frontier = self._checked(checkpoint, start)
            entries = published_entries(app.store, LEDGER, start, checkpoint.size)
            index = start
            while batch := list(islice(entries, _BATCH)):
                self._restore(index, batch)
                index += len(batch)
            with app.catalogue.write() as connection:
                if app.ledger.checkpoint(checkpoint.size) is None and index == checkpoint.size:
                    rows.restore_checkpoint(connection, checkpoint.size, frontier.hashes, note)
            self._close_jobs()
        return self._result

    def _checked(self, checkpoint: Checkpoint, start: int) -> Frontier:
        """The frontier of the published log, once it has the signed root."""
        frontier = Frontier()
        for leaf in self._app.ledger.leaf_hashes(0, min(start, checkpoint.size)):
            frontier.append(leaf)
        for entry in published_entries(self._app.store, LEDGER, start, checkpoint.size):
            frontier.append(leaf_hash(entry))
        if (frontier.size, frontier.root()) != (checkpoint.size, checkpoint.root):
            raise IntegrityError(
                "The published log, behind what the catalogue has of it, is not what was signed."
                " Nothing was changed.",
                advice="Find out who changed it. An empty catalogue shows what the store alone says.",
            )
        return frontier

    def _restore(self, index: int, batch: list[bytes]) -> None:
        parsed = [parse_entry(raw) for raw in batch]
        # Read before the transaction: an original may be large.
        found = [self._objects_of(entry) for entry in parsed]
        digests = {row.digests.sha256: row.digests for item in found if item for row in item.rows}
        with self._app.catalogue.write() as connection:
            for place, (raw, entry) in enumerate(zip(batch, parsed, strict=True)):
                self._restore_entry(connection, index + place, raw, entry)
                if entry.case:
                    self._apply(connection, entry, found[place], digests)
        self._result.entries += len(batch)

    @staticmethod
    def _restore_entry(connection: Connection, index: int, raw: bytes, entry: Entry) -> None:
        event = PendingEvent(
            0, entry.event_id, entry.type, entry.at, entry.actor, entry.case, entry.objects, entry.body_hash
        )
        row = LedgerEntry(index, 0, entry.event_id, entry.case, entry.case_seq, raw, leaf_hash(raw))
        rows.restore_entry(connection, event, row)

    def _apply(
        self, connection: Connection, entry: Entry, found: _Found | None, digests: dict[str, Digests]
    ) -> None:
        """What the entry says of its case and exhibit."""
        self._result.cases += rows.restore_case(connection, entry.case, self._number(entry.case), entry.at)
        if entry.type == "case.closed":
            rows.close_restored_case(connection, entry.case, entry.at)
        if entry.type == "submission.completed":
            complete_submission(connection, entry.event_id.partition(":")[0], entry.at)
        if not entry.objects or not entry.objects[0].exhibit:
            return
        number = int(entry.objects[0].exhibit.removeprefix("EX-"))
        if received := _RECEIVED.fullmatch(entry.event_id):
            item = entry.objects[0]
            rows.restore_exhibit(
                connection, entry.case, number, digests.get(item.sha256) or self._digests(entry), entry.at
            )
            owner = rows.exhibit_in(connection, entry.case, number) or ""
            self._result.exhibits.add(owner)
            place = (received[1], int(received[2]))
            name = f"{item.exhibit} (name lost)".encode()
            rows.restore_submitted(connection, entry.case, owner, place, name, entry.actor, entry.at)
            return
        owner = rows.exhibit_in(connection, entry.case, number) or ""
        self._result.exhibits.add(owner)
        if found:
            self._file(connection, owner, found, entry.at)
        if done := _DONE.fullmatch(entry.event_id):
            rows.restore_job(connection, owner, int(done[1]), done[2], entry.at)
        self._set_state(connection, owner, entry.type.removeprefix("exhibit."))

    @staticmethod
    def _set_state(connection: Connection, owner: str, state: str) -> None:
        if state == ExhibitState.SEALED:
            mark_sealed(connection, owner)
        elif state in list(ExhibitState):
            set_state(connection, owner, ExhibitState(state), "")

    def _file(self, connection: Connection, owner: str, found: _Found, at: str) -> None:
        there = rows.stored_keys(connection, owner)
        new = [row for row in found.rows if row.key not in there]
        announce_objects(connection, owner, found.stage, new)
        mark_stored(connection, {row.key: found.versions[row.key] for row in new}, at)
        self._result.objects += len(new)

    def _objects_of(self, entry: Entry) -> _Found | None:
        """The objects that an `object.stored` entry names, as far as the store has them."""
        if not _STORED.fullmatch(entry.event_id) or not entry.objects:
            return None
        number = int(entry.objects[0].exhibit.removeprefix("EX-"))
        manifest = next((item for item in entry.objects if item.role == Role.MANIFEST), None)
        if manifest is None:
            item = entry.objects[0]
            key = original_key(entry.case, number, item.sha256)
            found = self._read(entry.case, item, key, ObjectRow(Role.ORIGINAL, ORIGINAL, key, _unknown(item)))
            return _Found("seal", (found[0],), {key: found[1]}) if found else None
        return self._made(entry, number, manifest)

    def _made(self, entry: Entry, number: int, item: EventObject) -> _Found | None:
        """What a stage made: its manifest says all of it but the keys, which the store lists."""
        prefix = renditions_prefix(entry.case, number)
        keys = {
            tuple(key.removeprefix(prefix).split("/")[1:]): key for key in self._app.store.list_keys(prefix)
        }
        places = {digest: key for (digest, _name), key in keys.items()}
        key = places.get(item.sha256, "")
        name = key.rpartition("/")[2]
        row = ObjectRow(Role.MANIFEST, name, key, _unknown(item), parent=ORIGINAL)
        read = self._read(entry.case, item, key, row)
        if read is None:
            return None
        raw = self._app.store.read_range(key, read[1], 0, item.size)
        lines = ExhibitManifest.from_bytes(raw).objects
        filed, versions = [], {key: read[1]}
        for line in lines:
            place = keys.get((line.digests.sha256, line.name), "")
            there = self._app.store.stat(place) if place else None
            if there is None:
                self._miss(entry.case, f"{item.exhibit} {line.name}: it is not in the store.")
                continue
            filed.append(_row_of(line, place))
            versions[place] = there.version_id
        recipe = key.removeprefix(prefix).partition("/")[0]
        return _Found(recipe.rpartition("-")[0], (*filed, read[0]), versions)

    def _read(self, case: str, item: EventObject, key: str, row: ObjectRow) -> tuple[ObjectRow, str] | None:
        """The row with the digests of the bytes that are there, and their version; None where they differ."""
        try:
            there = self._app.store.stat(key) if key else None
            if there is None:
                raise NotFoundError("it is not in the store.")
            with self._app.store.open(key, there.version_id) as stream:
                digests = digest_file(stream)
            if digests.sha256 != item.sha256:
                raise IntegrityError(f"other bytes lie under {key}.")
        except VidneError as error:
            self._miss(case, f"{item.exhibit} {item.role}: {error}")
            return None
        return replace(row, digests=digests), there.version_id

    def _miss(self, case: str, what: str) -> None:
        """Note what is not there, once: two entries may name the same."""
        told = f"case {self._number(case) or case}: {what}"
        if told not in self._result.missing:
            self._result.missing.append(told)

    def _digests(self, entry: Entry) -> Digests:
        """Those of an original whose sealing is not among the entries at hand."""
        item = entry.objects[0]
        key = original_key(entry.case, int(item.exhibit.removeprefix("EX-")), item.sha256)
        found = self._read(entry.case, item, key, ObjectRow(Role.ORIGINAL, ORIGINAL, key, _unknown(item)))
        return found[0].digests if found else _unknown(item)

    def _number(self, case_id: str) -> str:
        """The case number that the case's objects are tagged with; empty where it has none."""
        store = self._app.store
        for key in islice(store.list_keys(case_prefix(case_id)), 3):
            there = store.stat(key)
            number = store.get_tags(key, there.version_id).get(CASE_TAG) if there else None
            if number:
                return number
        return ""

    def _close_jobs(self) -> None:
        now = timestamp(self._app.clock())
        with self._app.catalogue.write() as connection:
            number = rows.next_job(connection)
            for owner in rows.exhibits_without_jobs(connection):  # also of a run that was interrupted
                number = rows.close_jobs(connection, owner, number, now)


def _unknown(item: EventObject) -> Digests:
    """Digests of which the ledger says the SHA-256 alone."""
    return Digests(item.size, item.sha256, "", 1 << 22, ())


def _row_of(line: ManifestObject, key: str) -> ObjectRow:
    maker = line.maker
    return ObjectRow(
        role=Role(line.role),
        name=line.name,
        key=key,
        digests=line.digests,
        parent=line.parent or None,
        tool={"name": maker.name, "version": maker.version, "sha256": maker.sha256} if maker else None,
        args=line.args,
        detail=line.detail,
    )
