"""Checks on the ledger: its entries' bytes, a case's chain, the tree, the checkpoint, the bodies."""

from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from evidence.custody import EventBody, LedgerEntry
from evidence.errors import IntegrityError
from evidence.jsontypes import JsonObject
from evidence.ports import LedgerStore
from hashing import canonical
from hashing.entries import ERASED, NO_ENTRY, Entry, body_matches, parse_entry
from hashing.keys import fingerprint
from hashing.merkle import HASH_SIZE, leaf_hash, verify_consistency, verify_inclusion
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, TurnError, open_checkpoint, signature_lines
from hashing.publication import LedgerTree
from hashing.report import Cause, Check, Findings, not_checked
from hashing.tiles import WIDTH, TiledTree

BODIES_CHECK = "bodies"
LOST_BODIES = "bodies of the case"  # what a defect is of, where the ledger itself has lost some
_NAMED = 10


class Account(Protocol):
    """Who compares what the entries say with something else: they come one by one, in the ledger's order."""

    def take(self, entry: Entry, body: JsonObject | None) -> None:
        """The next entry; `body` is the one that it binds, None where that is not there."""
        ...

    def conclude(self) -> Check:
        """What came of it, once all were taken."""
        ...


@dataclass(frozen=True, slots=True)
class CaseLedger:
    """A case's part of the ledger, read in one go: entries that could not be parsed are None.

    `leaves` are the leaf hashes of the entries' bytes, whatever the rows say. `size` is the ledger's before
    the checkpoint `note` was read, `grown` that after.
    """

    case: str
    rows: tuple[LedgerEntry, ...]
    parsed: tuple[Entry | None, ...]
    leaves: tuple[bytes, ...]
    size: int
    note: bytes | None
    grown: int


def read_case(ledger: LedgerStore, case: str) -> tuple[CaseLedger, Check]:
    """The case's entries with the check that their bytes are canonical and say what their rows say."""
    # In this order: whatever is appended meanwhile is under the checkpoint that is read last.
    rows = tuple(ledger.case_entries(case))
    size = ledger.size()
    note = ledger.latest_checkpoint()
    findings = Findings("canonical")
    findings.looked_at(len(rows))
    parsed = tuple(_parse(row, findings) for row in rows)
    check = findings.conclude(f"{len(rows)} entries are canonical and agree with their rows.")
    leaves = tuple(leaf_hash(row.entry) for row in rows)
    return CaseLedger(case, rows, parsed, leaves, size, note, ledger.size()), check


def check_chain(part: CaseLedger) -> Check:
    """Whether the case's entries follow one another without a gap, each naming the one before it."""
    findings = Findings("case-chain")
    sequence, previous, position = 0, NO_ENTRY, -1
    findings.looked_at(len(part.rows))
    for row, entry, leaf in zip(part.rows, part.parsed, part.leaves, strict=True):
        found = entry.case_seq if entry else row.case_seq
        if found != sequence + 1:
            _broken(findings, row, f"number {found} of its case follows number {sequence}")
        elif entry and entry.case_prev != previous:
            _broken(findings, row, "it does not name the entry before it")
        if row.index <= position:
            _broken(findings, row, f"it stands at {row.index} in the log, not after {position}")
        sequence, previous, position = found, leaf.hex(), row.index
    return findings.conclude(f"{len(part.rows)} entries form one chain.")


def check_signature(part: CaseLedger, verifier: Verifier | None) -> tuple[Checkpoint | None, Check]:
    """The newest checkpoint, where its signature is by the log's key, else None."""
    findings = Findings("checkpoint-signature")
    if verifier is None:
        findings.defect(Cause.TRUST, "checkpoint", "The ledger's verifier key is missing.")
        return None, findings.conclude("")
    if part.note is None:
        findings.defect(Cause.TRUST, "checkpoint", f"{part.size} entries, and no checkpoint over them.")
        return None, findings.conclude("")
    try:
        checkpoint = open_checkpoint(part.note, verifier)
    except NoteError as error:
        findings.defect(Cause.INTEGRITY, "checkpoint", str(error))
        return None, findings.conclude("")
    findings.looked_at()
    for row, entry in zip(part.rows, part.parsed, strict=True):
        if entry and entry.log != verifier.name:
            findings.defect(Cause.INTEGRITY, f"entry {row.index}", f"It is of another log, {entry.log!r}.")
    return checkpoint, findings.conclude(f"{verifier.name} signed the tree of {checkpoint.size} entries.")


