"""Opening the catalogue: SQLite so that a commit means durable, and writers never deadlock."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from evidence.catalogue.tables import metadata
from evidence.errors import StorageFullError, UnreadableError, VidneError
from evidence.text import printable

__all__ = ["Catalogue", "Connection", "open_catalogue"]

# Bumped with each migration; Alembic is imported only where the file is behind (it costs half a second).
SCHEMA = "0010"
BUSY_SECONDS = 30
_VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"


class Catalogue:
    """A catalogue and its two ways in: `read()` sees one snapshot, `write()` is one transaction."""

    def __init__(self, engine: Engine) -> None:
        """Wrap an engine made by `open_catalogue`."""
        self._engine = engine
        self._idle: list[Connection] = []

    def read(self) -> AbstractContextManager[Connection]:
        """One snapshot for queries."""
        return self._transaction("BEGIN")

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the write lock from its start; commits, or rolls back on an error."""
        # Two deferred transactions that read first and then write cannot both go on; IMMEDIATE queues them.
        return self._transaction("BEGIN IMMEDIATE")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with _clear_errors():
            # A connection is used again as it is: SQLAlchemy's own pool and BEGIN cost more than a query.
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                database = connection.connection.cursor()
                database.execute(begin)
                yield connection
                database.execute("COMMIT")
            except BaseException:
                # It rolls back, unless SQLite did (a full disk) or an interruption has closed it already.
                with suppress(DatabaseError):
                    connection.close()
                raise
            self._idle.append(connection)

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        connection.begin()  # for SQLAlchemy it lasts as long as the connection; BEGIN and COMMIT are ours
        return connection

    def watch(self) -> "Watch":
        """See Watch."""
        return Watch(self._engine)

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()


class Watch:
    """Tells whether anybody committed since the last look, for the price of one pragma instead of a query."""

    def __init__(self, engine: Engine) -> None:
        """Takes a connection of its own: what is committed on that one would not count."""
        self._connection = engine.raw_connection()
        self._seen: object = None

    def changed(self) -> bool:
        """Whether there is something new; True at the first look."""
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA data_version")
        found = cursor.fetchone()
        cursor.close()
        before, self._seen = self._seen, found
        return bool(found != before)


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        reason = str(error.orig if isinstance(error, DatabaseError) else error)
        if "full" in reason or "disk I/O" in reason:
            raise StorageFullError(
                f"The catalogue could not be written: {reason}.",
                advice="Make room on the disk of the data folder and run the command again.",
            ) from error
        if "locked" in reason or "readonly" in reason or "unable to open" in reason:
            raise UnreadableError(
                f"The catalogue cannot be used: {reason}.",
                advice="See that no other program holds it and that you may write to the data folder.",
            ) from error
        if "not a database" in reason or "malformed" in reason:
            raise UnreadableError(
                f"The catalogue is damaged: {reason}.",
                advice="Keep a copy of the data folder as it is, and restore the catalogue from a backup.",
            ) from error
        raise


def open_catalogue(path: Path, *, create: bool = True) -> Catalogue:
    """Open the SQLite catalogue at `path`, creating or migrating it where needed; raises VidneError."""
    if not create and not path.exists():
        raise VidneError(
            f"There is no catalogue at {path}.", advice="Name the data folder with --data or VIDNE_DATA."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableError(
            f"The data folder {printable(str(path.parent), limit=4096)} cannot be used: {error.strerror}.",
            advice="Name another with --data or VIDNE_DATA, or see to its permissions.",
        ) from error
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours alone
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _configure)
    catalogue = Catalogue(engine)
    with _clear_errors():
        _bring_up_to_date(catalogue)
    return catalogue


def _configure(connection: object, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _bring_up_to_date(catalogue: Catalogue) -> None:
    with catalogue.read() as connection:
        if _version(connection) == SCHEMA:
            return
    with catalogue.write() as connection:  # the lock: another process may be doing the same
        found = _version(connection)
        if found == SCHEMA:
            return
        if found is None and not inspect(connection).get_table_names():
            metadata.create_all(connection)
            connection.execute(
                text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            )
            connection.execute(text("INSERT INTO alembic_version VALUES (:v)"), {"v": SCHEMA})
            return
        from evidence.catalogue.migrate import upgrade  # noqa: PLC0415 - slow import, rarely needed

        upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
