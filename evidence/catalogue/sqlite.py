"""The catalogue in a file, opened so that a commit means durable."""

import sqlite3
import threading
import time
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from evidence.catalogue.engine import Catalogue, Kind
from evidence.catalogue.types import EDITED, json_text, json_value
from evidence.errors import IntegrityError, StorageFullError, UnreadableError, VidneError
from evidence.files import make_private_folder
from evidence.text import printable

BUSY_SECONDS = 30
_PAUSE_S = 0.01


def open_catalogue(path: Path, *, create: bool = True, patience: int = BUSY_SECONDS) -> Catalogue:
    """Open the SQLite catalogue at `path`, creating or migrating it where needed; raises VidneError.

    `patience` is how many seconds a transaction waits for another one's lock before it fails.
    """
    if not create and not path.exists():
        raise VidneError(
            f"There is no catalogue at {path}.", advice="Name the data folder with --data or VIDNE_DATA."
        )
    try:
        make_private_folder(path.parent)
    except OSError as error:
        raise UnreadableError(
            f"The data folder {printable(str(path.parent), limit=4096)} cannot be used: {error.strerror}.",
            advice="Name another with --data or VIDNE_DATA, or see to its permissions.",
        ) from error
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": patience, "isolation_level": None, "check_same_thread": False},
        isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours alone
        hide_parameters=True,  # an error in a log shows no values
        json_serializer=json_text,
        json_deserializer=json_value,
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _configure)
    catalogue = Catalogue(engine, _SQLITE, _Turn(patience))
    catalogue.bring_up_to_date()
    return catalogue


class _Turn:
    """Has the threads of this process write one after the other.

    SQLite's own wait sleeps between looks, for longer each time, while the lock may be free.
    """

    def __init__(self, patience: int) -> None:
        self._lock = threading.Lock()
        self._patience = patience

    def __enter__(self) -> None:
        # Not without end: where another program has the lock, each is told so, after twice this time at most.
        if not self._lock.acquire(timeout=self._patience):
            raise sqlite3.OperationalError("database is locked")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _configure(connection: object, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    _set_journal(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_journal(cursor: sqlite3.Cursor) -> None:
    """Where another makes the same new file, this alone is refused at once instead of waiting its turn."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _explain(error: Exception) -> VidneError | None:
    """What SQLite says, for a person."""
    reason = str(error)
    if "full" in reason or "disk I/O" in reason:
        return StorageFullError(
            f"The catalogue could not be written: {reason}.",
            advice="Make room on the disk of the data folder, or see why it fails; then try again.",
        )
    if "locked" in reason or "readonly" in reason or "unable to open" in reason:
        return UnreadableError(
            f"The catalogue cannot be used: {reason}.",
            advice="See that no other program holds it and that you may write to the data folder.",
        )
    if "decode" in reason:
        return IntegrityError(
            f"The catalogue has what is no text where text belongs: {reason}. Somebody edited it, or its disk"
            " is damaged.",
            advice=EDITED,
        )
    if "not a database" in reason or "malformed" in reason:
        return UnreadableError(
            f"The catalogue is damaged: {reason}.",
            advice="Keep a copy of the data folder as it is, and restore the catalogue from a backup.",
        )
    return None


# Two deferred transactions that read first and then write cannot both go on; IMMEDIATE queues them.
_SQLITE = Kind(
    read="BEGIN",
    write="BEGIN IMMEDIATE",
    look="PRAGMA data_version",
    explain=_explain,
    purge=("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"),
)
