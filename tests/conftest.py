"""Real servers that the tests of several folders share: each is started once in a session."""

from collections.abc import Iterator

import pytest

from tests.servers import S3Server, s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with Object Lock, without buckets."""
    with s3_server(tmp_path_factory.mktemp("s3")) as started:
        yield started
