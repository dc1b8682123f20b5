"""Runs in the sandbox, alone: reads the ZIP archive at /in/src. It imports nothing of Vidne's.

`archive_child.py list MOST` prints one JSON object: what the archive's directory says of up to MOST entries.
`archive_child.py read` writes the members that /in/plan names (a JSON list of their places in the directory)
to standard output, in frames that `transcode.archive` reads: a byte of kind, eight of length or number, data.
What it prints is checked there.
"""

import json
import lzma
import struct
import sys
import zipfile
import zlib
from typing import Any

SOURCE, PLAN = "/in/src", "/in/plan"
BEGIN, DATA, END, FAILED, FINISHED = range(1, 6)
CHUNK = 1024**2
# What zipfile raises for bytes that are no archive, besides what it documents.
UNREADABLE = (
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def opened() -> zipfile.ZipFile:
    """The archive, its names read one character a byte: their encoding is a claim, and often a wrong one."""
    zipfile._MASK_UTF_FILENAME = 0  # type: ignore[attr-defined]
    return zipfile.ZipFile(SOURCE, metadata_encoding="latin-1")


def listing(most: int) -> dict[str, Any]:
    """What the directory says: name, sizes, place, method, flags, mode of each entry."""
    with opened() as archive:
        entries = archive.infolist()
        told = [
            [
                entry.orig_filename,
                entry.file_size,
                entry.compress_size,
                entry.header_offset,
                entry.compress_type,
                entry.flag_bits,
                entry.external_attr >> 16,
            ]
            for entry in (entries if len(entries) <= most else ())
        ]
        return {"entries": len(entries), "directory_at": archive.start_dir, "told": told}


def read() -> None:
    """Write the planned members; one that cannot be read whole is told, and the next follows."""
    with open(PLAN, encoding="ascii") as plan:  # noqa: PTH123 - a few imports less for every archive
        places = json.load(plan)
    with opened() as archive:
        entries = archive.infolist()
        for place in places:
            frame(BEGIN, place)
            try:
                with archive.open(entries[place]) as member:
                    while chunk := member.read(CHUNK):
                        frame(DATA, len(chunk), chunk)
            except UNREADABLE as error:
                said = f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:500]
                frame(FAILED, len(said), said)
            else:
                frame(END, 0)
    frame(FINISHED, 0)


def frame(kind: int, number: int, data: bytes = b"") -> None:
    """One frame on standard output."""
    sys.stdout.buffer.write(struct.pack(">BQ", kind, number))
    sys.stdout.buffer.write(data)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read()
    else:
        try:
            answer = listing(int(sys.argv[2]))
        except UNREADABLE as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        json.dump(answer, sys.stdout)
