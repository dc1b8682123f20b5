"""Export packages: a case or a part of it in a folder that anyone can verify (docs/package-format.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata, resources
from pathlib import Path

from disclosure.report_page import report_pdf
from disclosure.selection import PackagedObject, wanted_bodies
from disclosure.writer import Writer, new_folder
from evidence.custody import CustodyEvent, EventObject, KeptStamp, LedgerEntry
from evidence.errors import IntegrityError, UsageError
from evidence.ports import LedgerStore, ObjectStore
from hashing.bag import DECLARATION, PAYLOAD, PAYLOAD_MANIFEST, TAG_MANIFEST, manifest_bytes
from hashing.digests import Progress
from hashing.entries import parse_entry
from hashing.keys import public_pem
from hashing.note_keys import Verifier
from hashing.notes import open_checkpoint
from hashing.package import verify_package
from hashing.package_files import (
    BODIES,
    CHAIN,
    CHECKPOINT,
    ENTRIES,
    EXPORT_EVENT,
    EXPORT_ROLE,
    EXTENDS,
    KEYS,
    PEM,
    REPORT,
    STAMP,
    STAMPED,
    SUCCESSION,
    TIME_STAMPS,
    VKEY,
    PackagedBody,
    proof_path,
    stamp_name,
)
from hashing.package_stamps import NAME as TIME_STAMP_CHECK
from hashing.proof_file import ConsistencyProof, EntryProof
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Status
from hashing.tiles import TiledTree


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be exported: `exhibits` are labels, `is_whole` says that they are all of the case's.

    `unfinished` are those of them that are still being processed: they have not all of their copies yet.

    `export_id` names the export in the ledger; `at` is RFC 3339 UTC, `actor` a pseudonym.
    """

    export_id: str
    case: str
    case_number: str
    at: str
    actor: str
    exhibits: tuple[str, ...]
    objects: Sequence[PackagedObject]
    is_whole: bool
    with_copies: bool = True
    with_contact: bool = False
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a package comes from; `file_event` files an event and gives its entry once it has its place.

    `verifier` gives the log's key, with those before it: asked for last, for another may follow meanwhile.
    `stamps` are the time stamps over the ledger that are kept, of whatever cases.
    """

    store: ObjectStore
    ledger: LedgerStore
    tree: LedgerTree
    verifier: Callable[[], Verifier]
    file_event: Callable[[CustodyEvent], LedgerEntry]
    stamps: Sequence[KeptStamp] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was made: bytes and files of its payload, and the entry that names its manifest."""

    size: int
    files: int
    manifest_sha256: str
    case_seq: int


def write_package(
    output: Path, request: Request, origin: Origin, progress: Progress | None = None
) -> Package:
    """Make the package at `output`, which must not exist, and verify it before it takes its name.

    `progress` gets the length of each run of bytes, once as it is copied and once as it is read back. Raises
    as `new_folder` does, IncompleteError where an object is gone, IntegrityError where it is not what was
    filed or the package does not verify; then nothing is left at `output`.
    """
    if not request.objects:
        raise UsageError(f"There is nothing to export in case {request.case_number}.")
    with new_folder(output) as folder:
        files = Writer(folder, progress)
        for item in request.objects:
            files.copy(origin.store, item)
        payload = {path: digest for path, digest in files.digests.items() if path.startswith(PAYLOAD)}
        size = sum(item.digests.size for item in request.objects if item.path in payload)
        manifest = manifest_bytes(payload)
        files.write(PAYLOAD_MANIFEST, manifest)
        # Only now: what can fail has been done, and what the entry speaks of lies on the disk.
        last = origin.file_event(_event(request, manifest, len(payload), size))
        key = _write_custody(files, request, origin, last)
        _write_tags(files, request, key, f"{size}.{len(payload)}")
        files.sync_folders()
        _require_sound(folder, key, progress)
    return Package(size, len(payload), sha256(manifest).hexdigest(), last.case_seq)


def _event(request: Request, manifest: bytes, files: int, size: int) -> CustodyEvent:
    return CustodyEvent(
        event_id=f"{request.export_id}:{EXPORT_EVENT}",
        type=EXPORT_EVENT,
        at=request.at,
        actor=request.actor,
        case=request.case,
        objects=(EventObject("", EXPORT_ROLE, sha256(manifest).hexdigest(), len(manifest)),),
        body={
            "export": request.export_id,
            "exhibits": list(request.exhibits),
            "unfinished": list(request.unfinished),
            "whole_case": request.is_whole,
            "with_copies": request.with_copies,
            "with_contact": request.with_contact,
            "files": files,
            "size": size,
        },
    )


