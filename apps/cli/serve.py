"""vidne serve: keeps a supervised worker going, and the portal beside it where VIDNE_PORTAL_LISTEN is set."""

import logging
import signal
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from apps.cli.main import Context, pass_context
from apps.logs import log_to
from apps.supervisor import Supervisor
from evidence.errors import UnavailableError
from evidence.settings import Settings

if TYPE_CHECKING:
    from apps.portal_keeper import PortalKeeper


log = logging.getLogger("vidne")


@click.command()
@pass_context
def command(context: Context) -> int:
    """Keep a worker going on this data folder until interrupted, and the portal where one is set up.

    Where another program works on the folder already, wait and take over when it goes; the portal answers
    meanwhile.
    """
    with _portal(context.settings) as portal:
        code = run_supervisor(context, portal)
    return 1 if portal is not None and portal.gave_up else code


def run_supervisor(context: Context, portal: "PortalKeeper | None" = None) -> int:
    """Supervise in the foreground; ends 0 when told to stop, 1 where no worker can start.

    A `portal` beside it keeps a core to itself while it is busy.
    """
    settings = context.settings
    log_to(settings, "%(asctime)s %(levelname)s %(message)s", logging.StreamHandler())
    try:
        context.application.require_store()
    except UnavailableError as error:
        log.warning("%s The worker waits for it.", error)
    supervisor = Supervisor(settings, shows=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: supervisor.stop())
    if settings.log_format == "json":
        log.info("Working on %s.", settings.data)
    else:
        click.echo(f"Working on {settings.data}. Stop with Ctrl-C.", err=True)
    with _metrics(settings), _core(portal, supervisor):
        supervisor.run()
    return 1 if supervisor.gave_up else 0


def _portal(settings: Settings) -> "AbstractContextManager[PortalKeeper | None]":
    if not settings.portal_listen:
        return nullcontext()
    from apps.portal_keeper import kept_portal  # noqa: PLC0415 - where it is asked for

    _ = settings.zone  # what cannot be meant is told at once
    return kept_portal(settings)


def _core(portal: "PortalKeeper | None", supervisor: Supervisor) -> AbstractContextManager[None]:
    if portal is None:
        return nullcontext()
    from apps.reserved_core import core_reserved  # noqa: PLC0415 - where it is asked for

    return core_reserved(lambda: portal.process, lambda: supervisor.worker)


def _metrics(settings: Settings) -> AbstractContextManager[object]:
    if not settings.metrics_port:
        return nullcontext()
    from apps.metrics import metrics_served  # noqa: PLC0415 - where it is asked for

    return metrics_served(settings)
