"""Writes tests/golden anew: `python -m tests.golden.build`. Its files are kept as they are, whatever changes.

Only a new form of package or record asks for a new folder beside the old ones; none is ever replaced.
"""

import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from evidence.exhibits import Role
from hashing.merkle import Frontier, inclusion_proof, leaf_hash
from hashing.note_keys import Signer
from hashing.notes import Checkpoint, sign_checkpoint
from hashing.package_files import BODIES, CHECKPOINT, ENTRIES, proof_path
from hashing.proof_file import EntryProof
from tests.disclosure.packages import Tampered, export_all, filed, stored
from tests.hashing.cases import ORIGIN, Scene

HERE = Path(__file__).parent
VALID, TAMPERED, GONE = HERE / "valid" / "package-1", HERE / "tampered" / "package-1", "gone.txt"


def small_scene(folder: Path) -> Scene:
    """A case of one exhibit of a few bytes, with a copy, in a log that has entries of another case."""
    scene = Scene(folder)
    filed(scene, "case:opened", "case.opened", {"number": "0100-10293-00001-26"})
    original = scene.put(b"not one bit of this may change\n" * 20, Role.ORIGINAL, "original")
    working = scene.put(b"a copy of it\n" * 20, Role.WORKING, "working.mp4")
    manifest = scene.put_manifest(working)
    filed(scene, "sub-1:file.received", "file.received", {"filename": "blåbær.mp4"}, original)
    scene.file("other:opened", case="case9z")
    stored(scene, "job-1:object.stored", original)
    stored(scene, "job-2:object.stored", working, manifest)
    scene.sequence()
    return scene


def resigned(package: Tampered, signer: Signer) -> None:
    """Another history of the same events, signed anew: with the stolen key nothing inside tells of it."""
    entries = [line.replace(b'"actor":"system"', b'"actor":"nobody"') for line in package.entries()]
    chained: list[bytes] = []
    for entry in entries:
        before = leaf_hash(chained[-1]).hex() if chained else "0" * 64
        head, _, rest = entry.partition(b'"case_prev":"')
        chained.append(head + b'"case_prev":"' + before.encode() + rest[64:])
    package.rebuild(chained, signer)


def swap(package: Tampered, one: str, other: str) -> Tampered:
    """Each of two files under the other's name."""
    first, second = package.read(one), package.read(other)
    return package.write(one, second).write(other, first).reseal()


def attacks(signer: Signer) -> dict[str, Callable[[Tampered], object]]:
    """Each attack by its name in the table of test_golden.py."""

    def replace(path: str, old: bytes, new: bytes) -> Callable[[Tampered], object]:
        def attack(package: Tampered) -> object:
            raw = package.read(path)
            if old not in raw:
                raise ValueError(f"{path} has no {old!r}")
            return package.write(path, raw.replace(old, new, 1)).reseal()

        return attack

    def proof_over_another_root(package: Tampered) -> None:
        leaves = [leaf_hash(entry) for entry in package.entries()]
        frontier = Frontier()
        for leaf in leaves:
            frontier.append(leaf)
        note = sign_checkpoint(Checkpoint(ORIGIN, frontier.size, frontier.root()), Signer.generate(ORIGIN))
        for index in range(len(leaves)):
            proof = EntryProof(index, tuple(inclusion_proof(leaves, index)), note)
            package.write(proof_path(index + 1), proof.to_bytes())
        package.write(CHECKPOINT, note).reseal()

    return {
        "a-bit-of-the-original": lambda p: p.flip("data/EX-0001.original.mp4"),
        "a-bit-of-the-copy": lambda p: p.flip("data/EX-0001.working.mp4"),
        "original-replaced-and-lists-made-right": lambda p: p.write(
            "data/EX-0001.original.mp4", b"another clip\n"
        ).reseal_payload(),
        "entry-edited": replace(ENTRIES, b'"type":"file.received"', b'"type":"file.receivex"'),
        "entry-written-otherwise": replace(ENTRIES, b'{"actor"', b'{ "actor"'),
        "entry-with-a-key-twice": replace(ENTRIES, b'{"actor"', b'{"actor":"nobody","actor"'),
        "entry-left-out-in-the-middle": lambda p: p.without_entry(3),
        "last-entry-left-out": lambda p: p.without_entry(len(p.entries())),
        "proofs-swapped": lambda p: swap(p, proof_path(1), proof_path(2)),
        "body-edited": replace(BODIES, b"bl\xc3\xa5b\xc3\xa6r", b"solb\xc3\xa6r"),
        "checkpoint-of-another-key": proof_over_another_root,
        "history-signed-with-another-key": lambda p: resigned(p, Signer.generate(ORIGIN)),
        "history-signed-with-the-stolen-key": lambda p: resigned(p, signer),
        "path-that-leaves-the-folder": lambda p: p.write(
            "manifest-sha256.txt", p.read("manifest-sha256.txt").replace(b"data/", b"data/../../", 1)
        ).reseal(),
    }


def build() -> None:
    """Make the package, and of each attack the files that it changes."""
    for folder in (VALID, TAMPERED):
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scene = small_scene(Path(name))
        export_all(scene, VALID)
    for attack, change in attacks(scene.signer).items():
        with tempfile.TemporaryDirectory() as name:
            package = Tampered(Path(shutil.copytree(VALID, Path(name) / "P")))
            change(package)
            _keep_changes(package.root, TAMPERED / attack)


def _keep_changes(root: Path, kept: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}

    before, after = digests(VALID), digests(root)
    for path in sorted(after.items() - before.items()):
        target = kept / path[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path[0], target)
    gone = sorted(before.keys() - after.keys())
    if gone:
        (kept / GONE).write_text("".join(f"{path}\n" for path in gone))


if __name__ == "__main__":
    build()
