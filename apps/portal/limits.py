"""Limits of what the public may ask for at once: by link, by address, and all together.

They hold for one portal. What is left of its threads and connections is for staff and for /healthz.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil

from starlette.types import ASGIApp, Receive, Scope, Send

from evidence.links import code_hash
from evidence.settings import Settings

BURST_S = 60  # a bucket holds what a minute gives
MOST_BUCKETS = 20_000
_RESERVED = ("/healthz",)  # not counted: it must answer when the public is turned away
# Each makes rows that stay, and some of them entries of the ledger.
_MAKING = ("/api/visit", "/api/submissions", "/files", "/files/", "/send")
_BUSY_S = 5
_HEADER = b"vidne-link"
_FORWARDED = b"x-forwarded-for"

Refuse = Callable[[Scope, Receive, Send, int], Awaitable[None]]


class Buckets:
    """Token buckets by key, the least used forgotten: what they take of the memory is bounded."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`a_minute` tokens come in a minute, and so many lie in a full bucket; 0: without end."""
        self._rate = a_minute / BURST_S
        self._full = float(a_minute)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take a token; 0, or the seconds after which there is one."""
        if not self._full:
            return 0.0
        now = self._clock()
        level, since = self._levels.pop(key, (self._full, now))
        level = min(self._full, level + (now - since) * self._rate)
        wait = max(0.0, (1 - level) / self._rate)
        self._levels[key] = (level if wait else level - 1, now)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait


@dataclass(frozen=True, slots=True)
class Proxies:
    """The reverse proxies whose word on the address of a visitor counts."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def address_of(self, scope: Scope) -> str:
        """Where a request comes from: who connected, or whom the nearest proxy of ours names.

        Of IPv6 the first 64 bits: a visitor has all the others.
        """
        client = scope.get("client")
        found = client[0] if client else ""
        named = [part.strip() for part in ",".join(_headers(scope, _FORWARDED)).split(",") if part.strip()]
        while named and self._is_ours(found):
            found = named.pop()
        return _grouped(found)

    def _is_ours(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(
            address.version == network.version and address in network for network in self.networks
        )


class Limits:
    """ASGI middleware: turns away what is too much, before anything is read or looked up."""

    def __init__(self, app: ASGIApp, settings: Settings, refuse: Refuse) -> None:
        """`refuse(scope, receive, send, seconds)` answers 429."""
        self._app = app
        self._refuse = refuse
        self._most = settings.portal_requests
        self._links = Buckets(settings.portal_link_rate)
        self._addresses = Buckets(settings.portal_address_rate)
        self._makers = Buckets(settings.portal_new_rate)
        listed = (part.strip() for part in settings.portal_proxies.split(","))
        self._proxies = Proxies(tuple(ip_network(part) for part in listed if part))
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _RESERVED:
            await self._app(scope, receive, send)
            return
        wait = self._wait_of(scope)
        if wait:
            await self._refuse(scope, receive, send, ceil(wait))
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1

    def _wait_of(self, scope: Scope) -> float:
        if self._in_hand >= self._most:
            return _BUSY_S
        address = self._proxies.address_of(scope)
        wait = self._addresses.take(address)
        if not wait and scope["method"] == "POST" and scope["path"] in _MAKING:
            wait = self._makers.take(address)
        if wait:
            return wait
        # Each that is named pays: whoever reads the request later takes one of them.
        codes = {code_hash(text) for text in _headers(scope, _HEADER)} - {None}
        return max((self._links.take(code) for code in codes if code), default=0.0)


def _headers(scope: Scope, name: bytes) -> list[str]:
    """The headers of that name, in their order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _grouped(text: str) -> str:
    address = _address(text)
    if address is None:
        return ""  # all of them together
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return str(address)
