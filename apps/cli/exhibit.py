"""vidne exhibit: list, find, show, fetch."""

import shutil
from pathlib import Path

import click

from apps.cli.common import case_named, exhibit_named
from apps.cli.main import Context, echo_json, fail, json_option, pass_context
from apps.cli.render import tell_exhibit
from apps.cli.sought import parse_bound, parse_digest, parse_near
from apps.view import exhibit_json, membership
from evidence.catalogue.exhibits import Exhibit, first_names, list_exhibits
from evidence.catalogue.members import Member, memberships
from evidence.catalogue.objects import ObjectRow, current_objects
from evidence.catalogue.search import Wanted, search_exhibits
from evidence.errors import ConflictError, IncompleteError, IntegrityError, NotFoundError
from evidence.exhibits import Role
from evidence.jsontypes import Json
from evidence.text import human_size, name_from_bytes, plain_suffix, printable
from hashing.digests import sha256_file


@click.group(name="exhibit")
def command() -> None:
    """List, find, show and fetch exhibits."""


@command.command(name="list")
@click.option("--case", "number", help="Only those of this case.")
@json_option
@pass_context
def list_(context: Context, number: str | None, *, as_json: bool) -> None:
    """List the exhibits of a case, or all."""
    app = context.application
    with app.catalogue.read() as connection:
        case_id = case_named(connection, app, number).id if number else None
        exhibits = list_exhibits(connection, case_id)
        names = first_names(connection, [exhibit.id for exhibit in exhibits])
        stood_in: dict[str, list[Member]] = {}
        for item in memberships(connection, [exhibit.id for exhibit in exhibits]):
            stood_in.setdefault(item.exhibit_id, []).append(item)
    if as_json:
        listed: list[Json] = [
            {
                **_line_json(exhibit, names[exhibit.id]),
                "member_of": [membership(exhibit.case_number, item) for item in stood_in.get(exhibit.id, [])],
            }
            for exhibit in exhibits
        ]
        echo_json(listed)
        return
    for exhibit in exhibits:
        _tell_line(exhibit, names[exhibit.id])
        for archive in dict.fromkeys(item.archive_label for item in stood_in.get(exhibit.id, [])):
            click.echo(f"    stood in {exhibit.case_number}/{archive}")


@command.command()
@click.option("--sha256", default="", metavar="HEX", help="Digest of the original.")
@click.option("--case-prefix", default="", metavar="TEXT", help="What the number of the case begins with.")
@click.option("--from", "since", metavar="TIME", help="Taken then or later, as the file shows it ...")
@click.option("--to", "until", metavar="TIME", help="... and then or earlier; a day counts to its end.")
@click.option("--near", metavar="LAT,LON[,METRES]", help="Taken within METRES (500) of that place.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@json_option
@pass_context
def find(
    context: Context,
    sha256: str,
    case_prefix: str,
    since: str | None,
    until: str | None,
    near: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Find exhibits of any case; what is given must all hold.

    Times and places are what the files say of themselves, whatever clock and zone they had.
    """
    wanted = Wanted(
        sha256=parse_digest(sha256),
        case_prefix=case_prefix,
        since=parse_bound(since, end=False),
        until=parse_bound(until, end=True),
        near=parse_near(near),
    )
    with context.application.catalogue.read() as connection:
        found = search_exhibits(connection, wanted, limit + 1)
        names = first_names(connection, [exhibit.id for exhibit in found])
    is_more = len(found) > limit
    shown = found[:limit]
    if as_json:
        listed: list[Json] = [
            {**_line_json(exhibit, names[exhibit.id]), "received_at": exhibit.received_at}
            for exhibit in shown
        ]
        echo_json({"exhibits": listed, "more": is_more})
        return
    for exhibit in shown:
        _tell_line(exhibit, names[exhibit.id])
    if is_more:
        click.echo(f"There are more than {limit}: narrow it down, or raise --limit.", err=True)
    if not shown:
        click.echo("Nothing is found.", err=True)


@command.command()
@click.argument("exhibit")
@json_option
@pass_context
def show(context: Context, exhibit: str, *, as_json: bool) -> None:
    """Everything known of EXHIBIT, as in 0100-12345-00001-26/EX-0001."""
    app = context.application
    with app.catalogue.read() as connection:
        found = exhibit_named(connection, app, exhibit)
        known = exhibit_json(connection, app.ledger, found)
    if as_json:
        echo_json(known)
    else:
        tell_exhibit(known)


@command.command()
@click.argument("exhibit")
@click.option("--original", "what", flag_value="original", help="The bytes as they were received.")
@click.option("--working", "what", flag_value="working", default=True, help="What plays anywhere (default).")
@click.option("--all", "what", flag_value="all", help="Everything that is stored.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True)
@json_option
@pass_context
def fetch(context: Context, exhibit: str, what: str, output: Path, *, as_json: bool) -> int:
    """Copy files of EXHIBIT into a folder; each is compared with its digest on the way.

    One that is damaged or gone is named and keeps the others from nobody; the exit code then tells of it.
    """
    app = context.application
    with app.catalogue.read() as connection:
        found = exhibit_named(connection, app, exhibit)
        objects = [row for row in current_objects(connection, found.id) if _wanted(row, what)]
        original = name_from_bytes(first_names(connection, [found.id])[found.id])
    if not objects:
        raise IncompleteError(
            f"{found.name} is {found.state} and has no such file.",
            advice=found.reason or "vidne exhibit show says what it has.",
        )
    output.mkdir(parents=True, exist_ok=True)
    fetched: list[Json] = []
    code = 0
    for row in objects:
        target = output / f"{found.label}.{_file_name(row, original)}"
        try:
            _copy_out(context, row, target)
        except (IntegrityError, NotFoundError) as error:
            fail(error)
            code = code or error.exit_code
            continue
        fetched.append({"role": row.role, "path": str(target), "sha256": row.digests.sha256})
        if not as_json:
            click.echo(f"{row.digests.sha256}  {target}")
    if as_json:
        echo_json(fetched)
    return code


def _line_json(exhibit: Exhibit, filename: bytes) -> dict[str, Json]:
    return {
        "exhibit": exhibit.name,
        "state": exhibit.state,
        "reason": exhibit.reason,
        "filename": printable(name_from_bytes(filename)),
        "sha256": exhibit.digests.sha256,
        "size": exhibit.digests.size,
    }


def _tell_line(exhibit: Exhibit, filename: bytes) -> None:
    name = printable(name_from_bytes(filename), limit=60)
    size = human_size(exhibit.digests.size)
    click.echo(f"{exhibit.name}  {exhibit.state:<11}  {size:>9}  {name}")


def _wanted(row: ObjectRow, what: str) -> bool:
    roles = {"original": (Role.ORIGINAL,), "working": (Role.WORKING,)}.get(what, tuple(Role))
    return row.role in roles


def _file_name(row: ObjectRow, original: str) -> str:
    if row.role is not Role.ORIGINAL:
        return row.name
    return f"original{plain_suffix(original)}"  # the submitter's name itself is data


def _copy_out(context: Context, row: ObjectRow, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    if target.exists():
        raise ConflictError(f"{target} exists already.", advice="Name an empty folder with -o.")
    try:
        with context.application.store.open(row.key, row.version_id) as stream, partial.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        if sha256_file(partial) != row.digests.sha256:
            raise IntegrityError(
                f"The stored {row.name} is not what was filed: its SHA-256 differs. Nothing was written.",
                advice="Run vidne verify exhibit on it.",
            )
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
