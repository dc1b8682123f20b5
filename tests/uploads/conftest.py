"""Places for uploads: one machine, many machines, and what is between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retention.folder import FolderStore
from retention.s3 import S3Store
from tests.databases import PostgresServer
from tests.servers import S3Server
from tests.uploads.desk import Desk, Place
from tests.uploads.portal import House, Portal, Sender

KINDS = ("folder, SQLite", "folder, PostgreSQL", "store, SQLite", "store, PostgreSQL")


def new_place(kind: str, data: Path, request: pytest.FixtureRequest) -> Place:
    """`store` is a real S3 server on PostgreSQL, and a folder store on SQLite: both have one contract."""
    url = ""
    if "PostgreSQL" in kind:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
    shares = kind.startswith("store")
    if shares and url:
        s3: S3Server = request.getfixturevalue("s3")
        return Place(data, S3Store(s3.client(), s3.new_bucket(), days=1), shares, url)
    return Place(data, FolderStore(data / "objects"), shares, url)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = new_place(request.param, tmp_path / "data", request)
    yield made
    made.close()


@pytest.fixture
def desk(place: Place) -> Desk:
    opened = place.open()
    opened.open_case()
    return opened


def many_machines(tmp_path: Path, postgres: PostgresServer, s3: S3Server) -> dict[str, str]:
    """Settings of machines that share a new catalogue and a new store."""
    bucket = s3.new_bucket()
    return {
        **s3.settings(bucket, tmp_path / "secret"),
        "VIDNE_CATALOGUE_URL": postgres.new_database(),
        "VIDNE_LEDGER_KEY_FILE": str(tmp_path / "ledger.skey"),
    }


@pytest.fixture(scope="module", params=["one machine", "many machines"])
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A server that is up; it has the uploads of all tests of the module."""
    folder = tmp_path_factory.mktemp("portal")
    settings = {}
    if request.param == "many machines":
        servers = (request.getfixturevalue("postgres"), request.getfixturevalue("s3"))
        settings = many_machines(folder, *servers)
    made = Portal(folder / "data", settings).start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(portal: Portal) -> House:
    return House.of(portal)


@pytest.fixture
def sender(portal: Portal, house: House) -> Sender:
    return Sender.begin(portal.url, house.link())
