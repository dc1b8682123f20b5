"""Members of archives"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["archive_id"], ["exhibit.id"], name=op.f("fk_member_archive_id")),
        sa.ForeignKeyConstraint(
            ["submission_id", "ordinal"],
            ["submitted_file.submission_id", "submitted_file.ordinal"],
            name=op.f("fk_member_submitted_file"),
        ),
        sa.PrimaryKeyConstraint("archive_id", "place", name=op.f("pk_member")),
        sa.UniqueConstraint("submission_id", "ordinal", name=op.f("uq_member_submission_id_ordinal")),
    )
