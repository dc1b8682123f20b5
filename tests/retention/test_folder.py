"""The folder store: what the contract of all stores does not say."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from retention.folder import FolderStore


def test_what_a_killed_put_left_is_swept_once_it_is_old_and_no_object_is(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects")
    folder = tmp_path / "objects" / "cases" / "c1"
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    for name, age in (("object", 3), (".put-old", 3), (".put-new", 0)):
        (folder / name).write_text("bytes")
        at = (now - timedelta(days=age)).timestamp()
        os.utime(folder / name, (at, at))
    assert list(store.list_keys("cases/")) == ["cases/c1/object"]
    assert store.sweep(now - timedelta(days=1)) == 1
    assert {path.name for path in folder.iterdir()} == {"object", ".put-new"}


def test_an_empty_store_is_swept_too(tmp_path: Path) -> None:
    assert FolderStore(tmp_path / "objects").sweep(datetime.now(UTC)) == 0
