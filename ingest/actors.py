"""The four actors: each takes ids, and calls a plain function."""

from collections.abc import Callable, Mapping

import dramatiq

from evidence.catalogue.jobs import Stage
from evidence.catalogue.leases import Lease


def declare_actors(
    broker: dramatiq.Broker, run: Callable[[int, int], None], home: str = ""
) -> Mapping[Stage, dramatiq.Actor[[int, int], None]]:
    """An actor for each stage, its queue that of the stage's lane; `run` takes a job's id and token.

    Each data folder (`home`) has queues of its own: slots are a worker's, and so is what was leased for them.
    """
    behind = f".{home}" if home else ""

    def declare(stage: Stage) -> dramatiq.Actor[[int, int], None]:
        queue = f"vidne.{stage.lane}{behind}"
        return dramatiq.actor(actor_name=f"vidne.{stage}", queue_name=queue, broker=broker)(run)

    return {stage: declare(stage) for stage in Stage}


def sender(actors: Mapping[Stage, dramatiq.Actor[[int, int], None]]) -> Callable[[Lease], None]:
    """What the feeder hands its leases to."""

    def send(lease: Lease) -> None:
        actors[lease.stage].send(lease.job_id, lease.token)

    return send