def own_key(findings: Findings, subject: str, where: str, verifier: Verifier) -> None:
    """Note that a signature was checked with the key that came along: that shows no origin."""
    what = (
        f"Its signature is by the key in the {where} itself: all belongs together, but who made it is not"
        " shown. Get the log's key another way and give it with --log-key; the fingerprint of this one is"
        f" {fingerprint(verifier)}."
    )
    for former in verifier.former:
        what += f" Up to {former.size} entries it was {fingerprint(former.key)}."
    findings.defect(Cause.TRUST, subject, what, pending=True)


def further_signatures(note: bytes | None) -> Check:
    """The check on witnesses where none is known: how many signatures there are beside the log's."""
    try:
        others = max(0, signature_lines(note or b"") - 1)
    except NoteError:
        others = 0
    reason = f"{others} further signatures; they are not checked." if others else "The checkpoint has none."
    return not_checked("witness", reason)


def check_tree(
    trees: LedgerTree,
    part: CaseLedger,
    checkpoint: Checkpoint | None,
    verifier: Verifier | None,
    seen: Sequence[bytes],
) -> list[Check]:
    """Whether the entries are in the signed tree, and it extends each checkpoint in `seen`."""
    if checkpoint is None or verifier is None:
        reason = "There is no checkpoint with a valid signature to check against."
        return [not_checked("inclusion", reason), not_checked("consistency", reason)]
    tree = trees.of_size(checkpoint.size)
    return [_check_inclusion(part, checkpoint, tree), _check_consistency(checkpoint, tree, verifier, seen)]


def _check_consistency(
    checkpoint: Checkpoint, tree: TiledTree, verifier: Verifier, seen: Sequence[bytes]
) -> Check:
    if not seen and not verifier.former:
        return not_checked("consistency", "No earlier checkpoint was at hand to compare with.")
    findings = Findings("consistency")
    for former in verifier.former:
        findings.looked_at()
        last = Checkpoint(verifier.name, former.size, former.root)
        if departs := departure(tree, checkpoint, last):
            findings.defect(Cause.INTEGRITY, f"key {former.key.key_id.hex()}, its last tree", departs)
    for note in seen:
        try:
            earlier = open_checkpoint(note, verifier)
        except NoteError as error:
            cause = Cause.INTEGRITY if isinstance(error, TurnError) else Cause.TRUST
            findings.defect(cause, "earlier checkpoint", str(error))
            continue
        findings.looked_at()
        if departs := departure(tree, checkpoint, earlier):
            findings.defect(Cause.INTEGRITY, f"checkpoint over {earlier.size} entries", departs)
    ends = f" and the last trees of {len(verifier.former)} earlier keys" if verifier.former else ""
    return findings.conclude(f"The ledger extends {len(seen)} earlier checkpoints{ends}.")


def departure(tree: TiledTree, checkpoint: Checkpoint, earlier: Checkpoint) -> str:
    """How the ledger, with its tree under `checkpoint`, departs from an earlier one; empty: it extends it."""
    if earlier.size > checkpoint.size:
        return f"It was seen before; the ledger now ends at {checkpoint.size} entries."
    try:
        proof = tree.consistency_proof(earlier.size)
    except IntegrityError as error:
        return f"It cannot be shown that the ledger extends it. {error.what}"
    if not verify_consistency(earlier.size, earlier.root, checkpoint.size, checkpoint.root, proof):
        return "The ledger does not begin with the tree it signed."
    return ""


def check_bodies(
    body_of: Callable[[str], EventBody | None],
    part: CaseLedger,
    left_out: Container[str] = (),
    findings: Findings | None = None,
    account: Account | None = None,
) -> Check:
    """Whether each entry's body is the one that it binds, or was erased.

    `body_of` gives the body of an event id; those in `left_out` were kept back from a package. `findings`
    has what was seen when the bodies were read. `account` is given each entry with its body.
    """
    findings = findings or Findings(BODIES_CHECK)
    erased: list[int] = []
    absent = 0
    for row, entry in zip(part.rows, part.parsed, strict=True):
        if entry is None:
            continue
        if entry.event_id in left_out:
            absent += 1
            continue
        body, said = body_of(entry.event_id), None
        if body is None:
            findings.defect(Cause.INCOMPLETE, f"entry {row.index}", "Its body is not there.")
        elif body.salt is None and body.body is None:
            erased.append(entry.case_seq)
        elif not body_matches(body, entry.body_hash):
            findings.defect(Cause.INTEGRITY, f"entry {row.index}", "Its body is not the one it binds.")
        else:
            findings.looked_at()
            said = _said_in(findings, row, body.body or b"")
        if account:
            account.take(entry, said)
    if unsaid := sorted(set(erased) - _said_to_be_erased(body_of, part)) if erased else []:
        more = f" and {len(unsaid) - _NAMED} more" if len(unsaid) > _NAMED else ""
        named = ", ".join(map(str, unsaid[:_NAMED])) + more
        what = f"{len(unsaid)} bodies are gone, and no entry says that they were erased: of entries {named}."
        findings.defect(Cause.INCOMPLETE, LOST_BODIES, what)
    if part.rows and len(erased) + absent == len(part.rows) and not findings.has_defects:
        return not_checked(BODIES_CHECK, f"All {len(part.rows)} bodies were erased or left out.")
    tails = [f"; {len(erased)} were erased"] * bool(erased)
    tail = "".join(tails + [f"; {absent} were left out"] * bool(absent))
    bound = len(part.rows) - len(erased) - absent
    return findings.conclude(f"{bound} bodies are those that their entries bind{tail}.")


