"""vidne identify: which exhibit is this file?"""

import os
from pathlib import Path

import click

from apps.cli.main import Context, InputPath, echo_json, json_option, pass_context
from apps.cli.meter import meter
from evidence.errors import UnreadableError, UsageError
from evidence.exhibits import Digests
from evidence.jsontypes import Json
from evidence.text import printable
from hashing.digests import digest_file
from hashing.package import recorded_files
from hashing.recognition import Identified, identify_in_package
from hashing.report import Cause


@click.command(name="identify")
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=InputPath())
@click.option(
    "--package",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Look in this export package instead: by bytes and pieces, without any other data.",
)
@click.option(
    "--learn",
    is_flag=True,
    help="First make the marks of exhibits that came before such marks were kept, out of their originals.",
)
@json_option
@pass_context
def command(
    context: Context, paths: tuple[Path, ...], package: Path | None, *, learn: bool, as_json: bool
) -> int:
    """Which exhibit is PATH? By its bytes; else by its packets (a rewrap), its first bytes (a cut copy), some
    of its packets (an excerpt), or what it shows, which is told as similar and identifies nothing.

    Ends 0 when every file is known, 4 when one cannot be read, 5 when one is of no exhibit, or only similar.
    """
    if not (paths or learn) or (package and learn):
        raise UsageError("Name a file to be identified, with --package or without; --learn may stand alone.")
    known = recorded_files(package) if package else None
    worst = _learn(context) if learn else 0
    found: list[Json] = []
    for path in paths:
        try:
            one = _identify(context, path, package, known)
        except UnreadableError as error:
            click.echo(f"vidne: {error}", err=True)
            found.append({"path": printable(str(path)), "error": str(error)})
            worst = Cause.UNREADABLE.value
            continue
        if not one.is_known and worst == 0:
            worst = Cause.UNKNOWN_FILE.value
        found.append({"path": printable(str(path)), **one.as_json()})
        if not as_json:
            _tell(path, one)
    if as_json:
        echo_json(found)
    return worst


def _learn(context: Context) -> int:
    """Make marks that are missing; exit code 4 where an original could not be read."""
    from apps.learning import learn  # noqa: PLC0415 - a package needs only the core

    marked, failed = learn(context.application, lambda line: click.echo(f"vidne: {line}", err=True))
    click.echo(f"vidne: {marked} exhibits were marked, {failed} could not be.", err=True)
    return Cause.UNREADABLE.value if failed else 0


def _identify(
    context: Context, path: Path, package: Path | None, known: dict[str, tuple[str, Digests | None]] | None
) -> Identified:
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise UnreadableError(f"{printable(str(path))} is not a file that can be read.")
    with meter() as shown:
        shown.begin(printable(path.name, limit=40), path.stat().st_size)
        digests = digest_file(path, shown.advance)
    if package is not None and known is not None:
        return identify_in_package(package, known, path, digests)
    from apps.identify import identify  # noqa: PLC0415 - a package needs only the core

    return identify(context.application, path, digests)


def _tell(path: Path, one: Identified) -> None:
    name = printable(str(path))
    for match in one.matches:
        click.echo(f"{name}: {match.name}, {match.what}")
    if not one.is_known:
        of = "identified as no exhibit" if one.matches else "of no exhibit here"
        click.echo(f"{name}: {of} (SHA-256 {one.digests.sha256}).")
    if one.untold:
        click.echo(f"{name}: {printable(one.untold, limit=1000)}")
