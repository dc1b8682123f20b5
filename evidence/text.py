"""File names as data: kept byte for byte, shown so that they can do no harm."""

import base64
import os
import unicodedata
from collections.abc import Container

# Bidirectional controls can make a name read as another one ("gpj.exe" as "exe.jpg").
_REPLACED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Co", "Cn"})


def printable(name: str, *, limit: int = 255) -> str:
    """`name` for a terminal, log or report: what cannot be seen or decoded as escapes, also other spaces.

    A name longer than `limit` characters is cut in the middle so that its suffix stays.
    """
    shown = "".join(_shown(char) for char in name)
    if len(shown) > limit:
        keep = (limit - 1) // 2
        shown = f"{shown[:keep]}…{shown[-keep:]}"
    return shown


def _shown(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if char != " " and unicodedata.category(char) in _REPLACED:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
    return char


def in_glyphs(text: str, glyphs: Container[int]) -> str:
    """`text` with escapes for what is not among `glyphs`, the code points that a font has."""
    return "".join(char if ord(char) in glyphs else f"\\u{{{ord(char):x}}}" for char in text)


def name_bytes(name: str) -> bytes:
    """The bytes of a file name as the file system has them."""
    return os.fsencode(name)


def name_from_bytes(raw: bytes) -> str:
    """The file name that these bytes stand for; bytes that are not UTF-8 survive a round trip."""
    return os.fsdecode(raw)


def plain_suffix(name: str) -> str:
    """The suffix of a file name, dot included, where it is short plain ASCII, else nothing; for players."""
    suffix = os.path.splitext(name)[1]  # noqa: PTH122 - the name may be any bytes
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= 8 else ""


def base64_text(raw: bytes) -> str:
    """Standard base64 with padding, as text."""
    return base64.b64encode(raw).decode("ascii")


def human_size(size: int) -> str:
    """A byte count for people: 682.9 kB (decimal units, as file managers show them)."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
