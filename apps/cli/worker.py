"""vidne worker: a worker alone, without the portal."""

import click

from apps.cli.main import Context, pass_context
from apps.cli.serve import run_supervisor


@click.command()
@pass_context
def command(context: Context) -> int:
    """Process what waits on this data folder until interrupted."""
    return run_supervisor(context)
