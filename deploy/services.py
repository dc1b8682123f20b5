"""The services of docker-compose.yml as processes on this machine: same commands, settings and secrets.

What a container gives is put in its place: a host name becomes a free port of 127.0.0.1, a volume a folder, a
secret the file that deploy/make-secrets.sh made, an image the program that a package ships. Limits, users and
networks are the container engine's, and are not shown by this.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.databases import POSTGRES, REDIS
from tests.servers import WEED, free_ports

ROOT = Path(__file__).parents[1]
# Inside of the containers.
_PORTS = {
    "store": 8333,
    "catalogue": 5432,
    "broker": 6379,
    "witness": 8020,
    "portal-1": 8080,
    "portal-2": 8080,
    "proxy": 8443,
}
_READY_S = 120
_STOP_S = 20
VIDNE = Path(sys.executable).parent / "vidne"


class Services:
    """The services of one compose file in `folder`; those that were started end with `stop`."""

    def __init__(self, folder: Path, compose: Path = ROOT / "docker-compose.yml") -> None:
        """Makes the secrets and reserves the ports; nothing runs yet."""
        self._folder = folder
        parsed = yaml.safe_load(compose.read_text())
        self.services: Mapping[str, Any] = parsed["services"]
        self.ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # PostgreSQL refuses to run as root, and its user has to reach what is its own.
        self._user = "nobody" if os.getuid() == 0 else None
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            path.chmod(0o711)
        self.secrets = folder / "secrets"
        _to_its_end([ROOT / "deploy/make-secrets.sh", self.secrets])

    def in_order(self) -> list[str]:
        """The services, each after those that it depends on."""
        ordered: list[str] = []

        def add(name: str) -> None:
            for other in self.services[name].get("depends_on", {}):
                add(other)
            if name not in ordered:
                ordered.append(name)

        for name in self.services:
            add(name)
        return ordered

    def start(self, name: str) -> None:
        """Start a service and wait until it answers; one that runs once is waited for to its end."""
        service = self.services[name]
        argv = [
            self._here(name, part) for part in (*service.get("entrypoint", ()), *service.get("command", ()))
        ]
        environment = self.environment(name)
        if name == "store":
            command = [WEED, *argv[1:], *self._inner_ports()]
        elif name == "catalogue":
            command = self._postgres(argv, environment)
        elif name == "broker":
            command = [str(REDIS), *argv[1:], "--bind", "127.0.0.1"]
        elif name == "proxy":
            command = argv
        else:
            command = argv if service.get("entrypoint") else [str(VIDNE), *argv]
        self._run(name, command, environment)

    def environment(self, name: str) -> dict[str, str]:
        """The environment of a service, as it is on this machine."""
        given = self.services[name].get("environment", {})
        own = {key: self._here(name, str(value)) for key, value in given.items()}
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("VIDNE_", "WEED_", "PG"))
        }
        path = os.pathsep.join((str(VIDNE.parent), str(POSTGRES), clean.get("PATH", os.defpath), "/usr/sbin"))
        return {**clean, **own, "PATH": path}

    def log(self, name: str) -> Path:
        """What a service says."""
        return self._folder / f"{name}.log"

    def volume(self, name: str) -> Path:
        """The folder that stands for a volume."""
        folder = self._folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def stop(self) -> None:
        """End what runs, the last started first; what does not end in time is killed."""
        for name, process in reversed(self.running.items()):
            number = getattr(signal, self.services[name].get("stop_signal", "SIGTERM"))
            with suppress(ProcessLookupError):
                process.send_signal(number)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.running.clear()

    def _run(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        home = Path(environment.get("HOME", self._folder))
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=home if name == "store" else self._folder,
                user=self._user if name == "catalogue" else None,
                start_new_session=True,  # a Ctrl-C is for us: what was started last ends first
            )
        self.running[name] = process
        if self.services[name].get("restart") == "no":
            if process.wait(_READY_S):
                raise RuntimeError(f"{name} ended {process.returncode}: {self._said(name)}")
            del self.running[name]
        elif name in self.ports:
            self._await_port(name, process)
        if name == "catalogue":
            self._make_role(environment)

    def _await_port(self, name: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{name} did not come up: {self._said(name)}")

    def _said(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-2000:]

    def _here(self, name: str, text: str) -> str:
        """A text of the compose file as it has to be on this machine."""
        text = re.sub(r"(?<![\d.])0\.0\.0\.0(?!/)", "127.0.0.1", text.replace("$$", "$"))
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        text = text.replace(f"localhost:{_PORTS['proxy']}", f"localhost:{self.ports['proxy']}")
        for host, port in _PORTS.items():
            text = re.sub(rf"(?<![^/@]){host}:{port}\b", f"127.0.0.1:{self.ports[host]}", text)
            if host == name:
                text = re.sub(rf"(?<![\d.]){port}$", str(self.ports[host]), text)
        for mount in self.services[name].get("volumes", ()):
            source, target, *_ = mount.split(":")
            here = ROOT / source if source.startswith(".") else self.volume(source)
            text = re.sub(rf"(?<!\w){target}\b", str(here), text)
        for mount in self.services[name].get("tmpfs", ()):
            target = mount.partition(":")[0]
            if target.startswith("/srv/"):
                text = text.replace(target, str(self.volume(f"{name}.tmpfs")))
        if name == "store" and text == "/tmp":  # noqa: S108 - the container's own
            return str(self._home_of_store())
        return text.replace("/run/secrets/", f"{self.secrets}/")

    def _home_of_store(self) -> Path:
        """A home whose security.toml is the one that the container has below /etc."""
        home = self.volume("store.home")
        (home / ".seaweedfs").mkdir(exist_ok=True)
        shutil.copyfile(self.secrets / "security.toml", home / ".seaweedfs" / "security.toml")
        return home

    def _inner_ports(self) -> list[str]:
        """Those that have their place in a container, where nothing else listens."""
        names = ("s3.port.grpc", "master.port", "volume.port", "filer.port")
        return [f"-{name}={port}" for name, port in zip(names, free_ports(4), strict=True)]

    def _postgres(self, argv: list[str], environment: dict[str, str]) -> list[str]:
        """What the image does before it starts the server: an empty database with a password."""
        data = self.volume("catalogue") / "data"
        password = self.volume("catalogue") / "password"
        shutil.copyfile(environment["POSTGRES_PASSWORD_FILE"], password)
        for path in (password.parent, password):
            if self._user:
                shutil.chown(path, self._user)
        flags = environment["POSTGRES_INITDB_ARGS"].split()
        command: list[str | Path] = [
            POSTGRES / "initdb",
            "-U",
            "postgres",
            "--no-sync",
            f"--pwfile={password}",
            *flags,
            "-D",
            data,
        ]
        _to_its_end(command, user=self._user)
        password.unlink()
        here = {"port": self.ports["catalogue"], "unix_socket_directories": data.parent}
        options = [part for name, value in here.items() for part in ("-c", f"{name}={value}")]
        return [str(POSTGRES / "postgres"), "-D", str(data), *argv[1:], *options]

    def _make_role(self, environment: Mapping[str, str]) -> None:
        here = {"PGHOST": str(self.volume("catalogue")), "PGPORT": str(self.ports["catalogue"])}
        deadline = time.monotonic() + _READY_S
        while subprocess.run(
            [POSTGRES / "pg_isready", "-q"], env={**environment, **here}, check=False
        ).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"catalogue did not come up: {self._said('catalogue')}")
            time.sleep(0.1)
        script = ROOT / "deploy/catalogue-role.sh"
        _to_its_end([script], env={**environment, **here})


def _to_its_end(command: Sequence[str | Path], **given: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **given)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended {done.returncode}: {done.stderr[-2000:]}")


@contextmanager
def services_up(folder: Path) -> Iterator[Services]:
    """All services, started in their order and ended in the reverse one."""
    services = Services(folder)
    try:
        for name in services.in_order():
            services.start(name)
        yield services
    finally:
        services.stop()
