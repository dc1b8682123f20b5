"""vidne verify: each check apart, every defect named, custody's exit codes."""

import os
from pathlib import Path

import click
from cryptography.x509 import Certificate

from apps.cli.checks import tell_report
from apps.cli.common import case_named, exhibit_named, sequence_if_idle
from apps.cli.main import Context, InputPath, echo_json, json_option, pass_context
from apps.cli.meter import meter
from apps.shown import account_of
from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit, exhibits_with_digest
from evidence.catalogue.scrubs import stored_bytes
from evidence.catalogue.timestamps import kept_stamps
from evidence.errors import TrustMaterialError, UnreadableError, UsageError, VidneError
from evidence.text import printable
from hashing.digests import digest_file
from hashing.keys import load_verifier
from hashing.note_keys import Verifier
from hashing.report import Cause, Check, Findings, VerificationReport
from hashing.revocation import NO_LISTS
from hashing.revocation_checks import kept_lists
from hashing.timestamp_checks import TimeEvidence
from hashing.timestamps import load_roots_file
from hashing.verify import STREAM_PROOF, verify_case, verify_file
from retention.keys import LEDGER

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
@click.argument("path", type=InputPath())
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
        stamps=time_evidence(app),
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
    return _verify(app, found.case_id, found.label, found.name, checkpoint, proved, as_json=as_json)


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
    return _verify(app, case.id, None, f"case {case.number}", checkpoint, as_json=as_json)


@command.command(name="archive")
@click.option("--subset", default="", metavar="n/t|5%|500G", help="Which objects are read (default: all).")
@click.option("--resume", is_flag=True, help="Go on with the scrub that was stopped.")
@json_option
@pass_context
def archive_(context: Context, subset: str, *, resume: bool, as_json: bool) -> int:
    """Check the whole log and every case; 3/10 reads a tenth, 5% or 500G what nobody read for the longest."""
    from apps.archive import Anchors, verify_archive  # noqa: PLC0415 - no other check needs it

    app = context.application
    if subset and resume:
        raise UsageError("A scrub goes on with the subset it was begun with.", advice="Leave out --subset.")
    sequence_if_idle(app)
    with app.catalogue.read() as connection:
        total = stored_bytes(connection)
    with meter() as shown:
        shown.begin("archive", total)
        report = verify_archive(
            app,
            _verifier(app),
            anchors=Anchors(app.witnessed(), time_evidence(app)),
            subset=subset,
            resume=resume,
            progress=shown.advance,
        )
    return _finish(app, report, as_json=as_json)


def _verify(
    app: Application,
    case_id: str,
    label: str | None,
    subject: str,
    checkpoint: Path | None,
    proved: Check | None = None,
    *,
    as_json: bool,
) -> int:
    account, expected = account_of(app.catalogue, case_id, label)
    witnessed, stamps = app.witnessed(), time_evidence(app)
    with meter() as bar:
        bar.begin(subject, sum(item.digests.size for item in expected))
        report = verify_case(
            app.ledger,
            app.tree,
            app.store,
            _verifier(app),
            case=case_id,
            expected=expected,
            account=account,
            exhibit=label,
            seen=_seen(app, checkpoint),
            witnessed=witnessed,
            stamps=stamps,
            subject=subject,
            progress=bar.advance,
        )
    if proved:
        others = (check for check in report.checks if check.name != STREAM_PROOF)
        report = VerificationReport(report.subject, (*others, proved))
    return _finish(app, report, as_json=as_json)


def _verifier(app: Application) -> Verifier | None:
    try:
        return load_verifier(app.settings.ledger_key_path)
    except TrustMaterialError as error:
        click.echo(f"vidne: {error}", err=True)
        return None


def time_evidence(app: Application) -> TimeEvidence:
    """The stamps that are kept, and what they are checked against; roots that are missing are told."""
    with app.catalogue.read() as connection:
        kept = kept_stamps(connection)
    authorities = app.settings.time_authorities
    roots: tuple[Certificate, ...] = ()
    if kept or authorities:
        try:
            roots = load_roots_file(app.settings.tsa_roots)
        except TrustMaterialError as error:
            click.echo(f"vidne: {error}", err=True)
    lists = kept_lists(app.ledger, app.store, LEDGER) if kept else NO_LISTS
    return TimeEvidence(app.clock(), kept, roots, authorities, lists)


def _seen_path(app: Application) -> Path:
    return app.settings.data / "keys" / "last-seen-checkpoint"


def _seen(app: Application, given: Path | None) -> list[bytes]:
    paths = [path for path in (_seen_path(app), given) if path is not None and path.exists()]
    return [path.read_bytes() for path in paths]


def _finish(
    app: Application, report: VerificationReport, *, as_json: bool, found_as: list[str] | None = None
) -> int:
    note = app.ledger.latest_checkpoint()
    if report.is_sound and note is not None:
        # What passed now must still be there next time: a ledger cut back later is caught.
        path = _seen_path(app)
        path.parent.mkdir(parents=True, exist_ok=True)  # the key itself may lie elsewhere
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_bytes(note)
        temporary.rename(path)
    if as_json:
        echo_json({**report.as_json(), **({"exhibits": list(found_as)} if found_as is not None else {})})
    else:
        tell_report(report, found_as or [])
    return report.exit_code
