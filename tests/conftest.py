"""Settings of every test, and real servers that the tests of several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.sqlite import open_catalogue
from tests.databases import PostgresServer, postgres_server
from tests.servers import S3Server, s3_server

# How long an example takes says how busy the machine is; what is slow is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; each test makes databases of its own in it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with Object Lock, without buckets."""
    with s3_server(tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue: what holds of one database must hold of the other."""
    if request.param == "sqlite":
        opened = open_catalogue(tmp_path / "catalogue.sqlite3")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = open_server_catalogue(server.new_database())
    yield opened
    opened.close()
