"""vidne verify: packages and receipts need only the core; all else the catalogue, imported when asked for."""

import os
from pathlib import Path

import click

from apps.cli.checks import end_with
from apps.cli.main import InputPath, json_option
from apps.cli.meter import meter
from evidence.errors import TrustMaterialError
from evidence.text import printable
from hashing.cosignatures import CosignatureVerifier, parse_witness_keys
from hashing.keys import parse_public
from hashing.package import verify_package
from hashing.receipt_checks import read_receipt, verify_receipt
from hashing.timestamps import load_roots

witness_keys_option = click.option(
    "--witness-key",
    "witness_keys",
    multiple=True,
    metavar="VKEY|FILE",
    help="The key of a witness, had another way: what has it cosigned? May be given again.",
)
log_key_option = click.option(
    "--log-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The log's public key (vkey or PEM), had another way than with what is checked.",
)


succession_option = click.option(
    "--succession",
    "successions",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The note by which a key of the log followed another, where they are two; again for more.",
)


class _Verify(click.Group):
    """`package` and `receipt` here, and the commands of apps.cli.verify_here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._others().list_commands(ctx), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._others().get_command(ctx, cmd_name)

    @staticmethod
    def _others() -> click.Group:
        from apps.cli.verify_here import command as others  # noqa: PLC0415 - it needs more than the core

        return others


@click.group(name="verify", cls=_Verify)
def command() -> None:
    """Check files, exhibits and cases against the ledger, export packages and receipts by themselves.

    Ends 0 when all passed, 1 on an integrity failure, 2 for wrong usage, 3 for authentic but
    incomplete, 4 when something is unreadable, 5 for an unknown file, 6 when trust material is missing.
    """


@command.command()
@click.argument("folder", metavar="DIR", type=InputPath())
@log_key_option
@succession_option
@click.option(
    "--tsa-roots",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Root certificates (PEM) of the time-stamp authorities that you trust.",
)
@witness_keys_option
@json_option
def package(
    folder: Path,
    log_key: Path | None,
    successions: tuple[Path, ...],
    tsa_roots: Path | None,
    witness_keys: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """Check the export package in DIR: no network, no database, no data folder.

    Without --log-key it ends 6 where all else is right: the key in a package shows that its parts belong
    together, not who made it. So it does without --tsa-roots where the package has time stamps, and where
    none of the witnesses given with --witness-key has a line in it.
    """
    trusted = parse_public(_read(log_key), printable(str(log_key))) if log_key else None
    roots = load_roots(_read(tsa_roots)) if tsa_roots else ()
    witnesses = _witnesses(witness_keys)
    subject = printable(str(folder), limit=4096)
    with meter() as shown:
        shown.begin(printable(folder.name, limit=40), _size(folder))
        report = verify_package(
            folder,
            trusted,
            successions=[_read(item) for item in successions],
            tsa_roots=roots,
            witnesses=witnesses,
            subject=subject,
            progress=shown.advance,
        )
    return end_with(report, as_json=as_json)


@command.command()
@click.argument("path", metavar="FILE", type=InputPath())
@click.option(
    "--file", "files", multiple=True, type=click.Path(path_type=Path), help="Must be a file of the receipt."
)
@log_key_option
@succession_option
@witness_keys_option
@json_option
def receipt(
    path: Path,
    files: tuple[Path, ...],
    log_key: Path | None,
    successions: tuple[Path, ...],
    witness_keys: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    """Check the receipt in FILE (JSON): no network, no database, no data folder.

    Without --log-key it ends 6 where all else is right: the key in a receipt shows that its parts belong
    together, not who made it. So it does where none of the witnesses given with --witness-key has a line in
    it. A file given with --file that is none of the receipt's ends 1.
    """
    witnesses = _witnesses(witness_keys)
    trusted = parse_public(_read(log_key), printable(str(log_key))) if log_key else None
    raw = read_receipt(path)
    with meter() as shown:
        shown.begin(
            printable(path.name, limit=40), sum(item.stat().st_size for item in files if item.exists())
        )
        report = verify_receipt(
            raw,
            trusted,
            successions=[_read(item) for item in successions],
            files=files,
            witnesses=witnesses,
            subject=printable(str(path), limit=4096),
            progress=shown.advance,
        )
    return end_with(report, as_json=as_json)


def _witnesses(given: tuple[str, ...]) -> tuple[CosignatureVerifier, ...]:
    """The keys that were given, each as a vkey or as a file that holds some; each once."""
    found: dict[CosignatureVerifier, None] = {}
    for one in given:
        is_file = os.path.isfile(one)  # noqa: PTH113 - Path.is_file raises for a name that is too long
        text = _read(Path(one)).decode("utf-8", "replace") if is_file else one
        found |= dict.fromkeys(parse_witness_keys(text, printable(one, limit=200)))
    return tuple(found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrustMaterialError(f"{printable(str(path))} could not be read: {error.strerror}.") from error


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
