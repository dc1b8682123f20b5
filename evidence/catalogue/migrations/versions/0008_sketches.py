"""Sketches, by which excerpts and similar pictures are recognised; earlier exhibits get them on request"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "sketch",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("exhibit_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_sketch_exhibit_id")),
        sa.PrimaryKeyConstraint("kind", "exhibit_id", "part", name=op.f("pk_sketch")),
    )
    op.create_index("ix_sketch_exhibit_id", "sketch", ["exhibit_id"])
