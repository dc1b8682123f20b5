"""Bytes and JSON in the catalogue, read so that what somebody edited by hand is told of.

SQLite keeps what it is given, of whatever type.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Dialect, LargeBinary

from evidence.errors import IntegrityError
from evidence.jsontypes import Json
from evidence.text import name_bytes

E = TypeVar("E", bound=StrEnum)
# What to do about rows that the program cannot have written.
EDITED = "Find out who. vidne verify case tells what else; backups are restored as docs/deploy.md has it."


class Bytes(LargeBinary):
    """Bytes, also where somebody wrote text into the column: a check is to tell of it."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], bytes | None] | None:  # noqa: ARG002
        """For SQLite; a server gives bytes, as its driver has them."""
        if dialect.name != "sqlite":
            return None

        def read(value: object) -> bytes | None:
            return value if isinstance(value, bytes | None) else name_bytes(str(value))

        return read


def json_text(value: Json) -> str:
    """The text of a JSON value in the catalogue; the ledger has digests of it, so it does not change."""
    return json.dumps(value)


def json_value(text: str | bytes) -> Json:
    """The value of such a text; raises IntegrityError where it is none."""
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise IntegrityError(
            "A JSON value in the catalogue cannot be read: somebody edited it, or its disk is damaged.",
            advice=EDITED,
        ) from error
    return value


def one_of(kind: type[E], value: str, whose: str) -> E:
    """The value of a column that has one of a few words; raises IntegrityError for another."""
    try:
        return kind(value)
    except ValueError as error:
        raise IntegrityError(
            f"The catalogue has {value!r} of {whose}, which the program cannot have written.", advice=EDITED
        ) from error
