"""Verification of an export package, with neither network nor database (docs/package-format.md).

What is authentic follows from the checkpoint's signature: by it the entries, by them the payload manifest,
the exhibits' manifests and the bodies. The bag's other files are for reading; nothing signed covers them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.x509 import Certificate

from evidence.clock import system_clock
from evidence.custody import LedgerEntry
from evidence.errors import IntegrityError, TrustMaterialError, UnreadableError
from evidence.exhibits import Digests
from evidence.text import printable
from hashing.bag import PAYLOAD, PAYLOAD_MANIFEST, Bag, check_digests, read_bag
from hashing.cosignatures import CosignatureVerifier
from hashing.digests import Progress, same_digest
from hashing.entries import Entry, parse_entry
from hashing.keys import named_for, parse_public
from hashing.ledger_checks import (
    CaseLedger,
    check_bodies,
    check_chain,
    check_signature,
    own_key,
)
from hashing.merkle import leaf_hash
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint
from hashing.package_bodies import read_bodies
from hashing.package_files import (
    CHECKPOINT,
    ENTRIES,
    EXPORT_EVENT,
    EXPORT_ROLE,
    PEM,
    PROOFS,
    VKEY,
    lines_of,
    may_stand,
    proof_path,
)
from hashing.package_keys import check_last_trees, keys_told, log_keys
from hashing.package_record import PackageRecord
from hashing.package_stamps import check_stamps
from hashing.package_witness import check_packaged_witness
from hashing.proof_file import EntryProof, ProofError
from hashing.report import Cause, Check, Findings, Status, VerificationReport, not_checked


def verify_package(
    root: Path,
    trusted: Verifier | None = None,
    *,
    successions: Sequence[bytes] = (),
    tsa_roots: Sequence[Certificate] = (),
    witnesses: Sequence[CosignatureVerifier] = (),
    at: datetime | None = None,
    subject: str = "",
    progress: Progress | None = None,
) -> VerificationReport:
    """Check the package in the folder `root`; `progress` gets the length of each run of bytes read.

    `trusted` is the log's key from somewhere else; without it the package's own is used, and the report says
    that this shows no origin. `successions` are further ones than the package has, by which the log's keys
    follow one another. `tsa_roots` are certificates of the time-stamp authorities that are trusted,
    `witnesses` the keys of witnesses that are; `at` is the time of the verification, by default now. Raises
    UnreadableError where `root` is no package at all.
    """
    bag, form = read_bag(root, may_stand)
    if not {"bagit.txt", PAYLOAD_MANIFEST, ENTRIES} & bag.files.keys():
        raise UnreadableError(
            f"{printable(str(root))} is no export package: it has neither {PAYLOAD_MANIFEST} nor {ENTRIES}.",
            advice="Name the folder that bagit.txt lies in.",
        )
    part, proofs, canonical = _read_entries(bag)
    bodies = read_bodies(bag, part)
    signed, signature = _check_signature(bag, part, trusted, successions)
    record = PackageRecord(bag, part, bodies.found)
    checks = (
        form,
        check_digests(bag, record.expected, progress),
        record.check(),
        canonical,
        check_chain(part),
        _check_last(bag, part),
        check_bodies(bodies.found.get, part, bodies.left_out, bodies.findings),
        _check_inclusion(bag, part, proofs, signed),
        signature,
        not_checked("consistency", "No earlier checkpoint was at hand to compare with."),
        *check_stamps(bag, part, signed, tsa_roots, at or system_clock()),
        check_packaged_witness(bag, part, signed, witnesses),
        record.check_stream_proofs(),
    )
    return VerificationReport(subject or printable(str(root)), checks)


def recorded_files(root: Path) -> dict[str, tuple[str, Digests | None]]:
    """The payload of a package: path to SHA-256 as listed, and the digests that are recorded, by piece too.

    Nothing is verified by it. Raises UnreadableError where `root` cannot be read.
    """
    bag, _ = read_bag(root, may_stand)
    part, _, _ = _read_entries(bag)
    record = PackageRecord(bag, part, read_bodies(bag, part).found)
    return {
        path: (listed, record.expected(path))
        for path, listed in sorted(bag.listed.items())
        if path.startswith(PAYLOAD)
    }


def _read_entries(bag: Bag) -> tuple[CaseLedger, dict[int, EntryProof], Check]:
    """The case's entries as they stand in the package, their proofs by case_seq, and whether they parse."""
    findings = Findings("canonical")
    raw = bag.read(ENTRIES)
    if raw is None:
        findings.defect(Cause.INCOMPLETE, ENTRIES, "It is missing.")
    lines = lines_of(raw or b"", ENTRIES, findings)
    parsed = tuple(_parse(number, line, findings) for number, line in enumerate(lines, 1))
    case = next((entry.case for entry in reversed(parsed) if entry), "")
    proofs: dict[int, EntryProof] = {}
    rows: list[LedgerEntry] = []
    for number, (line, entry) in enumerate(zip(lines, parsed, strict=True), 1):
        if entry and entry.case != case:
            findings.defect(
                Cause.INTEGRITY, f"{ENTRIES} line {number}", "It is of another case than the last."
            )
        case_seq = entry.case_seq if entry else number
        proof = _proof(bag, case_seq, findings)
        if proof:
            proofs[case_seq] = proof
        index = proof.index if proof else (rows[-1].index if rows else -1) + 1
        event_id = entry.event_id if entry else ""
        rows.append(LedgerEntry(index, 0, event_id, case, case_seq, line, leaf_hash(line)))
    check = findings.conclude(f"{len(rows)} entries are canonical.")
    note = bag.read(CHECKPOINT)
    leaves = tuple(row.leaf_hash for row in rows)
    return CaseLedger(case, tuple(rows), parsed, leaves, len(rows), note, len(rows)), proofs, check


