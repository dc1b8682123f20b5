"""vidne submit: files and folders in, exhibits out."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from apps.cli.main import Context, InputPath, echo_json, json_option, pass_context
from apps.supervisor import supervised
from evidence.errors import UsageError
from evidence.exhibits import ExhibitState, Source
from evidence.recorders import Reading, check_reading
from evidence.text import name_from_bytes, printable

if TYPE_CHECKING:
    from apps.submission import Outcome
    from apps.wiring import Application


@click.command()
@click.argument("paths", nargs=-1, required=True, type=InputPath())
@click.option("--case", "number", required=True, help="Number of the case.")
@click.option(
    "--source",
    type=click.Choice([source.value for source in Source if source is not Source.UNKNOWN]),
    default="seized",
    show_default=True,
)
@click.option("--clock-shown", metavar="TIME", help="What the recorder's clock showed ...")
@click.option("--clock-true", metavar="TIME", help="... when this was the true time.")
@click.option("--urgent", is_flag=True, help="Its jobs come before all others, as in a live incident.")
@click.option("--wait", is_flag=True, help="Return when all is processed, not when all is sealed.")
@click.option(
    "--receipt", type=click.Path(path_type=Path), help="Write the submitter's receipt (JSON) there."
)
@json_option
@pass_context
def command(
    context: Context,
    paths: tuple[Path, ...],
    number: str,
    source: str,
    clock_shown: str | None,
    clock_true: str | None,
    receipt: Path | None,
    *,
    urgent: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Take in PATHS (files, and folders with all that is in them) as exhibits of a case.

    Ends 0 when all are sealed (with --wait: processed, none refused), 2 for wrong usage, 3 when some are
    quarantined (with --wait also refused or unplayable), 4 when some paths could not be read. A path that
    begins with a dash comes behind --.
    """
    _check_clock(clock_shown, clock_true)
    if receipt is not None:
        from apps.cli.receipt import require_free  # noqa: PLC0415 - before anything is received

        require_free(receipt)
    with supervised(context.settings) as supervisor:
        # Loaded while the worker starts: each takes half a second.
        from apps.cli.common import sequence_if_idle  # noqa: PLC0415
        from apps.submission import begin, submit  # noqa: PLC0415

        app = context.application
        intaker = begin(app, number, Source(source), clock_shown, clock_true, urgent=urgent)
        outcome = submit(app, supervisor, intaker, paths, wait=wait)
    sequence_if_idle(app)
    if as_json:
        echo_json(outcome.as_json())
    else:
        _tell(outcome, waited=wait)
    if receipt is not None and outcome.received:
        _write_receipt(app, outcome.submission, receipt, is_told=not as_json)
    return outcome.exit_code(waited=wait)


def _write_receipt(app: "Application", submission: str, path: Path, *, is_told: bool) -> None:
    from apps.cli.receipt import tell, write  # noqa: PLC0415 - only where it is asked for
    from apps.receipt import issue  # noqa: PLC0415
    from evidence.catalogue.submissions import find_submission  # noqa: PLC0415

    with app.catalogue.read() as connection:
        found = find_submission(connection, submission)
    made = issue(app, found)
    write(made, path)
    if is_told:
        tell(made, path)


def _check_clock(shown: str | None, true: str | None) -> None:
    """Raise UsageError where only one of the two is given, or one is no time."""
    if (shown is None) != (true is None):
        raise UsageError("--clock-shown and --clock-true go together.", advice="Give both, or neither.")
    if shown is not None and true is not None:
        check_reading(Reading(shown, true))


def _tell(outcome: "Outcome", *, waited: bool) -> None:
    by_id = {exhibit.id: exhibit for exhibit in outcome.exhibits}
    for item in outcome.received:
        exhibit = by_id[item.exhibit_id]
        click.echo(f"{exhibit.name}  {exhibit.state:<11}  {item.digests.sha256}  {printable(item.name)}")
        if not item.is_new:
            click.echo("    the case had these bytes already: this is a further submission of that exhibit")
        if exhibit.reason:
            click.echo(f"    {printable(exhibit.reason, limit=2000)}")
    for member in outcome.members:
        exhibit = by_id[member.exhibit_id]
        path = printable(name_from_bytes(member.path))
        click.echo(f"{exhibit.name}  {exhibit.state:<11}  {member.sha256}  {member.archive_label}: {path}")
    for name, error in outcome.failures.items():
        click.echo(f"{printable(name)}  NOT RECEIVED  {printable(error, limit=2000)}", err=True)
    if any(exhibit.state is ExhibitState.QUARANTINED for exhibit in outcome.exhibits):
        click.echo("What is quarantined waits for a person: vidne queue status, vidne queue retry.")
    if not waited and any(not exhibit.state.is_final for exhibit in outcome.exhibits):
        click.echo("Sealed. Processing goes on while a worker runs: vidne serve, or submit --wait.")
