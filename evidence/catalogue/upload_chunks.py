"""Where the object store has the bytes of uploads, from their arrival until they are sealed."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from evidence.catalogue.portal_tables import upload, upload_chunk


@dataclass(frozen=True, slots=True)
class Chunk:
    """An object that has `size` bytes of an upload, from byte `start` on."""

    start: int
    size: int
    key: str
    version_id: str


_ADD = insert(upload_chunk)
_CHUNKS = (
    select(upload_chunk.c.start, upload_chunk.c.size, upload_chunk.c.key, upload_chunk.c.version_id)
    .where(upload_chunk.c.upload_id == bindparam("of_id"))
    .order_by(upload_chunk.c.start)
)


def add_chunk(connection: Connection, upload_id: str, chunk: Chunk) -> None:
    """Note a chunk that is in the store, in the transaction that moves the upload's offset behind it."""
    connection.execute(_ADD, {"upload_id": upload_id, **asdict(chunk)})


def chunks_of(connection: Connection, upload_id: str) -> list[Chunk]:
    """An upload's chunks, in order."""
    return [Chunk(**row._mapping) for row in connection.execute(_CHUNKS, {"of_id": upload_id})]


def drop_chunks(connection: Connection, upload_id: str) -> None:
    """Forget an upload's chunks, once they are gone from the store."""
    connection.execute(delete(upload_chunk).where(upload_chunk.c.upload_id == upload_id))


def ended_with_chunks(connection: Connection) -> list[str]:
    """Uploads that receive nothing any more, and are not complete ones either, with chunks in the store."""
    rows = connection.execute(
        select(upload.c.id)
        .where(
            upload.c.id.in_(select(upload_chunk.c.upload_id).distinct()),
            upload.c.state.not_in(("receiving", "complete")),
        )
        .order_by(upload.c.id)
    )
    return list(rows.scalars())
