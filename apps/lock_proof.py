"""The store's lock is tried before it is relied on; that it held is remembered for a day."""

import json
from datetime import datetime, timedelta

from apps.wiring import Application
from evidence.clock import timestamp
from evidence.files import make_durable_folders, replace_file
from retention.lock_probe import prove_lock
from retention.s3 import S3Store

HOLDS_FOR = timedelta(days=1)
_LEEWAY = timedelta(minutes=1)


def require_lock(app: Application, *, anew: bool) -> None:
    """Raise SettingsError where the S3 store does not lock; what was shown within a day is believed."""
    store = app.store
    if not isinstance(store, S3Store):
        return
    path = app.settings.data / "object-lock.json"
    now = app.clock()
    shown = {"store": app.settings.store_url, "at": timestamp(now)}
    try:
        known = json.loads(path.read_text())
        age = now - datetime.fromisoformat(known["at"])
        is_known = known["store"] == shown["store"] and timedelta(0) <= age < HOLDS_FOR
    except (OSError, ValueError, KeyError, TypeError):
        is_known = False
    if is_known and not anew:
        return
    try_lock(app, store)
    make_durable_folders(path.parent)
    replace_file(path, json.dumps(shown).encode())


def try_lock(app: Application, store: S3Store) -> None:
    """Raise SettingsError where `store` does not lock."""
    until = app.clock() + timedelta(days=app.settings.retention_days) - _LEEWAY
    prove_lock(store, until.replace(microsecond=0))
