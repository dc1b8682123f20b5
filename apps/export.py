"""Export of a case's exhibits: what the catalogue says goes in, and the event that the ledger gets."""

from collections.abc import Sequence
from pathlib import Path

from apps.anchoring import ask_authorities, ask_witnesses
from apps.sequencing import await_entry
from apps.wiring import Application
from disclosure.anchors import Anchors
from disclosure.package import Origin, Package, Request, write_package
from disclosure.selection import PackagedObject, packaged_objects
from evidence.cases import new_id
from evidence.catalogue.cases import Case
from evidence.catalogue.cosignatures import newest_lines
from evidence.catalogue.exhibits import find_exhibit, first_names, list_exhibits
from evidence.catalogue.objects import current_objects
from evidence.catalogue.timestamps import kept_stamps
from evidence.clock import timestamp
from evidence.custody import CustodyEvent, LedgerEntry
from evidence.errors import UsageError
from evidence.text import name_from_bytes
from hashing.digests import Progress
from ingest.custody import record


def prepare(
    app: Application, case: Case, numbers: Sequence[int], *, with_copies: bool, with_contact: bool
) -> Request:
    """What an export of the exhibits `numbers` of `case`, of all where there are none, is made of.

    Raises NotFoundError, UsageError, IncompleteError where an exhibit is not sealed.
    """
    with app.catalogue.read() as connection:
        everything = list_exhibits(connection, case.id)
        chosen = [find_exhibit(connection, case.id, number) for number in sorted(set(numbers))] or everything
        if not chosen:
            raise UsageError(f"Case {case.number} has no exhibits.", advice="Submit footage to it first.")
        names = first_names(connection, [exhibit.id for exhibit in chosen])
        objects: list[PackagedObject] = []
        for exhibit in chosen:
            name = name_from_bytes(names[exhibit.id])
            rows = current_objects(connection, exhibit.id)
            objects += packaged_objects(exhibit, rows, name, with_copies=with_copies)
    return Request(
        export_id=new_id(),
        case=case.id,
        case_number=case.number,
        at=timestamp(app.clock()),
        actor=app.actor,
        exhibits=tuple(exhibit.label for exhibit in chosen),
        objects=objects,
        is_whole=len(chosen) == len(everything),
        with_copies=with_copies,
        with_contact=with_contact,
        unfinished=tuple(exhibit.label for exhibit in chosen if not exhibit.state.is_final),
    )


def export(app: Application, output: Path, request: Request, progress: Progress | None = None) -> Package:
    """Write the package; see `write_package`."""
    origin = Origin(
        app.store,
        app.ledger,
        app.tree,
        lambda: app.verifier,
        lambda event: file_event(app, event),
        lambda last: _anchors(app, last),
        [witness.verifier for witness in app.witnesses],
    )
    return write_package(output, request, origin, progress)


def file_event(app: Application, event: CustodyEvent) -> LedgerEntry:
    """File an event, and give its entry: sequenced here, or by the worker that runs.

    Raises IncompleteError where it has no place after a minute.
    """
    with app.catalogue.write() as connection:
        record(connection, event)
    return await_entry(app, event.event_id, "the export")


def _anchors(app: Application, last: LedgerEntry) -> Anchors:
    """Ask witnesses and authorities for their word on the export, and give all that there is of theirs."""
    silent = ask_witnesses(app, last.index) | ask_authorities(app, last.index)
    lacks = [f"{name} has not signed the export itself: {error}" for name, error in silent.items()]
    with app.catalogue.read() as connection:
        return Anchors(kept_stamps(connection), newest_lines(connection), lacks)
