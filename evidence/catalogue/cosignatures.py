"""Cosignatures of the ledger's checkpoints, as witnesses gave them."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from evidence.catalogue.ledger_tables import ledger_cosignature


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """A witness's signature line on the checkpoint over `size` entries; `key_id` is hexadecimal."""

    size: int
    key_id: str
    name: str
    line: bytes
    at: str


def add_cosignature(connection: Connection, row: CosignatureRow) -> None:
    """Keep a cosignature; the first one of a key on a size stays."""
    if find_cosignature(connection, row.size, row.key_id) is None:
        connection.execute(
            insert(ledger_cosignature).values(
                size=row.size, key_id=row.key_id, name=row.name, line=row.line, at=row.at
            )
        )


def find_cosignature(connection: Connection, size: int, key_id: str) -> CosignatureRow | None:
    """The cosignature of that key on the checkpoint over `size` entries."""
    statement = select(ledger_cosignature).where(
        ledger_cosignature.c.size == size, ledger_cosignature.c.key_id == key_id
    )
    row = connection.execute(statement).one_or_none()
    return CosignatureRow(row.size, row.key_id, row.name, row.line, row.at) if row else None


def newest_cosignature(connection: Connection, key_id: str) -> CosignatureRow | None:
    """The cosignature of that key on the checkpoint over the most entries."""
    statement = (
        select(ledger_cosignature)
        .where(ledger_cosignature.c.key_id == key_id)
        .order_by(ledger_cosignature.c.size.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return CosignatureRow(row.size, row.key_id, row.name, row.line, row.at) if row else None


def newest_lines(connection: Connection) -> dict[int, list[bytes]]:
    """Of each witness that ever cosigned the newest checkpoint: its size, and all the lines on that."""
    columns = ledger_cosignature.c
    newest = select(func.max(columns.size)).group_by(columns.key_id)
    sizes = sorted(set(connection.execute(newest).scalars()))
    return {size: lines_over(connection, size) for size in sizes}


def lines_over(connection: Connection, size: int) -> list[bytes]:
    """All cosignatures on the checkpoint over `size` entries, as lines of its note."""
    statement = (
        select(ledger_cosignature.c.line)
        .where(ledger_cosignature.c.size == size)
        .order_by(ledger_cosignature.c.name, ledger_cosignature.c.key_id)
    )
    return list(connection.execute(statement).scalars())
