"""The check of a package's time stamps: over checkpoints of its log, which the package's own extends.

The files and their names are in docs/package-format.md.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.x509 import Certificate

from evidence.clock import timestamp
from evidence.errors import IncompleteError, IntegrityError
from hashing.bag import Bag
from hashing.ledger_checks import CaseLedger
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint
from hashing.package_files import (
    CHAIN,
    EXTENDS,
    REVOCATION_LISTS,
    STAMP,
    STAMPED,
    TIME_STAMPS,
    earlier_note,
)
from hashing.report import Cause, Check, Findings, not_checked
from hashing.revocation import NO_LISTS, RevocationListError, RevocationLists, lists_in
from hashing.revocation_checks import NAME as REVOCATION
from hashing.revocation_checks import Revocation
from hashing.timestamp_checks import Holding
from hashing.timestamps import FutureTimeStampError, TimeStamp, TimeStampError, check_content, verify_response

NAME = "time-stamp"
_STAMP_FILE = re.compile(
    rf"{TIME_STAMPS}(([1-9][0-9]{{0,15}})-[0-9a-f]{{16}})({re.escape(STAMP)}|{re.escape(CHAIN)})", re.ASCII
)
_TREE_FILE = re.compile(
    rf"{TIME_STAMPS}([1-9][0-9]{{0,15}})({re.escape(STAMPED)}|{re.escape(EXTENDS)})", re.ASCII
)


_NAMED_EXHIBITS = 5


@dataclass(frozen=True, slots=True)
class _Covering(Holding):
    covered: int  # of the case's entries


def check_stamps(
    bag: Bag,
    part: CaseLedger,
    signed: tuple[Checkpoint, Verifier] | None,
    roots: Sequence[Certificate],
    at: datetime,
) -> list[Check]:
    """Whether every time stamp in the package holds; its sentence says which entries they cover.

    Without `roots` all is checked but who made them, and when. What the lists in the package say of their
    chains is a check of its own.
    """
    paths = bag.below(TIME_STAMPS)
    if not paths:
        return [not_checked(NAME, "The package has none.")]
    if signed is None:
        return [not_checked(NAME, "There is no checkpoint with a valid signature to check against.")]
    findings = Findings(NAME)
    stamps = _stamps(paths, findings)
    lists = _lists(bag, findings)
    revocation = Revocation(lists)
    found = list(_verified(bag, part, signed, stamps, roots, at, findings))
    if stamps and not roots:
        what = (
            "The root certificates of the authorities are missing: give them with --tsa-roots. Until then it"
            " is not shown who made the time stamps, nor when; only what they are over."
        )
        findings.defect(Cause.TRUST, "roots", what, pending=True)
        return [findings.conclude(""), not_checked(REVOCATION, "It takes the root certificates.")]
    good = [
        _Covering(size, sha256(bag.read(path) or b"").hexdigest(), stamp, standing, _covered(part, size))
        for path, size, stamp in found
        if (standing := revocation.standing(path, stamp))
    ]
    authorities = {certificate for _, _, stamp in found for certificate in stamp.chain}
    if authorities and (strange := lists.strangers(authorities)):
        what = f"{strange} lists in it are not signed by an authority of the time stamps."
        revocation.defect(Cause.INTEGRITY, REVOCATION_LISTS, what)
    return [_conclude(findings, part, good, at), *revocation.conclude()]


def _verified(
    bag: Bag,
    part: CaseLedger,
    signed: tuple[Checkpoint, Verifier],
    stamps: Sequence[tuple[str, int]],
    roots: Sequence[Certificate],
    at: datetime,
    findings: Findings,
) -> Iterator[tuple[str, int, TimeStamp]]:
    """Path, size and content of each stamp that holds by `roots`; none where there are none."""
    for path, size in stamps:
        findings.looked_at()
        try:
            note = _stamped(bag, size, _covered(part, size), *signed)
            response = bag.read(path) or b""
            if roots:
                yield path, size, verify_response(response, note, roots, at=at)
            else:
                check_content(response, note)
        except IncompleteError as error:
            findings.defect(Cause.INCOMPLETE, path, str(error))
        except FutureTimeStampError as error:
            findings.defect(Cause.TRUST, path, str(error))
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, path, str(error))


def _covered(part: CaseLedger, size: int) -> int:
    """How many of the case's entries are among the first `size` of the log."""
    return sum(row.index < size for row in part.rows)


def _lists(bag: Bag, findings: Findings) -> RevocationLists:
    raw = bag.read(REVOCATION_LISTS)
    try:
        return NO_LISTS if raw is None else RevocationLists(lists_in(raw))
    except RevocationListError as error:
        findings.defect(Cause.INTEGRITY, REVOCATION_LISTS, error.what)
        return NO_LISTS


def _stamps(paths: Sequence[str], findings: Findings) -> list[tuple[str, int]]:
    """Each time stamp's path and the size in its name, by size; files that belong to none are told."""
    found = [(path, _STAMP_FILE.fullmatch(path)) for path in paths if path != REVOCATION_LISTS]
    stamps = {match[1]: (path, int(match[2])) for path, match in found if match and match[3] == STAMP}
    sizes = {size for _, size in stamps.values()}
    if not stamps and REVOCATION_LISTS in paths:
        what = "The time stamps that it belongs to are missing."
        findings.defect(Cause.INCOMPLETE, REVOCATION_LISTS, what)
    for path, match in found:
        tree = _TREE_FILE.fullmatch(path)
        if match is None and tree is None:
            findings.defect(Cause.INTEGRITY, path, "By its name it is no file of a time stamp.")
        elif (match and match[1] not in stamps) or (tree and int(tree[1]) not in sizes):
            findings.defect(Cause.INCOMPLETE, path, "The time stamp that it belongs to is missing.")
    return sorted(stamps.values(), key=lambda stamp: stamp[1])


def _stamped(bag: Bag, size: int, covered: int, checkpoint: Checkpoint, verifier: Verifier) -> bytes:
    """The note of `size` entries, once it is of this log and the package's checkpoint extends its tree."""
    note = earlier_note(bag, TIME_STAMPS, size, checkpoint, verifier)
    if not covered:
        raise TimeStampError("It covers no entry of the case.")
    return note


def _conclude(findings: Findings, part: CaseLedger, good: Sequence[_Covering], at: datetime) -> Check:
    counting = [held for held in good if held.until >= at]
    lapsed = len(good) - len(counting)
    if not counting:
        for held in good:
            what = f"It counts no more: {held.end}; that it was stamped anew before, no package shows."
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
    sentences += _exhibits(part, counting)
    sentences += [f"{len(good)} time stamps hold"] if len(good) > 1 else []
    sentences += [f"{lapsed} of them count no more: their chains have ended"] if lapsed else []
    return findings.conclude("; ".join(sentences) + ".")


def _exhibits(part: CaseLedger, counting: Sequence[_Covering]) -> list[str]:
    """Since when each exhibit's first entry is shown to have been there, by the earliest stamp over it."""
    first: dict[str, int] = {}
    for number, entry in enumerate(part.parsed):
        for item in entry.objects if entry else ():
            if item.exhibit:
                first.setdefault(item.exhibit, number)
    told = [
        f"{exhibit} by {timestamp(min(held.stamp.time for held in covering))}"
        for exhibit, number in sorted(first.items())
        if (covering := [held for held in counting if held.covered > number])
    ]
    if not told:
        return []
    more = f" and {len(told) - _NAMED_EXHIBITS} more" if len(told) > _NAMED_EXHIBITS else ""
    return [f"received were {', '.join(told[:_NAMED_EXHIBITS])}{more}"]
