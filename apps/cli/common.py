"""What several commands share: finding things by the names people use."""

import click

from apps.lock import try_worker_lock
from apps.wiring import Application
from evidence.cases import ExhibitName, parse_case_number
from evidence.catalogue.cases import Case, find_case
from evidence.catalogue.engine import Connection
from evidence.catalogue.exhibits import Exhibit, find_exhibit
from evidence.errors import VidneError


def case_named(connection: Connection, application: Application, number: str) -> Case:
    """The case with this number; raises UsageError or NotFoundError."""
    return find_case(connection, parse_case_number(number, application.settings.case_pattern))


def exhibit_named(connection: Connection, application: Application, name: str) -> Exhibit:
    """The exhibit `<case number>/EX-0001`; raises UsageError or NotFoundError."""
    parsed = ExhibitName.parse(name, application.settings.case_pattern)
    case = find_case(connection, parsed.case_number)
    return find_exhibit(connection, case.id, parsed.number)


def sequence_if_idle(application: Application) -> None:
    """Give waiting events their place where no worker runs that would; otherwise it does so by itself.

    Where that cannot be done it is said, and no more: they wait safely, and a verification tells of them.
    """
    try:
        with try_worker_lock(application.settings.worker_lock_path) as is_ours:
            if is_ours and application.ledger.pending_count():
                application.sequence_all()
    except VidneError as error:
        click.echo(f"vidne: events wait for their place in the ledger: {error}", err=True)
