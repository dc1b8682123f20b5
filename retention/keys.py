"""Object keys: made here and nowhere else. They hold no case number and no file name from outside."""

from evidence.cases import exhibit_label
from evidence.errors import VidneError
from evidence.exhibits import Role

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


CASES = "cases/"  # what the keys of exhibits begin with
LEDGER = "ledger/"  # what the keys of the published log begin with
PROBE = "probe/object-lock"  # the one object that the store's lock is tried on
UPLOADS = "uploads/"  # what the keys of uploads on their way begin with: alone these are ever deleted
LOCKED_ROLES = (Role.ORIGINAL, Role.MANIFEST)  # of an exhibit's objects; the log is locked too


def original_key(case_id: str, number: int, sha256: str) -> str:
    """Where the original of exhibit `number` lies."""
    return _checked(f"{_exhibit(case_id, number)}/original/{sha256}")


def rendition_key(case_id: str, number: int, recipe: str, sha256: str, name: str) -> str:
    """Where a rendition lies; `recipe` names what made it, `name` is plain ASCII and ours."""
    return _checked(f"{_exhibit(case_id, number)}/renditions/{recipe}/{sha256}/{name}")


def renditions_prefix(case_id: str, number: int) -> str:
    """What every key of an exhibit's renditions begins with."""
    return f"{_exhibit(case_id, number)}/renditions/"


def case_prefix(case_id: str) -> str:
    """What every key of a case begins with."""
    return f"{CASES}{case_id}/"


def chunk_key(upload_id: str, start: int, token: int) -> str:
    """Where the bytes of an upload lie from byte `start` on that came in under a token.

    Two requests of the same upload never have one key: what a stale one still puts is in nobody's way.
    """
    return _checked(f"{upload_prefix(upload_id)}{start:015d}-{token}")


def upload_prefix(upload_id: str) -> str:
    """What every key of an upload begins with."""
    return f"{UPLOADS}{upload_id}/"


def check_deletable(key: str) -> None:
    """Raise VidneError for a key whose object is kept: that of an exhibit, or of the log."""
    if not key.startswith(UPLOADS):
        raise VidneError(f"{key} is kept, and not deleted.", advice="This is a defect: please report it.")


def _exhibit(case_id: str, number: int) -> str:
    return f"{case_prefix(case_id)}exhibits/{exhibit_label(number)}"


def _checked(key: str) -> str:
    # `a//b` becomes `a/b` on some servers, and `..` leaves a folder: neither may ever be asked for.
    if not all(part.strip(".") and set(part) <= _SAFE for part in key.split("/")):
        raise VidneError(f"{key!r} cannot be an object key.", advice="This is a defect: please report it.")
    return key
