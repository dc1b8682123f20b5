"""Fingerprints by which a rewrapped or cut file is recognised; the first pieces of exhibits that are there"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    table = op.create_table(
        "fingerprint",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("exhibit_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_fingerprint_exhibit_id")),
        sa.PrimaryKeyConstraint("mark", "value", "exhibit_id", "part", name=op.f("pk_fingerprint")),
    )
    op.create_index("ix_fingerprint_exhibit_id", "fingerprint", ["exhibit_id"])
    exhibits = sa.table(
        "exhibit",
        sa.column("id", sa.Text()),
        sa.column("size", sa.Integer()),
        sa.column("piece_size", sa.Integer()),
        sa.column("pieces_blake3", sa.JSON()),
    )
    large = sa.select(exhibits).where(exhibits.c.size >= exhibits.c.piece_size)
    rows = [
        {"mark": "piece", "value": row.pieces_blake3[0], "exhibit_id": row.id, "part": "original"}
        for row in op.get_bind().execute(large)
        if row.pieces_blake3
    ]
    if rows:
        op.bulk_insert(table, rows)
