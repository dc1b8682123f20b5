"""vidne verify: each check apart, every defect named, custody's exit codes."""

import os
from pathlib import Path

import click

from apps.cli.common import case_named, exhibit_named, sequence_if_idle
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.cli.meter import meter
from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit, exhibits_with_digest, list_exhibits
from evidence.catalogue.objects import ObjectRow, current_objects
from evidence.errors import TrustMaterialError, UnreadableError, VidneError
from evidence.exhibits import Digests, Role
from evidence.text import printable
from hashing.digests import digest_file
from hashing.keys import load_verifier
from hashing.notes import Verifier
from hashing.report import Cause, Check, Findings, Status, VerificationReport
from hashing.verify import STREAM_PROOF, ExpectedObject, verify_case, verify_file

_MARKS = {
    Status.PASS: "pass",
    Status.FAIL: "FAIL",
    Status.PENDING: "pending",
    Status.NOT_CHECKED: "not checked",
}
_NAMED_DEFECTS = 20

checkpoint_option = click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint kept from before: the ledger must extend it.",
)


@click.group(name="verify")
def command() -> None:
    """Check files, exhibits and cases against the ledger.

    Ends 0 when all passed, 1 on an integrity failure, 2 for wrong usage, 3 for authentic but
    incomplete, 4 when something is unreadable, 5 for an unknown file, 6 when trust material is missing.
    """


@command.command(name="file")
@click.argument("path", type=click.Path(path_type=Path))
@checkpoint_option
@json_option
@pass_context
def file_(context: Context, path: Path, checkpoint: Path | None, *, as_json: bool) -> int:
    """Whether the file at PATH is an exhibit here, byte for byte."""
    app = context.application
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise UnreadableError(f"{printable(str(path))} is not a file that can be read.")
    with meter() as shown:
        shown.begin(printable(path.name, limit=40), path.stat().st_size)
        found = digest_file(path, shown.advance)
    with app.catalogue.read() as connection:
        known = exhibits_with_digest(connection, found.sha256)
    report = verify_file(
        app.ledger,
        app.tree,
        _verifier(app),
        found=found,
        cases=sorted({exhibit.case_id for exhibit in known}),
        seen=_seen(app, checkpoint),
        witnessed=app.witnessed(),
        subject=printable(str(path)),
    )
    return _finish(app, report, as_json=as_json, found_as=[exhibit.name for exhibit in known])


@command.command(name="exhibit")
@click.argument("name")
@click.option("--derivation", is_flag=True, help="Also prove its copies once more (decodes; takes a while).")
@checkpoint_option
@json_option
@pass_context
def exhibit_(context: Context, name: str, checkpoint: Path | None, *, derivation: bool, as_json: bool) -> int:
    """Check one exhibit, as in 0100-12345-00001-26/EX-0001: all its objects and its case's entries."""
    app = context.application
    sequence_if_idle(app)
    with app.catalogue.read() as connection:
        found = exhibit_named(connection, app, name)
    proved = _proved_again(app, found) if derivation else None
    return _verify(app, [found], found.case_id, found.label, found.name, checkpoint, proved, as_json=as_json)


def _proved_again(app: Application, exhibit: Exhibit) -> Check:
    from apps.derivation import NAME, check_derivation  # noqa: PLC0415 - OpenCV, which no other check needs

    try:
        return check_derivation(app, exhibit)
    except VidneError as error:
        findings = Findings(NAME)
        findings.defect(Cause.UNREADABLE, exhibit.label, str(error))
        return findings.conclude("")


@command.command(name="case")
@click.argument("number")
@checkpoint_option
@json_option
@pass_context
def case_(context: Context, number: str, checkpoint: Path | None, *, as_json: bool) -> int:
    """Check a case: every object of every exhibit, and every entry of the case."""
    app = context.application
    sequence_if_idle(app)
    with app.catalogue.read() as connection:
        case = case_named(connection, app, number)
        exhibits = list_exhibits(connection, case.id)
    return _verify(app, exhibits, case.id, None, f"case {case.number}", checkpoint, as_json=as_json)


def _verify(
    app: Application,
    exhibits: list[Exhibit],
    case_id: str,
    label: str | None,
    subject: str,
    checkpoint: Path | None,
    proved: Check | None = None,
    *,
    as_json: bool,
) -> int:
    expected, witnessed = expected_objects(app, exhibits), app.witnessed()
    with meter() as shown:
        shown.begin(subject, sum(item.digests.size for item in expected))
        report = verify_case(
            app.ledger,
            app.tree,
            app.store,
            _verifier(app),
            case=case_id,
            expected=expected,
            exhibit=label,
            seen=_seen(app, checkpoint),
            witnessed=witnessed,
            subject=subject,
            progress=shown.advance,
        )
    if proved:
        others = (check for check in report.checks if check.name != STREAM_PROOF)
        report = VerificationReport(report.subject, (*others, proved))
    return _finish(app, report, as_json=as_json)


def expected_objects(app: Application, exhibits: list[Exhibit]) -> list[ExpectedObject]:
    """What the catalogue says should lie in the store."""
    with app.catalogue.read() as connection:
        return [
            ExpectedObject(exhibit.label, row.role, row.name, row.key, row.version_id, digests)
            for exhibit in exhibits
            for row in current_objects(connection, exhibit.id)
            # The original's digests stand in two rows: where they differ, both have to be answered for.
            for digests in sorted({row.digests, _received(exhibit, row)}, key=lambda item: item.sha256)
        ]


def _received(exhibit: Exhibit, row: ObjectRow) -> Digests:
    return exhibit.digests if row.role is Role.ORIGINAL else row.digests


def _verifier(app: Application) -> Verifier | None:
    try:
        return load_verifier(app.settings.ledger_key_path)
    except TrustMaterialError as error:
        click.echo(f"vidne: {error}", err=True)
        return None


def _seen_path(app: Application) -> Path:
    return app.settings.data / "keys" / "last-seen-checkpoint"


def _seen(app: Application, given: Path | None) -> list[bytes]:
    paths = [path for path in (_seen_path(app), given) if path is not None and path.exists()]
    return [path.read_bytes() for path in paths]


def _finish(
    app: Application, report: VerificationReport, *, as_json: bool, found_as: list[str] | None = None
) -> int:
    note = app.ledger.latest_checkpoint()
    if report.exit_code == 0 and note is not None:
        # What passed now must still be there next time: a ledger cut back later is caught.
        path = _seen_path(app)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_bytes(note)
        temporary.rename(path)
    if as_json:
        echo_json({**report.as_json(), **({"exhibits": list(found_as)} if found_as is not None else {})})
    else:
        tell_report(report, found_as or [])
    return report.exit_code


def tell_report(report: VerificationReport, found_as: list[str]) -> None:
    """Print each check with its outcome, then the sum."""
    for name in found_as:
        click.echo(f"is {name}")
    for check in report.checks:
        click.echo(f"  {_MARKS[check.status]:<12} {check.name:<22} {printable(check.reason, limit=400)}")
        for defect in check.defects[1:_NAMED_DEFECTS]:
            click.echo(f"  {'':<12} {'':<22} {printable(f'{defect.subject}: {defect.what}', limit=400)}")
    click.echo(f"{report.subject}: {report.verdict}")
