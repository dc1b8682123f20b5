"""The command line's edge: global options, lazy commands, and where errors become exit codes."""

import gc
import importlib
import io
import json
import os
import signal
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from evidence.errors import UnreadableError, UsageError, VidneError
from evidence.jsontypes import Json
from evidence.settings import Settings
from evidence.text import printable

if TYPE_CHECKING:
    from apps.wiring import Application

INTERRUPTED = 130


@dataclass(frozen=True)
class Context:
    """What every command is given: the settings, and the application when it asks for it."""

    settings: Settings

    @cached_property
    def application(self) -> "Application":
        """The wired program; imported here so that `vidne verify package` needs none of it."""
        from apps.wiring import Application  # noqa: PLC0415

        return Application(self.settings)


pass_context = click.make_pass_decorator(Context)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")


class InputPath(click.Path):
    """A path of something to be read: whether it can be is for the command to say, of each by itself.

    An empty one would be the current folder.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """See click.Path."""
        if not os.fspath(value):
            self.fail("an empty name is no path", param, ctx)
        return super().convert(value, param, ctx)


class _Commands(click.Group):
    """A group whose commands are imported only when they are used."""

    modules: ClassVar[dict[str, str]] = {
        "case": "open, list, show, renumber and close cases",
        "submit": "take in files and folders as exhibits of a case",
        "receipt": "what a submitter keeps: files, digests, proof; as JSON and as a page",
        "exhibit": "list, find, show and fetch exhibits",
        "recorder": "recorders of a case, readings of their clocks, the exhibits that they made",
        "link": "links by which the public hands in footage: create, list, revoke, message",
        "queue": "the state of the jobs; retry what was quarantined",
        "ledger": "its newest checkpoint, proofs, another key; erasure; witnesses that watch over it",
        "verify": "check files, exhibits, cases against the ledger; packages and receipts by themselves",
        "identify": "which exhibit is this file?",
        "export": "exhibits of a case, with their custody, in a folder that anyone can verify",
        "migrate-store": "move all objects from the data folder to S3",
        "rebuild": "bring a lost or old catalogue up to what the store holds",
        "serve": "keep a worker going, and the portal where one is set up",
        "worker": "a worker alone",
        "portal": "the portal alone",
        "validate": "run a reference set and compare with what is expected; signed into the ledger",
        "doctor": "what is installed, configured, reachable, locked, sandboxed",
        "init": "make what an installation needs: bucket, catalogue, the ledger's key",
        "demo": "make footage, take it in, show what became of it",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return None
        module = importlib.import_module(f"apps.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"apps.cli.{cmd_name} has no command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end 1, which means something else here
            _forget_output()
            return 128 + signal.SIGPIPE
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in {"apps", "evidence", "hashing"}:
                raise
            raise UsageError(
                f"This command needs more than the core: {error.name} is not installed.",
                advice="Install vidne[pipeline].",
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.modules.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=InputPath(), help="Folder of catalogue and objects (VIDNE_DATA).")
@click.version_option(package_name="vidne")
@click.pass_context
def vidne(ctx: click.Context, data: Path | None) -> None:
    """Footage in, exhibits out: originals untouched, working copies that play, custody anyone can verify."""
    ctx.obj = Context(Settings.from_environment(data=data))


def run() -> None:
    """The program's entry: errors are told on standard error and become exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be told to stop is to be interrupted
    gc.set_threshold(20_000)  # a command reads rows by the ten thousand, all of which it keeps
    code = _run()
    gc.freeze()  # nothing more to collect: at its end Python would go over every module once more, for 0.1 s
    sys.exit(code if isinstance(code, int) else 0)


def _run() -> object:
    try:
        return vidne.main(standalone_mode=False)
    except VidneError as error:
        fail(error)
        return error.exit_code
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        named = f"{printable(os.fsdecode(error.filename), limit=4096)}: " if error.filename else ""
        told = UnreadableError(f"{named}{error.strerror}.", advice="See to the disk and the permissions.")
        fail(told)
        _forget_output()
        return told.exit_code


def _forget_output() -> None:
    """What could not be written to standard output would be tried, and complained of, again at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def fail(error: VidneError) -> None:
    """Tell an error: what happened, and on a line of its own what to do now."""
    click.echo(f"vidne: {error.what}", err=True)
    if error.advice:
        click.echo(f"       {error.advice}", err=True)


def echo_json(value: Json) -> None:
    """One JSON value on standard output; text is escaped to ASCII, so no name can upset a terminal."""
    click.echo(json.dumps(value, indent=2))
