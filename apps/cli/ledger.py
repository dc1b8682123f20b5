"""vidne ledger: the newest checkpoint, proofs out of the ledger, its key, erasure, witnesses."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apps.cli.erase import command as erase
from apps.cli.main import Context, echo_json, fail, json_option, pass_context
from apps.cli.witness import command as witness
from evidence.errors import IntegrityError, NotFoundError, SettingsError, TrustMaterialError
from evidence.jsontypes import Json, JsonObject
from hashing.keys import fingerprint, succession_path
from hashing.ledger_checks import departure
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, open_checkpoint, split_note, verified, with_lines
from hashing.proof_file import EntryProof

if TYPE_CHECKING:
    from apps.wiring import Application


@click.group(name="ledger")
def command() -> None:
    """What the ledger has signed, and proofs out of it; its key; erasure; time stamps, witnesses."""


command.add_command(witness)
command.add_command(erase)


@command.command()
@json_option
@pass_context
def stamp(context: Context, *, as_json: bool) -> int:
    """Have the authorities of VIDNE_TSA_URLS stamp the newest checkpoint now; a worker does so by itself.

    Ends 1 where an answer is no stamp that holds, 3 where the newest is not published yet, 4 where an
    authority is away, 6 where the roots to check it by are missing.
    """
    from apps.anchoring import ask_authorities, last_stamped  # noqa: PLC0415 - a witness has no database
    from apps.sequencing import await_entry  # noqa: PLC0415
    from evidence.catalogue.timestamps import last_news  # noqa: PLC0415
    from hashing.sequencer import BATCH  # noqa: PLC0415

    app = context.application
    if not app.settings.time_authorities:
        raise SettingsError(
            "No time-stamp authority is set up.", advice="Set VIDNE_TSA_URLS, as docs/settings.md says."
        )
    if waiting := app.ledger.pending(BATCH):
        await_entry(app, waiting[-1].event_id, "what has just happened")
    with app.catalogue.read() as connection:
        last = last_news(connection)
    if last < 0:
        raise NotFoundError("The ledger has no entry yet.", advice="Open a case: vidne case open NUMBER")
    failed, size = ask_authorities(app, last), app.ledger.size()
    stamped = {url: last_stamped(app, url) for url in app.settings.time_authorities}
    for error in failed.values():
        fail(error)
    if as_json:
        echo_json([{"url": url, "size": covered} for url, covered in stamped.items()])
    else:
        for url, covered in stamped.items():
            rest = "; what is behind records time stamps alone" if last < covered < size else ""
            click.echo(f"{url} has stamped {covered} of {size} entries{rest}.")
    return min((error.exit_code for error in failed.values()), default=0)


@command.command()
@json_option
@pass_context
def head(context: Context, *, as_json: bool) -> None:
    """The newest checkpoint: a signed note, with the cosignatures of witnesses that came in."""
    app = context.application
    note, checkpoint = _newest(app)
    verifier = app.verifier
    if not as_json:
        click.echo(note, nl=False)
        since = max((former.size for former in verifier.former), default=0)
        click.echo(
            f"It is signed, from {since + 1} entries on, by the key SHA-256 {fingerprint(verifier)}", err=True
        )
        return
    keys: list[Json] = [{**_key_json(former.key), "last_size": former.size} for former in verifier.former]
    echo_json(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "key": _key_json(verifier),
            "former_keys": keys,
            "signatures": [
                {"name": line.name, "key_id": line.key_id.hex(), "line": line.line.decode().rstrip()}
                for line in split_note(note)[1]
            ],
        }
    )


@command.command()
@click.argument("entry", metavar="INDEX|EVENT_ID")
@click.option(
    "-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="The file; else standard output."
)
@pass_context
def proof(context: Context, entry: str, output: Path | None) -> None:
    """The proof that an entry is in the ledger, to be kept or handed out: a .tlog-proof file."""
    app = context.application
    note, checkpoint = _newest(app)
    index = int(entry) if re.fullmatch("[0-9]{1,16}", entry) else app.ledger.index_of(entry)
    if index is None or index >= checkpoint.size:
        raise NotFoundError(
            f"No entry {entry} is among the {checkpoint.size} of the newest checkpoint.",
            advice="An event waits for its place until a worker runs; vidne exhibit show lists those of one.",
        )
    hashes = app.tree.of_size(checkpoint.size).inclusion_proof(index)
    made = EntryProof(index, tuple(hashes), note)
    made.verify(next(iter(app.ledger.entries(index, index + 1)), b""), app.verifier)
    if output is None:
        click.echo(made.to_bytes(), nl=False)
    else:
        output.write_bytes(made.to_bytes())


@command.command()
@click.argument("checkpoint_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@pass_context
def consistency(context: Context, checkpoint_file: Path, *, as_json: bool) -> None:
    """Whether the ledger extends the checkpoint in CHECKPOINT_FILE, kept from before or given by others.

    Ends 1 where it does not, 6 where another key has signed it.
    """
    app = context.application
    text, signatures = split_note(checkpoint_file.read_bytes())
    verifier = app.verifier
    if not verified(text, signatures, verifier.keys):
        raise TrustMaterialError(
            f"{checkpoint_file} is not signed by this log's key.", advice=f"That is {verifier.vkey}"
        )
    earlier = open_checkpoint(checkpoint_file.read_bytes(), verifier)
    _, newest = _newest(app)
    tree = app.tree.of_size(newest.size)
    if departs := departure(tree, newest, earlier):
        raise IntegrityError(
            f"The checkpoint over {earlier.size} entries, the ledger over {newest.size}: {departs}",
            advice="Keep that checkpoint safe, and find out who changed the ledger.",
        )
    if as_json:
        hashes = [item.hex() for item in tree.consistency_proof(earlier.size)]
        sizes = {"old_size": earlier.size, "size": newest.size}
        roots = {"old_root": earlier.root.hex(), "root": newest.root.hex()}
        echo_json({**sizes, **roots, "extends": True, "proof": [*hashes]})
    else:
        click.echo(f"The ledger of {newest.size} entries extends that checkpoint over {earlier.size}.")


@command.command(name="rotate-key")
@click.option("--reason", default="", help="Why; it stands in the ledger.")
@json_option
@pass_context
def rotate_key(context: Context, reason: str, *, as_json: bool) -> None:
    """Have the ledger signed by a new key from now on; the old one vouches for it, and is then gone.

    A worker that runs takes it up by itself. A rotation that was interrupted is brought to its end.
    """
    from apps.rotation import await_rotation, begin  # noqa: PLC0415 - a witness has no database

    app = context.application
    if not begin(app, reason):
        click.echo("vidne: a rotation was begun before: it is brought to its end.", err=True)
    verifier = await_rotation(app)
    last = verifier.former[-1]
    shown = succession_path(_key(app), last.size)
    if as_json:
        old: JsonObject = {**_key_json(last.key), "last_size": last.size}
        echo_json({**_key_json(verifier), "old": old, "succession": str(shown)})
        return
    click.echo(f"From {last.size + 1} entries on another key signs the ledger:")
    click.echo(f"  SHA-256 {fingerprint(verifier)}")
    click.echo(f"  {verifier.vkey}")
    click.echo(f"The one before it (SHA-256 {fingerprint(last.key)}) vouches for it, and is gone.")
    click.echo("Tell each witness, and those who have the old one. What shows it to them lies in")
    click.echo(f"  {shown}")


def _key_json(verifier: Verifier) -> JsonObject:
    return {"vkey": verifier.vkey, "fingerprint": fingerprint(verifier)}


def _key(app: "Application") -> Path:
    return app.settings.ledger_key_path


def _newest(app: "Application") -> tuple[bytes, Checkpoint]:
    """The newest checkpoint, as a note with the cosignatures at hand, and what it says."""
    from evidence.catalogue.cosignatures import lines_over  # noqa: PLC0415 - a witness has no database

    note = app.ledger.latest_checkpoint()
    if note is None:
        raise NotFoundError("The ledger has no entry yet.", advice="Open a case: vidne case open NUMBER")
    checkpoint = open_checkpoint(note, app.verifier)
    with app.catalogue.read() as connection:
        return with_lines(note, lines_over(connection, checkpoint.size)), checkpoint
