"""A small case as the pipeline leaves it: objects in a real folder store, events sequenced and signed."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from evidence.custody import CustodyEvent, EventObject, LedgerEntry
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.ports import NewObject
from hashing.digests import digest_file
from hashing.manifest import ExhibitManifest, ManifestObject
from hashing.merkle import Frontier, leaf_hash
from hashing.note_keys import FormerKey, Signer, Verifier
from hashing.notes import Checkpoint, sign_checkpoint
from hashing.publication import LedgerTree
from hashing.report import Check, VerificationReport
from hashing.sequencer import Sequencer
from hashing.succession import ROTATED, SUCCESSION_ROLE, follow, sign_succession
from hashing.timestamp_checks import TimeEvidence
from hashing.verify import ExpectedObject, verify_case
from hashing.witness_checks import NO_WITNESS, Witnessed
from retention.folder import FolderStore
from tests.hashing.memory_ledger import MemoryLedger

ORIGIN = "vidne.example/log"
AT = "2026-11-23T03:34:44.123456Z"
CASE = "case2b"
OTHER_CASE = "case9z"


def event(name: str, case: str = CASE, *objects: EventObject, body: JsonObject | None = None) -> CustodyEvent:
    return CustodyEvent(name, "test.event", AT, "system", case, objects, body or {})


def rotated(note: bytes) -> CustodyEvent:
    digest = sha256(note).hexdigest()
    thing = EventObject("", SUCCESSION_ROLE, digest, len(note))
    return CustodyEvent(f"{digest}:{ROTATED}", ROTATED, AT, "system", "", (thing,))


@dataclass
class Scene:
    """A ledger, a store and a catalogue's rows; `verify` is what the command line does."""

    folder: Path
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    signer: Signer = field(default_factory=lambda: Signer.generate(ORIGIN))
    rows: list[ExpectedObject] = field(default_factory=list)

    former: tuple[FormerKey, ...] = ()

    @property
    def verifier(self) -> Verifier:
        return replace(self.signer.verifier, former=self.former)

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "objects")

    @property
    def tree(self) -> LedgerTree:
        return LedgerTree(self.ledger, self.store, "ledger/")

    def put(self, content: bytes, role: str, name: str, exhibit: str = "EX-0001") -> ExpectedObject:
        source = self.folder / "source"
        source.write_bytes(content)
        digests = digest_file(source)
        key = f"cases/{CASE}/{exhibit}/{name}/{digests.sha256}"
        (stored,) = self.store.put([NewObject(key, source, digests.sha256, digests.size)])
        row = ExpectedObject(exhibit, role, name, key, stored.version_id, digests)
        self.rows.append(row)
        return row

    def file(self, name: str, *rows: ExpectedObject, case: str = CASE) -> None:
        objects = [EventObject(r.exhibit, r.role, r.digests.sha256, r.digests.size) for r in rows]
        self.ledger.file(event(name, case, *objects, body={"said": name}))

    def put_manifest(self, *rows: ExpectedObject, name: str = "manifest.json") -> ExpectedObject:
        lines = tuple(ManifestObject(row.name, row.role, row.digests) for row in rows)
        content = ExhibitManifest(CASE, rows[0].exhibit, lines).to_bytes()
        return self.put(content, Role.MANIFEST, name, rows[0].exhibit)

    def sequence(self) -> None:
        Sequencer(self.ledger, self.signer, self.verifier).run_all()

    def rotate(self) -> Signer:
        """The next key follows, as the program does it; gives the old one, in whose hands it may be."""
        old, new = self.signer, Signer.generate(ORIGIN)
        last = Sequencer(self.ledger, old, self.verifier).last_signed()
        note = sign_succession(old, new, last)
        self.former = follow(new.verifier, [note, *(item.note for item in self.former)]).former
        self.signer = new
        self.ledger.file(rotated(note))
        self.sequence()
        return old

    def verify(
        self,
        *,
        seen: tuple[bytes, ...] = (),
        exhibit: str | None = None,
        verifier: Verifier | None = None,
        witnessed: Witnessed = NO_WITNESS,
        stamps: TimeEvidence | None = None,
    ) -> VerificationReport:
        return verify_case(
            self.ledger,
            self.tree,
            self.store,
            verifier or self.verifier,
            case=CASE,
            expected=self.rows,
            exhibit=exhibit,
            seen=seen,
            witnessed=witnessed,
            stamps=stamps,
        )

    def overwrite(self, row: ExpectedObject, content: bytes) -> None:
        path = self.store.local_path(row.key, "0")
        assert path is not None
        path.chmod(0o600)
        path.write_bytes(content)

    def edit_entry(self, index: int, raw: bytes, *, with_leaf: bool = False) -> None:
        old = self.ledger.rows[index]
        self.ledger.rows[index] = replace(
            old, entry=raw, leaf_hash=leaf_hash(raw) if with_leaf else old.leaf_hash
        )

    def rebuild_tree(self, signer: Signer) -> None:
        """What an intruder with a key does: a new tree and checkpoint over the rows as they are now."""
        frontier = Frontier()
        for position, entry in enumerate(self.ledger.rows):
            self.ledger.rows[position] = replace(entry, index=position, leaf_hash=leaf_hash(entry.entry))
            frontier.append(leaf_hash(entry.entry))
        note = sign_checkpoint(Checkpoint(signer.name, frontier.size, frontier.root()), signer)
        self.ledger.checkpoints = {frontier.size: note}
        self.ledger.tree = frontier.hashes


def complete_scene(folder: Path) -> Scene:
    """Two exhibits of three objects each in CASE, entries of another case between them."""
    scene = Scene(folder)
    for number in (1, 2):
        label = f"EX-{number:04d}"
        original = scene.put(f"original {number}".encode() * 1000, Role.ORIGINAL, "original", label)
        working = scene.put(f"working {number}".encode() * 900, Role.WORKING, "working.mp4", label)
        manifest = scene.put_manifest(working)
        scene.file(f"job-{number}:received", original)
        scene.file(f"other-{number}:received", case=OTHER_CASE)
        scene.file(f"job-{number}:stored", working, manifest)
        scene.sequence()
    return scene


def check(report: VerificationReport, name: str) -> Check:
    return next(item for item in report.checks if item.name == name)


def failed(report: VerificationReport) -> set[str]:
    """The names of the checks that did not pass, those not made left out."""
    return {item.name for item in report.checks if item.status in ("fail", "pending")}


def case_rows(scene: Scene) -> list[LedgerEntry]:
    return list(scene.ledger.case_entries(CASE))
