"""Where a job can be done, suspects by an index; when and where exhibits were taken, as a search needs it"""

import sqlalchemy as sa
from alembic import op

from evidence.catalogue.captures import captures_in

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("job", sa.Column("home", sa.Text(), server_default="", nullable=False))
    for name, table, columns, where in (
        ("ix_job_suspect", "job", ["priority", "id"], sa.text("crashes > 0")),
        ("ix_exhibit_spool", "exhibit", ["spool"], sa.text("spool IS NOT NULL")),
    ):
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    times = op.create_table(
        "capture_time",
        sa.Column("exhibit_id", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_capture_time_exhibit_id")),
        sa.PrimaryKeyConstraint("exhibit_id", "shown", name=op.f("pk_capture_time")),
    )
    op.create_index("ix_capture_time_shown", "capture_time", ["shown"])
    places = op.create_table(
        "capture_place",
        sa.Column("exhibit_id", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_capture_place_exhibit_id")),
        sa.PrimaryKeyConstraint("exhibit_id", "latitude", "longitude", name=op.f("pk_capture_place")),
    )
    op.create_index("ix_capture_place_position", "capture_place", ["latitude", "longitude"])
    sections = sa.table(
        "section",
        sa.column("exhibit_id", sa.Text()),
        sa.column("name", sa.Text()),
        sa.column("value", sa.JSON()),
    )
    known = sa.select(sections).where(sections.c.name == "metadata")
    for row in op.get_bind().execute(known).all():
        shown, positions = captures_in(row.value)
        if shown:
            op.bulk_insert(times, [{"exhibit_id": row.exhibit_id, "shown": at} for at in shown])
        if positions:
            op.bulk_insert(
                places,
                [{"exhibit_id": row.exhibit_id, "latitude": y, "longitude": x} for y, x in positions],
            )
