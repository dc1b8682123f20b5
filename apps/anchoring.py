"""Asking witnesses and time-stamp authorities at once: an export or a receipt waits for no interval."""

import time

from apps.sequencing import sequence_where_idle
from apps.wiring import Application
from evidence.catalogue.timestamps import last_asked
from evidence.errors import IncompleteError, VidneError

_WAIT_S = 10.0  # for the worker to publish what others are to sign
_LOOK_S = 0.1


def ask_witnesses(app: Application, index: int) -> dict[str, VidneError]:
    """Have each witness cosign a checkpoint over entry `index`; of those that did not, by name, why not."""
    failed: dict[str, VidneError] = {}
    deadline = time.monotonic() + _WAIT_S
    for cosigning in app.cosignings:
        while cosigning.known_size <= index and cosigning.name not in failed:
            try:
                is_new = cosigning.run_once() is not None
            except VidneError as error:
                if cosigning.known_size <= index:  # else the worker has asked just before
                    failed[cosigning.name] = error
                continue
            if not is_new and time.monotonic() > deadline:
                failed[cosigning.name] = _unpublished()
            if not is_new and not sequence_where_idle(app):
                time.sleep(_LOOK_S)
    return failed


def ask_authorities(app: Application, index: int) -> dict[str, VidneError]:
    """Have each authority stamp a checkpoint over entry `index`; of those that did not, by URL, why not."""
    if not app.settings.time_authorities:
        return {}
    deadline = time.monotonic() + _WAIT_S
    while True:
        failed = app.stamper.run_now()
        behind = [url for url in app.settings.time_authorities if last_stamped(app, url) <= index]
        if failed or not behind or time.monotonic() > deadline:
            return {url: failed.get(url, _unpublished()) for url in behind}
        if not sequence_where_idle(app):
            time.sleep(_LOOK_S)


def last_stamped(app: Application, url: str) -> int:
    """How many entries an authority has stamped; 0 also where it has yet to answer."""
    with app.catalogue.read() as connection:
        last = last_asked(connection, url)
    return last.size if last and last.response is not None else 0


def _unpublished() -> IncompleteError:
    return IncompleteError(
        f"The newest checkpoint was not published within {_WAIT_S:.0f} s.", advice="See worker.log."
    )
