"""The check on witnesses: what of a case stands under a checkpoint that another authority has cosigned."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from evidence.clock import timestamp
from evidence.errors import IntegrityError
from evidence.ports import LedgerStore
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
        what = (
            f"{waiting} of the case's {len(part.rows)} entries wait for a witness; cosigned is {told}. A"
            " worker asks it by itself; vidne ledger witness submit asks now."
        )
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


def cosignatures_on(
    note: bytes, witnesses: Sequence[CosignatureVerifier]
) -> dict[CosignatureVerifier, Signature]:
    """The cosignatures by `witnesses` on a note; raises NoteError where a line under their keys is not."""
    found = verified(*split_note(note), witnesses)
    return {witness: found[witness] for witness in witnesses if witness in found}


def newest_note(
    ledger: LedgerStore, cosigned: Mapping[int, Sequence[bytes]], index: int, stamped: Collection[int] = ()
) -> bytes:
    """The newest checkpoint over entry `index` that others have signed, with cosignatures; else the newest.

    `cosigned` has lines by the size of the checkpoint that they are on, `stamped` sizes that were stamped.
    Raises NoteError where a line is none, IntegrityError where there is no checkpoint.
    """
    size = max((*cosigned, *stamped), default=0)
    note = ledger.checkpoint(size) if size > index else None
    if note is not None:
        return with_lines(note, cosigned.get(size, ()))
    note = ledger.latest_checkpoint()
    if note is None:
        raise IntegrityError("The ledger has lost its checkpoint.", advice="Run vidne verify archive.")
    return note


def no_cosignature(findings: Findings, where: str, witnesses: Sequence[CosignatureVerifier]) -> None:
    """Note that none of the witnesses whose keys were given has a line: a line can be taken out unseen."""
    names = ", ".join(witness.name for witness in witnesses)
    what = (
        f"No cosignature by {names} is in the {where}: the witness did not answer when it was made, or the"
        " line was taken out. Ask for it anew, or ask the witness what it cosigned."
    )
    findings.defect(Cause.TRUST, "cosignature", what)


def _told(checkpoint: Checkpoint, signatures: Sequence[Signature]) -> str:
    by = ", ".join(f"{item.name} at {timestamp(cosigned_at(item))}" for item in signatures)
    return f"the tree of {checkpoint.size} entries by {by}"
