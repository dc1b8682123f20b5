"""A stored object as a file on this machine, for programs that read files."""

import shutil
from pathlib import Path

from evidence.ports import ObjectStore


def local_file(store: ObjectStore, key: str, version_id: str, target: Path) -> Path:
    """The object itself where the store has it as a file, else a copy of it at `target`.

    What was copied is not compared with anything. Raises what `open` of the store does.
    """
    local = store.local_path(key, version_id)
    if local is not None:
        return local
    with store.open(key, version_id) as stream, target.open("wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
    return target
