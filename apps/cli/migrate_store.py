"""vidne migrate-store: from the folder store to S3."""

import click

from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.cli.meter import meter
from apps.relocation import Mover

SOME_FAILED = 4


@click.command(name="migrate-store")
@click.option(
    "--to", "target", required=True, metavar="URL", help="The new store: s3://host:port/bucket or s3+http://."
)
@json_option
@pass_context
def command(context: Context, target: str, *, as_json: bool) -> int:
    """Move all objects and the published log from the data folder to an S3 bucket with Object Lock.

    No worker may run meanwhile. Where it is stopped, by whatever, the same command goes on. Ends 0 when all
    was moved, read back and recorded; 4 when something could not be: then nothing is switched.
    """
    mover = Mover(context.application, target)
    with meter() as shown:
        shown.begin("moving", mover.size())
        moved = mover.run(shown.advance)
    if as_json:
        echo_json(
            {
                "target": target,
                "objects": moved.objects,
                "log_objects": moved.log_objects,
                "failures": list(moved.failures),
                "finished": moved.is_finished,
            }
        )
    else:
        for failure in moved.failures:
            click.echo(f"not moved: {failure}", err=True)
        click.echo(f"{moved.objects} objects and {moved.log_objects} of the log are in {target}.")
        if moved.is_finished:
            click.echo(f"Now set VIDNE_STORE_URL={target} and run: vidne verify archive")
        else:
            click.echo("Nothing was switched: the folder is still the store. Run the command again.")
    return 0 if moved.is_finished else SOME_FAILED
