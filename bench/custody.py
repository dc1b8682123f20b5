"""Custody beside the bare tools: hashing, sequencing, proofs in a log of a million, scrubs."""

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import CASE, VIDNE, Spread, fresh_case, in_turn, wall
from bench.spine import PAIRS, Row, folder
from evidence.catalogue.ledger import NewEvent, SqlLedgerStore, add_events
from evidence.catalogue.sqlite import open_catalogue
from evidence.custody import CustodyEvent
from hashing.digests import digest_file
from hashing.entries import make_body
from hashing.merkle import leaf_hash, verify_inclusion
from hashing.note_keys import Signer
from hashing.notes import open_checkpoint
from hashing.publication import LedgerTree, Publisher
from hashing.sequencer import Sequencer
from retention.folder import FolderStore

SIZE = 4 << 30
EVENTS = 50_000
LOG, PROOFS = 1_000_000, 500
SMALL, SMALL_BYTES = 10_000, 20_000
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")  # root may write to it
FILES, FILE_BYTES = 8, 256 << 20
PREFIX = "ledger/"


def rows() -> Iterator[Row]:
    """Every measurement of custody."""
    yield hashing()
    yield sequencing()
    yield proofs()
    yield archive()
    yield package()


def hashing() -> Row:
    """Both digests and the pieces of 4 GiB, beside `openssl dgst -sha256` of the same file."""
    with folder() as here:
        source = here / "large.bin"
        _random(source, SIZE)

        def ours() -> float:
            started = time.perf_counter()
            digest_file(source)
            return time.perf_counter() - started

        mine, bare, ratio = in_turn(ours, lambda: wall(["openssl", "dgst", "-sha256", source]), PAIRS)
    speed = 1 / ratio.median
    return Row(
        "4 GiB: SHA-256, BLAKE3 and its pieces in one read, beside `openssl dgst -sha256` (wall s)",
        str(mine),
        str(bare),
        f"{speed:.2f} times the speed",
        "at least 0.8 times",
        speed >= 0.8,
    )


def sequencing() -> Row:
    """Events from the inbox into the ledger, on SQLite, as the worker's sequencer does it."""
    with folder() as here:
        ledger, signer = _ledger(here, EVENTS)
        started = time.perf_counter()
        Sequencer(ledger, signer).run_all()
        taken = time.perf_counter() - started
    rate = EVENTS / taken
    return Row(
        f"{EVENTS:,} events sequenced on SQLite, each batch signed and durable (wall s)",
        f"{taken:.2f}",
        "-",
        f"{rate:,.0f} entries/s",
        "at least 5,000/s",
        rate >= 5000,
    )


def proofs() -> Row:
    """A proof and its check, for entries anywhere in a published log of a million."""
    with folder() as here:
        ledger, signer = _ledger(here, LOG)
        Sequencer(ledger, signer).run_all()
        store = FolderStore(here / "objects")
        Publisher(ledger, store, signer.verifier, prefix=PREFIX, work=here).run_once()
        checkpoint = open_checkpoint(ledger.latest_checkpoint() or b"", signer.verifier)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tree = LedgerTree(ledger, store, PREFIX).of_size(LOG)
        taken = []
        for index in range(LOG // PROOFS // 2, LOG, LOG // PROOFS):
            [entry] = ledger.entries(index, index + 1)
            started = time.perf_counter()
            proof = tree.inclusion_proof(index)
            if not verify_inclusion(leaf_hash(entry), index, LOG, proof, checkpoint.root):
                raise RuntimeError(f"the proof of entry {index} does not hold")
            taken.append((time.perf_counter() - started) * 1000)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    found = Spread.of(taken)
    return Row(
        f"inclusion proof and its check, {PROOFS} from all over {LOG:,} entries, one after the other (ms)",
        str(found),
        "-",
        f"the first {taken[0]:.2f} ms; {grown:.0f} MB more memory",
        "at most 1 ms",
        found.median <= 1,
    )


def archive() -> Row:
    """`vidne verify archive` of 10,000 small exhibits, beside hashing the same with `sha256sum`."""
    with folder() as here:
        data, source = here / "data", here / "files"
        source.mkdir()
        for number in range(SMALL):
            (source / f"{number:05d}.txt").write_bytes(b"%d " % number + os.urandom(SMALL_BYTES))
        fresh_case(data)
        submit: list[str | Path] = [VIDNE, "--data", data, "submit", source, "--case", CASE]
        if subprocess.run(
            submit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode not in (0, 3):
            raise RuntimeError("the files were not taken in")
        stored = sorted(path for path in (data / "objects" / "cases").rglob("*") if path.is_file())
        verify: list[str | Path] = [VIDNE, "--data", data, "verify", "archive"]
        bare: list[str | Path] = ["sha256sum", *stored]
        is_cold = os.access(_DROP_CACHES, os.W_OK)
        timed = _from_disk if is_cold else wall
        mine, theirs, ratio = in_turn(lambda: timed(verify), lambda: timed(bare), 3)
    return Row(
        f"`vidne verify archive` of {SMALL:,} exhibits of 20 kB from {'disk' if is_cold else 'memory'},"
        " beside `sha256sum` (wall s)",
        str(mine),
        str(theirs),
        f"ratio {ratio}",
        "bound by reading: at most 1.2",
        ratio.median <= 1.2,
    )


def _from_disk(command: list[str | Path]) -> float:
    """Wall seconds of `command` with nothing of its files in memory."""
    os.sync()
    _DROP_CACHES.write_text("3")
    return wall(command)


def package() -> Row:
    """`vidne verify package` of large originals, beside `sha256sum -c` of its payload manifest."""
    with folder() as here:
        data, source, bag = here / "data", here / "files", here / "package"
        source.mkdir()
        for number in range(FILES):
            _random(source / f"{number}.bin", FILE_BYTES)
        fresh_case(data)
        submit: list[str | Path] = [VIDNE, "--data", data, "submit", source, "--case", CASE]
        export: list[str | Path] = [VIDNE, "--data", data, "export", CASE, "-o", bag]
        for command in (submit, export):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        key = bag / "log.vkey"
        verify: list[str | Path] = [VIDNE, "verify", "package", bag, "--log-key", key]
        bare: list[str | Path] = ["env", "-C", bag, "sha256sum", "--quiet", "-c", "manifest-sha256.txt"]
        mine, theirs, ratio = in_turn(lambda: wall(verify), lambda: wall(bare), PAIRS)
    return Row(
        f"`vidne verify package` of {FILES} times {FILE_BYTES >> 20} MiB, beside `sha256sum -c` (wall s)",
        str(mine),
        str(theirs),
        f"ratio {ratio}",
        "faster",
        ratio.median < 1,
    )


def _random(target: Path, size: int) -> None:
    with target.open("wb") as file:
        for _ in range(size >> 22):
            file.write(os.urandom(1 << 22))


def _ledger(here: Path, events: int) -> tuple[SqlLedgerStore, Signer]:
    """A catalogue whose inbox holds so many events, of a thousand cases."""
    catalogue = open_catalogue(here / "catalogue.sqlite3")
    with catalogue.write() as connection:
        for number in range(events):
            salt, body, body_hash = make_body({"n": number})
            event = CustodyEvent(
                f"job-{number}:test.event",
                "test.event",
                "2026-01-01T00:00:00.000000Z",
                "bench",
                f"case{number % 1000}",
            )
            add_events(connection, [NewEvent(event, salt, body, body_hash)])
    return SqlLedgerStore(catalogue), Signer.generate("vidne.invalid/bench")