def _parse(number: int, line: bytes, findings: Findings) -> Entry | None:
    findings.looked_at()
    try:
        return parse_entry(line)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, f"{ENTRIES} line {number}", str(error))
        return None


def _proof(bag: Bag, case_seq: int, findings: Findings) -> EntryProof | None:
    """The proof of an entry; None where it is missing, which the check of inclusion tells."""
    raw = bag.read(proof_path(case_seq))
    if raw is None:
        return None
    try:
        proof = EntryProof.from_bytes(raw)
        if proof.to_bytes() != raw:
            raise ProofError("It has more in it than a proof.")
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, proof_path(case_seq), str(error))
        return None
    return proof


def _check_last(bag: Bag, part: CaseLedger) -> Check:
    """Whether the chain ends with the entry of an export, and this names the payload manifest at hand."""
    findings = Findings("export-entry")
    last = part.parsed[-1] if part.parsed else None
    manifest = bag.read(PAYLOAD_MANIFEST)
    if last is None or last.type != EXPORT_EVENT:
        what = f"The last entry is no {EXPORT_EVENT}: the end of the chain was left out, or cannot be read."
        findings.defect(Cause.INTEGRITY, ENTRIES, what)
    elif manifest is None:
        findings.defect(Cause.INCOMPLETE, PAYLOAD_MANIFEST, "It is missing.")
    else:
        findings.looked_at()
        named = [item for item in last.objects if item.role == EXPORT_ROLE]
        if len(named) != 1 or not same_digest(named[0].sha256, sha256(manifest).hexdigest()):
            what = "It is not the one that the last entry names."
            findings.defect(Cause.INTEGRITY, PAYLOAD_MANIFEST, what)
    seq = last.case_seq if last else 0
    return findings.conclude(f"Entry {seq} of the case, the last, names {PAYLOAD_MANIFEST}.")


def _check_signature(
    bag: Bag, part: CaseLedger, trusted: Verifier | None, successions: Sequence[bytes]
) -> tuple[tuple[Checkpoint, Verifier] | None, Check]:
    """The checkpoint and the key that signed it, where it did."""
    findings = Findings("checkpoint-signature")
    own = verifier = None
    try:
        own = verifier = _own_key(bag)
    except (TrustMaterialError, IntegrityError) as error:
        cause = Cause.INTEGRITY if isinstance(error, IntegrityError) else Cause.TRUST
        findings.defect(cause, VKEY, str(error))
        if trusted is None:
            return None, findings.conclude("")
    if trusted is not None:
        verifier = named_for(trusted, part.note)
    if verifier is not None:
        verifier = log_keys(bag, verifier, successions, findings)
        if verifier is None:
            return None, findings.conclude("")
    checkpoint, check = check_signature(part, verifier)
    if checkpoint is None or verifier is None or check.status is not Status.PASS:
        return None, check
    findings.looked_at()
    check_last_trees(bag, verifier, checkpoint, findings)
    if trusted is None:
        own_key(findings, CHECKPOINT, "package", verifier)
    elif own is not None and own.public != verifier.signing(checkpoint.size).public:
        findings.defect(Cause.INTEGRITY, VKEY, "It is another key than the one that signed the checkpoint.")
    return (checkpoint, verifier), findings.conclude(check.reason + keys_told(verifier, checkpoint))


def _own_key(bag: Bag) -> Verifier | None:
    """The package's key; raises where its two forms are damaged or are not one key."""
    vkey, pem = bag.read(VKEY), bag.read(PEM)
    if vkey is None or pem is None:
        return None
    own = parse_public(vkey, VKEY)
    if parse_public(pem, PEM).public != own.public:
        raise IntegrityError(f"{VKEY} and {PEM} are not one key.")
    return own


def _check_inclusion(
    bag: Bag,
    part: CaseLedger,
    proofs: Mapping[int, EntryProof],
    signed: tuple[Checkpoint, Verifier] | None,
) -> Check:
    if signed is None:
        return not_checked("inclusion", "There is no checkpoint with a valid signature to check against.")
    checkpoint, verifier = signed
    findings = Findings("inclusion")
    for row in part.rows:
        path = proof_path(row.case_seq)
        proof = proofs.get(row.case_seq)
        if proof is None:
            cause = Cause.INTEGRITY if path in bag.files else Cause.INCOMPLETE
            findings.defect(
                cause, path, "Its proof cannot be read." if path in bag.files else "It is missing."
            )
            continue
        findings.looked_at()
        try:
            if proof.verify(row.entry, verifier) != checkpoint:
                findings.defect(Cause.INTEGRITY, path, f"It is over another checkpoint than {CHECKPOINT}.")
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, path, str(error))
    for path in sorted(set(bag.below(PROOFS)) - {proof_path(row.case_seq) for row in part.rows}):
        findings.defect(Cause.INTEGRITY, path, "The entry that it proves is not in the package.")
    return findings.conclude(f"{len(part.rows)} entries are in the signed tree of {checkpoint.size}.")
