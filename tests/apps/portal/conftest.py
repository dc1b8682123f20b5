"""One site for the tests of this folder, as `vidne serve` runs it; each test has links of its own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.portal.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("api"))
    made.program.open_case()
    made.start()
    yield made
    made.kill()
    made.program.shows_what_was_filed()


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, timeout=30) as opened:
        yield opened
