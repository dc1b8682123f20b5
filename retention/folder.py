"""The folder store: create-only, durable; its locks are kept by this program alone, so it is not WORM."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import EDQUOT, ENOSPC, EXDEV
from pathlib import Path
from typing import BinaryIO

from evidence.errors import NotFoundError, ObjectExistsError, StorageFullError, UnreadableError
from evidence.files import fsync_folder, make_durable_folders, replace_file
from evidence.ports import NewObject, StoredObject
from hashing.digests import sha256_file
from retention.keys import check_deletable

VERSION = "0"
_COPY_CHUNK = 1 << 20


class FolderStore:
    """evidence.ports.ObjectStore in a folder: `<root>/<key>`.

    Beside it lie tags, `<root>.tags/<key>.json`, and what is retained or held, `<root>.locks/<key>.json`.
    """

    def __init__(self, root: Path) -> None:
        """Objects lie below `root`, which is made with the first put."""
        self._root = root
        self._tags = root.with_name(root.name + ".tags")
        self._locks = root.with_name(root.name + ".locks")

    @property
    def is_worm(self) -> bool:
        """False: whoever may write to the folder may delete from it."""
        return False

    @property
    def bucket(self) -> str:
        """See ObjectStore."""
        return ""

    def put(self, files: Sequence[NewObject], *, consume: bool = False) -> list[StoredObject]:
        """See ObjectStore; with `consume` an object is the source file itself where one disk holds both."""
        folders: dict[Path, None] = {}  # in which a name may be new, that of the root too
        for file in files:
            target = self._root / file.key
            with _clear_errors(file.key):
                target.parent.mkdir(parents=True, exist_ok=True)
                self._put_one(target, file, consume=consume)
            for folder in target.parents:
                if folder in folders:
                    break  # with all that are above it
                folders[folder] = None
                if folder == self._root.parent:
                    break
        # Names last and together: the first sync writes the disk's journal, and leaves the others little.
        for folder in folders:
            with _clear_errors(files[0].key):
                fsync_folder(folder)
        return [StoredObject(file.key, VERSION, file.size) for file in files]

    def _put_one(self, target: Path, file: NewObject, *, consume: bool) -> None:
        try:
            self._create(target, file.source, consume=consume)
        except FileExistsError:
            if target.stat().st_size != file.size or sha256_file(target) != file.sha256:
                raise ObjectExistsError(
                    f"Other bytes are stored under {file.key}.",
                    advice="Nothing was replaced. Verify the exhibit before you go on.",
                ) from None

    def _create(self, target: Path, source: Path, *, consume: bool) -> None:
        if consume:
            try:
                _fsync_file(source)
                self._link(source, target)
            except OSError as error:
                if error.errno != EXDEV:
                    raise
            else:
                return
        handle, name = tempfile.mkstemp(prefix=".put-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
                while chunk := original.read(_COPY_CHUNK):
                    copy.write(chunk)
                copy.flush()
                os.fsync(copy.fileno())
            self._link(Path(name), target)
        finally:
            Path(name).unlink()

    @staticmethod
    def _link(source: Path, target: Path) -> None:
        source.chmod(0o440)
        # link() refuses to overwrite, which rename() does not.
        target.hardlink_to(source)

    def open(self, key: str, version_id: str) -> BinaryIO:
        """See ObjectStore."""
        with _clear_errors(key):
            return self._path(key, version_id).open("rb", buffering=0)

    def read_range(self, key: str, version_id: str, start: int, length: int) -> bytes:
        """See ObjectStore."""
        with _clear_errors(key), self._path(key, version_id).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def local_path(self, key: str, version_id: str) -> Path:
        """See ObjectStore."""
        return self._path(key, version_id)

    def stat(self, key: str) -> StoredObject | None:
        """See ObjectStore."""
        with suppress(FileNotFoundError, NotADirectoryError), _clear_errors(key, absent_is_error=False):
            return StoredObject(key, VERSION, (self._root / key).stat().st_size)
        return None

    def list_keys(self, prefix: str) -> Iterator[str]:
        """See ObjectStore; files of a put that was cut short are not objects."""
        folder = self._root / prefix.rpartition("/")[0]
        for path, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                key = (Path(path) / name).relative_to(self._root).as_posix()
                if key.startswith(prefix) and not name.startswith(".put-"):
                    yield key

    def list_overlaid(self, prefix: str) -> Iterator[str]:  # noqa: ARG002 - the port's signature
        """None: a folder has one file under a name."""
        return iter(())

    def set_tags(self, key: str, version_id: str, tags: Mapping[str, str]) -> None:
        """See ObjectStore. Not synced to disk: the catalogue knows the tags and can set them again."""
        self._path(key, version_id)
        target = self._tags / f"{key}.json"
        with _clear_errors(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
            temporary.write_bytes(json.dumps(dict(tags), sort_keys=True).encode())
            temporary.rename(target)

    def get_tags(self, key: str, version_id: str) -> dict[str, str]:
        """See ObjectStore."""
        return self._beside(self._tags, key, version_id)

    def retain(self, key: str, version_id: str, until: datetime) -> None:
        """See ObjectStore."""
        before = self.retained_until(key, version_id)
        if before is None or before < until:
            self._lock(key, version_id, retained_until=until.isoformat(timespec="seconds"))

    def retained_until(self, key: str, version_id: str) -> datetime | None:
        """See ObjectStore."""
        found = self._beside(self._locks, key, version_id).get("retained_until")
        return datetime.fromisoformat(found) if found else None

    def set_hold(self, key: str, version_id: str, *, held: bool) -> None:
        """See ObjectStore."""
        self._lock(key, version_id, hold="on" if held else "off")

    def is_held(self, key: str, version_id: str) -> bool:
        """See ObjectStore."""
        return self._beside(self._locks, key, version_id).get("hold") == "on"

    def _lock(self, key: str, version_id: str, **change: str) -> None:
        lock = self._beside(self._locks, key, version_id) | change
        target = self._locks / f"{key}.json"
        with _clear_errors(key):
            make_durable_folders(target.parent)
            replace_file(target, json.dumps(lock, sort_keys=True).encode())

    def _beside(self, folder: Path, key: str, version_id: str) -> dict[str, str]:
        self._path(key, version_id)
        try:
            text = (folder / f"{key}.json").read_text()
        except FileNotFoundError:
            return {}
        return {str(name): str(value) for name, value in json.loads(text).items()}

    def delete(self, key: str, version_id: str) -> None:
        """See ObjectStore."""
        check_deletable(key)
        with suppress(NotFoundError), _clear_errors(key):
            self._path(key, version_id).unlink(missing_ok=True)
            for folder in (self._tags, self._locks):
                (folder / f"{key}.json").unlink(missing_ok=True)

    def sweep(self, before: datetime) -> int:
        """See ObjectStore."""
        count = 0
        with _clear_errors(str(self._root)):
            for path in self._root.rglob(".put-*"):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    count += 1
        return count

    def _path(self, key: str, version_id: str) -> Path:
        path = self._root / key
        if version_id != VERSION or not path.is_file():
            raise NotFoundError(
                f"The object {key} is not in the store.",
                advice="Verify the case; restore the object from a backup.",
            )
        return path


def _fsync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


@contextmanager
def _clear_errors(key: str, *, absent_is_error: bool = True) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise StorageFullError(
                f"The disk is full: {key} could not be stored.",
                advice="Make room; the job goes on by itself.",
            ) from error
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not absent_is_error:
            raise
        raise UnreadableError(
            f"The object {key} could not be read or written: {error.strerror}.",
            advice="Look at the disk and at the folder's permissions.",
        ) from error
