"""The feeder: takes ready jobs from the catalogue as far as slots are free, and sends their ids on."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import Lease, any_suspect, release_leases, renew_leases, take_jobs
from evidence.clock import Clock, timestamp

LEASE = timedelta(seconds=60)


class Feeder:
    """One worker's link between the job table, which is the truth, and the queue, which is a hint."""

    def __init__(
        self,
        catalogue: Catalogue,
        owner: str,
        slots: Mapping[Lane, int],
        send: Callable[[Lease], None],
        clock: Clock,
    ) -> None:
        """`owner` names the worker process in the leases; `send` puts a message into the queue."""
        self._catalogue = catalogue
        self._owner = owner
        self._slots = slots
        self._send = send
        self._clock = clock
        self._in_hand: dict[int, Lane] = {}
        self._suspects = True  # until a look finds none

    @property
    def is_busy(self) -> bool:
        """Whether a job that was sent is still in its slot."""
        return bool(self._in_hand)

    def take_over(self) -> int:
        """Give back what a worker before this one held; only for who knows that it is gone (worker.lock)."""
        with self._catalogue.write() as connection:
            return release_leases(connection, timestamp(self._clock()), keep=self._owner)

    def step(self) -> int:
        """Lease and send what fits; returns how many jobs."""
        held = Counter(self._in_hand.copy().values())
        if all(held[lane] >= most for lane, most in self._slots.items()):
            return 0
        now = self._clock()
        until = timestamp(now + LEASE)
        with self._catalogue.write() as connection:
            self._suspects = self._suspects and any_suspect(connection)
            leases = take_jobs(
                connection, self._owner, self._slots, timestamp(now), until, suspects=self._suspects
            )
        for lease in leases:
            self._in_hand[lease.job_id] = lease.stage.lane
            self._send(lease)
        return len(leases)

    def done(self, job_id: int) -> None:
        """Say that a job that was sent has left its slot; from any thread."""
        self._in_hand.pop(job_id, None)

    def renew(self) -> None:
        """Say that this worker lives, well before its leases run out."""
        with self._catalogue.write() as connection:
            renew_leases(connection, self._owner, timestamp(self._clock() + LEASE))

    def release(self) -> None:
        """Give back, without blame, what this worker holds."""
        with self._catalogue.write() as connection:
            release_leases(connection, timestamp(self._clock()), owner=self._owner)
