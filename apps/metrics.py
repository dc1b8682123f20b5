"""Metrics for Prometheus: each scrape asks the catalogue; where that is away, `vidne_catalogue_up` is 0."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.wiring import Application
from evidence.catalogue.backlog import Backlog, backlog
from evidence.errors import UnreadableError, VidneError
from evidence.settings import Settings

log = logging.getLogger("vidne.metrics")


class _Catalogue(Collector):
    """What the catalogue says of the work that waits; ages in seconds, and none where nothing waits."""

    def __init__(self, open_application: Callable[[], Application]) -> None:
        self._open = open_application
        self._application: Application | None = None

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("vidne_catalogue_up", "Whether the catalogue answers.")
        try:
            self._application = self._application or self._open()
            with self._application.catalogue.read() as connection:
                found = backlog(connection)
                now = self._application.clock()
        except VidneError as error:
            log.warning("%s", error)
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *_gauges(found, now)]

    def describe(self) -> Iterable[Metric]:
        return []  # nothing is asked of the catalogue before the first scrape


def _gauges(found: Backlog, now: datetime) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("vidne_jobs", "Jobs that are not done.", labels=["lane", "state"])
    for (lane, state), count in found.jobs.items():
        jobs.add_metric([lane, state], count)
    yield jobs
    for name, about, value in (
        ("vidne_jobs_quarantined", "Jobs that a person must look at.", found.quarantined),
        ("vidne_ledger_waiting", "Events without a place in the ledger.", found.unsequenced),
    ):
        yield GaugeMetricFamily(name, about, value=value)
    for name, about, since in (
        (
            "vidne_oldest_unsealed_seconds",
            "Age of the oldest exhibit that is not sealed.",
            found.oldest_unsealed,
        ),
        (
            "vidne_oldest_ready_seconds",
            "Age of the oldest exhibit of which a job is ready and not begun.",
            found.oldest_ready,
        ),
        ("vidne_oldest_event_seconds", "Age of the oldest event without a place.", found.oldest_event),
        ("vidne_scrub_age_seconds", "How long ago the archive was last read to its end.", found.scrubbed_at),
    ):
        gauge = GaugeMetricFamily(name, about)
        if since:
            gauge.add_metric([], max(0.0, (now - datetime.fromisoformat(since)).total_seconds()))
        yield gauge


@contextmanager
def metrics_served(settings: Settings) -> Iterator[int]:
    """Answer Prometheus while the block runs; the port. Raises UnreadableError where it is taken."""
    registry = CollectorRegistry()
    registry.register(_Catalogue(lambda: Application(settings)))
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        raise UnreadableError(
            f"Metrics cannot be served at {settings.metrics_host}:{settings.metrics_port}: {error.strerror}.",
            advice="Set VIDNE_METRICS_PORT to a free port, or to 0.",
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
