"""The broker: StubBroker inside of each worker, or Redis, where the settings name one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.stub import StubBroker

from evidence.catalogue.leases import Lease
from evidence.errors import UnavailableError
from evidence.files import read_secret
from evidence.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

# dramatiq's threads are woken by what is put into the queues of a StubBroker; those of Redis they must ask.
_STUB_MS, _REDIS_MS = 10_000, 200
_TIMEOUT_S = 5.0


def open_broker(settings: Settings) -> tuple[dramatiq.Broker, int]:
    """The broker, and how often its queues are asked, in milliseconds; no server needs to answer yet.

    Without middleware: retries, time limits and dead letters are the job table's. Raises SettingsError.
    """
    if not settings.broker_url:
        return StubBroker(middleware=[]), _STUB_MS
    from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - where it is needed

    broker = RedisBroker(client=_client(settings), middleware=[], namespace="vidne")  # type: ignore[no-untyped-call]
    return broker, _REDIS_MS


def ask_broker(settings: Settings) -> str:
    """The version of the Redis that the settings name; raises UnavailableError."""
    from redis import RedisError  # noqa: PLC0415 - where it is needed

    try:
        with _client(settings) as client:
            return str(client.info("server")["redis_version"])
    except RedisError as error:
        raise _away(error) from error


def surely(send: Callable[[Lease], None], settings: Settings) -> Callable[[Lease], None]:
    """`send`, which raises UnavailableError where the broker that the settings name does not take it."""
    if not settings.broker_url:
        return send
    from redis import RedisError  # noqa: PLC0415 - where it is needed

    def sent(lease: Lease) -> None:
        try:
            send(lease)
        except (RedisError, dramatiq.errors.BrokerConnectionError) as error:
            raise _away(error) from error

    return sent


def _away(error: Exception) -> UnavailableError:
    return UnavailableError(
        f"The broker does not answer: {str(error).rstrip('.')}.",
        advice="Jobs wait in the catalogue until it does.",
    )


def _client(settings: Settings) -> "Redis":
    from redis import Redis  # noqa: PLC0415 - where it is needed

    file = settings.broker_password_file
    return Redis.from_url(
        settings.broker_url,
        password=read_secret(file, "VIDNE_BROKER_PASSWORD_FILE") if file else None,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
    )
