"""`make up-local`: the services of docker-compose.yml as processes, and the main job over them.

python -m deploy.local [--keep]
"""

import argparse
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.sender import send
from deploy.services import VIDNE, Services, services_up
from samples.generator import generate

CASE = "0100-10293-00001-26"
_WITNESSED_S = 60
_FINE = ("processed", "partial", "unplayable", "refused")  # what the samples are to end as


@dataclass
class Job:
    """The main job on running services; each step is timed, and stops the whole where it fails."""

    services: Services
    folder: Path
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    exhibits: list[dict[str, Any]] = field(default_factory=list)

    def run(self) -> None:
        """Footage in on one machine, looked at and verified on the other, exported, the package verified."""
        package = self.folder / "package"
        self._step("doctor", self._doctor)
        self._step("case opened", lambda: self._vidne("worker-1", "case", "open", CASE) and CASE)
        self._step("footage submitted", self._submit)
        self._step("exhibits, on the other machine", self._look)
        self._step("sent through the portals", self._send)
        self._step("witnessed", self._witnessed)
        self._step(
            "case verified, on the other machine", lambda: self._last("worker-2", "verify", "case", CASE)
        )
        self._step("exported", lambda: self._last("worker-2", "export", CASE, "-o", package))
        key = self.services.volume("ledger") / "ledger.vkey"
        check = ("verify", "package", package, "--log-key", key)
        self._step("package verified, without a server", lambda: self._last("worker-2", *check))

    def show(self, console: Console) -> None:
        """What ran, what was done, and what became of each file."""
        running = Table(
            "service", "process", "answers at", title="Services of docker-compose.yml, as processes"
        )
        for name, process in self.services.running.items():
            port = self.services.ports.get(name)
            running.add_row(name, str(process.pid), f"127.0.0.1:{port}" if port else "")
        done = Table("step", "outcome", "s", title="The main job")
        for step, outcome, took in self.steps:
            done.add_row(step, outcome, f"{took:.1f}")
        found = Table("exhibit", "file", "state", "SHA-256", title="What became of the footage")
        for item in self.exhibits:
            name = str(item["filename"]).rpartition("/")[2]
            found.add_row(
                str(item["exhibit"]).rpartition("/")[2], name, str(item["state"]), str(item["sha256"])
            )
        for table in (running, done, found):
            console.print(table)

    def _step(self, name: str, action: Callable[[], str]) -> None:
        began = time.monotonic()
        outcome = action()
        self.steps.append((name, outcome, time.monotonic() - began))

    def _vidne(self, machine: str, *args: str | Path, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [VIDNE, *args],
            env=self.services.environment(machine),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in codes:
            said = f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
            raise RuntimeError(f"vidne {' '.join(map(str, args))} ended {done.returncode}:\n{said}")
        return done.stdout

    def _last(self, machine: str, *args: str | Path) -> str:
        return self._vidne(machine, *args).strip().splitlines()[-1].strip()

    def _doctor(self) -> str:
        findings = json.loads(self._vidne("worker-1", "doctor", "--json"))
        return ", ".join(f"{item['name']}: {item['status']}" for item in findings if item["status"] != "ok")

    def _submit(self) -> str:
        footage = self.folder / "footage"
        made = generate(footage)
        # Some of the samples are to be refused or do not play: submit says so with 3.
        self._vidne("worker-1", "submit", footage, "--case", CASE, "--wait", codes=(3,))
        return f"{len(made)} files"

    def _send(self) -> str:
        """A file as a member of the public sends it: through the proxy, over TLS, by both portals."""
        made = json.loads(self._vidne("worker-1", "link", "create", "--case", CASE, "--json"))
        port, trusted = self.services.ports["proxy"], self.services.secrets / "portal.pem"
        return send(f"https://127.0.0.1:{port}", trusted, made["code"])

    def _look(self) -> str:
        self.exhibits = json.loads(self._vidne("worker-2", "exhibit", "list", "--json"))
        states = [str(item["state"]) for item in self.exhibits]
        if not states or not set(states) <= set(_FINE) or "processed" not in states:
            raise RuntimeError(f"The exhibits ended as {states}.")
        return ", ".join(f"{states.count(state)} {state}" for state in _FINE if state in states)

    def _witnessed(self) -> str:
        """The worker that sequences asks the witness by itself: wait until it has."""
        deadline = time.monotonic() + _WITNESSED_S
        while True:
            report = json.loads(self._vidne("worker-2", "verify", "case", CASE, "--json", codes=(0, 3)))
            found = next(item for item in report["checks"] if item["name"] == "witness")
            if found["status"] == "pass":
                return str(found["reason"])
            if time.monotonic() > deadline:
                raise RuntimeError(f"The witness has not cosigned: {found}")
            time.sleep(1)


def main() -> None:
    """Bring the services up, do the main job, show what it did; end them all."""
    options = argparse.ArgumentParser(prog="deploy.local")
    options.add_argument("--keep", action="store_true", help="leave the services running until Ctrl-C")
    keep = options.parse_args().keep
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="vidne-local-"))
    console = Console(width=max(Console().width, 130), markup=False, highlight=False)
    is_done = False
    try:
        with services_up(folder / "up") as services:
            job = Job(services, folder)
            job.run()
            job.show(console)
            is_done = True
            if keep:
                _wait(console, services)
    except KeyboardInterrupt:
        if not is_done:
            raise SystemExit(130) from None
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(console: Console, services: Services) -> None:
    console.print("Running until Ctrl-C. In another shell, as the first machine:\n")
    environment = services.environment("worker-1")
    for name in services.services["worker-1"]["environment"]:
        console.print(f"  export {name}={environment[name]}", soft_wrap=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
