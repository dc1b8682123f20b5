"""A rebuild that is interrupted, and what it refuses."""

from pathlib import Path

import pytest

from apps.rebuild import Rebuilder
from apps.wiring import Application
from evidence.settings import Settings
from tests.system.program import CASE, Program


class StoppedError(Exception):
    """The power went."""


def test_a_rebuild_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(tmp_path / "data")
    program.open_case()
    for name in "abc":
        (tmp_path / name).write_text(name)
    program.run("submit", *(tmp_path / name for name in "abc"), "--case", CASE, "--wait", check=3)
    program.run("verify", "archive")
    exhibits = program.exhibits()
    query = "SELECT key, sha256, blake3, version_id FROM stored_object ORDER BY key"
    objects = program.query(query)
    for path in program.data.glob("catalogue.sqlite3*"):
        path.unlink()
    monkeypatch.setattr("apps.rebuild._BATCH", 3)

    class Interrupted(Rebuilder):
        def _restore(self, index: int, batch: list[bytes]) -> None:
            if index == 9:
                raise StoppedError
            super()._restore(index, batch)

    app = Application(Settings.from_environment({}, data=program.data))
    with pytest.raises(StoppedError):
        Interrupted(app).run()
    assert app.ledger.size() == 9
    found = Rebuilder(app).run()
    app.catalogue.close()
    assert found.missing == []
    assert program.query(query) == objects
    keys = ("exhibit", "state", "sha256", "size")
    assert [[item[key] for key in keys] for item in program.exhibits()] == [
        [item[key] for key in keys] for item in exhibits
    ]
    assert program.query("SELECT exhibit_id FROM job GROUP BY exhibit_id HAVING count(*) <> 4") == []
    program.run("verify", "archive", check=3)


def test_without_a_published_log_or_its_key_nothing_is_rebuilt(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    assert "verifier key" in program.run("rebuild", check=6).err
    program.open_case()
    (program.data / "objects").rename(tmp_path / "elsewhere")
    assert "The store holds no published log" in program.run("rebuild", check=2).err
