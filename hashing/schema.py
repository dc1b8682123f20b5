"""Strict reading of the objects in a record: exactly the fields it has, each of its type and form."""

import re
from collections.abc import Set

from evidence.errors import IntegrityError
from evidence.jsontypes import Json, JsonObject
from hashing.canonical import MAX_INTEGER

SHA256 = re.compile(r"[0-9a-f]{64}")
EXHIBIT = re.compile(r"[A-Za-z0-9-]{0,32}")
ROLE = re.compile(r"[a-z][a-z-]{0,31}")


class SchemaError(IntegrityError):
    """A record is canonical JSON, but not of the form that its version has."""


class Fields:
    """The fields of one object of a record; every method raises SchemaError naming the field."""

    def __init__(self, value: Json, what: str, names: Set[str]) -> None:
        """`what` names the object within a sentence; `names` are exactly its fields."""
        if not isinstance(value, dict):
            raise SchemaError(f"In place of {what} stands something else than an object.")
        if value.keys() != names:
            name = min(value.keys() ^ names)
            problem = "is missing from" if name in names else "is unknown in"
            raise SchemaError(f"The field {name!r} {problem} {what}.")
        self._value: JsonObject = value
        self._what = what

    def version(self, known: int = 1) -> None:
        """Demand that the field `v` is the version that this program knows."""
        found = self.integer("v")
        if found != known:
            raise SchemaError(
                f"The version of {self._what} is {found}; this program knows version {known}.",
                advice="Use a newer Vidne.",
            )

    def text(self, name: str, form: re.Pattern[str] | None = None) -> str:
        """A string, of the given form where there is one."""
        value = self._value[name]
        if not isinstance(value, str) or (form and not form.fullmatch(value)):
            raise SchemaError(f"The field {name!r} of {self._what} is malformed.")
        return value

    def integer(self, name: str, least: int = 0) -> int:
        """An integer from `least` to 2^53-1."""
        value = self._value[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_INTEGER:
            raise SchemaError(f"The field {name!r} of {self._what} is not an integer from {least}.")
        return value

    def items(self, name: str) -> list[Json]:
        """A list."""
        value = self._value[name]
        if not isinstance(value, list):
            raise SchemaError(f"The field {name!r} of {self._what} is not a list.")
        return value

    def texts(self, name: str, form: re.Pattern[str] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        found = [item for item in self.items(name) if isinstance(item, str)]
        if len(found) != len(self.items(name)) or (form and not all(form.fullmatch(item) for item in found)):
            raise SchemaError(f"The field {name!r} of {self._what} is malformed.")
        return tuple(found)

    def object(self, name: str) -> JsonObject:
        """An object with any fields."""
        value = self._value[name]
        if not isinstance(value, dict):
            raise SchemaError(f"The field {name!r} of {self._what} is not an object.")
        return value

    def nullable_object(self, name: str) -> JsonObject | None:
        """An object with any fields, or null."""
        return None if self._value[name] is None else self.object(name)
