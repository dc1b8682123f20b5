"""vidne demo: makes footage, takes it the whole way, and shows what became of each."""

import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from apps.cli.checks import tell_report
from apps.cli.main import Context, pass_context
from apps.cli.verify_here import time_evidence
from apps.expected import expected_objects
from apps.shown import Shown
from apps.submission import SOME_TROUBLED, SOME_UNREADABLE, Outcome, begin, submit
from apps.supervisor import supervised
from apps.view import exhibit_json
from apps.wiring import Application
from evidence.catalogue.cases import Case, list_cases
from evidence.clock import timestamp
from evidence.errors import UsageError
from evidence.exhibits import ExhibitState, Source
from evidence.files import make_private_folder
from evidence.jsontypes import JsonObject
from evidence.text import printable
from hashing.keys import load_verifier
from hashing.verify import verify_case
from ingest.cases import open_case

DEMO_DATA = Path("demo-data")
# What the demo's log, footage and objects have nothing to do with: somebody's key, servers, authorities.
_OUTSIDE = (
    "VIDNE_CATALOGUE_URL",
    "VIDNE_STORE_URL",
    "VIDNE_BROKER_URL",
    "VIDNE_LEDGER_KEY_FILE",
    "VIDNE_WITNESSES",
    "VIDNE_WITNESSES_FILE",
    "VIDNE_TSA_URLS",
    "VIDNE_CLAMAV_SOCKET",
)
_MARK = "made-by-vidne-demo"  # a file in a folder that the demo made, and may therefore remove


@click.command()
@click.option("--fresh", is_flag=True, help="Remove the folder of an earlier demo first.")
@pass_context
def command(context: Context, *, fresh: bool) -> int:
    """Make footage, open a case, submit it, wait, verify the case, and show what became of each file.

    It works in ./demo-data, or in the folder that --data names, whatever VIDNE_DATA says; only in one that it
    made itself, which may be deleted afterwards.
    """
    from samples.generator import generate  # noqa: PLC0415 - only the demo makes footage

    app = _application(context, fresh=fresh)
    started = time.monotonic()
    footage = app.settings.data / "footage"
    shutil.rmtree(footage, ignore_errors=True)
    footage.mkdir(parents=True)
    click.echo("Making sample footage ...")
    generate(footage)
    case = _open_case(app)
    click.echo(f"Opened case {case.number}; submitting {len(list(footage.iterdir()))} files ...")
    intaker = begin(app, case.number, Source.CITIZEN)
    with supervised(app.settings) as supervisor:
        outcome = submit(app, supervisor, intaker, (footage,), wait=True)
    _show(app, outcome)
    code = _verify(app, case)
    click.echo(f"\n{len(outcome.received)} files in {time.monotonic() - started:.0f} s.")
    _what_next(app, case)
    return code or _trouble(outcome)


def _application(context: Context, *, fresh: bool) -> Application:
    """The program on the demo's own folder; raises UsageError where somebody's work is there."""
    given = click.get_current_context().find_root().params["data"]
    if outside := [name for name in _OUTSIDE if os.environ.get(name)]:
        raise UsageError(
            "The demo is for this machine and folder alone, and the settings lead out of them.",
            advice=f"For it unset {', '.join(outside)}",
        )
    folder = Path(given or DEMO_DATA).resolve()
    settings = replace(context.settings, data=folder)
    mark = folder / _MARK
    if folder.exists() and not (folder.is_dir() and (mark.exists() or not any(folder.iterdir()))):
        raise UsageError(
            f"{printable(str(folder))} holds what the demo did not make.",
            advice="Name another folder: vidne --data DIR demo",
        )
    if fresh and mark.exists():
        shutil.rmtree(folder)
    make_private_folder(folder)
    mark.touch()
    return Application(settings)


def _open_case(app: Application) -> Case:
    now = timestamp(app.clock())
    with app.catalogue.write() as connection:
        serial = len(list_cases(connection)) + 1
        return open_case(connection, f"0100-10293-{serial:05d}-{datetime.now(UTC):%y}", app.actor, now)


def _show(app: Application, outcome: Outcome) -> None:
    table = Table("exhibit", "file", "state", "method", "keyframes", show_lines=True)
    table.add_column("SHA-256", overflow="fold", min_width=32)  # whole: two lines of it
    table.add_column("what was found")
    for exhibit in sorted(outcome.exhibits, key=lambda item: item.number):
        with app.catalogue.read() as connection:
            known = exhibit_json(connection, app.ledger, exhibit)
        table.add_row(*_row(known))
    # The demo's table is for reading: wide enough for its columns also where the output is a file.
    Console(width=max(Console().width, 150), markup=False, highlight=False).print(table)


def _row(known: JsonObject) -> list[str]:
    original, derivation = known["original"], known["derivation"]
    problems, keyframes = known["problems"], known["keyframes"]
    found = [str(known["reason"])] if known["reason"] else []
    if isinstance(derivation, dict) and not found:
        found.append(str(derivation.get("reason", "")))
    if isinstance(problems, list):
        found += [str(item["text"]) for item in problems if isinstance(item, dict)]
    found = list(dict.fromkeys(found))
    return [
        str(known["exhibit"]).rpartition("/")[2],
        printable(str(original["filename"]).rpartition("/")[2]) if isinstance(original, dict) else "",
        str(known["state"]),
        str(derivation.get("method", "")) if isinstance(derivation, dict) else "",
        str(len(keyframes)) if isinstance(keyframes, list) else "",
        str(original["sha256"]) if isinstance(original, dict) else "",
        printable(" ".join(found[:3]), limit=400),
    ]


def _verify(app: Application, case: Case) -> int:
    app.sequence_all()
    shown = Shown(app.catalogue, case.id)
    report = verify_case(
        app.ledger,
        app.tree,
        app.store,
        load_verifier(app.settings.ledger_key_path),
        case=case.id,
        expected=expected_objects(shown.exhibits, shown.objects),
        stamps=time_evidence(app),
        subject=f"case {case.number}",
        account=shown,
    )
    click.echo("\nVerifying the case:")
    tell_report(report, [])
    return report.exit_code


def _trouble(outcome: Outcome) -> int:
    """As `submit`: the samples hold a refused and an unplayable file, but none that kills or stops a job."""
    if outcome.failures:
        return SOME_UNREADABLE
    stuck = any(exhibit.state is ExhibitState.QUARANTINED for exhibit in outcome.exhibits)
    return SOME_TROUBLED if stuck else 0


def _what_next(app: Application, case: Case) -> None:
    vidne = f"vidne --data {app.settings.data}"
    click.echo(
        f"""
Try next (the program is .venv/bin/vidne after make setup):
  {vidne} exhibit show {case.number}/EX-0001
  {vidne} exhibit fetch {case.number}/EX-0001 --working -o out
  {vidne} verify case {case.number}
  {vidne} submit YOUR-CLIPS --case {case.number} --wait"""
    )
