"""Erasure of personal data: bodies of a case's entries, for good; the entries stay and verify."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.sequencing import await_entry
from apps.wiring import Application
from evidence.cases import new_id
from evidence.catalogue.erasure import ANSWERS, LINK_MESSAGE, RECORDER_ADDED, erase_bodies
from evidence.clock import timestamp
from evidence.custody import CustodyEvent, LedgerEntry
from evidence.errors import ConflictError, IncompleteError, NotFoundError
from evidence.jsontypes import Json
from hashing.entries import ERASED, Entry, parse_entry
from hashing.package_files import EXPORT_EVENT
from hashing.receipt import RECEIPT_EVENT
from ingest.custody import record

CONTACT = "contact."
# Bodies that tell of people, or the names that they gave to files, and that nothing else is read from.
_ERASABLE = frozenset({RECORDER_ADDED, LINK_MESSAGE, ANSWERS, "submission.completed", RECEIPT_EVENT})
# Why others are kept, by the beginning of the type.
_KEPT = {
    "object.": "it holds where an object lies, and the digests of its pieces",
    "file.received": "a file's name stands in the record of the stored object, too: half of it would stay",
    "exhibit.": "the proofs of copies rest on it",
    "recorder.clock-read": "the true times of recordings rest on it",
    "": "it tells of no person, and something is read from it",
}


@dataclass(frozen=True, slots=True)
class Erasable:
    """Entries whose bodies may be erased, in the order of their case, and how many exports came after one."""

    case: str
    entries: tuple[tuple[LedgerEntry, Entry], ...]
    exports: int


@dataclass(frozen=True, slots=True)
class Erased:
    """The numbers of the entries whose bodies were erased now, and of those that had been before."""

    now: tuple[int, ...]
    before: tuple[int, ...]


def choose(app: Application, case: str, numbers: Sequence[int]) -> Erasable:
    """The entries `numbers` of the case with the id `case` (empty: of the log itself).

    Raises NotFoundError where there is no such entry, ConflictError where the body of one is needed.
    """
    rows = {row.case_seq: row for row in app.ledger.case_entries(case)}
    if missing := sorted(set(numbers) - rows.keys()):
        raise NotFoundError(
            f"There is no entry {missing[0]}; the last one is {max(rows, default=0)}.",
            advice="vidne exhibit show lists those of an exhibit.",
        )
    chosen = tuple((rows[number], parse_entry(rows[number].entry)) for number in sorted(set(numbers)))
    for row, entry in chosen:
        if not (entry.type.startswith(CONTACT) or entry.type in _ERASABLE):
            why = next(reason for beginning, reason in _KEPT.items() if entry.type.startswith(beginning))
            raise ConflictError(
                f"The body of entry {row.case_seq} ({entry.type}) is not erased: {why}. Nothing was erased.",
                advice=f"Bodies of {CONTACT}* and {', '.join(sorted(_ERASABLE))} can be.",
            )
    since = [row for row in rows.values() if row.case_seq > min(numbers)]
    exports = sum(row.event_id.endswith(f":{EXPORT_EVENT}") for row in since)
    return Erasable(case, chosen, exports)


def erase(app: Application, chosen: Erasable, reason: str) -> Erased:
    """Erase the bodies, say so in the case's chain, and write the catalogue anew without what was there.

    Again after a crash it does what is left. Raises IncompleteError where another program reads the catalogue
    all the time, so that what was erased stays in its files.
    """
    event_id = f"{new_id()}:{ERASED}"
    numbers = {row.event_id: row.case_seq for row, _ in chosen.entries}
    with app.catalogue.write() as connection:
        erased = sorted(numbers[name] for name in erase_bodies(connection, list(numbers)))
        if erased:
            listed: list[Json] = [*erased]
            record(
                connection,
                CustodyEvent(
                    event_id=event_id,
                    type=ERASED,
                    at=timestamp(app.clock()),
                    actor=app.actor,
                    case=chosen.case,
                    body={"entries": listed, "reason": reason},
                ),
            )
    is_purged = app.catalogue.purge()
    if erased:
        await_entry(app, event_id, "the erasure")
    if not is_purged:
        raise IncompleteError(
            "The bodies are erased, but the catalogue's files still hold them: another program reads them.",
            advice="Run the same command again when no other one runs.",
        )
    return Erased(tuple(erased), tuple(sorted(set(numbers.values()) - set(erased))))
