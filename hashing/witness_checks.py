"""The check on witnesses: what of a case stands under a checkpoint that another authority has cosigned."""

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.clock import timestamp
from hashing.cosignatures import CosignatureVerifier, cosigned_at
from hashing.ledger_checks import CaseLedger, departure
from hashing.note_keys import Signature, Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint, split_note, verified, with_lines
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Findings, not_checked

NAME = "witness"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature's line, and the checkpoint over `size` entries that it is on: None where that is gone."""

    size: int
    line: bytes
    note: bytes | None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The witnesses that are trusted, and the newest cosignatures by them from each place that keeps some."""

    witnesses: Sequence[CosignatureVerifier] = ()
    kept: Sequence[Cosigned] = ()


NO_WITNESS = Witnessed()


def check_witness(
    trees: LedgerTree,
    part: CaseLedger,
    checkpoint: Checkpoint | None,
    verifier: Verifier | None,
    witnessed: Witnessed,
) -> Check:
    """Whether the ledger extends all that was cosigned, and that covers each entry of the case.

    Entries behind it are pending.
    """
    if not witnessed.witnesses:
        return not_checked(NAME, "No witness is set up.")
    if checkpoint is None or verifier is None:
        return not_checked(NAME, "There is no checkpoint with a valid signature to check against.")
    findings = Findings(NAME)
    tree = trees.of_size(checkpoint.size)
    newest, told = 0, "nothing"
    for item in witnessed.kept:
        subject = f"cosigned checkpoint over {item.size} entries"
        if item.note is None:
            findings.defect(Cause.INTEGRITY, subject, "It is gone; its cosignature is still there.")
            continue
        try:
            cosigned, signatures = open_cosigned(
                with_lines(item.note, [item.line]), verifier, witnessed.witnesses
            )
        except NoteError as error:
            findings.defect(Cause.INTEGRITY, subject, error.what)
            continue
        if departs := departure(tree, checkpoint, cosigned):
            findings.defect(Cause.INTEGRITY, subject, departs)
        elif cosigned.size > newest:
            newest, told = cosigned.size, _told(cosigned, signatures)
    covered = [row for row in part.rows if row.index < newest]
    findings.looked_at(len(covered))
    if waiting := len(part.rows) - len(covered):
        what = f"{waiting} of the case's {len(part.rows)} entries wait for a witness; cosigned is {told}."
        findings.defect(Cause.INCOMPLETE, "newest entries", what, pending=True)
    return findings.conclude(f"{len(covered)} entries are among those cosigned: {told}.")


def open_cosigned(
    note: bytes, verifier: Verifier, witnesses: Sequence[CosignatureVerifier]
) -> tuple[Checkpoint, list[Signature]]:
    """The checkpoint of the log in a note, and the cosignatures by `witnesses` on it, at least one.

    Raises NoteError where a line under a known key is not by it, or the log or every witness is missing.
    """
    checkpoint = open_checkpoint(note, verifier)
    found = verified(*split_note(note), witnesses)
    signatures = [found[key] for key in witnesses if key in found]
    if not signatures:
        raise NoteError("It is not cosigned by a witness that is trusted.")
    return checkpoint, signatures


def _told(checkpoint: Checkpoint, signatures: Sequence[Signature]) -> str:
    by = ", ".join(f"{item.name} at {timestamp(cosigned_at(item))}" for item in signatures)
    return f"the tree of {checkpoint.size} entries by {by}"
