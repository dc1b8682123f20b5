"""Upload links, requests to businesses, and uploads"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "upload_link",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.Text(), nullable=True),
        sa.Column("max_uses", sa.Integer(), nullable=False),
        sa.Column("max_files", sa.Integer(), nullable=False),
        sa.Column("max_bytes", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('personal', 'incident', 'visitor', 'business')", name=op.f("ck_upload_link_kind")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_upload_link_case_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["upload_link.id"], name=op.f("fk_upload_link_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_link")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_upload_link_token_sha256")),
    )
    op.create_index(op.f("ix_upload_link_case_id"), "upload_link", ["case_id"])
    op.create_index(op.f("ix_upload_link_parent_id"), "upload_link", ["parent_id"])
    op.create_table(
        "footage_request",
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("business", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column("wanted_from", sa.Text(), nullable=False),
        sa.Column("wanted_until", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("order_reference", sa.Text(), nullable=False),
        sa.Column("overwritten_at", sa.Text(), nullable=True),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["upload_link.id"], name=op.f("fk_footage_request_link_id")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_footage_request")),
    )
    op.create_index("ix_footage_request_overwritten_at", "footage_request", ["overwritten_at"])
    op.create_table(
        "link_message",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["upload_link.id"], name=op.f("fk_link_message_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_message")),
    )
    op.create_index(op.f("ix_link_message_link_id"), "link_message", ["link_id"])
    op.create_table(
        "link_submission",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("receipt_sha256", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("begun_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["upload_link.id"], name=op.f("fk_link_submission_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_submission")),
        sa.UniqueConstraint("receipt_sha256", name=op.f("uq_link_submission_receipt_sha256")),
    )
    op.create_index(op.f("ix_link_submission_link_id"), "link_submission", ["link_id"])
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column(
            "offset",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            server_default="0",
            nullable=False,
        ),
        sa.Column("token", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("home", sa.Text(), server_default="", nullable=False),
        sa.Column("browser_sha256", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("scan", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "state IN ('receiving', 'complete', 'filed', 'terminated', 'expired', 'refused')",
            name=op.f("ck_upload_state"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["link_submission.id"], name=op.f("fk_upload_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index(
        "ix_upload_open",
        "upload",
        ["state", "expires_at"],
        sqlite_where=sa.text("state IN ('receiving', 'complete')"),
        postgresql_where=sa.text("state IN ('receiving', 'complete')"),
    )
    op.create_index(op.f("ix_upload_submission_id"), "upload", ["submission_id"])
    op.create_table(
        "upload_chunk",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column(
            "start",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("size", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_chunk_upload_id")),
        sa.PrimaryKeyConstraint("upload_id", "start", name=op.f("pk_upload_chunk")),
    )
    op.create_index(
        "ix_link_submission_going_on",
        "link_submission",
        ["begun_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_submission_incomplete",
        "submission",
        ["id"],
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
