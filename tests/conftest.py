from collections.abc import Iterator

import pytest

from tests.databases import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; each test makes databases of its own in it."""
    with postgres_server() as server:
        yield server
