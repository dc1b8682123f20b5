"""vidne export: exhibits of a case in a folder that anyone can verify."""

import re
from pathlib import Path

import click

from apps.cli.common import case_named
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.cli.meter import meter
from apps.export import export, prepare
from apps.wiring import Application
from disclosure.package import Package, Request
from evidence.errors import UsageError
from evidence.jsontypes import JsonObject
from evidence.text import human_size
from hashing.keys import fingerprint

_LABEL = re.compile(r"EX-([0-9]{4,9})")


@click.command(name="export")
@click.argument("number")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder to be made.")
@click.option("--exhibit", "labels", multiple=True, help="Only this one, as EX-0001; may be given again.")
@click.option(
    "--with-copies/--originals-only",
    "with_copies",
    default=True,
    help="With working copies, keyframes, proofs and manifests (default), or the originals alone.",
)
@click.option("--with-contact", is_flag=True, help="Also the contact data of those who handed footage in.")
@json_option
@pass_context
def command(
    context: Context,
    number: str,
    output: Path,
    labels: tuple[str, ...],
    *,
    with_copies: bool,
    with_contact: bool,
    as_json: bool,
) -> None:
    """Export exhibits of case NUMBER with the case's chain of custody (BagIt; verify.sh checks it)."""
    app = context.application
    with app.catalogue.read() as connection:
        case = case_named(connection, app, number)
    numbers = [_number(label) for label in labels]
    request = prepare(app, case, numbers, with_copies=with_copies, with_contact=with_contact)
    if request.unfinished and with_copies:
        unfinished = ", ".join(request.unfinished)
        click.echo(f"vidne: still being processed, so not all copies go in: {unfinished}", err=True)
    with meter() as shown:
        shown.begin(f"export {case.number}", 2 * sum(item.digests.size for item in request.objects))
        made = export(app, output, request, shown.advance)
    for lack in made.lacks:
        click.echo(f"vidne: {lack} The package was made without it.", err=True)
    if as_json:
        echo_json(_as_json(app, output, request, made))
    else:
        _tell(app, output, request, made)


def _as_json(app: Application, output: Path, request: Request, made: Package) -> JsonObject:
    return {
        "case": request.case_number,
        "path": str(output),
        "export": request.export_id,
        "exhibits": list(request.exhibits),
        "unfinished": list(request.unfinished),
        "files": made.files,
        "size": made.size,
        "manifest_sha256": made.manifest_sha256,
        "case_seq": made.case_seq,
        "cosignatures": made.cosignatures,
        "time_stamps": made.time_stamps,
        "lacks": list(made.lacks),
        "key_fingerprint": fingerprint(app.verifier),
    }


def _tell(app: Application, output: Path, request: Request, made: Package) -> None:
    exhibits = f"{made.files} files of {len(request.exhibits)} exhibits"
    others = f"{made.cosignatures} cosignatures, {made.time_stamps} time stamps"
    click.echo(f"{exhibits}, {human_size(made.size)}, in {output}")
    click.echo(f"manifest  SHA-256 {made.manifest_sha256}, entry {made.case_seq} of the case")
    click.echo(f"others    {others} over the export itself")
    click.echo(f"log's key SHA-256 {fingerprint(app.verifier)}")
    click.echo("Tell the receiver the key's digest another way than with the package: VERIFY.txt says why.")


def _number(label: str) -> int:
    found = _LABEL.fullmatch(label.rpartition("/")[2])
    if found is None:
        raise UsageError(f"{label!r} does not name an exhibit.", advice="Write it as EX-0001.")
    return int(found[1])
