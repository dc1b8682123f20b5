"""ZIP archives that somebody hands in by mistake or on purpose, each made for real."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> Path:
    """A plain archive of these members, in order, also where two have one name."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            info.compress_type = method
            archive.fp.seek(archive.start_dir)  # type: ignore[union-attr]
            archive.NameToInfo.pop(info.filename, None)
            archive.writestr(info, data)
    return path


def of_mode(name: str, mode: int) -> zipfile.ZipInfo:
    """An entry of a Unix mode: a link, a device, a pipe."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def link(name: str) -> zipfile.ZipInfo:
    return of_mode(name, stat.S_IFLNK | 0o777)


def raw_archive(
    path: Path, members: Sequence[tuple[bytes, bytes]], *, flags: int = 0, method: int = 0
) -> Path:
    """An archive written byte by byte: names as they are, flags and method as claimed, data stored."""
    out, directory = io.BytesIO(), io.BytesIO()
    for name, data in members:
        fields = (20, flags, method, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        offset = out.tell()
        out.write(struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + data)
        header = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, offset)
        directory.write(header + name)
    return _close(path, out, directory, len(members))


def quoted_bomb(path: Path, files: int = 250, kernel: int = 1 << 20) -> Path:
    """The kind that is not nested: each entry quotes the local headers after it, and all share one kernel.

    After David Fifield, "A better zip bomb" (2019): a deflate stream of stored blocks that hold the next
    header, and then the kernel itself.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(kernel)) + packer.flush()
    names = [b"%03d" % number for number in range(files)]
    tail, size, crc_of = packed, kernel, bytes(kernel)
    headers: list[bytes] = []
    for name in reversed(names):
        fields = (20, 0, 8, 0, 33, zlib.crc32(crc_of), len(tail), size, len(name), 0)
        header = struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name
        headers.append(struct.pack("<4s6H3L5HL", b"PK\1\2", 20, *fields, 0, 0, 0, 0))
        whole = header + tail
        tail = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + whole
        size, crc_of = size + len(header), header + crc_of
    body = whole
    out, directory = io.BytesIO(), io.BytesIO()
    out.write(body)
    at = 0
    for name, central in zip(names, reversed(headers), strict=True):
        directory.write(central + struct.pack("<L", at) + name)
        at += 30 + len(name) + 5
    return _close(path, out, directory, files)


def _close(path: Path, out: io.BytesIO, directory: io.BytesIO, count: int) -> Path:
    start = out.tell()
    out.write(directory.getvalue())
    out.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory.getvalue()), start, 0))
    path.write_bytes(out.getvalue())
    return path
