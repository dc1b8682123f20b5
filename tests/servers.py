"""Real servers for tests: started on free ports, ended by their process."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

WEED = str(Path(sys.executable).parent / "weed")
_READY_S = 60


@dataclass(frozen=True)
class S3Server:
    """A running S3 server with one identity."""

    endpoint: str
    access_key: str
    secret_key: str

    def client(self) -> Minio:
        return Minio(self.endpoint, access_key=self.access_key, secret_key=self.secret_key, secure=False)

    def new_bucket(self, *, object_lock: bool = True) -> str:
        """A bucket of its own for a test."""
        name = f"t-{secrets.token_hex(8)}"
        self.client().make_bucket(name, object_lock=object_lock)
        return name

    def settings(self, bucket: str, secret_file: Path) -> dict[str, str]:
        """The environment that puts the program's objects into `bucket`; the secret is written to a file."""
        secret_file.write_text(self.secret_key)
        return {
            "VIDNE_STORE_URL": f"s3+http://{self.endpoint}/{bucket}",
            "VIDNE_S3_ACCESS_KEY": self.access_key,
            "VIDNE_S3_SECRET_KEY_FILE": str(secret_file),
        }


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """SeaweedFS with S3 on 127.0.0.1, its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    access, secret = "vidne", secrets.token_hex(16)
    config = folder / "s3.json"
    identity = {
        "name": "vidne",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    s3, master, volume, filer = free_ports(4)
    command = [
        WEED, "-logtostderr=true", "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}",
        # Each bucket has volumes of its own: as many as fit into a small disk are too few for all tests.
        "-volume.max=5000",
        f"-filer.port={filer}", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false", f"-s3.config={config}",
    ]  # fmt: skip
    keys = {
        f"WEED_{name}": secrets.token_hex(32)
        for name in (
            "S3_SSE_KEY",
            "JWT_FILER_SIGNING_KEY",
            "JWT_FILER_SIGNING_READ_KEY",
            "JWT_SIGNING_KEY",
            "JWT_SIGNING_READ_KEY",
        )
    }
    credentials = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | keys | credentials, stdout=log, stderr=log, start_new_session=True
        )
        try:
            server = S3Server(f"127.0.0.1:{s3}", access, secret)
            _await_s3(server, process, folder / "log")
            yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its orderly end takes many seconds
            process.wait()


def free_ports(count: int) -> list[int]:
    """Free ports whose port + 10000 (gRPC) is free as well."""
    ports: list[int] = []
    while len(ports) < count:
        port = 20000 + secrets.randbelow(20000)
        if port not in ports and all(_is_free(number) for number in (port, port + 10000)):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _await_s3(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    client = server.client()
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.list_buckets()
        except (MinioException, HTTPError, OSError):
            time.sleep(0.1)
            continue
        return
    raise RuntimeError(f"the S3 server did not come up: {log.read_text(errors='replace')[-2000:]}")
