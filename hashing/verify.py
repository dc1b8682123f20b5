"""Verification of a case, an exhibit or a file against the ledger: over ports, with no database of its own.

What is authentic stands in signed entries; the catalogue is asked only what should be there.
"""

from collections.abc import Callable, Mapping, Sequence

from evidence.custody import EventBody, EventObject
from evidence.exhibits import Digests, Role
from evidence.ports import LedgerStore, ObjectStore
from hashing.digests import Progress, same_digest
from hashing.ledger_checks import (
    Account,
    CaseLedger,
    check_bodies,
    check_chain,
    check_signature,
    check_tree,
    read_case,
)
from hashing.note_keys import Verifier
from hashing.object_checks import ObjectChecks, Recorded, Scrub
from hashing.object_reading import ExpectedObject, Wanted, reading
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Findings, VerificationReport, not_checked
from hashing.timestamp_checks import TimeEvidence, check_time_stamps
from hashing.witness_checks import NO_WITNESS, Witnessed, check_witness

STREAM_PROOF = "stream-proof"
_INBOX = 1_000_000
_FETCHED = 500  # bodies at a time

__all__ = ["STREAM_PROOF", "ExpectedObject", "VerificationReport", "verify_case", "verify_file"]


def verify_case(
    ledger: LedgerStore,
    tree: LedgerTree,
    store: ObjectStore,
    verifier: Verifier | None,
    *,
    case: str,
    expected: Sequence[ExpectedObject],
    exhibit: str | None = None,
    seen: Sequence[bytes] = (),
    witnessed: Witnessed = NO_WITNESS,
    stamps: TimeEvidence | None = None,
    subject: str = "",
    progress: Progress | None = None,
    scrub: Scrub | None = None,
    account: Account | None = None,
) -> VerificationReport:
    """Check the case with id `case`: its entries, and every object in `expected` byte by byte.

    With `exhibit` (its label) only that exhibit's objects count. `verifier` is None where the log's key is
    missing. `seen` are checkpoints kept from before, `witnessed` those that witnesses cosigned. They,
    `expected`, `account` and `stamps` must have been read before the call, so that what is recorded meanwhile
    is no defect. `account` makes one more check of the entries and their bodies. `progress` gets the length
    of each run of bytes read; with `scrub` only some of the objects are read.
    """
    wanted = [
        Wanted(item, is_read=not scrub or item.role == Role.MANIFEST or scrub.wants(item))
        for item in expected
        if exhibit is None or item.exhibit == exhibit
    ]
    with reading(store, wanted, progress) as looked:
        waiting = [event for event in ledger.pending(_INBOX) if event.case == case]
        checks, part = _ledger_checks(
            ledger, tree, verifier, case, seen, witnessed, stamps, len(waiting), account
        )
        objects = ObjectChecks(
            store,
            case,
            recorded=_recorded([item for entry in part.parsed if entry for item in entry.objects], exhibit),
            waiting=_recorded([item for event in waiting for item in event.objects], exhibit),
        )
        checks = objects.run(wanted, looked, scrub) + checks
    checks.append(
        not_checked(STREAM_PROOF, "Copies are proved when they are made; --derivation proves them again.")
    )
    return VerificationReport(subject or exhibit or case, tuple(checks))


def verify_file(
    ledger: LedgerStore,
    tree: LedgerTree,
    verifier: Verifier | None,
    *,
    found: Digests,
    cases: Sequence[str],
    seen: Sequence[bytes] = (),
    witnessed: Witnessed = NO_WITNESS,
    stamps: TimeEvidence | None = None,
    subject: str = "file",
) -> VerificationReport:
    """Check that a file with the digests `found` stands in the ledger of each of `cases` (ids).

    `cases` are those in which the catalogue knows the SHA-256; none makes an unknown file.
    """
    known = Findings("known")
    checks: list[Check] = []
    for case in cases:
        of_case, part = _ledger_checks(
            ledger, tree, verifier, case, seen, witnessed, stamps, ledger.pending_count(case)
        )
        checks.extend(of_case)
        known.looked_at()
        names = [item for entry in part.parsed if entry for item in entry.objects]
        if not any(same_digest(item.sha256, found.sha256) and item.size == found.size for item in names):
            known.defect(
                Cause.INTEGRITY, subject, "The catalogue lists these bytes, no entry of the case does."
            )
    if not cases:
        known.defect(Cause.UNKNOWN_FILE, subject, f"No exhibit has these bytes (SHA-256 {found.sha256}).")
    checks.insert(0, known.conclude(f"These bytes (SHA-256 {found.sha256}) stand in the ledger."))
    return VerificationReport(subject, tuple(checks))


def _ledger_checks(
    ledger: LedgerStore,
    tree: LedgerTree,
    verifier: Verifier | None,
    case: str,
    seen: Sequence[bytes],
    witnessed: Witnessed,
    stamps: TimeEvidence | None,
    waiting: int,
    account: Account | None = None,
) -> tuple[list[Check], CaseLedger]:
    part, canonical = read_case(ledger, case)
    checkpoint, signature = check_signature(part, verifier)
    checks = [
        canonical,
        check_chain(part),
        check_bodies(_bodies_of(ledger, part), part, account=account),
        *check_tree(tree, part, checkpoint, verifier, seen),
        signature,
        _check_sequenced(part, waiting),
        check_witness(tree, part, checkpoint, verifier, witnessed),
        *check_time_stamps(ledger, tree, part, checkpoint, verifier, stamps),
        *([account.conclude()] if account else []),
    ]
    return checks, part


def _bodies_of(ledger: LedgerStore, part: CaseLedger) -> Callable[[str], EventBody | None]:
    """`ledger.body` for the case's own events, many of which are fetched at a time."""
    events = [entry.event_id for entry in part.parsed if entry]
    places = {event_id: place for place, event_id in enumerate(events)}
    held: dict[int, Mapping[str, EventBody]] = {}

    def body_of(event_id: str) -> EventBody | None:
        first = places[event_id] // _FETCHED * _FETCHED
        if first not in held:
            held.clear()
            held[first] = ledger.bodies(events[first : first + _FETCHED])
        return held[first].get(event_id)

    return body_of


def _check_sequenced(part: CaseLedger, waiting: int) -> Check:
    findings = Findings("sequenced")
    findings.looked_at(len(part.rows))
    if waiting:
        what = f"{waiting} events wait for their place in the ledger."
        findings.defect(Cause.INCOMPLETE, "inbox", what, pending=True)
    return findings.conclude(f"All events of the case have their place: {len(part.rows)}.")


def _recorded(items: Sequence[EventObject], exhibit: str | None) -> list[Recorded]:
    """Objects of exhibits; those of none (an export's manifest) do not lie in the store under one."""
    return [
        Recorded(item.exhibit, item.role, item.sha256, item.size)
        for item in items
        if item.exhibit and exhibit in (None, item.exhibit)
    ]
