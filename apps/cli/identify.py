"""vidne identify: which exhibit is this file?"""

import os
from pathlib import Path

import click

from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.cli.meter import meter
from apps.identify import Identified, identify
from evidence.errors import UnreadableError
from evidence.jsontypes import Json
from evidence.text import printable
from hashing.report import Cause


@click.command(name="identify")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@pass_context
def command(context: Context, paths: tuple[Path, ...], *, as_json: bool) -> int:
    """Which exhibit is PATH? By its bytes, else by its packets (a rewrap), else by its pieces (a cut copy).

    Ends 0 when every file is known, 4 when one cannot be read, 5 when one is of no exhibit here.
    """
    worst = 0
    found: list[Json] = []
    for path in paths:
        try:
            one = _identify(context, path)
        except UnreadableError as error:
            click.echo(f"vidne: {error}", err=True)
            found.append({"path": printable(str(path)), "error": str(error)})
            worst = Cause.UNREADABLE.value
            continue
        if not one.matches and worst == 0:
            worst = Cause.UNKNOWN_FILE.value
        found.append({"path": printable(str(path)), **one.as_json()})
        if not as_json:
            _tell(path, one)
    if as_json:
        echo_json(found)
    return worst


def _identify(context: Context, path: Path) -> Identified:
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise UnreadableError(f"{printable(str(path))} is not a file that can be read.")
    with meter() as shown:
        shown.begin(printable(path.name, limit=40), path.stat().st_size)
        return identify(context.application, path, shown.advance)


def _tell(path: Path, one: Identified) -> None:
    name = printable(str(path))
    for match in one.matches:
        click.echo(f"{name}: {match.exhibit.name}, {match.what}")
    if not one.matches:
        looked = f" Its packets were not looked at: {one.untold}" if one.untold else ""
        click.echo(
            f"{name}: of no exhibit here (SHA-256 {one.digests.sha256}).{printable(looked, limit=400)}"
        )
