"""What a file is recognised by, from its bytes down to its looks; and the files of an export package."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from evidence.exhibits import Digests
from evidence.jsontypes import Json, JsonObject
from hashing.digests import HEADS, first_difference, same_digest

BYTES, PACKETS, PIECES, EXCERPT, SIMILAR = "bytes", "packets", "pieces", "excerpt", "similar"
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Match:
    """An exhibit, or a file of a package, that a file is, comes from, or is like.

    `how` is bytes, packets, pieces, excerpt or similar, from the surest down; `what` says it to a reader, and
    `numbers` how similar. What is only similar was not identified.
    """

    name: str
    how: str
    what: str
    numbers: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """Its fields; the numbers stand beside the others."""
        return {"exhibit": self.name, "how": self.how, "what": self.what, **self.numbers}


@dataclass(frozen=True, slots=True)
class Identified:
    """What became of one file; `untold` says in sentences what could not be looked at."""

    digests: Digests
    matches: tuple[Match, ...]
    untold: str = ""

    @property
    def is_known(self) -> bool:
        """Whether some exhibit has some of the very same bytes or packets."""
        return any(match.how != SIMILAR for match in self.matches)

    def as_json(self) -> JsonObject:
        """Digest, matches, and what was not looked at."""
        matches: list[Json] = [match.as_json() for match in self.matches]
        return {
            "sha256": self.digests.sha256,
            "size": self.digests.size,
            "matches": matches,
            "untold": self.untold,
        }


def identify_in_package(
    root: Path, files: Mapping[str, tuple[str, Digests | None]], path: Path, found: Digests
) -> Identified:
    """Look for a file among those of a package: path to listed SHA-256 and what is recorded of the file.

    A copy that was cut before its first whole piece is held against the files themselves, as they lie there.
    """
    same = [
        Match(name, BYTES, "byte for byte")
        for name, (listed, _) in files.items()
        if same_digest(listed, found.sha256)
    ]
    if same:
        return Identified(found, tuple(same))
    untold = ["A package has no marks of packets or pictures: rewraps, excerpts, similar ones are not found."]
    matches = [*_by_pieces(files.items(), found)]
    if not matches:
        matches = [*_by_beginning(root, files, path, found, untold)]
    return Identified(found, tuple(matches), " ".join(untold))


def _by_pieces(files: Iterable[tuple[str, tuple[str, Digests | None]]], found: Digests) -> Iterable[Match]:
    for name, (_, recorded) in files:
        if recorded and _begins_alike(recorded, found):
            yield Match(name, PIECES, compared(recorded, found))


def _by_beginning(
    root: Path,
    files: Mapping[str, tuple[str, Digests | None]],
    path: Path,
    found: Digests,
    untold: list[str],
) -> Iterable[Match]:
    for name, (_, recorded) in files.items():
        if recorded is None or min(recorded.size, found.size) >= recorded.piece_size:
            continue
        try:
            with (root / name).open("rb") as original, path.open("rb") as copy:
                said = begun(recorded.size, found.size, common_bytes(original, copy))
        except OSError as error:
            untold.append(f"{name} could not be read: {error.strerror}.")
            continue
        if said:
            yield Match(name, PIECES, f"{said}, as it lies in the package")


def _begins_alike(one: Digests, other: Digests) -> bool:
    whole = min(one.size, other.size) >= one.piece_size == other.piece_size
    return whole and same_digest(one.pieces_blake3[0], other.pieces_blake3[0])


def compared(original: Digests, found: Digests) -> str:
    """How a file departs from an original that it begins like, as a sentence's end."""
    difference = first_difference(original, found)
    if difference is None:
        raise ValueError("the same bytes were not recognised as such")
    if difference.kind == "truncated":
        there = f"{found.size} of its original's {original.size} bytes"
        return f"cut short: {there}, the same as far as whole pieces go"
    return f"{difference.kind}: the same as its original up to byte {difference.start} of {original.size}"


def common_bytes(original: BinaryIO, copy: BinaryIO) -> int:
    """How many bytes two streams begin with that are the same."""
    count = 0
    while True:
        one, other = _block(original), _block(copy)
        if not one or one != other:
            length = min(len(one), len(other))
            return count + next((n for n in range(length) if one[n] != other[n]), length)
        count += len(one)


def begun(original: int, copy: int, common: int) -> str:
    """What so many common first bytes of an original and a copy of these sizes mean, as `compared` says it.

    Empty where they are too few: clips of one camera begin alike.
    """
    if min(original, copy) < HEADS[0]:
        return ""
    if common == copy:
        return f"cut short: its {copy} bytes are the first of its original's {original}"
    if common == original:
        return f"extended: its original's {original} bytes, and {copy - original} more"
    if common >= HEADS[-1]:
        return f"changed: the same as its original up to byte {common} of {original}"
    return ""


def _block(stream: BinaryIO) -> bytes:
    """The next 64 KiB, fewer only at the end."""
    parts = bytearray()
    while len(parts) < _BLOCK and (part := stream.read(_BLOCK - len(parts))):
        parts += part
    return bytes(parts)
