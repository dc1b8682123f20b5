"""The catalogue on a PostgreSQL server, for any number of machines; imported only where one is set.

A session-wide advisory lock elects the sequencer. The server ends what a vanished machine held (row locks,
that lock) as soon as its keep-alives fail: half a minute.
"""

from datetime import datetime

import psycopg
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from evidence.catalogue.engine import Catalogue, Kind
from evidence.catalogue.types import json_text, json_value
from evidence.errors import (
    ConflictError,
    SettingsError,
    StorageFullError,
    UnavailableError,
    UnreadableError,
    VidneError,
)
from evidence.files import read_secret

# Any two numbers that no other program of this database uses: ASCII of "vidneLED" and "vidneSCH".
_SEQUENCER, _SCHEMA = 0x7669646E654C4544, 0x7669646E65534348
# A session may take its lock again and again; asked of pg_locks first, it is held once.
_LEAD = f"""
    SELECT CASE WHEN EXISTS (
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
        AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = {_SEQUENCER}
    ) THEN true ELSE pg_try_advisory_lock({_SEQUENCER}) END
"""  # noqa: S608 - the number is ours
_ORDER = "SELECT 'a'::text < 'B'::text, current_setting('server_encoding')"
_CONNECT_S = 5
_WRITTEN = ("ledger_body", "recorder", "link_message", "link_submission")  # what people say stands in these
_ALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# The same on the server's side: it must not wait hours for a machine that lost its power.
_OPTIONS = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c TimeZone=UTC"
# No class of SQLSTATE but the first two characters: 08 connection, 40 rollback, 53 resources, 57 operator.
# 55P03: a lock that was not to be had in time.
_PASSING = ("08", "40", "53", "55P03", "57")
# Said while connecting, where psycopg gives no SQLSTATE; a server with other words is waited for instead.
_REFUSES_US = ("password authentication failed", "no password supplied", "does not exist", "pg_hba.conf")
_NO_URL = ("connection option", "URI query parameter")
_REFUSED = ("28", "3D", "42501", "25006")


def open_server_catalogue(url: str, password_file: str = "", *, patience: int | None = None) -> Catalogue:
    """Open the catalogue at a `postgresql://` URL, making or migrating its tables; raises VidneError.

    `patience` is how many seconds a statement waits for a lock before UnavailableError; None: without end.
    """
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise SettingsError(
            "VIDNE_CATALOGUE_URL cannot be understood.", advice="Write postgresql://user@host:port/database."
        ) from error
    if password_file:
        parsed = parsed.set(password=read_secret(password_file, "VIDNE_CATALOGUE_PASSWORD_FILE"))
    engine = create_engine(
        parsed,
        connect_args={
            "connect_timeout": _CONNECT_S,
            "options": _OPTIONS if patience is None else f"{_OPTIONS} -c lock_timeout={patience}s",
            "application_name": "vidne",
            **_ALIVE,
        },
        isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours alone
        hide_parameters=True,  # an error in a log shows no values
        json_serializer=json_text,
        json_deserializer=json_value,
        poolclass=NullPool,
    )
    catalogue = Catalogue(engine, _POSTGRESQL)
    _require_binary_order(catalogue)
    catalogue.bring_up_to_date()
    return catalogue


def server_state(connection: Connection) -> tuple[str, datetime]:
    """The server's version, and what its clock shows."""
    version, now = connection.exec_driver_sql("SELECT version(), clock_timestamp()").one()
    return str(version).partition(" on ")[0], now


def _require_binary_order(catalogue: Catalogue) -> None:
    """Texts must sort by their bytes, as SQLite's do: times, labels, and prefixes that an index finds."""
    with catalogue.read() as connection:
        is_other, encoding = connection.exec_driver_sql(_ORDER).one()
    if is_other or encoding != "UTF8":
        order = "by a language" if is_other else "by bytes"
        raise UnreadableError(
            f"The catalogue's database has the encoding {encoding} and sorts {order}.",
            advice="Make it with: CREATE DATABASE vidne TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
        )


def _explain(error: Exception) -> VidneError | None:
    """What PostgreSQL says, for a person; where there is an SQLSTATE that decides, not the words."""
    state = getattr(error, "sqlstate", None) or ""
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    if state in ("53100", "53200"):
        return StorageFullError(
            f"The catalogue could not be written: {reason}.",
            advice="Make room on the database server and run the command again.",
        )
    if state == "23505":
        return ConflictError(
            f"Somebody else did the same at the same moment: {reason}.", advice="Look what is there by now."
        )
    if state.startswith(_REFUSED):
        return UnreadableError(
            f"The catalogue cannot be used: {reason}.",
            advice="See to VIDNE_CATALOGUE_URL and the user's rights.",
        )
    if not state:
        return _explain_connecting(error, reason)
    return _away(reason) if state.startswith(_PASSING) else None


def _explain_connecting(error: Exception, reason: str) -> VidneError | None:
    """What libpq says, which gives no SQLSTATE: a wrong setting passes with no waiting."""
    if isinstance(error, psycopg.ProgrammingError) and any(words in reason for words in _NO_URL):
        return SettingsError(
            f"VIDNE_CATALOGUE_URL cannot be understood: {reason}.",
            advice="Write postgresql://user@host:port/database.",
        )
    if not isinstance(error, psycopg.OperationalError):
        return None
    if any(words in reason for words in _REFUSES_US):
        return UnreadableError(
            f"The catalogue's server refuses this program: {reason}.",
            advice="See to VIDNE_CATALOGUE_URL and VIDNE_CATALOGUE_PASSWORD_FILE.",
        )
    return _away(reason)


def _away(reason: str) -> UnavailableError:
    return UnavailableError(
        f"The catalogue's server does not answer: {reason}.",
        advice="What was under way was done whole or not at all. Try again when the server is back.",
    )


_POSTGRESQL = Kind(
    read="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    write="BEGIN ISOLATION LEVEL READ COMMITTED",
    look="SELECT pg_current_snapshot()::text",  # its upper end moves with every transaction that writes
    explain=_explain,
    purge=tuple(f"VACUUM (FULL) {table}" for table in _WRITTEN),
    lock_schema=f"SELECT pg_advisory_xact_lock({_SCHEMA})",
    lead=_LEAD,
)
