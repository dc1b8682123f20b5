"""Bringing an older catalogue up to date with Alembic, in the caller's transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from evidence.errors import VidneError


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, bound to an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision`; raises VidneError for a catalogue of a later version."""
    from alembic.util import CommandError  # noqa: PLC0415 - beside its one use

    try:
        command.upgrade(configuration(connection), revision)
    except CommandError as error:
        raise VidneError(
            f"The catalogue was written by another version of Vidne: {error}.",
            advice="Use the version that wrote it, or a later one.",
        ) from error