def _write_custody(files: Writer, request: Request, origin: Origin, last: LedgerEntry) -> Verifier:
    """The case's entries up to the export's own, their bodies, a checkpoint over them, and their proofs.

    Gives the key that signed the checkpoint.
    """
    rows = [row for row in origin.ledger.case_entries(request.case) if row.case_seq <= last.case_seq]
    note = origin.ledger.latest_checkpoint() or b""
    verifier = origin.verifier()
    tree = origin.tree.of_size(open_checkpoint(note, verifier).size)
    body_of = origin.ledger.body
    wanted = wanted_bodies(
        [parse_entry(row.entry) for row in rows],
        body_of,
        None if request.is_whole else frozenset(request.exhibits),
        with_contact=request.with_contact,
    ) | {last.event_id}
    bodies = [
        PackagedBody.of(body, is_wanted=row.event_id in wanted).to_line()
        for row in rows
        if (body := body_of(row.event_id)) is not None
    ]
    files.write(ENTRIES, b"".join(row.entry + b"\n" for row in rows))
    files.write(BODIES, b"".join(bodies))
    files.write(CHECKPOINT, note)
    for row in rows:
        proof = EntryProof(row.index, tuple(tree.inclusion_proof(row.index)), note)
        files.write(proof_path(row.case_seq), proof.to_bytes())
    covering = [kept for kept in origin.stamps if kept.response and kept.size > rows[0].index]
    _write_stamps(files, covering, origin.ledger, tree)
    for former in verifier.former:
        if former.size < tree.size:
            files.write(f"{KEYS}{former.size}{SUCCESSION}", former.note)
            proof_of_old = ConsistencyProof(former.size, tuple(tree.consistency_proof(former.size)))
            files.write(f"{KEYS}{former.size}{EXTENDS}", proof_of_old.to_bytes())
    return verifier.signing(tree.size)


def _write_stamps(files: Writer, stamps: Sequence[KeptStamp], ledger: LedgerStore, tree: TiledTree) -> None:
    """Each stamp as it came, its chain, its checkpoint, and the proof that `tree` extends this."""
    for kept in stamps:
        path = TIME_STAMPS + stamp_name(kept.size, kept.authority)
        files.write(path + STAMP, kept.response or b"")
        files.write(path + CHAIN, kept.chain)
    for size in sorted({kept.size for kept in stamps}):
        note = ledger.checkpoint(size)
        if note is None:
            raise IntegrityError(
                f"There is no checkpoint over {size} entries, which were stamped. No package was made.",
                advice="Run vidne verify case on its case.",
            )
        files.write(f"{TIME_STAMPS}{size}{STAMPED}", note)
        proof = ConsistencyProof(size, tuple(tree.consistency_proof(size)))
        files.write(f"{TIME_STAMPS}{size}{EXTENDS}", proof.to_bytes())


def _write_tags(files: Writer, request: Request, verifier: Verifier, oxum: str) -> None:
    here = resources.files("disclosure")
    files.write("VERIFY.txt", here.joinpath("VERIFY.txt").read_bytes())
    files.write("verify.html", here.joinpath("verify.html").read_bytes())
    files.write("verify.sh", here.joinpath("verify.sh").read_bytes(), 0o755)
    files.write(PEM, public_pem(verifier))
    files.write(VKEY, f"{verifier.vkey}\n".encode())
    info = {
        "Bag-Software-Agent": f"Vidne {metadata.version('vidne')}",
        "Bagging-Date": request.at[:10],
        "External-Identifier": request.case_number,
        "Internal-Sender-Identifier": request.export_id,
        "Payload-Oxum": oxum,
    }
    files.write("bag-info.txt", "".join(f"{name}: {value}\n" for name, value in info.items()).encode())
    files.write("bagit.txt", DECLARATION)
    files.write(REPORT, report_pdf(files.folder))  # it tells what the others hold
    tags = {path: digest for path, digest in files.digests.items() if not path.startswith(PAYLOAD)}
    files.write(TAG_MANIFEST, manifest_bytes(tags))


def _require_sound(folder: Path, verifier: Verifier, progress: Progress | None) -> None:
    report = verify_package(folder, verifier, progress=progress)
    wrong = [check for check in report.checks if _is_wrong(check)]
    if wrong:
        raise IntegrityError(
            f"The package does not verify, and was not left there: {wrong[0].name}: {wrong[0].reason}",
            advice="Run vidne verify case on its case.",
        )


def _is_wrong(check: Check) -> bool:
    # The roots of time-stamp authorities are the receiver's to choose: here they are not asked for.
    is_known = check.name == TIME_STAMP_CHECK and {d.cause for d in check.defects} == {Cause.TRUST}
    return check.status in (Status.FAIL, Status.PENDING) and not is_known
