"""What the catalogue says should lie in the store."""

from collections.abc import Sequence

from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow, objects_by_exhibit
from evidence.exhibits import Digests, Role
from hashing.object_reading import ExpectedObject


def expected_objects(app: Application, exhibits: Sequence[Exhibit]) -> list[ExpectedObject]:
    """What the catalogue says should lie in the store."""
    with app.catalogue.read() as connection:
        rows = objects_by_exhibit(connection, [exhibit.id for exhibit in exhibits])
    return [
        ExpectedObject(exhibit.label, row.role, row.name, row.key, row.version_id, digests)
        for exhibit in exhibits
        for row in rows[exhibit.id]
        # The original's digests stand in two rows: where they differ, both have to be answered for.
        for digests in sorted({row.digests, _received(exhibit, row)}, key=lambda item: item.sha256)
    ]


def _received(exhibit: Exhibit, row: ObjectRow) -> Digests:
    return exhibit.digests if row.role is Role.ORIGINAL else row.digests
