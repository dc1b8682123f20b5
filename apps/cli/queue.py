"""vidne queue: the state of the jobs, and the retry of quarantined ones."""

import click

from apps.cli.common import exhibit_named
from apps.cli.main import Context, echo_json, json_option, pass_context
from evidence.catalogue.exhibits import get_exhibit
from evidence.catalogue.jobs import count_jobs, oldest_unsealed, troubled_jobs
from evidence.jsontypes import Json
from evidence.text import printable
from ingest.crashes import retry as retry_jobs


@click.group(name="queue")
def command() -> None:
    """The state of the jobs; retry what was quarantined."""


@command.command()
@json_option
@pass_context
def status(context: Context, *, as_json: bool) -> None:
    """How many jobs are in which state, and which are in trouble."""
    app = context.application
    with app.catalogue.read() as connection:
        counts = count_jobs(connection)
        oldest = oldest_unsealed(connection)
        rows = troubled_jobs(connection)
        troubled: list[Json] = [
            {
                "exhibit": get_exhibit(connection, row.exhibit_id).name,
                "stage": row.stage,
                "state": row.state,
                "attempts": row.attempts,
                "crashes": row.crashes,
                "error": row.error,
            }
            for row in rows
        ]
    if as_json:
        stages: dict[str, Json] = {stage: dict(numbers) for stage, numbers in counts.items()}
        echo_json({"jobs": stages, "oldest_unsealed": oldest, "troubled": troubled})
        return
    for stage, numbers in counts.items():
        shown = ", ".join(f"{number} {state}" for state, number in sorted(numbers.items())) or "none"
        click.echo(f"{stage:<8} {shown}")
    if oldest:
        click.echo(f"oldest unsealed exhibit: received {oldest}")
    for row in troubled:
        if isinstance(row, dict):
            click.echo(f"{row['exhibit']}  {row['stage']}  {row['state']}  {printable(str(row['error']))}")


@command.command()
@click.argument("exhibit", required=False)
@json_option
@pass_context
def retry(context: Context, exhibit: str | None, *, as_json: bool) -> None:
    """Put the quarantined jobs of EXHIBIT, or all of them, back into the line."""
    app = context.application
    exhibit_id = None
    if exhibit is not None:
        with app.catalogue.read() as connection:
            exhibit_id = exhibit_named(connection, app, exhibit).id
    names = sorted(set(retry_jobs(app.catalogue, app.clock, app.actor, exhibit_id)))
    if as_json:
        echo_json([*names])
    else:
        click.echo(f"Back in the line: {', '.join(names)}" if names else "Nothing is quarantined.")
