"""The received bytes of an exhibit that is to be sealed, wherever they wait: in the spool or in the store."""

import logging
from hashlib import sha256
from pathlib import Path

from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.upload_chunks import chunks_of
from evidence.errors import IntegrityError, VidneError
from evidence.ports import ObjectStore
from hashing.digests import chunks, same_digest
from ingest.room import full_disk_said, require_room
from ingest.spool import spool_file
from ingest.upload_store import open_chunks, remove_chunks
from retention.keys import UPLOADS

log = logging.getLogger(__name__)


def received_file(catalogue: Catalogue, store: ObjectStore, spool: Path, owner: Exhibit, work: Path) -> Path:
    """The file of an exhibit that is not sealed; what waits in the store is brought to the folder `work`.

    Raises UnreadableError, BytesLostError where it is gone, IntegrityError where it is not what was received.
    """
    upload_id = _upload_of(owner)
    if upload_id is None:
        return spool_file(spool, owner.spool)
    what = f"{owner.name} was not sealed"
    require_room(work, owner.digests.size, what)
    with catalogue.read() as connection:
        parts = chunks_of(connection, upload_id)
    brought, digest = work / "received", sha256()
    with (
        open_chunks(store, parts, upload_id, owner.digests.size) as stream,
        full_disk_said(what),
        brought.open("wb") as copy,
    ):
        for chunk in chunks(stream):
            digest.update(chunk)
            copy.write(chunk)
    if not same_digest(digest.hexdigest(), owner.digests.sha256):
        raise IntegrityError(
            f"The store gave other bytes than those received of {owner.name}.",
            advice="Look at the store, and have the file sent once more: it takes the place of the lost one.",
        )
    return brought


def forget_received(catalogue: Catalogue, store: ObjectStore, spool: Path, owner: Exhibit) -> None:
    """Remove what an exhibit's bytes were sealed from; what the store does not let go stays for the sweep."""
    upload_id = _upload_of(owner)
    if upload_id is None:
        (spool / str(owner.spool)).unlink(missing_ok=True)
        return
    try:
        remove_chunks(catalogue, store, upload_id)
    except VidneError as error:
        log.warning("what %s was sealed from is still in the store: %s", owner.name, error)


def _upload_of(owner: Exhibit) -> str | None:
    if owner.spool is None or not owner.spool.startswith(UPLOADS):
        return None
    return owner.spool.removeprefix(UPLOADS)
