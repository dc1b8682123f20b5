"""A case of two exhibits as the pipeline leaves it, its export package, and what an intruder does to one."""

import shutil
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from disclosure.anchors import Anchors
from disclosure.package import Origin, Request, write_package
from disclosure.selection import PackagedObject
from evidence.custody import CustodyEvent, EventObject, KeptStamp, LedgerEntry
from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from hashing.bag import TAG_MANIFEST, manifest_bytes
from hashing.cosignatures import Cosigner
from hashing.keys import public_pem
from hashing.manifest import Location, ObjectRecord
from hashing.merkle import Frontier, inclusion_proof, leaf_hash
from hashing.note_keys import Signature, Signer
from hashing.notes import Checkpoint, sign_checkpoint
from hashing.package_files import BODIES, CHECKPOINT, ENTRIES, PEM, VKEY, proof_path
from hashing.proof_file import EntryProof
from hashing.verify import ExpectedObject
from tests.hashing.cases import AT, CASE, ORIGIN, OTHER_CASE, Scene

NUMBER = "0100-10293-00001-26"
PIECE = 4 * 1024 * 1024

# Every file of the package of `export_all`: a list, so that a test can go through them one by one.
FILES = (
    "VERIFY.txt",
    "bag-info.txt",
    "bagit.txt",
    "custody/bodies.jsonl",
    "custody/checkpoint",
    "custody/entries.jsonl",
    *(f"custody/proofs/{n}.tlog-proof" for n in range(1, 12)),
    "data/EX-0001.manifest.json",
    "data/EX-0001.original.mp4",
    "data/EX-0001.working.mp4",
    "data/EX-0002.manifest.json",
    "data/EX-0002.original.mp4",
    "data/EX-0002.working.mp4",
    "log.pub.pem",
    "log.vkey",
    "manifest-sha256.txt",
    "report.pdf",
    "streams/EX-0001.working.mp4.framehash",
    "streams/EX-0002.working.mp4.framehash",
    "tagmanifest-sha256.txt",
    "verify.html",
    "verify.sh",
)


def filed(scene: Scene, event_id: str, kind: str, body: JsonObject, *rows: ExpectedObject) -> None:
    objects = tuple(EventObject(r.exhibit, r.role, r.digests.sha256, r.digests.size) for r in rows)
    scene.ledger.file(CustodyEvent(event_id, kind, AT, "system", CASE, objects, body))


def stored(scene: Scene, event_id: str, *rows: ExpectedObject) -> None:
    records: list[Json] = [
        ObjectRecord(r.exhibit, r.role, b"", r.digests, Location("", r.key, "0")).as_json() for r in rows
    ]
    filed(scene, event_id, "object.stored", {"stage": "x", "objects": records}, *rows)


def packet_proof(seed: int) -> tuple[bytes, str]:
    """A proof as the pipeline files it, and the digest of its packets."""
    packets = [sha256(f"{seed} {n}".encode()) for n in range(3)]
    digest = sha256(b"".join(item.digest() for item in packets)).hexdigest()
    head = (
        f"# verdict: packets identical\n# stream 0: h264, 3 packets, sha256 of their hashes {digest}, shown\n"
    )
    lines = [f"0, {n}, {n}, 1, 9, {item.hexdigest()}\n" for n, item in enumerate(packets)]
    return (head + "#format: frame checksums\n" + "".join(lines)).encode(), digest


def case_scene(folder: Path, signer: Signer | None = None) -> Scene:
    """Ten entries: the case opened, three for each exhibit, a recorder that made the second one."""
    scene = Scene(folder, signer=signer or Signer.generate(ORIGIN))
    filed(scene, "case:opened", "case.opened", {"number": NUMBER})
    for n in (1, 2):
        label = f"EX-{n:04d}"
        content = bytes([n]) * (PIECE + 1_000_000 if n == 1 else 30_000)
        original = scene.put(content, Role.ORIGINAL, "original", label)
        working = scene.put(f"working {n}".encode() * 900, Role.WORKING, "working.mp4", label)
        raw, packets = packet_proof(n)
        proof = scene.put(raw, Role.PROOF, "working.mp4.proof.txt", label)
        manifest = scene.put_manifest(working, proof)
        filed(scene, f"sub-{n}:file.received", "file.received", {"filename": f"clip {n}.mp4"}, original)
        scene.file(f"other-{n}:received", case=OTHER_CASE)
        stored(scene, f"job-{n}:object.stored", original)
        stored(scene, f"job-1{n}:object.stored", working, proof, manifest)
        scene.sequence()
        derivation: JsonObject = {"proofs": [{"packets_sha256": packets}]}
        filed(scene, f"job-1{n}:fast", "exhibit.previewed", {"derivation": derivation}, original)
    filed(scene, "rec:recorder.added", "recorder.added", {"recorder": "R-01", "place": "Torvet 1"})
    return scene


def packaged(scene: Scene, *labels: str) -> list[PackagedObject]:
    """Every object of the scene, or of these exhibits, where a package has it."""
    found = []
    for row in scene.rows:
        name = "original.mp4" if row.role == Role.ORIGINAL else row.name
        path = f"data/{row.exhibit}.{name}"
        if row.role == Role.PROOF:
            path = f"streams/{row.exhibit}.working.mp4.framehash"
        if not labels or row.exhibit in labels:
            found.append(PackagedObject(path, row.key, row.version_id or "", row.digests))
    return found


