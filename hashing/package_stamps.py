"""The check of a package's time stamps: over checkpoints of its log, which the package's own extends.

The files and their names are in docs/package-format.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate

from evidence.clock import timestamp
from evidence.errors import IncompleteError, IntegrityError
from hashing.bag import Bag
from hashing.ledger_checks import CaseLedger
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint
from hashing.package_files import CHAIN, EXTENDS, STAMP, STAMPED, TIME_STAMPS
from hashing.proof_file import ConsistencyProof
from hashing.report import Cause, Check, Findings, not_checked
from hashing.timestamps import (
    FutureTimeStampError,
    TimeStamp,
    TimeStampError,
    check_content,
    verify_response,
)

NAME = "time-stamp"
_STAMP_FILE = re.compile(
    rf"{TIME_STAMPS}(([1-9][0-9]{{0,15}})-[0-9a-f]{{16}})({re.escape(STAMP)}|{re.escape(CHAIN)})", re.ASCII
)
_TREE_FILE = re.compile(
    rf"{TIME_STAMPS}([1-9][0-9]{{0,15}})({re.escape(STAMPED)}|{re.escape(EXTENDS)})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Holding:
    size: int
    covered: int  # of the case's entries
    stamp: TimeStamp


def check_stamps(
    bag: Bag,
    part: CaseLedger,
    signed: tuple[Checkpoint, Verifier] | None,
    roots: Sequence[Certificate],
    at: datetime,
) -> Check:
    """Whether every time stamp in the package holds; its sentence says which entries they cover.

    Without `roots` all is checked but who made them, and when.
    """
    paths = bag.below(TIME_STAMPS)
    if not paths:
        return not_checked(NAME, "The package has none.")
    if signed is None:
        return not_checked(NAME, "There is no checkpoint with a valid signature to check against.")
    findings = Findings(NAME)
    stamps = _stamps(paths, findings)
    good: list[_Holding] = []
    for path, size in stamps:
        findings.looked_at()
        covered = sum(row.index < size for row in part.rows)
        try:
            note = _stamped(bag, size, covered, *signed)
            response = bag.read(path) or b""
            if roots:
                good.append(_Holding(size, covered, verify_response(response, note, roots, at=at)))
            else:
                check_content(response, note)
        except IncompleteError as error:
            findings.defect(Cause.INCOMPLETE, path, str(error))
        except FutureTimeStampError as error:
            findings.defect(Cause.TRUST, path, str(error))
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, path, str(error))
    if stamps and not roots:
        what = (
            "The root certificates of the authorities are missing: give them with --tsa-roots. Until then it"
            " is not shown who made the time stamps, nor when; only what they are over."
        )
        findings.defect(Cause.TRUST, "roots", what, pending=True)
    return _conclude(findings, part, good, at)


def _stamps(paths: Sequence[str], findings: Findings) -> list[tuple[str, int]]:
    """Each time stamp's path and the size in its name, by size; files that belong to none are told."""
    found = [(path, _STAMP_FILE.fullmatch(path)) for path in paths]
    stamps = {match[1]: (path, int(match[2])) for path, match in found if match and match[3] == STAMP}
    sizes = {size for _, size in stamps.values()}
    for path, match in found:
        tree = _TREE_FILE.fullmatch(path)
        if match is None and tree is None:
            findings.defect(Cause.INTEGRITY, path, "By its name it is no file of a time stamp.")
        elif (match and match[1] not in stamps) or (tree and int(tree[1]) not in sizes):
            findings.defect(Cause.INCOMPLETE, path, "The time stamp that it belongs to is missing.")
    return sorted(stamps.values(), key=lambda stamp: stamp[1])


def _stamped(bag: Bag, size: int, covered: int, checkpoint: Checkpoint, verifier: Verifier) -> bytes:
    """The note of `size` entries, once it is of this log and the package's checkpoint extends its tree."""
    note, proof = bag.read(f"{TIME_STAMPS}{size}{STAMPED}"), bag.read(f"{TIME_STAMPS}{size}{EXTENDS}")
    if note is None or proof is None:
        raise IncompleteError("The checkpoint that it is over, or its proof, is missing.")
    stamped = open_checkpoint(note, verifier)
    if stamped.size != size:
        raise NoteError(f"The checkpoint named for {size} entries is over {stamped.size}.")
    ConsistencyProof.from_bytes(proof).verify(stamped, checkpoint)
    if not covered:
        raise TimeStampError("It covers no entry of the case.")
    return note


def _conclude(findings: Findings, part: CaseLedger, good: Sequence[_Holding], at: datetime) -> Check:
    counting = [held for held in good if held.stamp.expires >= at]
    lapsed = len(good) - len(counting)
    if not counting:
        for held in good:
            what = (
                f"Its chain expired on {held.stamp.expires:%Y-%m-%d}; that it was stamped anew before, no"
                " package shows."
            )
            findings.defect(Cause.TRUST, f"stamp over {held.size} entries", what)
        return findings.conclude("")
    # The first of those that cover the most: every other one says less, or says it later.
    best = min(counting, key=lambda held: (-held.covered, held.stamp.time, held.size))
    total = len(part.rows)
    sentences = [
        f"{timestamp(best.stamp.time)}: {best.stamp.authority} stamped the tree of {best.size} entries,"
        f" {best.covered} of the {total} of the case among them"
    ]
    if best.covered < total:
        late = (
            f"entry {total} is" if best.covered == total - 1 else f"entries {best.covered + 1} to {total} are"
        )
        sentences.append(
            f"{late} behind the last time stamp that counts, as an export's own always is: no defect"
        )
    sentences += [f"{len(good)} time stamps hold"] if len(good) > 1 else []
    sentences += [f"{lapsed} of them count no more: their chains have expired"] if lapsed else []
    return findings.conclude("; ".join(sentences) + ".")
