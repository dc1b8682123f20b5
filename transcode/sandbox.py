"""The one module that starts a parser: a child in a sandbox, with limits, that dies with us.

The child sees /usr, its inputs under /in (read-only), its private output folder /out, and nothing else of
the machine: no network, an empty environment, no capabilities, a system call filter (seccomp.py). There is no
way to run without: where bubblewrap cannot be had, SandboxError is raised.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from evidence.errors import SandboxError
from transcode import seccomp, tools
from transcode.child import Child, Finished

log = logging.getLogger(__name__)

SOURCE = "/in/src"  # where the child finds the input named "src"
OUT = "/out"
_GIB = 1024**3
_MIB = 1024**2
_USR = Path("/usr")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use; whichever is reached first ends it.

    `wall_s` is kept by our own watchdog: a parser that sleeps uses no CPU. `memory_bytes` limits the address
    space, not the resident set: too low a value makes ffmpeg hang rather than fail.
    """

    cpu_s: int = 300
    wall_s: float = 600.0
    memory_bytes: int = 4 * _GIB
    file_bytes: int = 2 * _GIB
    open_files: int = 256


@dataclass(frozen=True, slots=True)
class Command:
    """A program, its arguments, and all that it is given.

    `argv[0]` is a program's name (found on PATH) or absolute path. `inputs` maps a name to the file or folder
    that appears, read-only, as `/in/<name>`; `out` is the folder that appears as /out. `pass_fds` stay open
    under their numbers. `background` lowers its priority. `python` shows this interpreter and its packages.
    """

    argv: Sequence[str]
    inputs: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    out: Path | None = None
    limits: Limits = Limits()
    pass_fds: tuple[int, ...] = ()
    background: bool = False
    python: bool = False


@contextmanager
def start(command: Command) -> Iterator[Child]:
    """Start `command`; its standard output is `child.stdout`, to be read while it runs.

    On leaving the block it is ended, if it has not ended by itself. Raises SandboxError, ToolMissingError.
    """
    program = _program(command.argv[0])
    filter_fd = seccomp.open_filter()
    try:
        argv = [*_prefix(command), "--seccomp", str(filter_fd), *_view(command, program), "--", str(program)]
        log.debug("start %s %s", program.name, " ".join(command.argv[1:]))
        process = subprocess.Popen(
            [*argv, *command.argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            pass_fds=(*command.pass_fds, filter_fd),
            process_group=0,
        )
    finally:
        os.close(filter_fd)
    child = Child(process, command.limits.wall_s)
    try:
        yield child
    finally:
        child.kill()
        child.close()


def run(command: Command, *, stdout_limit: int = 16 * _MIB) -> Finished:
    """Run `command` to its end; one that says more than `stdout_limit` bytes is ended.

    A failure of the program is told by the result, a failure of the sandbox by SandboxError.
    """
    with start(command) as child:
        stdout = child.stdout.read(stdout_limit + 1)
        if len(stdout) > stdout_limit:
            child.kill(because="output")
        return child.wait(stdout=stdout[:stdout_limit])


def output_file(folder: Path, name: str) -> Path | None:
    """The file `name` that a child wrote into its `folder`, or None where it wrote none.

    Only a regular file counts: a subverted parser may leave a link to a file of ours.
    """
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """How a child is confined, as the kernel tells it: fields of /proc/self/status, network interfaces."""

    seccomp: int
    no_new_privs: int
    capabilities: int
    interfaces: tuple[str, ...]

    @property
    def is_confined(self) -> bool:
        """Whether the filter is on, no privilege can be had, and there is no network but an own loopback."""
        return (
            self.seccomp == 2
            and self.no_new_privs == 1
            and self.capabilities == 0
            and set(self.interfaces) <= {"lo"}
        )


def self_check() -> SelfCheck:
    """Start a child in the sandbox and report how it is confined; raises SandboxError if it fails."""
    finished = run(Command(["cat", "/proc/self/status", "/proc/self/net/dev"], limits=Limits(wall_s=20)))
    if finished.returncode != 0:
        raise SandboxError(f"A child in the sandbox failed: {finished.explain()}", advice=_ADVICE)
    lines = finished.stdout.decode("ascii", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return SelfCheck(
        seccomp=int(fields["Seccomp"]),
        no_new_privs=int(fields["NoNewPrivs"]),
        capabilities=int(fields["CapEff"], 16) | int(fields["CapPrm"], 16),
        interfaces=tuple(name.strip() for name, value in fields.items() if len(value.split()) == 16),
    )


_ADVICE = "Parsers do not run without it: install bubblewrap and allow user namespaces (docs/deploy.md)."


def _program(name: str) -> Path:
    return Path(name) if name.startswith("/") else tools.locate(name)


def _prefix(command: Command) -> list[str]:
    """The limits, and bubblewrap's own flags."""
    limits = command.limits
    # Behind the worker, which is behind whoever answers people (apps/worker.py).
    nice = [str(tools.locate("nice")), "-n", "9"] if command.background else []
    return [
        *nice,
        str(tools.locate("prlimit")),
        f"--as={limits.memory_bytes}",
        f"--cpu={limits.cpu_s}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={limits.open_files}",
        "--core=0",
        "--nproc=4096",
        "--",
        str(tools.locate("bwrap")),
        "--unshare-all",
        "--die-with-parent",
        # Without it the child is not ours to account: its CPU time would be lost.
        "--as-pid-1",
        "--cap-drop",
        "ALL",
        "--clearenv",
        *("--setenv", "PATH", "/usr/bin"),
        *("--setenv", "LC_ALL", "C.UTF-8"),
    ]


def _view(command: Command, program: Path) -> list[str]:
    """What the child sees of the file system."""
    view = [
        *("--ro-bind", "/usr", "/usr"),
        *("--symlink", "usr/bin", "/bin"),
        *("--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64"),
        *("--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        # No terminal, in place of a session of its own: Linux weighs sessions before niceness (ADR 28).
        *("--ro-bind", "/dev/null", "/dev/tty"),
        *("--tmpfs", "/tmp"),  # noqa: S108 - the child's own, empty, gone with it
    ]
    # After the private /tmp, which would hide an installation that lies in /tmp.
    shown = dict.fromkeys(Path(path) for path in (sys.base_prefix, sys.prefix)) if command.python else {}
    for path in (*shown, program):
        if not path.is_relative_to(_USR) and not any(
            path.is_relative_to(folder) for folder in shown if folder != path
        ):
            view += ["--ro-bind", str(path), str(path)]
    for name, path in command.inputs.items():
        view += ["--ro-bind", str(path.absolute()), f"/in/{name}"]
    if command.out is not None:
        view += ["--bind", str(command.out.absolute()), OUT, "--chdir", OUT]
    return view