def origin_of(scene: Scene, stamps: Sequence[KeptStamp] = (), anchors: Anchors | None = None) -> Origin:
    """`anchors` are what others hold when the export is sequenced; else there are the time `stamps` alone."""
    given = anchors or Anchors(stamps)

    def file_event(event: CustodyEvent) -> LedgerEntry:
        scene.ledger.file(event)
        scene.sequence()
        return next(row for row in scene.ledger.rows if row.event_id == event.event_id)

    return Origin(
        scene.store, scene.ledger, scene.tree, lambda: scene.verifier, file_event, lambda _last: given
    )


def request_of(objects: Sequence[PackagedObject], *, is_whole: bool = True, export_id: str = "x1") -> Request:
    labels = tuple(sorted({item.path.partition("/")[2].partition(".")[0] for item in objects}))
    return Request(export_id, CASE, NUMBER, AT, "system", labels, objects, is_whole)


def export_all(scene: Scene, output: Path, stamps: Sequence[KeptStamp] = ()) -> Path:
    write_package(output, request_of(packaged(scene)), origin_of(scene, stamps))
    return output


@dataclass(frozen=True)
class Tampered:
    """A package in an intruder's hands; `reseal` makes the tag manifest right again, as an intruder would."""

    root: Path

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, raw: bytes) -> "Tampered":
        (self.root / path).write_bytes(raw)
        return self

    def flip(self, path: str, at: int | None = None) -> None:
        raw = bytearray(self.read(path))
        raw[len(raw) // 2 if at is None else at] ^= 1
        self.write(path, bytes(raw))

    def entries(self) -> list[bytes]:
        return self.read(ENTRIES).splitlines()

    def reseal(self) -> "Tampered":
        tags = {
            str(path.relative_to(self.root)): sha256(path.read_bytes()).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file() and path.relative_to(self.root).parts[0] not in ("data", TAG_MANIFEST)
        }
        return self.write(TAG_MANIFEST, manifest_bytes(tags))

    def reseal_payload(self) -> "Tampered":
        data = {
            str(path.relative_to(self.root)): sha256(path.read_bytes()).hexdigest()
            for path in (self.root / "data").rglob("*")
        }
        self.write("manifest-sha256.txt", manifest_bytes(data))
        info = self.read("bag-info.txt").partition(b"Payload-Oxum: ")[0]
        size = sum(path.stat().st_size for path in (self.root / "data").rglob("*"))
        self.write("bag-info.txt", info + f"Payload-Oxum: {size}.{len(data)}\n".encode())
        return self.reseal()

    def rebuild(self, entries: Sequence[bytes], signer: Signer) -> "Tampered":
        """Another log of these entries, signed by another key, in place of the one that is there."""
        leaves = [leaf_hash(entry) for entry in entries]
        tree = Frontier()
        for leaf in leaves:
            tree.append(leaf)
        note = sign_checkpoint(Checkpoint(signer.name, tree.size, tree.root()), signer)
        self.write(ENTRIES, b"".join(entry + b"\n" for entry in entries)).write(CHECKPOINT, note)
        shutil.rmtree(self.root / "custody" / "proofs")
        (self.root / "custody" / "proofs").mkdir()
        for index in range(len(leaves)):
            proof = EntryProof(index, tuple(inclusion_proof(leaves, index)), note)
            self.write(proof_path(index + 1), proof.to_bytes())
        self.write(PEM, public_pem(signer.verifier)).write(VKEY, f"{signer.verifier.vkey}\n".encode())
        return self.reseal()

    def with_a_witness(self) -> "Tampered":
        """A witness's cosignature, as a package may have it (here of no worth)."""
        witness = Signer.generate("witness.example/w1")
        note = self.read(CHECKPOINT)
        line = witness.signature_line(note.partition(b"\n\n")[0] + b"\n")
        return self.write(CHECKPOINT, note + line).reseal()

    def without_lines_of(self, name: str, path: str) -> "Tampered":
        """The lines of a witness taken out of a note."""
        lines = self.read(path).splitlines(keepends=True)
        return self.write(path, b"".join(line for line in lines if name.encode() not in line)).reseal()

    def with_another_time(self, path: str, witness: Cosigner) -> "Tampered":
        """A witness's line that states another time than was signed."""
        note = self.read(path)
        line = next(line for line in note.splitlines(keepends=True) if witness.name.encode() in line)
        blob = b64decode(line.split()[2])
        later = Signature(witness.name, blob[:11] + bytes([blob[11] ^ 1]) + blob[12:])
        return self.write(path, note.replace(line, later.line)).reseal()

    def without_entry(self, number: int) -> "Tampered":
        """Entry `number` of the case with its proof and its body gone, the rest as it was."""
        lines = self.read(ENTRIES).splitlines(keepends=True)
        bodies = self.read(BODIES).splitlines(keepends=True)
        self.write(ENTRIES, b"".join(lines[: number - 1] + lines[number:]))
        self.write(BODIES, b"".join(bodies[: number - 1] + bodies[number:]))
        (self.root / proof_path(number)).unlink()
        return self.reseal()
