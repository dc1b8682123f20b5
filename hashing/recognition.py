"""What a file is recognised by: its bytes, its packets, its pieces; and the files of an export package."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evidence.exhibits import Digests
from evidence.jsontypes import Json, JsonObject
from hashing.digests import first_difference, same_digest

BYTES, PACKETS, PIECES = "bytes", "packets", "pieces"


@dataclass(frozen=True, slots=True)
class Match:
    """An exhibit, or a file of a package, that a file is or comes from.

    `how` is bytes, packets or pieces, from the surest down; `what` says it to a reader.
    """

    name: str
    how: str
    what: str

    def as_json(self) -> JsonObject:
        """Its fields."""
        return {"exhibit": self.name, "how": self.how, "what": self.what}


@dataclass(frozen=True, slots=True)
class Identified:
    """What became of one file; `untold` says why it could not be looked at by its packets."""

    digests: Digests
    matches: tuple[Match, ...]
    untold: str = ""

    def as_json(self) -> JsonObject:
        """Digest, matches, and what was not looked at."""
        matches: list[Json] = [match.as_json() for match in self.matches]
        return {
            "sha256": self.digests.sha256,
            "size": self.digests.size,
            "matches": matches,
            "untold": self.untold,
        }


def identify_in_package(files: Mapping[str, tuple[str, Digests | None]], found: Digests) -> Identified:
    """Look for a file among those of a package: path to listed SHA-256 and what is recorded of the file."""
    same = [
        Match(path, BYTES, "byte for byte")
        for path, (listed, _) in files.items()
        if same_digest(listed, found.sha256)
    ]
    if same:
        return Identified(found, tuple(same))
    return Identified(found, tuple(_by_pieces(files.items(), found)), "A package does not name its packets.")


def _by_pieces(files: Iterable[tuple[str, tuple[str, Digests | None]]], found: Digests) -> Iterable[Match]:
    for path, (_, recorded) in files:
        if recorded and _begins_alike(recorded, found):
            yield Match(path, PIECES, compared(recorded, found))


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
