"""Rolling retention: locks are moved on in time, and from where a round was stopped."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.wiring import Application
from evidence.catalogue.retention import last_round
from evidence.errors import UnavailableError
from evidence.settings import Settings
from hashing.publication import locked_keys
from retention.keeping import Keeper
from retention.keys import LEDGER
from retention.s3 import S3Store
from tests.servers import S3Server
from tests.system.program import CASE, Program

DAY = timedelta(days=1)
NAME_VERSION = "UPDATE stored_object SET version_id = ? WHERE key = ?"


@dataclass
class Kept:
    """An archive on S3 of three notes, and a keeper whose clock the test moves."""

    store: S3Store
    app: Application
    keys: dict[str, str]  # originals and manifests, with their versions
    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def keeper(self, store: S3Store | None = None) -> Keeper:
        return Keeper(self.app.catalogue, store or self.store, days=30, prefix=LEDGER, clock=self.now)

    def days_left(self) -> set[int]:
        """For how many days from the keeper's now the objects are locked."""
        left = (self.store.retained_until(key, version) for key, version in self.keys.items())
        return {round((until - self.now()) / DAY) for until in left if until}

    def failed(self) -> int:
        with self.app.catalogue.read() as connection:
            found = last_round(connection)
        assert found is not None
        return found.failed


@pytest.fixture
def kept(s3: S3Server, tmp_path: Path) -> Kept:
    bucket = s3.new_bucket()
    settings = s3.settings(bucket, tmp_path / "secret")
    program = Program(tmp_path / "data", settings)
    program.open_case()
    for name in "abc":
        (tmp_path / name).write_text(name)
    program.run("submit", *(tmp_path / name for name in "abc"), "--case", CASE, "--wait", check=3)
    program.run("verify", "case", CASE, check=None)
    rows = program.query(
        "SELECT key, version_id FROM stored_object WHERE role IN ('original', 'manifest') ORDER BY id"
    )
    app = Application(Settings.from_environment(settings, data=program.data))
    assert isinstance(app.store, S3Store)
    with app.catalogue.write() as connection:  # a round that the worker began, or not, is not the test's
        connection.exec_driver_sql("DELETE FROM retention_round")
    log = {key: there.version_id for key in locked_keys(app.store, LEDGER) if (there := app.store.stat(key))}
    return Kept(app.store, app, {**dict(rows), **log})


def test_locks_are_moved_on_a_third_of_the_days_later_and_not_before(kept: Kept) -> None:
    assert kept.days_left() == {30}
    for ahead, extended, left in ((0, True, 30), (9, False, 21), (11, True, 30), (20, False, 21)):
        kept.ahead = ahead * DAY
        assert (kept.keeper().run_once() == len(kept.keys)) is extended
        assert kept.days_left() == {left}
    assert kept.failed() == 0


def test_a_round_that_was_stopped_goes_on_behind_what_it_did(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retention.keeping._PAGE", 1)
    done: list[str] = []

    class Away(S3Store):
        def retain(self, key: str, version_id: str, until: datetime) -> None:
            if key.startswith("cases/") and len([k for k in done if k.startswith("cases/")]) == 2:
                raise UnavailableError("The cable was pulled.")
            super().retain(key, version_id, until)
            done.append(key)

    kept.ahead = 5 * DAY
    away = Away(kept.store._client, kept.store.bucket, days=30)
    with pytest.raises(UnavailableError):
        kept.keeper(away).run_once()
    assert kept.days_left() == {25, 30}
    assert kept.keeper().run_once() == len(kept.keys) - len(done)
    assert kept.days_left() == {30}
    assert len(done) > 2


def test_an_object_that_cannot_be_extended_stops_no_other_and_is_tried_again_soon(
    kept: Kept, s3: S3Server
) -> None:
    gone, version = next(iter(kept.keys.items()))
    with kept.app.catalogue.write() as connection:
        connection.exec_driver_sql(NAME_VERSION, ("no", gone))
    kept.ahead = 5 * DAY
    assert kept.keeper().run_once() == len(kept.keys) - 1
    assert kept.failed() == 1
    assert kept.days_left() == {25, 30}
    with kept.app.catalogue.write() as connection:
        connection.exec_driver_sql(NAME_VERSION, (version, gone))
    kept.ahead += timedelta(hours=7)
    kept.keeper().run_once()
    assert kept.days_left() == {30}


def test_a_clock_set_back_shortens_no_lock(kept: Kept) -> None:
    kept.ahead = 5 * DAY
    kept.keeper().run_once()
    kept.ahead = -5 * DAY
    kept.keeper().run_once()
    kept.ahead = 5 * DAY
    assert kept.days_left() == {30}


def test_the_worker_begins_a_round_by_itself(s3: S3Server, tmp_path: Path) -> None:
    program = Program(tmp_path / "data", s3.settings(s3.new_bucket(), tmp_path / "secret"))
    program.open_case()
    (tmp_path / "note").write_text("note")
    program.run("submit", tmp_path / "note", "--case", CASE, "--wait", check=3)
    assert program.query("SELECT count(*) FROM retention_round WHERE finished_at IS NOT NULL") == [(1,)]
