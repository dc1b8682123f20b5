"""The check of a package's witnesses: which of its entries stand under a checkpoint that one has cosigned.

The files and their names are in docs/package-format.md.
"""

import re
from collections.abc import Sequence

from evidence.clock import timestamp
from evidence.errors import IncompleteError, IntegrityError
from hashing.bag import Bag
from hashing.cosignatures import CosignatureVerifier, cosigned_at
from hashing.ledger_checks import CaseLedger, further_signatures
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, checkpoint_of
from hashing.package_files import CHECKPOINT, EXTENDS, STAMPED, WITNESSED, earlier_note
from hashing.report import Cause, Check, Findings, not_checked
from hashing.witness_checks import NAME, cosignatures_on, no_cosignature

_FILE = re.compile(rf"{WITNESSED}([1-9][0-9]{{0,15}})({re.escape(STAMPED)}|{re.escape(EXTENDS)})", re.ASCII)


def check_packaged_witness(
    bag: Bag,
    part: CaseLedger,
    signed: tuple[Checkpoint, Verifier] | None,
    witnesses: Sequence[CosignatureVerifier],
) -> Check:
    """Whether one of `witnesses` has cosigned a checkpoint over all of the entries; its sentence says when.

    Without `witnesses` it is only checked that the package's checkpoint extends those that are beside it.
    """
    told = further_signatures(part.note)
    if signed is None or part.note is None:
        no_checkpoint = "There is no checkpoint with a valid signature to check against."
        return not_checked(NAME, no_checkpoint) if witnesses else told
    findings = Findings(NAME)
    earlier = _earlier_notes(bag, signed, findings)
    if not witnesses and not findings.has_defects:
        beside = f" {len(earlier)} earlier checkpoints with some are beside it." if earlier else ""
        return not_checked(NAME, f"{told.reason}{beside}")
    seen: dict[CosignatureVerifier, tuple[int, str]] = {}  # of each: how many entries, and in words
    for path, note in {CHECKPOINT: part.note, **earlier}.items():
        try:
            found = cosignatures_on(note, witnesses)
        except NoteError as error:
            findings.defect(Cause.INTEGRITY, path, error.what)
            continue
        size = checkpoint_of(note).size
        for witness, signature in found.items():
            words = (
                f"{witness.name} cosigned the tree of {size} entries at {timestamp(cosigned_at(signature))}"
            )
            seen[witness] = max(seen.get(witness, (0, "")), (size, words))
    return _conclude(findings, part, witnesses, seen)


def _conclude(
    findings: Findings,
    part: CaseLedger,
    witnesses: Sequence[CosignatureVerifier],
    seen: dict[CosignatureVerifier, tuple[int, str]],
) -> Check:
    if not seen:
        if witnesses:
            no_cosignature(findings, "package", witnesses)
        return findings.conclude("")
    size = max(size for size, _ in seen.values())
    covered, total = sum(row.index < size for row in part.rows), len(part.rows)
    findings.looked_at(covered)
    words = "; ".join(words for _, words in seen.values())
    if covered < total:
        what = (
            f"Entries {covered + 1} to {total} of the case are behind what was cosigned: {words}. An export"
            " that is made again when the witness answers has its word for them."
        )
        findings.defect(Cause.INCOMPLETE, "newest entries", what, pending=True)
    silent = [witness.name for witness in witnesses if witness not in seen]
    tail = f"; nothing by {', '.join(silent)}" if silent else ""
    return findings.conclude(f"All {total} entries of the case are among what was cosigned: {words}{tail}.")


def _earlier_notes(bag: Bag, signed: tuple[Checkpoint, Verifier], findings: Findings) -> dict[str, bytes]:
    """The notes beside the package's checkpoint, by path, that are of this log and that it extends."""
    sizes: set[int] = set()
    for path in bag.below(WITNESSED):
        if found := _FILE.fullmatch(path):
            sizes.add(int(found[1]))
        else:
            findings.defect(Cause.INTEGRITY, path, "By its name it is no file of a witness.")
    notes: dict[str, bytes] = {}
    for size in sorted(sizes):
        path = f"{WITNESSED}{size}{STAMPED}"
        try:
            notes[path] = earlier_note(bag, WITNESSED, size, *signed)
        except IncompleteError as error:
            findings.defect(Cause.INCOMPLETE, path, str(error))
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, path, str(error))
    return notes
