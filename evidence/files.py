"""Files that outlive a power cut: made once, or replaced whole; and those that hold a secret."""

import os
import secrets
from pathlib import Path

from evidence.errors import SettingsError


def read_secret(path: str, setting: str) -> str:
    """The password or key that the file at `path`, named by `setting`, holds; raises SettingsError."""
    try:
        found = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(
            f"{setting} {path} cannot be read: {why}.",
            advice="Name a file that holds the secret alone, and that this user may read.",
        ) from error
    if not found:
        raise SettingsError(f"{setting} {path} is empty.", advice="Write the secret into it.")
    return found


def create_file(path: Path, raw: bytes, mode: int = 0o644) -> None:
    """Create `path` whole and durable; raises FileExistsError where it is there already."""
    draft = _draft(path, raw, mode)
    try:
        path.hardlink_to(draft)  # refuses to overwrite, which rename() does not
    finally:
        draft.unlink()
    fsync_folder(path.parent)


def replace_file(path: Path, raw: bytes, mode: int = 0o644) -> None:
    """Give `path` the content `raw`, durably: whoever reads meets the old one or the new one, whole."""
    draft = _draft(path, raw, mode)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise
    fsync_folder(path.parent)


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it; a new one is for its owner alone, for what people say lies in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def make_durable_folders(folder: Path) -> None:
    """Make a folder and those above it so that they outlive a power cut."""
    if folder.is_dir():
        return
    make_durable_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _draft(path: Path, raw: bytes, mode: int) -> Path:
    """A durable file beside `path`; nothing is left of it where it cannot be written."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink()
        raise
    return draft
