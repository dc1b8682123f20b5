"""vidne case: open, list, show, renumber, close."""

import click

from apps.cli.common import case_named, sequence_if_idle
from apps.cli.main import Context, echo_json, json_option, pass_context
from evidence.cases import parse_case_number
from evidence.catalogue.cases import Case, list_cases, numbers_of
from evidence.catalogue.exhibits import list_exhibits
from evidence.clock import timestamp
from evidence.errors import IntegrityError, VidneError
from evidence.jsontypes import Json, JsonObject
from ingest.cases import close_case, open_case, renumber_case


@click.group(name="case")
def command() -> None:
    """Open, list, show, renumber and close cases."""


@command.command(name="open")
@click.argument("number")
@json_option
@pass_context
def open_(context: Context, number: str, *, as_json: bool) -> None:
    """Open a case under NUMBER."""
    app = context.application
    parsed = parse_case_number(number, app.settings.case_pattern)
    try:
        app.require_catalogue()
    except IntegrityError:
        raise
    except VidneError as error:  # a store that is away keeps nobody from it: before signing it is asked again
        click.echo(f"vidne: {error}", err=True)
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        case = open_case(connection, parsed, app.actor, now)
    sequence_if_idle(app)
    if as_json:
        echo_json({"case": case.number, "id": case.id})
    else:
        click.echo(f"Opened case {case.number}.")


@command.command(name="list")
@json_option
@pass_context
def list_(context: Context, *, as_json: bool) -> None:
    """List all cases."""
    with context.application.catalogue.read() as connection:
        cases = list_cases(connection)
    if as_json:
        echo_json([_case_json(case) for case in cases])
        return
    if not cases:
        click.echo("No case yet. Open one with: vidne case open NUMBER")
    for case in cases:
        state = f"closed {case.closed_at}" if case.closed_at else "open"
        click.echo(f"{case.number}  {state:<8}  {case.exhibits} exhibits  opened {case.opened_at}")


@command.command()
@click.argument("number")
@json_option
@pass_context
def show(context: Context, number: str, *, as_json: bool) -> None:
    """Show a case: its numbers and its exhibits."""
    app = context.application
    with app.catalogue.read() as connection:
        case = case_named(connection, app, number)
        numbers = numbers_of(connection, case.id)
        exhibits = list_exhibits(connection, case.id)
    if as_json:
        aliases: list[Json] = [{"number": n, "since": since, "until": until} for n, since, until in numbers]
        listed: list[Json] = [
            {"exhibit": e.name, "state": e.state, "sha256": e.digests.sha256} for e in exhibits
        ]
        echo_json({**_case_json(case), "numbers": aliases, "exhibit_list": listed})
        return
    click.echo(f"Case {case.number} ({'closed' if case.closed_at else 'open'}), opened {case.opened_at}")
    for former, since, until in numbers:
        if until:
            click.echo(f"  was {former} from {since} to {until}")
    for exhibit in exhibits:
        click.echo(f"  {exhibit.label}  {exhibit.state:<11}  {exhibit.digests.sha256}")


@command.command()
@click.argument("number")
@click.argument("new_number")
@json_option
@pass_context
def renumber(context: Context, number: str, new_number: str, *, as_json: bool) -> None:
    """Give a case another number; the old one stays as a dated alias.

    With the number that it has, the tags of its stored objects are set again.
    """
    from ingest.filing import retag  # noqa: PLC0415 - beside its one use

    app = context.application
    parsed = parse_case_number(new_number, app.settings.case_pattern)
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        case = case_named(connection, app, number)
        if parsed != case.number:
            renumber_case(connection, case, parsed, app.actor, now)
    try:
        retag(app.catalogue, app.store, case.id)
    except VidneError as error:
        raise VidneError(
            f"Case {case.number} is now {parsed}, but not all of its stored objects are tagged so: {error}",
            advice=f"When that is mended, run: vidne case renumber {parsed} {parsed}",
        ) from error
    sequence_if_idle(app)
    if as_json:
        echo_json({"case": parsed, "id": case.id, "was": case.number})
    else:
        click.echo(f"Case {case.number} is now {parsed}.")


@command.command()
@click.argument("number")
@json_option
@pass_context
def close(context: Context, number: str, *, as_json: bool) -> None:
    """Close a case: nothing more can be submitted to it."""
    app = context.application
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        case = case_named(connection, app, number)
        close_case(connection, case, app.actor, now)
    sequence_if_idle(app)
    if as_json:
        echo_json({"case": case.number, "id": case.id, "closed_at": now})
    else:
        click.echo(f"Closed case {case.number}.")


def _case_json(case: Case) -> JsonObject:
    return {
        "case": case.number,
        "id": case.id,
        "state": "closed" if case.closed_at else "open",
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "exhibits": case.exhibits,
    }
