"""The four actors: each takes ids, and calls a plain function."""

from collections.abc import Callable, Mapping

import dramatiq

from evidence.catalogue.jobs import Stage
from evidence.catalogue.leases import Lease


def declare_actors(
    broker: dramatiq.Broker, run: Callable[[int, int], None]
) -> Mapping[Stage, dramatiq.Actor[[int, int], None]]:
    """An actor for each stage, its queue that of the stage's lane; `run` takes a job's id and token."""
    return {
        stage: dramatiq.actor(actor_name=f"vidne.{stage}", queue_name=f"vidne.{stage.lane}", broker=broker)(
            run
        )
        for stage in Stage
    }


def sender(actors: Mapping[Stage, dramatiq.Actor[[int, int], None]]) -> Callable[[Lease], None]:
    """What the feeder hands its leases to."""

    def send(lease: Lease) -> None:
        actors[lease.stage].send(lease.job_id, lease.token)

    return send
