"""The index by capture time has the exhibit as well"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.drop_index("ix_capture_time_shown", "capture_time")
    op.create_index("ix_capture_time_shown", "capture_time", ["shown", "exhibit_id"])
