"""vidne recorder: add, reading, list, show, link."""

import click

from apps.cli.common import case_named, exhibit_named, sequence_if_idle
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.true_times import offset_json, told_offset
from apps.wiring import Application
from evidence.catalogue.engine import Connection
from evidence.catalogue.recorders import (
    Recorder,
    RecorderFacts,
    exhibits_of,
    find_recorder,
    list_recorders,
    readings_of,
)
from evidence.clock import timestamp
from evidence.errors import UsageError
from evidence.jsontypes import Json, JsonObject
from evidence.recorders import Reading, offset_at, parse_recorder, read_shown
from evidence.text import printable
from ingest import recorders


@click.group(name="recorder")
def command() -> None:
    """Recorders of a case, readings of their clocks, and the exhibits that they made."""


@command.command()
@click.option("--case", "number", required=True, help="Number of the case.")
@click.option("--make", default="")
@click.option("--model", default="")
@click.option("--serial", default="")
@click.option("--channels", type=int, help="How many cameras it records.")
@click.option("--place", default="", help="Address or place where it stands.")
@click.option("--retrieved-by", default="", help="Who retrieved it, or its footage.")
@click.option("--reference", default="", help="Your own reference for it.")
@json_option
@pass_context
def add(
    context: Context,
    number: str,
    make: str,
    model: str,
    serial: str,
    channels: int | None,
    place: str,
    retrieved_by: str,
    reference: str,
    *,
    as_json: bool,
) -> None:
    """Add a recorder to a case."""
    facts = RecorderFacts(make, model, serial, channels, place, retrieved_by, reference)
    app = context.application
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        case = case_named(connection, app, number)
        added = recorders.add(connection, case.id, facts, app.actor, now)
    sequence_if_idle(app)
    if as_json:
        echo_json(_recorder_json(added))
    else:
        click.echo(f"Added recorder {added.name}.")


@command.command()
@click.argument("name", metavar="RECORDER")
@click.option("--shown", required=True, metavar="TIME", help="What its clock showed ...")
@click.option("--true", "true", required=True, metavar="TIME", help="... when this was the true time.")
@click.option("--method", default="", help='Where the true time came from: "speaking clock", "GPS" ...')
@click.option("--uncertainty", type=float, metavar="SECONDS", help="Of the comparison, either way.")
@click.option("--by", "read_by", default="", help="Who compared them.")
@click.option("--at", "read_at", default="", metavar="TIME", help="When, where that is not the true time.")
@json_option
@pass_context
def reading(
    context: Context,
    name: str,
    shown: str,
    true: str,
    method: str,
    uncertainty: float | None,
    read_by: str,
    read_at: str,
    *,
    as_json: bool,
) -> None:
    """Note a reading of RECORDER's clock, as in 0100-12345-00001-26/RC-01."""
    app = context.application
    now = timestamp(app.clock())
    new = Reading(shown, true, method, uncertainty, read_by, read_at)
    with app.catalogue.write() as connection:
        owner = recorder_named(connection, app, name)
        number = recorders.read_clock(connection, owner, new, app.actor, now)
    sequence_if_idle(app)
    if as_json:
        echo_json({"recorder": owner.name, "number": number, **recorders.reading_json(new)})
    else:
        click.echo(f"Noted reading {number} of {owner.name}: its clock is off by {new.offset_s:+.1f} s.")


@command.command(name="list")
@click.option("--case", "number", help="Only those of this case.")
@json_option
@pass_context
def list_(context: Context, number: str | None, *, as_json: bool) -> None:
    """List the recorders of a case, or all."""
    app = context.application
    with app.catalogue.read() as connection:
        case_id = case_named(connection, app, number).id if number else None
        found = list_recorders(connection, case_id)
    if as_json:
        echo_json([_recorder_json(item) for item in found])
        return
    for item in found:
        click.echo(f"{item.name}  {_described(item)}".rstrip())


@command.command()
@click.argument("name", metavar="RECORDER")
@click.option("--at", metavar="TIME", help="Also what its clock was off by when it showed this.")
@json_option
@pass_context
def show(context: Context, name: str, at: str | None, *, as_json: bool) -> None:
    """Show RECORDER: its clock's readings and the exhibits that it made."""
    app = context.application
    with app.catalogue.read() as connection:
        found = recorder_named(connection, app, name)
        readings = readings_of(connection, found.id)
        made = exhibits_of(connection, found.id)
    asked = read_shown(at) if at is not None else None
    if at is not None and asked is None:
        raise UsageError(f"{printable(at)} is not a time.", advice='Write it as in "2026-03-14 22:17:05".')
    offset = offset_at(readings, asked.digits) if asked else None
    if as_json:
        exhibits: list[Json] = [
            {"exhibit": f"{found.case_number}/{item.label}", "channel": item.channel} for item in made
        ]
        known: JsonObject = {
            **_recorder_json(found),
            "readings": [recorders.reading_json(item) for item in readings],
            "exhibits": exhibits,
        }
        echo_json({**known, "offset": offset_json(offset) if offset else None} if asked else known)
        return
    click.echo(f"{found.name}  {_described(found)}".rstrip())
    for item in readings:
        click.echo(f"  reading   {_told(item)}")
    for link_ in made:
        channel = f"  channel {printable(link_.channel)}" if link_.channel else ""
        click.echo(f"  exhibit   {link_.label}{channel}")
    if asked:
        told = f"{asked.minus(offset.offset_s)}  ({told_offset(offset)})" if offset else "no reading"
        click.echo(f"  true time {printable(told, limit=2000)}")


@command.command()
@click.argument("name", metavar="RECORDER")
@click.argument("exhibits", nargs=-1, required=True, metavar="EXHIBIT...")
@click.option("--channel", default="", help="Which of its cameras.")
@json_option
@pass_context
def link(context: Context, name: str, exhibits: tuple[str, ...], channel: str, *, as_json: bool) -> None:
    """Say that RECORDER made these exhibits, of its own case; a link from before is replaced."""
    app = context.application
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        owner = recorder_named(connection, app, name)
        made = [exhibit_named(connection, app, exhibit) for exhibit in dict.fromkeys(exhibits)]
        for item in made:
            recorders.link(connection, owner, item, channel, app.actor, now)
    sequence_if_idle(app)
    if as_json:
        names: list[Json] = [item.name for item in made]
        echo_json({"recorder": owner.name, "channel": channel, "exhibits": names})
    else:
        click.echo(f"Linked {', '.join(item.name for item in made)} to {owner.name}.")


def recorder_named(connection: Connection, app: Application, name: str) -> Recorder:
    """The recorder `<case number>/RC-01`; raises UsageError or NotFoundError."""
    number, of_case = parse_recorder(name, app.settings.case_pattern)
    return find_recorder(connection, case_named(connection, app, number).id, of_case)


def _recorder_json(found: Recorder) -> JsonObject:
    return {
        "recorder": found.name,
        "case": found.case_number,
        "added_at": found.added_at,
        **recorders.facts_json(found.facts),
    }


def _told(item: Reading) -> str:
    sure = "" if item.uncertainty_s is None else f" ± {item.uncertainty_s:g} s"
    how = f"{item.method}  {item.read_by}  {item.read_at}"
    text = f"shown {item.shown}, true {item.true}: {item.offset_s:+.1f} s{sure}  {how}"
    return printable(text.rstrip(), limit=2000)


def _described(found: Recorder) -> str:
    facts = found.facts
    channels = f"{facts.channels} channels" if facts.channels else ""
    parts = (facts.make, facts.model, facts.serial, channels, facts.place, facts.reference)
    return printable("  ".join(part for part in parts if part), limit=2000)
