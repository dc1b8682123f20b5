"""The broker: StubBroker inside of each worker, or Redis, where the settings name one."""

from collections.abc import Callable
from pathlib import Path

import dramatiq
from dramatiq.brokers.stub import StubBroker

from evidence.catalogue.leases import Lease
from evidence.errors import SettingsError, UnavailableError
from evidence.settings import Settings

# dramatiq's threads are woken by what is put into the queues of a StubBroker; those of Redis they must ask.
_STUB_MS, _REDIS_MS = 10_000, 200
_TIMEOUT_S = 5.0


def open_broker(settings: Settings) -> tuple[dramatiq.Broker, int]:
    """The broker, and how often its queues are asked, in milliseconds; no server needs to answer yet.

    Without middleware: retries, time limits and dead letters are the job table's. Raises SettingsError.
    """
    if not settings.broker_url:
        return StubBroker(middleware=[]), _STUB_MS
    import redis  # noqa: PLC0415 - where it is needed
    from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415

    client = redis.Redis.from_url(
        settings.broker_url,
        password=_secret(settings.broker_password_file),
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
    )
    broker = RedisBroker(client=client, middleware=[], namespace="vidne")  # type: ignore[no-untyped-call]
    return broker, _REDIS_MS


def surely(send: Callable[[Lease], None], settings: Settings) -> Callable[[Lease], None]:
    """`send`, which raises UnavailableError where the broker that the settings name does not take it."""
    if not settings.broker_url:
        return send
    from redis import RedisError  # noqa: PLC0415 - where it is needed

    def sent(lease: Lease) -> None:
        try:
            send(lease)
        except (RedisError, dramatiq.errors.ConnectionError) as error:
            raise UnavailableError(
                f"The broker does not take messages: {error}.",
                advice="Jobs wait in the catalogue until it does.",
            ) from error

    return sent


def _secret(path: str) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"VIDNE_BROKER_PASSWORD_FILE {path} cannot be read: {error.strerror}.",
            advice="Name a file that holds the password alone.",
        ) from error
