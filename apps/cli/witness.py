"""vidne ledger witness: run one for other logs, and ask those that watch over this one."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apps.cli.main import Context, echo_json, fail, json_option, pass_context
from apps.witness import witness_server
from evidence.clock import timestamp
from evidence.errors import IncompleteError, SettingsError, UsageError, VidneError
from hashing.cosignatures import cosigned_at
from hashing.keys import create_witness_key, load_verifier
from hashing.ledger_checks import departure
from hashing.merkle import EMPTY_ROOT
from hashing.note_keys import Verifier
from hashing.notes import Checkpoint, NoteError, open_checkpoint, split_note, verified
from hashing.report import Cause, Check, Findings, VerificationReport
from hashing.tiles import TiledTree
from hashing.witness import key_path, trust_log
from hashing.witness_checks import open_cosigned

if TYPE_CHECKING:
    from apps.remote_witness import RemoteWitness
    from apps.wiring import Application

folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.group(name="witness")
def command() -> None:
    """Watch over other logs (init, trust, serve), or ask those that watch over this one (submit, check)."""


@command.command()
@folder_argument
@click.option("--name", required=True, help="Its name for good, like an address: witness.example/w1")
@json_option
def init(folder: Path, name: str, *, as_json: bool) -> None:
    """Make the key of a witness in DIR, and print what logs need to know it: its vkey."""
    vkey = create_witness_key(key_path(folder), name).verifier.vkey
    if as_json:
        echo_json({"name": name, "vkey": vkey})
    else:
        click.echo(vkey)


@command.command()
@folder_argument
@click.argument("vkey")
@json_option
def trust(folder: Path, vkey: str, *, as_json: bool) -> None:
    """Have the witness in DIR cosign the log of this VKEY (its keys/ledger.vkey), handed over by a person."""
    log = Verifier.from_vkey(vkey)
    trust_log(folder, log)
    if as_json:
        echo_json({"origin": log.name, "vkey": log.vkey})
    else:
        click.echo(f"Checkpoints of {log.name} by key {log.key_id.hex()} are cosigned from now on.")


@command.command()
@folder_argument
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT; port 0 takes a free one."
)
def serve(folder: Path, listen: str) -> None:
    """Serve the witness in DIR until interrupted; the address is printed first."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{listen!r} is no address.", advice="Write it as 127.0.0.1:8020 or [::1]:8020.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with suppress(KeyboardInterrupt), witness_server(folder, host.strip("[]"), int(port)) as server:
        click.echo(server.url)
        server.serve_forever()


@command.command()
@json_option
@pass_context
def submit(context: Context, *, as_json: bool) -> int:
    """Have the witnesses of VIDNE_WITNESSES cosign the newest checkpoint now; a worker does so by itself.

    Ends 1 where one has seen another history, 3 where the newest is not published yet, 4 where one is away,
    6 where one does not know this log.
    """
    from apps.cli.common import sequence_if_idle  # noqa: PLC0415 - a witness has no database
    from apps.cosigning import cosigned_size  # noqa: PLC0415

    app = _watched(context)
    sequence_if_idle(app)
    codes: list[int] = []
    for cosigning in app.cosignings:
        try:
            cosigning.run_once()
        except VidneError as error:
            fail(error)
            codes.append(error.exit_code)
    cosigned = {witness.verifier.name: cosigned_size(app.catalogue, witness) for witness in app.witnesses}
    if as_json:
        echo_json([{"name": name, "size": size} for name, size in cosigned.items()])
    else:
        for name, size in cosigned.items():
            click.echo(f"{name} has cosigned {size} of {app.ledger.size()} entries.")
    if any(size != app.ledger.size() for size in cosigned.values()):
        codes.append(IncompleteError.exit_code)
    return min(filter(None, codes), default=0)


@command.command()
@json_option
@pass_context
def check(context: Context, *, as_json: bool) -> int:
    """Ask the witnesses of VIDNE_WITNESSES what they cosigned last: does the ledger here extend it?

    This finds a ledger whose end was deleted and signed again. Ends 1 where it does not extend it, 3 where a
    witness has cosigned nothing, 4 where one is away, 6 where it was signed by another key.
    """
    from apps.cli.checks import end_with  # noqa: PLC0415 - a witness has no database
    from apps.cosigning import cosigned_size  # noqa: PLC0415

    app = _watched(context)
    verifier = load_verifier(app.settings.ledger_key_path)
    answers = [(witness, _answer_of(witness, verifier.name)) for witness in app.witnesses]
    # Read after they were asked: what is cosigned meanwhile is in it.
    note = app.ledger.latest_checkpoint()
    newest = open_checkpoint(note, verifier) if note else Checkpoint(verifier.name, 0, EMPTY_ROOT)
    tree = app.tree.of_size(newest.size)
    checks = tuple(
        _compare(witness, answer, tree, newest, verifier)
        if answer is not None
        else _nothing(witness, cosigned_size(app.catalogue, witness))
        for witness, answer in answers
    )
    report = VerificationReport(verifier.name, checks)
    return end_with(report, as_json=as_json)


def _answer_of(witness: "RemoteWitness", origin: str) -> bytes | VidneError | None:
    try:
        return witness.last(origin)
    except VidneError as error:
        return error


def _nothing(witness: "RemoteWitness", kept: int) -> Check:
    findings = Findings("witness")
    what = "It has cosigned no checkpoint of this log"
    lost = f", but one over {kept} entries is kept here: it has lost what it saw" if kept else ""
    findings.defect(Cause.INCOMPLETE, witness.verifier.name, f"{what}{lost}.", pending=not kept)
    return findings.conclude("")


def _compare(
    witness: "RemoteWitness",
    answer: bytes | VidneError,
    tree: TiledTree,
    newest: Checkpoint,
    verifier: Verifier,
) -> Check:
    name = witness.verifier.name
    findings = Findings("witness")
    if isinstance(answer, VidneError):
        findings.defect(Cause.UNREADABLE, name, answer.what)
        return findings.conclude("")
    try:
        if not verified(*split_note(answer), verifier.keys):
            findings.defect(Cause.TRUST, name, "It cosigned a checkpoint that another key has signed.")
            return findings.conclude("")
        cosigned, (signature,) = open_cosigned(answer, verifier, [witness.verifier])
    except NoteError as error:
        findings.defect(Cause.INTEGRITY, name, f"What it answered is no cosigned checkpoint: {error.what}")
        return findings.conclude("")
    findings.looked_at()
    told = f"{name} cosigned {cosigned.size} entries at {timestamp(cosigned_at(signature))}"
    if departs := departure(tree, newest, cosigned):
        findings.defect(Cause.INTEGRITY, told, departs)
    return findings.conclude(f"{told}; the ledger of {newest.size} entries extends them.")


def _watched(context: Context) -> "Application":
    app = context.application
    if not app.witnesses:
        raise SettingsError(
            "No witness is set up.", advice="Set VIDNE_WITNESSES to URL=vkey, as docs/witness.md says."
        )
    return app
