"""The check of a log whose key was followed by others: what the log and the store say of it."""

from hashlib import sha256

from evidence.errors import IntegrityError
from evidence.ports import LedgerStore, ObjectStore
from hashing.entries import parse_entry
from hashing.note_keys import FormerKey, Verifier
from hashing.publication import SUCCESSIONS, read_object, succession_path
from hashing.report import Cause, Check, Findings
from hashing.succession import ROTATED, SUCCESSION_ROLE

NAME = "keys"
_INBOX = 1_000_000


def check_keys(ledger: LedgerStore, store: ObjectStore, verifier: Verifier, prefix: str) -> list[Check]:
    """Whether an entry of the log names each succession, and the store has it; no check where there is none.

    `verifier` has the successions from where the key comes from; `prefix` as for `check_log`.
    """
    entries = _entries(ledger)
    begin = prefix + SUCCESSIONS
    published = {key: read_object(store, key) for key in store.list_keys(begin)}
    if not (entries or published or verifier.former):
        return []
    findings = Findings(NAME)
    waiting = {item.sha256 for event in ledger.pending(_INBOX) for item in event.objects}
    for former in verifier.former:
        findings.looked_at()
        digest = sha256(former.note).hexdigest()
        place = entries.pop(digest, None)
        if digest in waiting:
            what = "The entry that says so waits for its place in the ledger."
            findings.defect(Cause.INCOMPLETE, _name(former), what, pending=True)
        elif place is None:
            findings.defect(Cause.INCOMPLETE, _name(former), "No entry of the log says so.")
        elif place < former.size:
            what = f"The entry that says so stands at {place}, within what the key before has signed."
            findings.defect(Cause.INTEGRITY, _name(former), what)
        note = published.pop(prefix + succession_path(former.size), None)
        if note is None:
            findings.defect(Cause.INCOMPLETE, _name(former), "The store does not have its note (yet).")
        elif note != former.note:
            findings.defect(Cause.INTEGRITY, _name(former), "The store has another note in its place.")
    for place in entries.values():
        what = "The succession that it names is not among those of the log's key."
        findings.defect(Cause.INTEGRITY, f"entry {place}", what)
    for key in published:
        findings.defect(Cause.INTEGRITY, key, "No key of the log was followed by another there.")
    return [findings.conclude(f"The log's key is the last of {len(verifier.keys)}, as its entries say.")]


def _entries(ledger: LedgerStore) -> dict[str, int]:
    """Where the log says that a key was followed, by the SHA-256 of the succession."""
    found: dict[str, int] = {}
    for row in ledger.case_entries(""):
        try:
            entry = parse_entry(row.entry)
        except IntegrityError:
            continue  # the check of the log's own chain tells it
        if entry.type == ROTATED:
            found |= {item.sha256: row.index for item in entry.objects if item.role == SUCCESSION_ROLE}
    return found


def _name(former: FormerKey) -> str:
    return f"end of key {former.key.key_id.hex()} at {former.size} entries"
