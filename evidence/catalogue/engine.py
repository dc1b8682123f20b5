"""The catalogue's transactions, on whichever database; sqlite.py and postgres.py open one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from evidence.catalogue.schema import metadata
from evidence.errors import VidneError

__all__ = ["Catalogue", "Connection", "Kind"]

# Bumped with each migration; Alembic is imported only where the file is behind (it costs half a second).
SCHEMA = "0012"


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between databases."""

    read: str
    write: str  # how a transaction begins
    look: str  # a query whose answer is another one once somebody has committed
    explain: Callable[[Exception], VidneError | None]
    # Not only what is free now is written anew: rows that moved have left copies in pages that are in use.
    purge: tuple[str, ...]
    lock_schema: str = ""  # run in the transaction that makes or migrates the tables
    lead: str = ""  # a query: whether this connection now holds the sequencer's lock; empty: no such lock


class Catalogue:
    """A catalogue and its two ways in: `read()` sees one snapshot, `write()` is one transaction.

    Where the server goes away in a transaction, UnavailableError is raised: nothing of it was done, or, where
    it went at the very end, all. Whoever tries again must bear both.
    """

    def __init__(
        self, engine: Engine, kind: Kind, turn: AbstractContextManager[object] | None = None
    ) -> None:
        """`engine` gives connections in autocommit; `turn` is held by the thread that writes."""
        self._engine = engine
        self._kind = kind
        self._turn = turn or nullcontext()
        self._idle: list[Connection] = []
        self._leader: Connection | None = None

    @property
    def is_server(self) -> bool:
        """Whether other machines may work on this catalogue."""
        return bool(self._kind.lead)

    def read(self) -> AbstractContextManager[Connection]:
        """One snapshot for queries."""
        return self._transaction(self._kind.read, nullcontext())

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction for changes; commits, or rolls back on an error.

        SQLite gives the write lock from its start. PostgreSQL lets several write at once and shows each
        statement what was committed before it: who decides on what it reads locks the row first.
        """
        return self._transaction(self._kind.write, self._turn)

    @contextmanager
    def _transaction(self, begin: str, turn: AbstractContextManager[object]) -> Iterator[Connection]:
        with self.clear_errors(), turn:
            connection = self._begun(begin)
            try:
                yield connection
                connection.connection.cursor().execute("COMMIT")
            except BaseException:
                # It rolls back, unless the database did (a full disk) or an interruption has closed it.
                with suppress(DBAPIError):
                    connection.close()
                raise
            self._idle.append(connection)

    def _begun(self, begin: str) -> Connection:
        """A connection in a transaction; one that lost its server while it lay idle is replaced."""
        # A connection is used again as it is: SQLAlchemy's own pool and BEGIN cost more than a query.
        while (connection := self._idle_one()) is not None:
            try:
                connection.connection.cursor().execute(begin)
            except BaseException as error:
                is_lost = self._is_lost(connection, error)
                with suppress(DBAPIError):
                    connection.close()
                if not is_lost:
                    raise
            else:
                return connection
        connection = self._connect()
        connection.connection.cursor().execute(begin)
        return connection

    def _idle_one(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:  # threads ask at once: to look first whether there is one would not be enough
            return None

    def _is_lost(self, connection: Connection, error: BaseException) -> bool:
        raw = connection.connection.dbapi_connection
        known = self._engine.dialect.loaded_dbapi.Error
        return isinstance(error, known) and self._engine.dialect.is_disconnect(error, raw, None)

    def _connect(self) -> Connection:
        connection = self._engine.connect()
        connection.begin()  # for SQLAlchemy it lasts as long as the connection; BEGIN and COMMIT are ours
        return connection

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Raise what the database says as a VidneError where a person can act on it."""
        try:
            yield
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            told = self._kind.explain(cause) if isinstance(cause, Exception) else None
            if told is None:
                raise
            raise told from error

    def lead(self) -> bool:
        """Whether this process is the one that sequences; once it is, it stays so until it ends.

        On SQLite worker.lock decides, and this says yes. Not for several threads at once.
        """
        if not self._kind.lead:
            return True
        try:
            with self.clear_errors():
                self._leader = self._leader or self._connect()
                return bool(self._leader.exec_driver_sql(self._kind.lead).scalar())
        except VidneError:
            if self._leader:
                with suppress(DBAPIError):
                    self._leader.close()  # the lock went with the connection
            self._leader = None
            raise

    def watch(self) -> "Watch":
        """See Watch."""
        return Watch(self._connect, self._kind.look, self.clear_errors)

    def purge(self) -> bool:
        """Write anew what bodies and recorders lie in, without what was deleted, and empty SQLite's journal.

        False where a reader kept that from being emptied for half a minute: it then holds what was deleted.
        A server's own write-ahead log, its archive and its backups are its operator's.
        """
        with self.clear_errors(), self._connect() as connection:
            cursor = connection.connection.cursor()
            for statement in self._kind.purge:
                cursor.execute(statement)
            (is_busy, *_) = (cursor.fetchone() or (1,)) if cursor.description else (0,)
            return not is_busy

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            self._idle.pop().close()
        if self._leader:
            self._leader.close()
        self._engine.dispose()

    def bring_up_to_date(self) -> None:
        """Make the tables, or migrate them; raises VidneError."""
        with self.clear_errors():
            with self.read() as connection:
                if _version(connection) == SCHEMA:
                    return
            with self.write() as connection:  # the lock: another process may be doing the same
                if self._kind.lock_schema:
                    connection.exec_driver_sql(self._kind.lock_schema)
                _migrate(connection)


class Watch:
    """Tells whether anybody committed since the last look, for the price of one pragma instead of a query."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        look: str,
        clear_errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Takes a connection of its own: what is committed on that one would not count."""
        self._connect = connect
        self._clear_errors = clear_errors
        self._look = look
        self._connection: Connection | None = None
        self._seen: object = None

    def changed(self) -> bool:
        """Whether there is something new; True at the first look, and after a loss of the connection."""
        try:
            with self._clear_errors():
                self._connection = self._connection or self._connect()
                cursor = self._connection.connection.cursor()
                cursor.execute(self._look)
                found = cursor.fetchone()
                cursor.close()
        except VidneError:
            if self._connection:
                with suppress(DBAPIError):
                    self._connection.close()
            self._connection = self._seen = None
            raise
        before, self._seen = self._seen, found
        return bool(found != before)


def _migrate(connection: Connection) -> None:
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
