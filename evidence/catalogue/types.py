"""The types of the catalogue's columns, read so that what somebody edited by hand is told of.

SQLite keeps what it is given, of whatever type; a server takes nothing but its columns' own. What is inside a
JSON value is nobody's check but ours.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import JSON, Dialect, LargeBinary, TypeDecorator
from sqlalchemy.types import TypeEngine

from evidence.errors import IntegrityError
from evidence.jsontypes import Json
from evidence.text import name_bytes, printable

E = TypeVar("E", bound=StrEnum)
Reader = Callable[[Any], Any]
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


class _Exact(TypeEngine[Any]):
    """What SQLite has is of `kind`; raises IntegrityError where it is not."""

    kind: type
    named: str

    def result_processor(self, dialect: Dialect, coltype: object) -> Reader | None:
        """See TypeEngine."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        kind, named = self.kind, self.named

        def read(value: object) -> object:
            if value is None or type(value) is kind:
                return value
            raise _misplaced(value, named)

        return read


class Text(_Exact, sqlalchemy.Text):
    """Text."""

    kind, named = str, "text"


class Integer(_Exact, sqlalchemy.Integer):
    """A whole number."""

    kind, named = int, "a whole number"


class Float(_Exact, sqlalchemy.Float[float]):
    """A number."""

    kind, named = float, "a number"


class JsonOf(TypeDecorator[Json]):
    """A JSON value of these kinds, `list` or `dict`; raises IntegrityError for another, on any engine."""

    impl = JSON
    cache_ok = True

    def __init__(self, *kinds: type[list[Json]] | type[dict[str, Json]]) -> None:
        super().__init__()
        self.kinds = kinds

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """See TypeDecorator."""
        if value is None or isinstance(value, self.kinds):
            return value
        raise _misplaced(value, f"a JSON {' or '.join(kind.__name__ for kind in self.kinds)}")


def _misplaced(value: object, what: str) -> IntegrityError:
    return IntegrityError(
        f"The catalogue has {printable(repr(value))} where {what} belongs: somebody edited it, or its disk is"
        " damaged.",
        advice=EDITED,
    )


def json_text(value: Json) -> str:
    """The text of a JSON value in the catalogue; the ledger has digests of it, so it does not change."""
    return json.dumps(value)


def json_value(text: str | bytes) -> Json:
    """The value of such a text; raises IntegrityError where it is none."""
    try:
        value: Json = json.loads(text)
    except (ValueError, TypeError) as error:
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
