"""Verification of a receipt, with neither network nor database (docs/receipts.md)."""

import os
from collections.abc import Sequence
from pathlib import Path

from evidence.clock import timestamp
from evidence.errors import IntegrityError, UnreadableError
from evidence.text import printable
from hashing.cosignatures import CosignatureVerifier, cosigned_at
from hashing.digests import Progress, digest_file, same_digest
from hashing.keys import named_for
from hashing.ledger_checks import further_signatures, own_key
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, open_checkpoint
from hashing.package_keys import keys_told
from hashing.receipt import KIND, MAX_RECEIPT, Receipt
from hashing.report import Cause, Check, Findings, VerificationReport, not_checked
from hashing.succession import follow
from hashing.witness_checks import NAME as WITNESS
from hashing.witness_checks import cosignatures_on, no_cosignature

_NAMES = ("entry", "inclusion", "checkpoint-signature", "file")


def read_receipt(path: Path) -> bytes:
    """The bytes of a receipt; raises UnreadableError where `path` cannot be read, or is no receipt at all."""
    shown = printable(str(path), limit=4096)
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise UnreadableError(f"{shown} is not a file that can be read.")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_RECEIPT + 1)
    except OSError as error:
        raise UnreadableError(f"{shown} could not be read: {error.strerror}.") from error
    if KIND.encode() not in raw:
        raise UnreadableError(f"{shown} is no receipt.", advice="Name the receipt's JSON file, not its PDF.")
    return raw


def verify_receipt(
    raw: bytes,
    trusted: Verifier | None = None,
    *,
    successions: Sequence[bytes] = (),
    files: Sequence[Path] = (),
    witnesses: Sequence[CosignatureVerifier] = (),
    subject: str = "receipt",
    progress: Progress | None = None,
) -> VerificationReport:
    """Check a receipt's bytes, and that each of `files` is one of those that it names.

    `trusted` is the log's key from somewhere else; without it the receipt's own is used, and the report says
    that this shows no origin. `successions` are those by which the log's keys follow one another, where
    it has had several; `witnesses` the keys of witnesses that are trusted. `progress` gets the length of each
    run of bytes read of `files`.
    """
    findings = Findings("canonical")
    findings.looked_at()
    try:
        receipt = Receipt.from_bytes(raw)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, "receipt", str(error))
        unread = [not_checked(name, "The receipt cannot be read.") for name in _NAMES]
        return VerificationReport(subject, (findings.conclude(""), *unread))
    signed, signature = _check_signature(receipt, trusted, successions)
    checks = (
        findings.conclude("The receipt, and the entry and the proof in it, have their one form."),
        _check_entry(receipt),
        _check_inclusion(receipt, signed),
        signature,
        _check_files(receipt, files, progress),
        not_checked("time-stamp", "A receipt has none: its times are those that the log's keeper states."),
        _check_witness(receipt, signed, witnesses),
    )
    return VerificationReport(subject, checks)


def _check_entry(receipt: Receipt) -> Check:
    findings = Findings("entry")
    findings.looked_at()
    try:
        receipt.require_bound()
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, "entry", str(error))
    files = receipt.statement.files
    return findings.conclude(
        f"The entry binds {receipt.statement.reference}: names, sizes and digests of {len(files)} files."
    )


def _check_signature(
    receipt: Receipt, trusted: Verifier | None, successions: Sequence[bytes]
) -> tuple[tuple[Checkpoint, Verifier] | None, Check]:
    """The checkpoint and the key that signed it, where it did."""
    findings = Findings("checkpoint-signature")
    note = receipt.inclusion.checkpoint
    verifier = named_for(trusted, note) if trusted else receipt.key
    try:
        verifier = follow(verifier, successions)
        checkpoint = open_checkpoint(note, verifier)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, "checkpoint", str(error))
        return None, findings.conclude("")
    findings.looked_at()
    log = receipt.parsed.log
    if log != verifier.name:
        findings.defect(Cause.INTEGRITY, "entry", f"It is of another log, {log!r}.")
    if trusted is None:
        own_key(findings, "checkpoint", "receipt", verifier)
    elif receipt.key != verifier.signing(checkpoint.size):
        findings.defect(Cause.INTEGRITY, "key", "It is another key than the one that signed the checkpoint.")
    passed = f"{verifier.name} signed the tree of {checkpoint.size} entries.{keys_told(verifier, checkpoint)}"
    return (checkpoint, verifier), findings.conclude(passed)


def _check_inclusion(receipt: Receipt, signed: tuple[Checkpoint, Verifier] | None) -> Check:
    if signed is None:
        return not_checked("inclusion", "There is no checkpoint with a valid signature to check against.")
    checkpoint, verifier = signed
    findings = Findings("inclusion")
    findings.looked_at()
    try:
        receipt.inclusion.verify(receipt.entry, verifier)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, "proof", str(error))
    return findings.conclude(f"Entry {receipt.inclusion.index} is in the signed tree of {checkpoint.size}.")


def _check_witness(
    receipt: Receipt,
    signed: tuple[Checkpoint, Verifier] | None,
    witnesses: Sequence[CosignatureVerifier],
) -> Check:
    note = receipt.inclusion.checkpoint
    if not witnesses:
        return further_signatures(note)
    if signed is None:
        return not_checked(WITNESS, "There is no checkpoint with a valid signature to check against.")
    findings = Findings(WITNESS)
    try:
        found = cosignatures_on(note, witnesses)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, "checkpoint", str(error))
        return findings.conclude("")
    if not found:
        no_cosignature(findings, "receipt", witnesses)
    findings.looked_at(len(found))
    by = ", ".join(f"{one.name} at {timestamp(cosigned_at(line))}" for one, line in found.items())
    silent = [witness.name for witness in witnesses if witness not in found]
    tail = f"; nothing by {', '.join(silent)}" if silent else ""
    return findings.conclude(
        f"The tree of {signed[0].size} entries, the receipt's among them, was cosigned by {by}{tail}."
    )


def _check_files(receipt: Receipt, files: Sequence[Path], progress: Progress | None) -> Check:
    if not files:
        return not_checked("file", "No file was given with --file to compare with the receipt.")
    findings = Findings("file")
    for path in files:
        shown = printable(str(path), limit=4096)
        if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
            findings.defect(Cause.UNREADABLE, shown, "It is not a file that can be read.")
            continue
        try:
            found = digest_file(path, progress)
        except UnreadableError as error:
            findings.defect(Cause.UNREADABLE, shown, str(error))
            continue
        findings.looked_at()
        if not any(
            same_digest(item.sha256, found.sha256)
            and same_digest(item.blake3, found.blake3)
            and item.size == found.size
            for item in receipt.statement.files
        ):
            what = f"It is none of the files that were received: its SHA-256 is {found.sha256}."
            findings.defect(Cause.INTEGRITY, shown, what, detail={"sha256": found.sha256, "size": found.size})
    return findings.conclude(f"{len(files)} files are identical to files that were received.")
