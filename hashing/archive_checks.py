"""Checks on the whole archive: the log from its first entry to its last, and the sum over all cases."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from evidence.errors import IntegrityError, VidneError
from evidence.ports import LedgerStore, ObjectStore
from hashing.key_checks import check_keys
from hashing.merkle import Frontier, leaf_hash
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, open_checkpoint
from hashing.publication import CHECKPOINTS, entries_in, read_object
from hashing.report import Cause, Check, Findings, Status, VerificationReport, not_checked
from hashing.tiles import WIDTH, Tile

TREE, PUBLISHED = "tree", "published"


def check_log(ledger: LedgerStore, store: ObjectStore, verifier: Verifier | None, prefix: str) -> list[Check]:
    """Whether every leaf of the log is under its checkpoint, and the store holds the same log.

    `prefix` is what the published log's keys begin with. It reads every leaf hash, a tile at a time.
    """
    published = _Published(store, verifier, prefix) if verifier else None
    # In this order: what a worker publishes meanwhile is under the checkpoint that is read last.
    roots = published.roots() if published else {}
    note = ledger.latest_checkpoint()
    if verifier is None or published is None or note is None:
        reason = "The log's key or its checkpoint is missing."
        return [not_checked(TREE, reason), not_checked(PUBLISHED, reason)]
    tree = Findings(TREE)
    frontier = Frontier()
    try:
        signed = open_checkpoint(note, verifier)
        for tile, leaves in _tiles(ledger, signed.size):
            published.compare(tile, leaves)
            for leaf in leaves:
                frontier.append(leaf)
                if frontier.size in roots:
                    published.expect(roots.pop(frontier.size), frontier)
            tree.looked_at(len(leaves))
        published.left_over(roots.values(), signed)
        published.find_overlaid()
        if (frontier.size, frontier.root()) != (signed.size, signed.root):
            what = f"{signed.size} entries were signed, {frontier.size} are there, or one of them is another."
            tree.defect(Cause.INTEGRITY, "log", what)
    except IntegrityError as error:
        tree.defect(Cause.INTEGRITY, "log", str(error))
    whole = f"All {frontier.size} entries of the log are in the tree that was signed."
    return [
        tree.conclude(whole),
        published.findings.conclude(f"The store holds the log as it was signed: {published}."),
        *check_keys(ledger, store, verifier, prefix),
    ]


def _tiles(ledger: LedgerStore, size: int) -> Iterator[tuple[Tile, list[bytes]]]:
    """The leaf hashes, 256 at a time, with the tile that they make."""
    leaves: list[bytes] = []
    index = 0
    for leaf in ledger.leaf_hashes(0, size):
        leaves.append(leaf)
        if len(leaves) == WIDTH:
            yield Tile(0, index, WIDTH), leaves
            leaves, index = [], index + 1
    if leaves:
        yield Tile(0, index, len(leaves)), leaves


class _Published:
    """What lies in the store, held against the ledger's rows."""

    def __init__(self, store: ObjectStore, verifier: Verifier, prefix: str) -> None:
        self.findings = Findings(PUBLISHED)
        self._store = store
        self._verifier = verifier
        self._prefix = prefix
        self._tiles = self._checkpoints = self._size = 0

    def __str__(self) -> str:
        return f"{self._checkpoints} checkpoints, {self._tiles} tiles with their entries"

    def roots(self) -> dict[int, Checkpoint]:
        """The checkpoints that were published, by size; one that is not the log's own is a defect."""
        found = {}
        begin = self._prefix + CHECKPOINTS
        for key in self._store.list_keys(begin):
            try:
                checkpoint = open_checkpoint(self._read(key), self._verifier)
            except VidneError as error:
                self.findings.defect(Cause.INTEGRITY, key, str(error))
                continue
            if key != begin + str(checkpoint.size):
                self.findings.defect(Cause.INTEGRITY, key, f"It is of {checkpoint.size} entries.")
            found[checkpoint.size] = checkpoint
        self._size = max(found, default=0)
        return found

    def compare(self, tile: Tile, leaves: list[bytes]) -> None:
        """A tile and the entries under it, where they are published."""
        key = self._prefix + tile.path
        missing = [name for name in (key, self._prefix + tile.bundle_path) if self._store.stat(name) is None]
        if missing:
            # Not yet, perhaps; partial ones of other sizes are vouched for by the checkpoints over them.
            end = tile.index * WIDTH + tile.width
            if end == self._size or (tile.width == WIDTH and end < self._size):
                what = "It is missing from the store, where a checkpoint speaks of it."
                self.findings.defect(Cause.INTEGRITY, missing[0], what)
            return
        self._tiles += 1
        self.findings.looked_at()
        try:
            entries = [leaf_hash(entry) for entry in entries_in(self._read(self._prefix + tile.bundle_path))]
            same = self._read(key) == b"".join(leaves) and entries == leaves
        except VidneError as error:
            self.findings.defect(Cause.INTEGRITY, key, str(error))
            return
        if not same:
            self.findings.defect(Cause.INTEGRITY, key, "It, or the entries under it, are not the ledger's.")

    def expect(self, checkpoint: Checkpoint, frontier: Frontier) -> None:
        """A checkpoint that was published over as many entries as `frontier` has."""
        self._checkpoints += 1
        self.findings.looked_at()
        if checkpoint.root != frontier.root():
            what = "The ledger does not begin with the tree that it signed."
            self.findings.defect(Cause.INTEGRITY, f"checkpoint over {checkpoint.size} entries", what)

    def find_overlaid(self) -> None:
        """Objects that somebody hid, or put others over: the log's own are created once and stay."""
        for key in self._store.list_overlaid(self._prefix):
            what = "A delete marker or a second version lies over it: somebody else writes to the store."
            self.findings.defect(Cause.INTEGRITY, key, what)

    def left_over(self, checkpoints: Iterable[Checkpoint], signed: Checkpoint) -> None:
        """Checkpoints beyond the ledger's end."""
        for checkpoint in checkpoints:
            what = f"It was published; the ledger ends at {signed.size} entries."
            self.findings.defect(Cause.INTEGRITY, f"checkpoint over {checkpoint.size} entries", what)

    def _read(self, key: str) -> bytes:
        raw = read_object(self._store, key)
        if raw is None:
            raise IntegrityError(f"{key} is missing from the store.")
        return raw


