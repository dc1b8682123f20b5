"""What others hold of the ledger, as a package has it: cosignatures, time stamps, revocation lists; its keys.

Which are chosen, and how the files are called, is in docs/package-format.md.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from disclosure.writer import Writer
from evidence.custody import KeptStamp, LedgerEntry
from evidence.errors import IncompleteError, IntegrityError
from evidence.ports import LedgerStore, ObjectStore
from hashing.entries import parse_entry
from hashing.note_keys import FormerKey
from hashing.notes import with_lines
from hashing.package_files import (
    CHAIN,
    EXTENDS,
    KEYS,
    REVOCATION_LISTS,
    STAMP,
    STAMPED,
    SUCCESSION,
    TIME_STAMPS,
    WITNESSED,
    stamp_name,
)
from hashing.proof_file import ConsistencyProof
from hashing.revocation import pem_of
from hashing.revocation_checks import read_list, recorded_lists
from hashing.tiles import TiledTree
from retention.keys import LEDGER

MOST_STAMPS = 100  # of one authority


@dataclass(frozen=True, slots=True)
class Anchors:
    """What there is when the export has its place in the ledger.

    `stamps` are over whatever cases. `cosigned` has of each witness the newest checkpoint that it cosigned:
    the size, and all the lines that are kept on it. `lacks` says in sentences who was asked in vain.
    """

    stamps: Sequence[KeptStamp] = ()
    cosigned: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    lacks: Sequence[str] = ()


def chosen_stamps(
    stamps: Sequence[KeptStamp], rows: Sequence[LedgerEntry], exhibits: Collection[str], at: str
) -> list[KeptStamp]:
    """Of each authority the earliest stamp over each entry that a reader asks about, at most MOST_STAMPS.

    Those are the first and last entry of each of `exhibits`, the one before the export, and the export's own,
    the last of `rows`; where none covers it, the newest is taken. Stamps that have expired at the time `at`
    are left out where the authority has others.
    """
    places = sorted(_places(rows, exhibits))
    chosen: list[KeptStamp] = []
    for authority in sorted({kept.authority for kept in stamps}):
        own = [k for k in stamps if k.authority == authority and k.response and k.size > rows[0].index]
        own = [kept for kept in own if not kept.expires or kept.expires >= at] or own
        own.sort(key=lambda kept: kept.size)
        if own:
            sizes = [kept.size for kept in own]
            first = {min(bisect_right(sizes, place), len(own) - 1) for place in places}
            chosen += [own[number] for number in _thinned(sorted(first))]
    return chosen


def _places(rows: Sequence[LedgerEntry], exhibits: Collection[str]) -> Iterator[int]:
    """Where in the log the entries stand that the stamps should bound in time."""
    yield from (row.index for row in rows[-2:])
    ends: dict[str, tuple[int, int]] = {}
    for row in rows:
        for item in parse_entry(row.entry).objects:
            if item.exhibit in exhibits:
                ends[item.exhibit] = (ends.get(item.exhibit, (row.index, 0))[0], row.index)
    for pair in ends.values():
        yield from pair


def _thinned(numbers: Sequence[int]) -> Iterable[int]:
    """At most MOST_STAMPS of them, evenly, the first and the last among them."""
    if len(numbers) <= MOST_STAMPS:
        return numbers
    return [numbers[place * (len(numbers) - 1) // (MOST_STAMPS - 1)] for place in range(MOST_STAMPS)]


def write_stamps(
    files: Writer, stamps: Sequence[KeptStamp], ledger: LedgerStore, store: ObjectStore, tree: TiledTree
) -> list[str]:
    """Each stamp as it came, its chain, its checkpoint, the proof that `tree` extends this, and the lists.

    Gives a sentence for each revocation list that was kept with one and cannot go in.
    """
    for kept in stamps:
        path = TIME_STAMPS + stamp_name(kept.size, kept.authority)
        files.write(path + STAMP, kept.response or b"")
        files.write(path + CHAIN, kept.chain)
    for size in sorted({kept.size for kept in stamps}):
        _write_earlier(files, TIME_STAMPS, _note(ledger, size), size, tree)
    recorded = recorded_lists(ledger) if stamps else {}
    digests = {d for kept in stamps for d in recorded.get(sha256(kept.response or b"").hexdigest(), ())}
    lists: list[bytes] = []
    lacks: list[str] = []
    for digest in sorted(digests):
        try:
            lists.append(read_list(store, LEDGER, digest))
        except (IncompleteError, IntegrityError) as error:
            lacks.append(f"A revocation list ({digest}) is not in the package. {error.what}")
    if lists:
        files.write(REVOCATION_LISTS, pem_of(lists))
    return lacks


def write_cosigned(
    files: Writer,
    cosigned: Mapping[int, Sequence[bytes]],
    ledger: LedgerStore,
    tree: TiledTree,
    first: int,
) -> None:
    """The checkpoints that witnesses cosigned beside that of `tree`, where they cover entry `first`."""
    for size, lines in sorted(cosigned.items()):
        if first < size < tree.size:
            _write_earlier(files, WITNESSED, with_lines(_note(ledger, size), lines), size, tree)


def write_successions(files: Writer, former: Iterable[FormerKey], tree: TiledTree) -> None:
    """The notes by which the keys of the log followed each other; `tree` extends what each signed last."""
    for key in former:
        if key.size < tree.size:
            files.write(f"{KEYS}{key.size}{SUCCESSION}", key.note)
            _write_extends(files, KEYS, key.size, tree)


def _write_earlier(files: Writer, folder: str, note: bytes, size: int, tree: TiledTree) -> None:
    files.write(f"{folder}{size}{STAMPED}", note)
    _write_extends(files, folder, size, tree)


def _write_extends(files: Writer, folder: str, size: int, tree: TiledTree) -> None:
    proof = ConsistencyProof(size, tuple(tree.consistency_proof(size)))
    files.write(f"{folder}{size}{EXTENDS}", proof.to_bytes())


def _note(ledger: LedgerStore, size: int) -> bytes:
    note = ledger.checkpoint(size)
    if note is None:
        raise IntegrityError(
            f"There is no checkpoint over {size} entries, which others have signed. No package was made.",
            advice="Run vidne verify case on its case.",
        )
    return note
