from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence.catalogue.cases import Case, find_case, open_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import Exhibit, list_exhibits
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import Lease, take_jobs
from evidence.catalogue.sqlite import open_catalogue
from evidence.clock import system_clock, timestamp
from evidence.exhibits import Source
from evidence.ports import ObjectStore
from ingest.pipeline import Pipeline
from ingest.receive import Intaker
from retention.folder import FolderStore
from tests.shown import check_shown

NUMBER = "0100-10293-00001-26"
SLOTS = {Lane.FAST: 2, Lane.SLOW: 1}


@dataclass
class Desk:
    """A data folder with one open case, worked on from inside this process."""

    data: Path
    catalogue: Catalogue
    store: ObjectStore

    @property
    def spool(self) -> Path:
        return self.data / "spool"

    def case(self, number: str = NUMBER) -> Case:
        with self.catalogue.read() as connection:
            return find_case(connection, number)

    def intaker(self, **options: Any) -> Intaker:
        return Intaker(
            self.catalogue,
            self.spool,
            self.case(),
            source=Source.SEIZED,
            actor="tester",
            clock=system_clock,
            **options,
        )

    def pipeline(self, store: ObjectStore | None = None) -> Pipeline:
        return Pipeline(
            self.catalogue, store or self.store, spool=self.spool, work=self.data / "work", clock=system_clock
        )

    def lease(self, owner: str = "w1") -> list[Lease]:
        now = timestamp(system_clock())
        with self.catalogue.write() as connection:
            return take_jobs(connection, owner, SLOTS, now, now)

    def work(self, until: Callable[[Lease], bool] = lambda _: False) -> None:
        """Run every job that is ready, one after the other, up to one that `until` names."""
        while leases := self.lease():
            for lease in leases:
                if until(lease):
                    return
                self.pipeline().run(lease.job_id, lease.token)

    def exhibits(self) -> list[Exhibit]:
        with self.catalogue.read() as connection:
            return list_exhibits(connection)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self.catalogue.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Whatever a test does to it through the program: what it shows in the end is what its events say."""
    catalogue = open_catalogue(tmp_path / "data" / "catalogue.sqlite3")
    with catalogue.write() as connection:
        case = open_case(connection, NUMBER, timestamp(system_clock()))
    made = Desk(tmp_path / "data", catalogue, FolderStore(tmp_path / "data" / "objects"))
    yield made
    found = check_shown(catalogue, case.id)
    assert [defect for defect in found.defects if not defect.subject.startswith("case ")] == []


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A file that is received and sealed like any other, and refused without ffmpeg."""
    path = tmp_path / "note.txt"
    path.write_text("Seen at the back door at nine.\n")
    return path
