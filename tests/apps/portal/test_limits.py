"""Buckets and addresses of the portal's limits, and what a client is told by a server that has had enough."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from apps.portal.limits import MOST_BUCKETS, Buckets, Limits
from evidence.links import new_code
from evidence.settings import Settings
from tests.portal.site import Site


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_a_minute_s_worth_at_once_and_then_as_it_fills() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1.0)
    assert buckets.take("b") == 0, "another's is full"
    clock.now += 0.5
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert buckets.take("a") == 0
    clock.now += 3600
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") > 0, "no more than a minute's worth is kept"


def test_a_rate_of_nothing_is_no_limit() -> None:
    buckets = Buckets(0, Clock())
    assert {buckets.take("a") for _ in range(1000)} == {0.0}


def test_buckets_are_bounded_and_the_least_used_is_forgotten() -> None:
    buckets = Buckets(1, Clock())
    assert buckets.take("first") == 0
    assert buckets.take("first") > 0
    for number in range(MOST_BUCKETS):
        buckets.take(str(number))
    assert len(buckets._levels) == MOST_BUCKETS
    assert buckets.take("first") == 0


async def answered(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def refused(scope: Scope, receive: Receive, send: Send, seconds: int) -> None:
    await send(
        {"type": "http.response.start", "status": 429, "headers": [(b"retry-after", str(seconds).encode())]}
    )


def status(
    limits: Limits,
    client: str,
    path: str = "/",
    method: str = "GET",
    *,
    more: Sequence[tuple[bytes, bytes]] = (),
    **headers: str,
) -> int:
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    async def nothing() -> Message:
        return {"type": "http.request"}

    listed = [*more, *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())]
    scope = {"type": "http", "method": method, "path": path, "client": (client, 1), "headers": listed}
    asyncio.run(limits(scope, nothing, keep))
    return int(said[0]["status"])


def limits_of(**given: object) -> Limits:
    return Limits(answered, Settings(**given), refused)  # type: ignore[arg-type]


def test_each_address_has_a_bucket_of_its_own() -> None:
    limits = limits_of(portal_address_rate=2)
    assert [status(limits, "192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert status(limits, "192.0.2.2") == 200


def test_an_ipv6_visitor_has_one_bucket_for_its_whole_network() -> None:
    limits = limits_of(portal_address_rate=2)
    assert status(limits, "2001:db8:1:2::1") == 200
    assert status(limits, "2001:db8:1:2:ffff::9") == 200
    assert status(limits, "2001:db8:1:2::3") == 429
    assert status(limits, "2001:db8:1:3::3") == 200


def test_a_header_counts_only_where_a_proxy_of_ours_sends_it() -> None:
    limits = limits_of(portal_address_rate=1, portal_proxies="10.0.0.0/8, 192.0.2.7")
    assert status(limits, "198.51.100.1", x_forwarded_for="203.0.113.1") == 200
    assert status(limits, "198.51.100.1", x_forwarded_for="203.0.113.2") == 429, "a stranger may say anything"
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.3") == 200
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.4") == 200
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.4") == 429
    # What stands before it was made up by the visitor, or by a proxy that is not ours.
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.9, 203.0.113.4") == 429
    assert status(limits, "192.0.2.7", x_forwarded_for="203.0.113.5, 10.9.9.9") == 200
    assert status(limits, "192.0.2.7", x_forwarded_for="203.0.113.5, 10.9.9.9") == 429


def test_without_a_word_of_its_proxies_nobody_is_believed() -> None:
    limits = limits_of(portal_address_rate=1)
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.3") == 200
    assert status(limits, "10.1.2.3", x_forwarded_for="203.0.113.4") == 429


def test_a_link_has_a_bucket_wherever_it_is_used_from() -> None:
    limits = limits_of(portal_link_rate=2)
    code = new_code()[0]
    assert [status(limits, f"192.0.2.{n}", vidne_link=code) for n in range(3)] == [200, 200, 429]
    assert status(limits, "192.0.2.9", vidne_link=code.lower().replace("-", "")) == 429
    assert status(limits, "192.0.2.9", vidne_link=new_code()[0]) == 200
    assert status(limits, "192.0.2.9", vidne_link="no code") == 200


def test_a_second_code_beside_it_spares_no_link() -> None:
    limits = limits_of(portal_link_rate=2)
    code, other = new_code()[0], new_code()[0].encode()
    found = [
        status(limits, "192.0.2.1", more=[(b"vidne-link", first)], vidne_link=code)
        for first in (b"junk", other, b"")
    ]
    assert found == [200, 200, 429]


@pytest.mark.parametrize("path", ["/api/visit", "/api/submissions", "/files", "/files/", "/send"])
def test_what_makes_rows_has_a_limit_of_its_own(path: str) -> None:
    limits = limits_of(portal_new_rate=2)
    assert [status(limits, "192.0.2.1", path, "POST") for _ in range(3)] == [200, 200, 429]
    assert status(limits, "192.0.2.1", path) == 200, "to look is another thing"
    assert status(limits, "192.0.2.2", path, "POST") == 200


def test_more_than_may_be_in_hand_are_told_to_come_again_and_health_is_not() -> None:
    async def check() -> None:
        inside, release = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            inside.set()
            await release.wait()
            await answered(scope, receive, send)

        limits = Limits(slow, Settings(portal_requests=1), refused)
        said: dict[str, int] = {}

        async def ask(name: str, path: str) -> None:
            async def keep(message: Message) -> None:
                said[name] = message["status"]

            async def nothing() -> Message:
                return {"type": "http.request"}

            scope = {"type": "http", "method": "GET", "path": path, "client": ("a", 1), "headers": []}
            await limits(scope, nothing, keep)

        first = asyncio.create_task(ask("first", "/send"))
        await inside.wait()
        await ask("second", "/send")
        assert said == {"second": 429}
        health = asyncio.create_task(ask("health", "/healthz"))
        release.set()
        await asyncio.gather(first, health)
        assert said == {"first": 200, "second": 429, "health": 200}
        await ask("third", "/send")
        assert said["third"] == 200

    asyncio.run(check())


def test_the_server_says_when_to_come_again(tmp_path: Path) -> None:
    site = Site(tmp_path, {"VIDNE_PORTAL_ADDRESS_RATE": "30"})
    site.start()
    try:
        with httpx.Client(base_url=site.url) as client:
            answers = [client.get("/api/link") for _ in range(31)]
            last = answers[-1]
            assert last.status_code == 429
            assert last.json()["error"] == "busy"
            assert 1 <= int(last.headers["Retry-After"]) <= 60
            page = client.get("/send", headers={"Accept-Language": "en"})
            assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
            assert client.get("/healthz").status_code == 200
    finally:
        site.kill()