def _said_to_be_erased(body_of: Callable[[str], EventBody | None], part: CaseLedger) -> set[int]:
    """The numbers of the entries whose bodies an entry of the case says were erased."""
    found: set[int] = set()
    for entry in part.parsed:
        body = body_of(entry.event_id) if entry and entry.type == ERASED else None
        if entry is None or body is None or not body_matches(body, entry.body_hash):
            continue
        with suppress(IntegrityError):  # a body of another form is told already
            listed = canonical.decode(body.body or b"").get("entries")
            found |= {item for item in listed if isinstance(item, int)} if isinstance(listed, list) else set()
    return found


def _check_inclusion(part: CaseLedger, checkpoint: Checkpoint, tree: TiledTree) -> Check:
    findings = Findings("inclusion")
    if part.grown < checkpoint.size:
        what = f"It was signed over {checkpoint.size} entries, and {part.grown} are there."
        findings.defect(Cause.INTEGRITY, "tree", what)
    elif part.size > checkpoint.size:
        what = f"{part.size - checkpoint.size} entries stand behind the last one signed."
        findings.defect(Cause.INTEGRITY, "tree", what)
    proved: dict[int, bytes] = {}
    for row, leaf in zip(part.rows, part.leaves, strict=True):
        findings.looked_at()
        try:
            included = leaf == row.leaf_hash and is_in(tree, row, checkpoint, proved)
        except IntegrityError as error:
            findings.defect(Cause.INTEGRITY, "tree", error.what)
            break
        if not included:
            what = "Its bytes are not those whose hash stands in the signed tree."
            findings.defect(Cause.INTEGRITY, f"entry {row.index}", what)
    return findings.conclude(f"{len(part.rows)} entries are in the signed tree of {checkpoint.size}.")


def is_in(tree: TiledTree, row: LedgerEntry, checkpoint: Checkpoint, proved: dict[int, bytes]) -> bool:
    """Whether the tree has the row's leaf in its place; the proof of one leaf vouches for all of its tile.

    `proved` has the leaves of tiles proved so far. Raises IntegrityError where the tree is not that signed.
    """
    if not 0 <= row.index < checkpoint.size:
        return False
    tile, place = divmod(row.index, WIDTH)
    its = slice(place * HASH_SIZE, (place + 1) * HASH_SIZE)
    if tile not in proved:
        leaves, proof = tree.leaves(tile), tree.inclusion_proof(row.index)
        if not verify_inclusion(leaves[its], row.index, checkpoint.size, proof, checkpoint.root):
            raise IntegrityError(
                f"The tree over {checkpoint.size} entries is not the one signed: one was changed, moved or"
                " replaced."
            )
        proved[tile] = leaves
    return proved[tile][its] == row.leaf_hash


def _parse(row: LedgerEntry, findings: Findings) -> Entry | None:
    try:
        entry = parse_entry(row.entry)
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, f"entry {row.index}", str(error))
        return None
    if (entry.event_id, entry.case, entry.case_seq) != (row.event_id, row.case, row.case_seq):
        findings.defect(Cause.INTEGRITY, f"entry {row.index}", "Its row says other than its bytes.")
    return entry


def _said_in(findings: Findings, row: LedgerEntry, body: bytes) -> JsonObject | None:
    try:
        return canonical.read(body)  # the entry binds its bytes
    except IntegrityError as error:
        findings.defect(Cause.INTEGRITY, f"entry {row.index}", f"Its body: {error}")
        return None


def _broken(findings: Findings, row: LedgerEntry, how: str) -> None:
    findings.defect(Cause.INTEGRITY, f"entry {row.index}", f"The case's chain is broken: {how}.")
