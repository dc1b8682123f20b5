"""vidne validate: a laboratory's method validation, signed into the ledger."""

import tempfile
from pathlib import Path

import click

from apps.cli.common import sequence_if_idle
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.validation import Expected, Validation, file_report, read_expectations, validate
from evidence.text import printable

FAILED = 1


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here."
)
@json_option
@pass_context
def command(context: Context, folders: tuple[Path, ...], output: Path | None, *, as_json: bool) -> int:
    """Run the sample footage, or FOLDERS with an expectations.json each, and compare with what is expected.

    The report goes into the ledger with version and digest of every tool; vidne doctor says when one has
    changed since. Ends 0 when all is as expected, 1 when not, 2 for a folder that says not what it expects.
    """
    with tempfile.TemporaryDirectory(prefix="vidne-reference-") as made:
        chosen = [(folder, read_expectations(folder)) for folder in folders] or [_samples(Path(made))]
        validation = validate(chosen, lambda name: click.echo(f"  {printable(name)} ...", err=True))
    raw = file_report(context.application, validation)
    sequence_if_idle(context.application)
    if output:
        output.write_bytes(raw)
    if as_json:
        echo_json(validation.as_json())
    else:
        _tell(validation)
    return FAILED if validation.failed else 0


def _samples(folder: Path) -> tuple[Path, Expected]:
    from samples import generator  # noqa: PLC0415 - only where no folder is named

    source = Path(generator.__file__).with_name("expectations.json")
    (folder / source.name).write_bytes(source.read_bytes())
    generator.generate(folder)
    return folder, read_expectations(folder)


def _tell(validation: Validation) -> None:
    for one in validation.failed:
        found = ", ".join(one.found) or "nothing"
        line = f"{one.file}: {one.fact} should be {one.expected}, found: {found}"
        click.echo(f"  FAIL  {printable(line, limit=1000)}")
    for name, version in validation.tools.items():
        click.echo(f"  {name:<24} {version}")
    held = len(validation.compared) - len(validation.failed)
    click.echo(
        f"{held} of {len(validation.compared)} expectations on {len(validation.files)} files hold."
        " The report is in the ledger."
    )