@dataclass(slots=True)
class _Sum:
    """One check over all cases so far."""

    passed: int = 0
    skipped: int = 0
    reason: str = ""  # why it was not made of the first of those


def summed(reports: Iterable[tuple[str, VerificationReport]]) -> list[Check]:
    """The checks of several cases as one each; `reports` come with the name of their case.

    A check that was made of no case is not checked; a defect keeps its subject, behind the case's name.
    """
    sums: dict[str, _Sum] = {}
    findings: dict[str, Findings] = {}
    for name, report in reports:
        for check in report.checks:
            so_far = sums.setdefault(check.name, _Sum())
            found = findings.setdefault(check.name, Findings(check.name))
            found.looked_at(check.checked)
            if check.status is Status.NOT_CHECKED:
                so_far.skipped += 1
                so_far.reason = so_far.reason or check.reason
            so_far.passed += check.status is Status.PASS
            for defect in check.defects:
                found.repeat(replace(defect, subject=f"{name} {defect.subject}"))
    return [_sum_of(one, findings[name], name) for name, one in sums.items()]


def _sum_of(one: _Sum, findings: Findings, name: str) -> Check:
    if one.skipped and not one.passed and not findings.has_defects:
        return not_checked(name, one.reason)
    tail = f"; not checked in {one.skipped}: {one.reason}" if one.skipped else "."
    return findings.conclude(f"{one.passed} cases passed{tail}")
