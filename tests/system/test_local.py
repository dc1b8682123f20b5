"""`make up-local`: the services of docker-compose.yml, started from it, and the main job over them."""

import io
import re
import socket
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local import Job
from deploy.services import services_up


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a path that is short enough for a socket, and that PostgreSQL's user can go through."""
    folder = tmp_path_factory.mktemp("up")
    for path in (folder, *list(folder.parents)[:3]):
        path.chmod(path.stat().st_mode | 0o011)
    return folder


def test_the_services_of_compose_do_the_main_job_and_end(folder: Path) -> None:
    with services_up(folder / "s") as services:
        job = Job(services, folder)
        job.run()
        servers = {"store", "catalogue", "broker", "witness"}
        assert set(services.running) == servers | {"worker-1", "worker-2", "portal-1", "portal-2", "proxy"}
        running = list(services.running.values())
        told = io.StringIO()
        job.show(Console(file=told, width=130))
    outcome = {step: said for step, said, _ in job.steps}
    assert outcome["exhibits, on the other machine"] == "5 processed, 1 partial, 1 unplayable, 1 refused"
    assert outcome["sent through the portals"] == "sealed, identical, receipt in the log"
    assert re.search(r"(\d+) entries are among those cosigned: the tree of \d+ entries", outcome["witnessed"])
    assert "passed" in outcome["case verified, on the other machine"]
    assert "passed" in outcome["package verified, without a server"]
    assert all(item["sha256"] in told.getvalue() for item in job.exhibits)
    # Both machines worked on one catalogue, in one bucket; nothing lies in a folder store.
    assert not list(services.volume("worker-1").glob("objects"))
    assert all(process.poll() is not None for process in running)
    for port in services.ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1)
