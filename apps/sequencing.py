"""Waiting for an event's place in the ledger: given here where no worker runs, else by the worker."""

import time

from apps.lock import try_worker_lock
from apps.wiring import Application
from evidence.custody import LedgerEntry
from evidence.errors import IncompleteError

_WAIT_S = 60.0
_LOOK_S = 0.1


def await_entry(app: Application, event_id: str, what: str) -> LedgerEntry:
    """The entry of an event that was filed; `what` names the matter in a sentence.

    Raises IncompleteError where it has no place after a minute.
    """
    deadline = time.monotonic() + _WAIT_S
    while (row := app.ledger.entry_of(event_id)) is None:
        if time.monotonic() > deadline:
            raise IncompleteError(
                f"The worker has not given {what} its place in the ledger for {_WAIT_S:.0f} s.",
                advice="See worker.log in the data folder, then try again.",
            )
        time.sleep(0 if sequence_where_idle(app) else _LOOK_S)
    return row


def entry_now(app: Application, event_id: str, what: str) -> LedgerEntry:
    """The entry of an event that was filed, without waiting for it; raises IncompleteError."""
    row = app.ledger.entry_of(event_id)
    if row is None:
        raise IncompleteError(
            f"{what.capitalize()} waits for its place in the ledger.", advice="Ask again soon."
        )
    return row


def sequence_where_idle(app: Application) -> bool:
    """Sequence, and publish what is not in the store yet, where no worker runs that would; whether it did."""
    with try_worker_lock(app.settings.worker_lock_path) as is_ours:
        if is_ours:
            app.sequence_all()
    return is_ours and app.led_last
