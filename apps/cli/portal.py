"""vidne portal: the pages and the API for the public, without a worker."""

import logging
import signal

import click

from apps.cli.main import Context, pass_context
from apps.logs import log_to
from evidence.errors import SettingsError


@click.command()
@pass_context
def command(context: Context) -> int:
    """Answer the public at VIDNE_PORTAL_LISTEN until interrupted; workers run elsewhere."""
    from apps.portal_keeper import PortalKeeper  # noqa: PLC0415 - where it is asked for

    settings = context.settings
    if not settings.portal_listen:
        raise SettingsError("VIDNE_PORTAL_LISTEN is not set.", advice="Set it to host:port, as 0.0.0.0:8080.")
    _ = settings.zone  # what cannot be meant is told at once
    log_to(settings, "%(asctime)s %(levelname)s %(message)s", logging.StreamHandler())
    keeper = PortalKeeper(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: keeper.stop())
    click.echo(f"Answering at {settings.portal_listen}. Stop with Ctrl-C.", err=True)
    keeper.run()
    return 1 if keeper.gave_up else 0
