"""What of a ZIP archive is taken out, entry by entry and as a whole; docs/archives.md has the limits."""

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from evidence.text import human_size

ENTRIES = 10_000
TOTAL_BYTES = 64 * 1000**3
TOTAL_RATIO, TOTAL_RATIO_FROM = 100, 100 * 1000**2
MEMBER_RATIO, MEMBER_RATIO_FROM = 200, 10 * 1000**2
NAME_BYTES = 1024
METHODS = {0: "stored", 8: "deflate", 12: "bzip2", 14: "LZMA"}
_ENCRYPTED = 0x1 | 0x40
_LOCAL_HEADER = 30
# Entries by which a document or program that is a ZIP archive inside is known.
_DOCUMENTS = {
    b"[Content_Types].xml": "an Office document",
    b"META-INF/container.xml": "an e-book",
    b"META-INF/manifest.xml": "an OpenDocument file",
    b"META-INF/MANIFEST.MF": "a Java or Android program",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of one entry, unchecked.

    `place` counts from 0, `name` is as the archive has it, `size` and `packed` are bytes, `offset` is where
    its local header stands, `mode` the Unix mode or 0.
    """

    place: int
    name: bytes
    size: int
    packed: int
    offset: int
    method: int
    flags: int
    mode: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is not taken out, and why."""

    name: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What is taken out of an archive, in order, and what is not; or why none of it is, as a sentence."""

    members: tuple[Entry, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    refused: str = ""


def refusal(why: str) -> Listing:
    """A listing of nothing: the sentence tells what to do."""
    return Listing(refused=f"It is a ZIP archive, which is kept unopened: {why}. Send the files in it.")


def judge(entries: Sequence[Entry], *, count: int, directory_at: int, size: int) -> Listing:
    """Judge the `entries` of an archive of `size` bytes whose directory begins at `directory_at`.

    `count` is their number, also where it is so high that they were not listed.
    """
    if count > ENTRIES:
        return refusal(f"it holds {count} entries, more than {ENTRIES}")
    files = [entry for entry in entries if not _is_folder(entry)]
    if document := _document(files):
        return Listing(refused=f"It is {document} (a ZIP archive inside), not footage.")
    why = _overlapping(entries, directory_at) or _beyond_measure(sum(entry.size for entry in files), size)
    if why or not files:
        return refusal(why or "it holds no files")
    reasons = [(entry, _reason_against(entry)) for entry in files]
    members = tuple(entry for entry, reason in reasons if not reason)
    left_out = tuple(LeftOut(entry.name, reason) for entry, reason in reasons if reason)
    if members:
        return Listing(members, left_out)
    why = f"none of its files can be taken out (of the first: {left_out[0].reason})"
    return Listing(left_out=left_out, refused=refusal(why).refused)


def _is_folder(entry: Entry) -> bool:
    return entry.name.endswith(b"/") and not entry.size


def _document(files: Sequence[Entry]) -> str:
    names = {entry.name for entry in files}
    return next((what for name, what in _DOCUMENTS.items() if name in names), "")


def _overlapping(entries: Sequence[Entry], directory_at: int) -> str:
    """A few bytes that many entries share unfold to any size (the kind that is not nested)."""
    ordered = sorted(entries, key=lambda entry: entry.offset)
    ends = [*(entry.offset for entry in ordered[1:]), directory_at]
    for entry, end in zip(ordered, ends, strict=False):
        if entry.offset + _LOCAL_HEADER + len(entry.name) + entry.packed > end:
            return "its entries overlap each other, as those of a ZIP bomb do"
    return ""


def _beyond_measure(total: int, size: int) -> str:
    if total > TOTAL_BYTES:
        return f"it unfolds to {human_size(total)}, more than {human_size(TOTAL_BYTES)}"
    if total > TOTAL_RATIO_FROM and total > TOTAL_RATIO * size:
        return f"it unfolds to {total // size} times its size, as a ZIP bomb does"
    return ""


def _reason_against(entry: Entry) -> str:
    kind = stat.S_IFMT(entry.mode)
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind and kind != stat.S_IFREG:
        return "it is no regular file"
    if entry.flags & _ENCRYPTED:
        return "it is encrypted"
    if entry.method not in METHODS:
        return f"it is packed by a method (number {entry.method}) that is not opened here"
    if entry.size > MEMBER_RATIO_FROM and entry.size > MEMBER_RATIO * entry.packed:
        return f"it unfolds to more than {MEMBER_RATIO} times its packed size, as a ZIP bomb does"
    return _reason_against_path(entry.name)


def _reason_against_path(name: bytes) -> str:
    parts = re.split(rb"[/\\]", name)
    if not any(parts) or b"\0" in name:
        return "it has no name that a file can have"
    if len(name) > NAME_BYTES:
        return f"its name is longer than {NAME_BYTES} bytes"
    if not parts[0]:
        return "its path is absolute"
    if re.match(rb"[A-Za-z]:", name):
        return "its path names a drive"
    return "its path leads out of the archive" if b".." in parts else ""
