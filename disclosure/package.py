"""Export packages: a case or a part of it in a folder that anyone can verify (docs/package-format.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata, resources
from pathlib import Path

from disclosure.anchors import Anchors, chosen_stamps, write_cosigned, write_stamps, write_successions
from disclosure.report_page import report_pdf
from disclosure.selection import PackagedObject, wanted_bodies
from disclosure.writer import Writer, new_folder
from evidence.custody import CustodyEvent, EventObject, LedgerEntry
from evidence.errors import IntegrityError, UsageError
from evidence.ports import LedgerStore, ObjectStore
from hashing.bag import DECLARATION, PAYLOAD, PAYLOAD_MANIFEST, TAG_MANIFEST, manifest_bytes
from hashing.cosignatures import CosignatureVerifier
from hashing.digests import Progress
from hashing.entries import parse_entry
from hashing.keys import public_pem
from hashing.ledger_checks import BODIES_CHECK, LOST_BODIES
from hashing.note_keys import Verifier
from hashing.notes import open_checkpoint
from hashing.package import verify_package
from hashing.package_files import (
    BODIES,
    CHECKPOINT,
    ENTRIES,
    EXPORT_EVENT,
    EXPORT_ROLE,
    PEM,
    REPORT,
    VKEY,
    PackagedBody,
    proof_path,
)
from hashing.package_stamps import NAME as TIME_STAMP_CHECK
from hashing.proof_file import EntryProof
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Status
from hashing.witness_checks import NAME as WITNESS_CHECK
from hashing.witness_checks import newest_note


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
    `anchors` asks others for their word on that entry, and gives what there is. `witnesses` are the keys by
    which cosignatures are looked at once more before they go in.
    """

    store: ObjectStore
    ledger: LedgerStore
    tree: LedgerTree
    verifier: Callable[[], Verifier]
    file_event: Callable[[CustodyEvent], LedgerEntry]
    anchors: Callable[[LedgerEntry], Anchors]
    witnesses: Sequence[CosignatureVerifier] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was made: bytes and files of its payload, and the entry that names its manifest.

    `cosignatures` and `time_stamps` are how many are over that entry; `lacks` says in sentences what others
    were asked for and did not give.
    """

    size: int
    files: int
    manifest_sha256: str
    case_seq: int
    cosignatures: int
    time_stamps: int
    lacks: tuple[str, ...]


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
        key, written = _write_custody(files, request, origin, last)
        _write_tags(files, request, key, f"{size}.{len(payload)}")
        files.sync_folders()
        _require_sound(folder, key, origin.witnesses, progress)
    return Package(size, len(payload), sha256(manifest).hexdigest(), last.case_seq, *written)


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


def _write_custody(
    files: Writer, request: Request, origin: Origin, last: LedgerEntry
) -> tuple[Verifier, tuple[int, int, tuple[str, ...]]]:
    """The case's entries up to the export's own, their bodies, a checkpoint over them, proofs, and anchors.

    Gives the key that signed the checkpoint, and what `Package` has of the anchors.
    """
    anchors = origin.anchors(last)
    rows = [row for row in origin.ledger.case_entries(request.case) if row.case_seq <= last.case_seq]
    stamped = {kept.size for kept in anchors.stamps if kept.response}
    note = newest_note(origin.ledger, anchors.cosigned, last.index, stamped)
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
    write_successions(files, verifier.former, tree)
    write_cosigned(files, anchors.cosigned, origin.ledger, tree, rows[0].index)
    stamps = chosen_stamps(anchors.stamps, rows, request.exhibits, request.at)
    lacks = write_stamps(files, stamps, origin.ledger, origin.store, tree)
    cosignatures = sum(len(lines) for size, lines in anchors.cosigned.items() if size > last.index)
    covering = sum(kept.size > last.index for kept in stamps)
    return verifier.signing(tree.size), (cosignatures, covering, (*anchors.lacks, *lacks))


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


def _require_sound(
    folder: Path, key: Verifier, witnesses: Sequence[CosignatureVerifier], progress: Progress | None
) -> None:
    report = verify_package(folder, key, witnesses=witnesses, progress=progress)
    wrong = [check for check in report.checks if _is_wrong(check)]
    if wrong:
        raise IntegrityError(
            f"The package does not verify, and was not left there: {wrong[0].name}: {wrong[0].reason}",
            advice="Run vidne verify case on its case.",
        )


def _is_wrong(check: Check) -> bool:
    # The roots of time-stamp authorities are the receiver's to choose: here they are not asked for. That a
    # witness did not answer is told, and keeps nobody from a package; nor do bodies that the ledger has lost.
    known = {TIME_STAMP_CHECK: {Cause.TRUST}, WITNESS_CHECK: {Cause.TRUST, Cause.INCOMPLETE}}
    if check.name == BODIES_CHECK and all(defect.subject == LOST_BODIES for defect in check.defects):
        return False
    is_known = {defect.cause for defect in check.defects} <= known.get(check.name, set())
    return check.status in (Status.FAIL, Status.PENDING) and not is_known
