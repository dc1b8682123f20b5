"""vidne ledger erase: personal data out of the bodies of entries, for good."""

import click

from apps.cli.main import Context, echo_json, json_option, pass_context
from evidence.errors import ConflictError
from evidence.jsontypes import Json

_LOG_ITSELF = "-"


@click.command(name="erase")
@click.argument("case")
@click.argument("entries", metavar="SEQ...", nargs=-1, required=True, type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; it stands in the ledger: name nobody.")
@click.option("--yes", is_flag=True, help="Erase. Without it nothing is, and what would be is shown.")
@json_option
@pass_context
def command(
    context: Context, case: str, entries: tuple[int, ...], reason: str, *, yes: bool, as_json: bool
) -> None:
    """Erase what the entries SEQ... of CASE say of people; "-" is the log itself, with its receipts.

    The entries stay, and verify: only their bodies go, with the salts, and what the catalogue keeps of them.
    """
    from apps.cli.common import case_named, sequence_if_idle  # noqa: PLC0415 - a witness has no database
    from apps.erasure import choose, erase  # noqa: PLC0415

    app = context.application
    sequence_if_idle(app)
    case_id = ""
    if case != _LOG_ITSELF:
        with app.catalogue.read() as connection:
            case_id = case_named(connection, app, case).id
    chosen = choose(app, case_id, entries)
    if not yes:
        for row, entry in chosen.entries:
            click.echo(f"entry {row.case_seq}: the body of {entry.type} of {entry.at}", err=True)
        raise ConflictError(
            "Nothing was erased yet; it cannot be undone.", advice="Run it again with --yes to erase them."
        )
    erased = erase(app, chosen, reason)
    if as_json:
        now: list[Json] = [*erased.now]
        before: list[Json] = [*erased.before]
        echo_json({"case": case, "erased": now, "erased_before": before, "exports_since": chosen.exports})
        return
    click.echo(f"Erased: {len(erased.now)} bodies; {len(erased.before)} had been erased before.")
    click.echo("Not reached: backups of the data folder and of its disk; what was handed out or printed:")
    click.echo(f"receipts, and the {chosen.exports} exports of the case that were made since.")
