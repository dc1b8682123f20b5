"""What the catalogue says should lie in the store."""

from collections.abc import Mapping, Sequence

from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow
from evidence.exhibits import Digests, Role
from hashing.object_reading import ExpectedObject


def expected_objects(
    exhibits: Sequence[Exhibit], rows: Mapping[str, Sequence[ObjectRow]]
) -> list[ExpectedObject]:
    """What should lie in the store of these exhibits, by the rows of their objects (by exhibit id)."""
    return [
        ExpectedObject(exhibit.label, row.role, row.name, row.key, row.version_id, digests)
        for exhibit in exhibits
        for row in rows[exhibit.id]
        # The original's digests stand in two rows: where they differ, both have to be answered for.
        for digests in sorted({row.digests, _received(exhibit, row)}, key=lambda item: item.sha256)
    ]


def _received(exhibit: Exhibit, row: ObjectRow) -> Digests:
    return exhibit.digests if row.role is Role.ORIGINAL else row.digests
