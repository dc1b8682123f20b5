"""Many rows in one statement: PostgreSQL takes a column as one array at half the price of a row each."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import ARRAY, ColumnElement, Connection, Insert, Table, any_, bindparam, func, insert, select


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert `rows`, one or more, which name the same columns, in their order."""
    if len(rows) == 1:
        connection.execute(_plain(table), rows[0])
        return
    if connection.dialect.name != "postgresql":
        connection.execute(_plain(table), rows)
        return
    names = tuple(rows[0])
    columns = {name: [row[name] for row in rows] for name in names}
    connection.execute(_of_arrays(table, names), columns)


def is_among(connection: Connection, column: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """Whether `column` is one of the integers that are given for the parameter `name`."""
    if connection.dialect.name != "postgresql":
        return column.in_(bindparam(name, expanding=True))
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


@lru_cache
def _plain(table: Table) -> Insert:
    return insert(table).inline()  # nobody asks for the keys that the database gives


@lru_cache
def _of_arrays(table: Table, names: tuple[str, ...]) -> Insert:
    # One dimension: a list is also what may stand in a column of JSON.
    arrays = (func.unnest(bindparam(name, type_=ARRAY(table.c[name].type, dimensions=1))) for name in names)
    return insert(table).from_select(names, select(*arrays))
