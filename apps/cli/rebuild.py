"""vidne rebuild: the catalogue from the store, after a loss or an old backup."""

import click

from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.rebuild import Rebuilder

SOME_MISSING = 3


@click.command()
@json_option
@pass_context
def command(context: Context, *, as_json: bool) -> int:
    """Bring the catalogue, lost or restored from an old backup, up to what the store holds.

    The log's key has to be in the data folder. No worker may run. Ends 0 when all that the log names was
    found in the store, 3 when some was not, 1 where log and catalogue do not agree: then nothing is changed.
    """
    found = Rebuilder(context.application).run()
    if as_json:
        echo_json(
            {
                "entries": found.entries,
                "cases": found.cases,
                "exhibits": len(found.exhibits),
                "objects": found.objects,
                "missing": list(found.missing),
            }
        )
    else:
        click.echo(
            f"{found.entries} entries came back, with {found.cases} cases, {len(found.exhibits)} exhibits,"
            f" {found.objects} objects."
        )
        for text in found.missing:
            click.echo(f"missing: {text}", err=True)
        if found.entries:
            click.echo(
                "File names, findings and contact data are not in the store. Next: vidne verify archive"
            )
    return SOME_MISSING if found.missing else 0
