"""vidne receipt: what a submitter keeps of a submission."""

import os
from pathlib import Path

import click

from apps.cli.common import case_named
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.receipt import issue
from evidence.cases import parse_reference
from evidence.catalogue.submissions import find_submission, last_submission
from evidence.errors import ConflictError, NotFoundError, UsageError
from evidence.text import printable
from hashing.keys import fingerprint
from hashing.notes import split_note
from hashing.receipt import Receipt


@click.command(name="receipt")
@click.argument("submission", required=False)
@click.option(
    "--last-of", "number", metavar="CASE", help="The case's last submission, instead of SUBMISSION."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The JSON file to make.")
@click.option("--pdf", type=click.Path(path_type=Path), help="Also a page in Danish and English, to be made.")
@json_option
@pass_context
def command(
    context: Context,
    submission: str | None,
    number: str | None,
    output: Path,
    pdf: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write the receipt of SUBMISSION (its reference or its id) for whoever handed it in.

    It has the names, sizes and digests of the files, and the proof that the log binds them; no case number,
    no exhibit's number, no name of a person. It does not say that an investigation has begun.
    """
    if (submission is None) == (number is None):
        raise UsageError("Name either SUBMISSION or --last-of CASE.", advice="vidne receipt --help")
    require_free(output, pdf)
    app = context.application
    with app.catalogue.read() as connection:
        if number is not None:
            found = last_submission(connection, case_named(connection, app, number).id)
        else:
            found = find_submission(connection, parse_reference(submission or ""))
    receipt = issue(app, found)
    write(receipt, output, pdf)
    if as_json:
        echo_json(
            {
                "reference": receipt.statement.reference,
                "path": str(output),
                "pdf": str(pdf) if pdf else None,
                "files": len(receipt.statement.files),
                "index": receipt.inclusion.index,
                "cosigned_by": [*_cosigned_by(receipt)],
                "key_fingerprint": fingerprint(receipt.key),
            }
        )
        return
    tell(receipt, output)


def require_free(*paths: Path | None) -> None:
    """Raise UsageError where a file is in the way, or the folder that it is to lie in does not exist."""
    wanted = [path for path in paths if path is not None]
    if len({path.absolute() for path in wanted}) != len(wanted):
        raise UsageError("Both files would have one name.", advice="Name the PDF otherwise.")
    for path in wanted:
        shown = printable(str(path), limit=4096)
        if path.exists() or path.is_symlink():
            raise ConflictError(f"{shown} exists already.", advice="Name a file that is not there.")
        if not path.absolute().parent.is_dir():
            raise NotFoundError(f"There is no folder for {shown}.", advice="Make it first.")


def write(receipt: Receipt, output: Path, pdf: Path | None = None) -> None:
    """Write the receipt's file, and its page where `pdf` is given; neither replaces anything."""
    contents = {output: receipt.to_bytes()}
    if pdf is not None:
        from ingest.receipt_page import receipt_page  # noqa: PLC0415 - slow to import

        contents[pdf] = receipt_page(receipt)
    for path, raw in contents.items():
        _create(path, raw)


def tell(receipt: Receipt, output: Path) -> None:
    """Say what was written."""
    shown = printable(str(output), limit=4096)
    click.echo(f"receipt {receipt.statement.reference}, {len(receipt.statement.files)} files, in {shown}")
    click.echo(f"cosigned by {', '.join(_cosigned_by(receipt)) or 'no witness'}")
    click.echo(f"log's key SHA-256 {fingerprint(receipt.key)}")


def _cosigned_by(receipt: Receipt) -> list[str]:
    """The names on the lines beside the log's own."""
    lines = split_note(receipt.inclusion.checkpoint)[1]
    return sorted({line.name for line in lines} - {receipt.key.name})


def _create(path: Path, raw: bytes) -> None:
    with path.open("xb") as file:
        try:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink()  # half a receipt is none
            raise
