"""vidne serve: keeps a supervised worker going (the portal's pages come beside it)."""

import logging
import signal
from contextlib import AbstractContextManager, nullcontext

import click

from apps.cli.main import Context, pass_context
from apps.logs import log_to
from apps.supervisor import Supervisor
from evidence.errors import UnavailableError
from evidence.settings import Settings


@click.command()
@pass_context
def command(context: Context) -> int:
    """Keep a worker going on this data folder until interrupted.

    Where another program works on the folder already, wait and take over when it goes.
    """
    return run_supervisor(context)


def run_supervisor(context: Context) -> int:
    """Supervise in the foreground; ends 0 when told to stop, 1 where no worker can start."""
    settings = context.settings
    log_to(logging.StreamHandler(), settings, "%(asctime)s %(levelname)s %(message)s")
    try:
        if context.application.store.is_worm:
            context.application.require_store()
    except UnavailableError as error:
        click.echo(f"vidne: {error} The worker waits for it.", err=True)
    supervisor = Supervisor(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: supervisor.stop())
    click.echo(f"Working on {settings.data}. Stop with Ctrl-C.", err=True)
    with _metrics(settings):
        supervisor.run()
    return 1 if supervisor.gave_up else 0


def _metrics(settings: Settings) -> AbstractContextManager[object]:
    if not settings.metrics_port:
        return nullcontext()
    from apps.metrics import metrics_served  # noqa: PLC0415 - where it is asked for

    return metrics_served(settings)
