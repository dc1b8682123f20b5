"""Files that somebody hands in by mistake or on purpose, each made for real."""

import os
import struct
import zlib
from pathlib import Path

from samples.generator import clip, generate

# Names that the pipeline itself uses in its work folder and its sandbox stand among what is pointed at.
TARGETS = ("neighbour.mp4", "src", "made", "working.mp4", "/in/src", "original", "../neighbour.mp4")

ODD_NAMES = (
    b"quote'and\"quote.txt",
    b"new\nline.txt",
    b"-rf.txt",
    b"caf\xe9.txt",
    "exe\u202egpj.txt".encode(),
    b"x" * 251 + b".txt",
    b"\x1b[31mred.txt",
    b" spaces  before and behind .txt ",
    b"$(touch owned) `touch owned`;touch owned.TXT",
    b"'; DROP TABLE exhibit; --.txt",
    b"<img src=x onerror=alert(1)>.txt",
    b"--help",
    b"%s%n{0}\t\x07.TxT",
)

# The two blocks of equal MD5 that Wang, Feng, Lai and Yu published in 2004 (IACR ePrint 2004/199); the same
# bytes behind both keep the sums equal.
_COLLISION = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488"
    "832571415a085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da"
    "03fd02396306d248cda0e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)


def equal_md5() -> tuple[bytes, bytes]:
    """Two different contents of equal size and equal MD5."""
    other = bytearray(_COLLISION)
    for place in (19, 45, 59, 83, 109, 123):
        other[place] ^= 0x80
    return _COLLISION, bytes(other)


def playlists(folder: Path, neighbour: Path) -> list[str]:
    """Playlists that name the file beside them, the neighbour by its full path, and more; their names."""
    names = []
    for number, target in enumerate((*TARGETS, str(neighbour))):
        texts = {
            "concat": f"ffconcat version 1.0\nfile '{target}'\n",
            "m3u": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
            "spaced": f"\ufeff\r\n  #EXTM3U\r\n{target}\r\n",
        }
        for kind, text in texts.items():
            names.append(f"{kind}{number}.mp4")
            (folder / names[-1]).write_text(text, encoding="utf-8")
    return names


def huge_png(path: Path, side: int = 30000) -> None:
    """A real PNG of `side` x `side` pixels, one bit each: 100 kB that unfold to gigabytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def export_folder(folder: Path) -> None:
    """A folder with good footage, bad footage, odd names, and things that are no files."""
    folder.mkdir()
    clip(folder / "good.mp4", seconds=1)
    neighbour = clip(folder / "neighbour.mp4", seconds=1, seed=1)
    playlists(folder, neighbour)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("It was dark, and he ran.\n")
    huge_png(folder / "huge.png")
    generate(folder, ["cut.mkv"])
    for number, name in enumerate(ODD_NAMES):
        (folder / os.fsdecode(name)).write_text(f"note {number}\n")
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("of another case\n")
    (folder / "link.txt").symlink_to(outside / "secret.txt")
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe.mp4")
