"""A verification's report on a terminal: each check apart, then the sum."""

import click

from apps.cli.main import echo_json
from evidence.text import printable
from hashing.report import Status, VerificationReport

_MARKS = {
    Status.PASS: "pass",
    Status.FAIL: "FAIL",
    Status.PENDING: "pending",
    Status.NOT_CHECKED: "not checked",
}
_NAMED_DEFECTS = 20


def tell_report(report: VerificationReport, found_as: list[str]) -> None:
    """Print each check with its outcome, then the sum."""
    for name in found_as:
        click.echo(f"is {name}")
    for check in report.checks:
        click.echo(f"  {_MARKS[check.status]:<12} {check.name:<22} {printable(check.reason, limit=400)}")
        for defect in check.defects[1:_NAMED_DEFECTS]:
            click.echo(f"  {'':<12} {'':<22} {printable(f'{defect.subject}: {defect.what}', limit=400)}")
    click.echo(f"{report.subject}: {report.verdict}")


def end_with(report: VerificationReport, *, as_json: bool) -> int:
    """Show a report, as one JSON value or in lines; the exit code that it asks for."""
    if as_json:
        echo_json(report.as_json())
    else:
        tell_report(report, [])
    return report.exit_code
