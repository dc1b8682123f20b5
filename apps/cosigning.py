"""Cosigning: witnesses are asked for what was published, and what they answer is kept and published too."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from apps.remote_witness import RemoteWitness
from evidence.catalogue.cosignatures import (
    CosignatureRow,
    add_cosignature,
    find_cosignature,
    newest_cosignature,
)
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import SqlLedgerStore
from evidence.clock import Clock, system_clock, timestamp
from evidence.errors import IntegrityError, VidneError
from evidence.ports import ObjectStore
from hashing.note_keys import Verifier
from hashing.notes import open_checkpoint
from hashing.publication import (
    LedgerTree,
    checkpoint_path,
    cosignature_path,
    newest_cosigned,
    put_objects,
    read_object,
)
from hashing.witness_checks import Cosigned, Witnessed, open_cosigned
from retention.keys import LEDGER

log = logging.getLogger("vidne.cosigning")

_LOOK_S = 1.0
_LONGEST_PAUSE_S = 300.0


class Cosigning:
    """Has one witness cosign the newest checkpoint that is published; waits for the answer."""

    def __init__(
        self,
        witness: RemoteWitness,
        catalogue: Catalogue,
        store: ObjectStore,
        verifier: Callable[[], Verifier],
        *,
        work: Path,
        clock: Clock = system_clock,
    ) -> None:
        """`verifier` gives the log's key as it is now; files on their way into the store lie in `work`."""
        self._witness = witness
        self._catalogue = catalogue
        self._ledger = SqlLedgerStore(catalogue)
        self._tree = LedgerTree(self._ledger, store, LEDGER)
        self._store = store
        self._verifier = verifier
        self._work = work
        self._clock = clock
        self._cosigned = -1

    @property
    def name(self) -> str:
        """The witness's."""
        return self._witness.verifier.name

    @property
    def known_size(self) -> int:
        """How many entries it has cosigned, as far as the catalogue knows."""
        return cosigned_size(self._catalogue, self._witness)

    def run_once(self) -> int | None:
        """The size that was newly cosigned, None where there is nothing new.

        Raises VidneError where the witness is away, does not know the log, or refuses what it is shown.
        """
        note = self._ledger.latest_checkpoint()
        if note is None:
            return None
        size = open_checkpoint(note, self._verifier()).size
        if size == self._cosigned:
            return None
        known = self.known_size
        self._witness.check_size(known, size)
        if self._store.stat(LEDGER + checkpoint_path(size)) is None:
            return None
        place = cosignature_path(size, self._witness.key_id)
        with self._catalogue.read() as connection:
            kept = find_cosignature(connection, size, self._witness.key_id)
        published = read_object(self._store, LEDGER + place)
        # What a crash, or a restored catalogue, left in one place alone goes to the other.
        line = published or (kept.line if kept else self._ask(note, size, known))
        open_cosigned(note + line, self._verifier(), [self._witness.verifier])
        if kept is None:
            self._keep(size, line)
        if published is None:
            put_objects(self._store, LEDGER, self._work, {place: line})
        self._cosigned = size
        return None if published and kept else size

    def _ask(self, note: bytes, size: int, known: int) -> bytes:
        return self._witness.cosign(note, self._tree.of_size(size), known).line

    def _keep(self, size: int, line: bytes) -> None:
        name, at = self._witness.verifier.name, timestamp(self._clock())
        with self._catalogue.write() as connection:
            add_cosignature(connection, CosignatureRow(size, self._witness.key_id, name, line, at))


def keep_asking(
    cosigning: Cosigning, stop: threading.Event, is_ours: Callable[[], bool] = lambda: True
) -> None:
    """Look for what is new each second until `stop`; after a failure, ever more seldom.

    `is_ours` says whether this machine is the one that sequences: the others have nothing to ask for.
    """
    pause = _LOOK_S
    while not stop.wait(pause):
        if not is_ours():
            continue
        try:
            if size := cosigning.run_once():
                log.info("a witness cosigned the tree of %d entries", size)
            pause = _LOOK_S
        except (VidneError, OSError) as error:
            log.log(logging.ERROR if isinstance(error, IntegrityError) else logging.WARNING, "%s", error)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def start_asking(cosignings: list[Cosigning], is_ours: Callable[[], bool] = lambda: True) -> None:
    """A thread for each witness: one that is slow or away holds up neither the others nor the worker."""
    for cosigning in cosignings:
        threading.Thread(
            target=keep_asking, args=(cosigning, threading.Event(), is_ours), daemon=True
        ).start()


def cosigned_size(catalogue: Catalogue, witness: RemoteWitness) -> int:
    """How many entries the witness has cosigned, as far as the catalogue knows."""
    with catalogue.read() as connection:
        last = newest_cosignature(connection, witness.key_id)
    return last.size if last else 0


def kept_cosignatures(witnesses: list[RemoteWitness], catalogue: Catalogue, store: ObjectStore) -> Witnessed:
    """What is kept of the newest cosignature by each witness, in the catalogue and in the store."""
    kept = []
    ledger = SqlLedgerStore(catalogue)
    for witness in witnesses:
        with catalogue.read() as connection:
            row = newest_cosignature(connection, witness.key_id)
        if row:
            kept.append(Cosigned(row.size, row.line, ledger.checkpoint(row.size)))
        if size := newest_cosigned(store, LEDGER, witness.key_id):
            line = read_object(store, LEDGER + cosignature_path(size, witness.key_id))
            note = read_object(store, LEDGER + checkpoint_path(size)) or ledger.checkpoint(size)
            kept.append(Cosigned(size, line or b"", note))
    return Witnessed([witness.verifier for witness in witnesses], kept)
