"""Filing what a stage made: announced in the catalogue, put, read back and compared, then marked stored."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence.catalogue.cases import get_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow, announce_objects, case_keys
from evidence.errors import IntegrityError, VidneError
from evidence.exhibits import Role
from evidence.ports import NewObject, ObjectStore, StoredObject
from hashing.digests import blake3_file, digest_file
from hashing.manifest import ExhibitManifest, MakerRecord, ManifestObject
from retention.keys import LOCKED_ROLES, original_key, rendition_key
from transcode.model import Made

CASE_TAG = "case-number"
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Pending:
    """A file on its way into the store, with the row that will speak of it."""

    row: ObjectRow
    path: Path


@dataclass(frozen=True, slots=True)
class Stored:
    """Files that are in the store and were read back: their version ids by key, and the bucket."""

    pending: tuple[Pending, ...]
    versions: Mapping[str, str]
    bucket: str


def rendition_rows(owner: Exhibit, recipe: str, made: Sequence[Made]) -> list[Pending]:
    """The rows of what a stage made; raises VidneError for a thing that is no plain file."""
    return [
        Pending(
            ObjectRow(
                role=item.role,
                name=item.name,
                key=rendition_key(owner.case_id, owner.number, recipe, digests.sha256, item.name),
                digests=digests,
                parent=item.parent,
                tool={"name": item.tool.name, "version": item.tool.version, "sha256": item.tool.sha256},
                args=item.args,
                detail=item.detail,
            ),
            item.path,
        )
        for item in made
        for digests in (digest_file(_plain_file(item.path)),)
    ]


def original_row(owner: Exhibit) -> ObjectRow:
    """The row of the original, by the digests made while it was received."""
    key = original_key(owner.case_id, owner.number, owner.digests.sha256)
    return ObjectRow(Role.ORIGINAL, ORIGINAL, key, owner.digests)


def manifest_row(owner: Exhibit, recipe: str, stage: str, pending: Sequence[Pending], work: Path) -> Pending:
    """The manifest of what a stage made, written to `work`."""
    path = work / manifest_name(stage)
    path.write_bytes(manifest_of(owner, [item.row for item in pending]).to_bytes())
    digests = digest_file(path)
    key = rendition_key(owner.case_id, owner.number, recipe, digests.sha256, path.name)
    return Pending(ObjectRow(Role.MANIFEST, path.name, key, digests, parent=ORIGINAL), path)


def manifest_name(stage: str) -> str:
    """`manifest-fast.json`."""
    return f"manifest-{stage}.json"


def manifest_of(owner: Exhibit, rows: Sequence[ObjectRow]) -> ExhibitManifest:
    """What lists the objects of these rows, in their order."""
    return ExhibitManifest(owner.case_id, owner.label, tuple(map(_manifest_object, rows)))


def _manifest_object(row: ObjectRow) -> ManifestObject:
    tool = row.tool or {}
    return ManifestObject(
        name=row.name,
        role=row.role,
        digests=row.digests,
        parent=row.parent or "",
        maker=MakerRecord(str(tool["name"]), str(tool["version"]), str(tool["sha256"])) if tool else None,
        args=row.args,
        detail=row.detail or {},
    )


def store_all(
    catalogue: Catalogue, store: ObjectStore, owner: Exhibit, stage: str, pending: Sequence[Pending]
) -> Stored:
    """Put every file and read it back. Raises IntegrityError where one differs."""
    with catalogue.write() as connection:
        announce_objects(connection, owner.id, stage, [item.row for item in pending])
    return put_all(store, owner, pending, consume=True)


def put_all(store: ObjectStore, owner: Exhibit, pending: Sequence[Pending], *, consume: bool) -> Stored:
    """Put files, read them back, tag them. Raises IntegrityError where one differs."""
    # What can be made again of an original is not locked.
    files = [
        NewObject(
            item.row.key,
            item.path,
            item.row.digests.sha256,
            item.row.digests.size,
            locked=item.row.role in LOCKED_ROLES,
        )
        for item in pending
    ]
    stored = store.put(files, consume=consume)
    for item, there in zip(pending, stored, strict=True):
        _read_back(store, owner, item.row, there)
    versions = {there.key: there.version_id for there in stored}
    tag(store, versions, owner.case_number)
    return Stored(tuple(pending), versions, store.bucket)


def retag(catalogue: Catalogue, store: ObjectStore, case_id: str) -> str:
    """Set the case's number of now on each of its stored objects; returns it.

    Two that renumber at once may write over each other: whoever ends last sees the number that holds.
    """
    done = ""
    while True:
        with catalogue.read() as connection:
            number = get_case(connection, case_id).number
            keys = dict(case_keys(connection, case_id))
        if number == done:
            return number
        tag(store, keys, number)
        done = number


def tag(store: ObjectStore, versions: Mapping[str, str], number: str) -> None:
    """Set a case number on the objects of `versions` (key to version id)."""
    for key, version_id in versions.items():
        store.set_tags(key, version_id, {CASE_TAG: number})


def _read_back(store: ObjectStore, owner: Exhibit, row: ObjectRow, there: StoredObject) -> None:
    with store.open(there.key, there.version_id) as stream:
        found = blake3_file(stream)  # made in one read with the SHA-256, and as good a proof of sameness
    if found != row.digests.blake3:
        raise IntegrityError(
            f"{owner.name} {row.name}: the store gave back other bytes than it was given"
            f" (BLAKE3 {found}, not {row.digests.blake3}).",
            advice="Look at the disk or server; the received file is kept and will be tried again.",
        )


def _plain_file(path: Path) -> Path:
    # The folder was written by a parser that met hostile input: a link in it could point anywhere.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise VidneError(f"{path.name} is not a plain file.", advice="It was not filed; see the job's error.")
    return path
