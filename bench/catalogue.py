"""The catalogue with a million exhibits: each query that the product makes, and workers that append at once.

`python -m bench catalogue`; on SQLite, and on PostgreSQL where the test server's package is installed.
"""

import gc
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, insert

from bench.measure import Spread
from bench.spine import Row, folder
from evidence.catalogue import tables
from evidence.catalogue.cases import find_case, list_cases
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import deliveries, find_exhibit, get_problems, get_sections, list_exhibits
from evidence.catalogue.ledger import NewEvent, SqlLedgerStore, add_events
from evidence.catalogue.objects import current_objects
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.search import Near, Wanted, search_exhibits
from evidence.catalogue.sqlite import open_catalogue
from evidence.custody import CustodyEvent
from hashing.entries import make_body
from hashing.note_keys import Signer
from hashing.sequencer import BATCH, Sequencer
from tests.databases import postgres_server

EXHIBITS, IN_CASE = 1_000_000, 100
ROUNDS = 200
WORKERS, EVENTS, RUNS = 8, 5_000, 3
_PAUSE_S = 0.1  # of the sequencer where no full batch waits; the worker's is longer
EACH = (1, 2, 20)  # events a transaction: a file received, a stage closed, an archive of files
_BATCH = 10_000
_NOW = "2026-01-01T00:00:00.000000Z"


def rows() -> Iterator[Row]:
    """Every query at p95 on both databases, then appending by eight workers."""
    for name, opened in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with opened() as open_again:
            catalogue = open_again()
            fill(catalogue)
            gc.collect()
            gc.freeze()  # what filling left here is no program's that asks
            yield from queries(name, catalogue)
            catalogue.close()
    for each in EACH:
        yield appending(each)


@contextmanager
def sqlite() -> Iterator[Callable[[], Catalogue]]:
    """A new catalogue in a file."""
    with folder() as here:
        yield lambda: open_catalogue(here / "catalogue.sqlite3")


@contextmanager
def postgresql(*, fsync: bool = False) -> Iterator[Callable[[], Catalogue]]:
    """A new catalogue on a server of its own; with `fsync` its commits are durable, as in use."""
    with postgres_server(fsync=fsync) as server:
        url = server.new_database()
        yield lambda: open_server_catalogue(url)


def fill(catalogue: Catalogue) -> None:
    """A million exhibits in ten thousand cases, each with what a processed clip has."""
    for first in range(0, EXHIBITS, _BATCH):
        with catalogue.write() as connection:
            _fill(connection, range(first, first + _BATCH))
    if catalogue.is_server:
        with catalogue.write() as connection:
            connection.exec_driver_sql("ANALYZE")


def _fill(connection: Connection, numbers: range) -> None:
    cases = range(numbers.start // IN_CASE, numbers.stop // IN_CASE)
    made: dict[str, list[dict[str, object]]] = {
        "case": [{"id": f"c{n}", "opened_at": _NOW, "exhibits": IN_CASE} for n in cases],
        "case_number": [{"case_id": f"c{n}", "number": case_number(n), "since": _NOW} for n in cases],
        "submission": [
            {"id": f"s{n}", "case_id": f"c{n}", "source": "seized", "actor": "bench", "received_at": _NOW}
            for n in cases
        ],
        "exhibit": [_exhibit(n) for n in numbers],
        "submitted_file": [
            {
                "submission_id": f"s{n // IN_CASE}",
                "ordinal": n % IN_CASE + 1,
                "exhibit_id": f"e{n}",
                "name": b"clip.mp4",
                "received_at": _NOW,
            }
            for n in numbers
        ],
        "section": [
            {"exhibit_id": f"e{n}", "name": "metadata", "stage": "inspect", "value": {"values": []}}
            for n in numbers
        ],
        "stored_object": [_object(n, name) for n in numbers for name in ("original", "working.mp4")],
        "capture_time": [{"exhibit_id": f"e{n}", "shown": shown(n)} for n in numbers],
        "capture_place": [_place(n) for n in numbers],
    }
    for name, values in made.items():
        connection.execute(insert(tables.metadata.tables[name]), values)


def case_number(n: int) -> str:
    """Of case `n`, as the default pattern has it."""
    return f"{n % 12 * 100 + 100:04d}-{n % 89 + 10000:05d}-{n:05d}-26"


def digest(n: int) -> str:
    """A text like a SHA-256, of no order."""
    return random.Random(n).randbytes(32).hex()


def shown(n: int) -> str:
    """A capture time in one of five years."""
    second = random.Random(n).randrange(5 * 365 * 86400)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_600_000_000 + second))


def _place(n: int) -> dict[str, object]:
    # In Denmark; half of them in Copenhagen.
    at = random.Random(n)
    if n % 2:
        return {"exhibit_id": f"e{n}", "latitude": at.gauss(55.68, 0.04), "longitude": at.gauss(12.55, 0.07)}
    return {"exhibit_id": f"e{n}", "latitude": at.uniform(54.6, 57.7), "longitude": at.uniform(8.1, 12.7)}


