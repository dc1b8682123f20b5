"""Whether a store's lock holds: shown on an object of its own, by trying what must be refused.

One object serves every time, its retention moved on: it cannot be deleted, so a new one for each probe would
pile up. It shows what the store does through S3; who gets at its disks or inner ports is not kept out by it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention

from evidence.errors import NotFoundError, ObjectExistsError, SettingsError, UnavailableError, UnreadableError
from evidence.ports import NewObject, StoredObject
from retention.keys import PROBE
from retention.s3 import S3Store

_CONTENT, _OTHER = b"Vidne tries on this object whether the store locks.\n", b"other bytes\n"
_MAKE_ONE = "Make a bucket with Object Lock enabled (that cannot be done later), and name it in the settings."
_NO_SUCH_THING = ("InvalidRequest", "InvalidArgument", "NotImplemented", "MethodNotAllowed")


def prove_lock(store: S3Store, until: datetime) -> None:
    """Try to replace, delete and unlock a probe that is locked `until` then, at the store's word.

    Raises SettingsError where the store lets it happen; UnreadableError or UnavailableError where it does not
    answer as it should: then nothing is shown.
    """
    with TemporaryDirectory(prefix="vidne-probe-") as folder:
        probe = _put_locked(store, Path(folder))
        _check_retention(store, probe, until, "it was asked to keep an object")
        _try_to_replace(store, Path(folder))
    _try_to_delete(store, probe)
    _try_to_unlock(store, probe, until)


def _put_locked(store: S3Store, folder: Path) -> StoredObject:
    try:
        return _put(store, folder, _CONTENT)
    except UnreadableError as error:
        if isinstance(error.__cause__, S3Error) and error.__cause__.code in _NO_SUCH_THING:
            raise _broken(store, f"it takes no retention ({error.__cause__.code})", _MAKE_ONE) from error
        raise


def _put(store: S3Store, folder: Path, content: bytes) -> StoredObject:
    source = folder / "probe"
    source.write_bytes(content)
    [stored] = store.put([NewObject(PROBE, source, sha256(content).hexdigest(), len(content), locked=True)])
    return stored


def _check_retention(store: S3Store, probe: StoredObject, until: datetime, what: str) -> None:
    found = store.retained_until(probe.key, probe.version_id)
    if found is None or found < until:
        raise _broken(store, f"{what} until {until:%Y-%m-%d %H:%M}, and now says {found}", _MAKE_ONE)


def _try_to_replace(store: S3Store, folder: Path) -> None:
    try:
        again = _put(store, folder, _OTHER)
    except ObjectExistsError:
        return
    what = f"it put a second version, {again.version_id}, over an object"
    raise _broken(store, what, "Use a server that honours If-None-Match on puts.")


def _try_to_delete(store: S3Store, probe: StoredObject) -> None:
    with _expecting_refusal():
        store.delete_version(probe.key, probe.version_id)
    try:
        is_intact = store.read_range(probe.key, probe.version_id, 0, probe.size) == _CONTENT
    except NotFoundError:
        is_intact = False
    if not is_intact:
        raise _broken(store, "it deleted a version that it had to keep", _MAKE_ONE)


def _try_to_unlock(store: S3Store, probe: StoredObject, until: datetime) -> None:
    for mode in (COMPLIANCE, GOVERNANCE):
        with _expecting_refusal():
            store.force_retention(probe.key, probe.version_id, Retention(mode, until - timedelta(hours=6)))
        _check_retention(store, probe, until, "it let a retention be shortened or lifted that it had")


@contextmanager
def _expecting_refusal() -> Iterator[None]:
    try:
        yield
    except UnavailableError:
        raise
    except UnreadableError:
        pass  # refused; whether it has happened all the same is looked at


def _broken(store: S3Store, how: str, advice: str) -> SettingsError:
    return SettingsError(
        f"The bucket {store.bucket} does not lock what is stored in it: {how}. Nothing is put into it.",
        advice=advice,
    )
