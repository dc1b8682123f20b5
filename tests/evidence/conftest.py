from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.sqlite import open_catalogue
from tests.databases import PostgresServer


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
