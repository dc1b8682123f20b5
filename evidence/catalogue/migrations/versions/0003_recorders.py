"""Recorders, readings of their clocks, and the exhibits that they made"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "recorder",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("retrieved_by", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_recorder_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recorder")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_recorder_case_id_number")),
    )
    op.create_table(
        "clock_reading",
        sa.Column("recorder_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("true", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("uncertainty_s", sa.Float(), nullable=True),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.Column("read_at", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["recorder_id"], ["recorder.id"], name=op.f("fk_clock_reading_recorder_id")),
        sa.PrimaryKeyConstraint("recorder_id", "number", name=op.f("pk_clock_reading")),
    )
    op.create_table(
        "exhibit_recorder",
        sa.Column("exhibit_id", sa.Text(), nullable=False),
        sa.Column("recorder_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_exhibit_recorder_exhibit_id")),
        sa.ForeignKeyConstraint(
            ["recorder_id"], ["recorder.id"], name=op.f("fk_exhibit_recorder_recorder_id")
        ),
        sa.PrimaryKeyConstraint("exhibit_id", name=op.f("pk_exhibit_recorder")),
    )
    op.create_index("ix_exhibit_recorder_recorder_id", "exhibit_recorder", ["recorder_id"])