def _exhibit(n: int) -> dict[str, object]:
    return {
        "id": f"e{n}",
        "case_id": f"c{n // IN_CASE}",
        "number": n % IN_CASE + 1,
        "sha256": digest(n),
        "blake3": digest(n),
        "size": 50_000_000,
        "piece_size": 1 << 26,
        "pieces_blake3": [digest(n)],
        "state": "processed",
        "received_at": _NOW,
    }


def _object(n: int, name: str) -> dict[str, object]:
    return {
        "exhibit_id": f"e{n}",
        "stage": "seal",
        "role": name.partition(".")[0],
        "name": name,
        "key": f"cases/c{n // IN_CASE}/exhibits/{n}/{name}",
        "version_id": "0",
        "state": "stored",
        "size": 50_000_000,
        "sha256": digest(n),
        "blake3": digest(n),
        "piece_size": 1 << 26,
        "pieces_blake3": [digest(n)],
    }


def queries(name: str, catalogue: Catalogue) -> Iterator[Row]:
    """Each query, asked for something else each time."""
    asked = random.Random(1)

    def page(connection: Connection) -> object:
        found = find_case(connection, case_number(asked.randrange(EXHIBITS // IN_CASE)))
        exhibit = find_exhibit(connection, found.id, asked.randrange(IN_CASE) + 1)
        return [
            look(connection, exhibit.id) for look in (get_sections, get_problems, deliveries, current_objects)
        ]

    def of_case(connection: Connection) -> object:
        found = find_case(connection, case_number(asked.randrange(EXHIBITS // IN_CASE)))
        return list_exhibits(connection, found.id)

    def search(wanted: Callable[[int], Wanted]) -> Callable[[Connection], object]:
        return lambda connection: search_exhibits(connection, wanted(asked.randrange(EXHIBITS)), 200)

    def of_day(n: int) -> Wanted:
        return Wanted(since=shown(n)[:11] + "12:00:00", until=shown(n)[:11] + "13:00:00")

    def around(n: int) -> Wanted:
        at = _place(n)
        day = shown(n)[:8]
        near = Near(float(str(at["latitude"])), float(str(at["longitude"])), 500)
        return Wanted(since=day + "01T00:00:00", until=day + "31T23:59:59", near=near)

    looks: dict[str, Callable[[Connection], object]] = {
        "exhibits of a case": of_case,
        "exhibit page": page,
        "search by digest": search(lambda n: Wanted(sha256=digest(n))),
        "search by case prefix": search(lambda n: Wanted(case_prefix=case_number(n // IN_CASE)[:13])),
        "search by time (an hour)": search(of_day),
        "search by time (a month) and place (500 m)": search(around),
        "list of 10,000 cases": list_cases,
    }
    for what, look in looks.items():
        yield _row(f"{name}, 1,000,000 exhibits: {what}, p95 (ms)", catalogue, look)


def _row(what: str, catalogue: Catalogue, look: Callable[[Connection], object]) -> Row:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with catalogue.read() as connection:
            look(connection)
        taken.append((time.perf_counter() - started) * 1000)
    p95 = statistics.quantiles(taken, n=20)[-1]
    return Row(what, f"{p95:.1f}", "-", f"median {statistics.median(taken):.1f}", "under 50", p95 < 50)


def appending(each: int) -> Row:
    """Eight processes put events into the inbox, some in each transaction, while one sequences."""
    taken = []
    for _ in range(RUNS):
        with postgresql(fsync=True) as open_again:
            taken.append(_seconds_to_append(open_again, each))
    spent = Spread.of(taken)
    rate = WORKERS * EVENTS / spent.median
    return Row(
        f"PostgreSQL: {WORKERS} workers append {WORKERS * EVENTS:,} events, {each} a transaction;"
        " one sequences (wall s)",
        str(spent),
        "-",
        f"{rate:,.0f} entries/s",
        "at least 5,000/s",
        rate >= 5000,
    )


def _seconds_to_append(open_again: Callable[[], Catalogue], each: int) -> float:
    catalogue = open_again()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append, args=(open_again, n, each)) for n in range(WORKERS)]
    store, signer = SqlLedgerStore(catalogue), Signer.generate("vidne.invalid/bench")
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    done = 0
    while done < WORKERS * EVENTS:
        taken = Sequencer(store, signer).run_once()
        done += taken
        if not taken and any(worker.exitcode for worker in workers):
            raise RuntimeError("a worker failed")
        if taken < BATCH:
            time.sleep(_PAUSE_S)
    spent = time.perf_counter() - started
    for worker in workers:
        worker.join()
    catalogue.close()
    return spent


def _append(open_again: Callable[[], Catalogue], worker: int, each: int) -> None:
    catalogue = open_again()
    for first in range(0, EVENTS, each):
        events = [_event(worker, number) for number in range(first, first + each)]
        with catalogue.write() as connection:
            add_events(connection, events)
    catalogue.close()


def _event(worker: int, number: int) -> NewEvent:
    event = CustodyEvent(f"{worker}-{number}:test.event", "test.event", _NOW, "bench", f"case{number % 100}")
    return NewEvent(event, *make_body({"n": number}))
