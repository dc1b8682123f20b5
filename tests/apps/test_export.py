"""The event of an export: sequenced here, or waited for, and never for ever."""

from pathlib import Path

import pytest

from apps import export, sequencing
from apps.lock import try_worker_lock
from apps.wiring import Application
from evidence.clock import system_clock, timestamp
from evidence.custody import CustodyEvent
from evidence.errors import IncompleteError
from evidence.settings import Settings


def event(name: str) -> CustodyEvent:
    return CustodyEvent(f"{name}:test.event", "test.event", timestamp(system_clock()), "system", "case2b")


def test_with_no_worker_the_event_is_sequenced_here(tmp_path: Path) -> None:
    app = Application(Settings(data=tmp_path))
    first, second = export.file_event(app, event("a")), export.file_event(app, event("b"))
    assert [(row.case_seq, row.index) for row in (first, second)] == [(1, 0), (2, 1)]


def test_a_worker_that_never_sequences_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Application(Settings(data=tmp_path))
    monkeypatch.setattr(sequencing, "_WAIT_S", 0.3)
    with try_worker_lock(app.settings.worker_lock_path) as is_ours:
        assert is_ours
        with pytest.raises(IncompleteError, match="has not given the export its place"):
            export.file_event(app, event("a"))
    assert app.ledger.pending_count("case2b") == 1  # it is not lost
