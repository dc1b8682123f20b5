"""Which exhibit a file is: by its bytes, else by its packets, else by its first pieces."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.fingerprints import Mark, exhibits_with_mark, exhibits_with_object
from evidence.errors import VidneError
from evidence.exhibits import Digests
from evidence.jsontypes import Json, JsonObject
from hashing.digests import Progress, digest_file, first_difference

BYTES, PACKETS, PIECES = "bytes", "packets", "pieces"


@dataclass(frozen=True, slots=True)
class Match:
    """An exhibit that a file is, or comes from.

    `how` is bytes, packets or pieces, from the surest down; `what` says it to a reader.
    """

    exhibit: Exhibit
    how: str
    what: str

    def as_json(self) -> JsonObject:
        """The exhibit's name of today, and how it was recognised."""
        return {"exhibit": self.exhibit.name, "how": self.how, "what": self.what}


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


def identify(app: Application, path: Path, progress: Progress | None = None) -> Identified:
    """Look for the file at `path` among the exhibits of every case; raises UnreadableError."""
    digests = digest_file(path, progress)
    matches = _by_bytes(app, digests)
    if matches:
        return Identified(digests, matches)
    try:
        matches, untold = _by_packets(app, path), ""
    except VidneError as error:
        untold = str(error)
    return Identified(digests, matches or _by_pieces(app, digests), untold)


def _by_bytes(app: Application, digests: Digests) -> tuple[Match, ...]:
    with app.catalogue.read() as connection:
        found = exhibits_with_object(connection, digests.sha256)
    return tuple(
        Match(exhibit, BYTES, "its original" if name == "original" else f"its rendition {name}")
        for exhibit, name in found
    )


def _by_packets(app: Application, path: Path) -> tuple[Match, ...]:
    """A rewrap keeps the packets; a picture that was encoded again has others."""
    from transcode.fingerprint import picture_packets  # noqa: PLC0415 - verification needs no parser

    with tempfile.TemporaryDirectory(prefix="identify-", dir=app.settings.data) as work:
        names = picture_packets(path, Path(work))
    with app.catalogue.read() as connection:
        found = [match for name in names for match in exhibits_with_mark(connection, Mark.PACKETS, name)]
    return tuple(
        Match(exhibit, PACKETS, f"a rewrap: the same packets as its stream {part}")
        for exhibit, part in dict.fromkeys(found)
    )


def _by_pieces(app: Application, digests: Digests) -> tuple[Match, ...]:
    if digests.size < digests.piece_size:
        return ()
    with app.catalogue.read() as connection:
        found = exhibits_with_mark(connection, Mark.PIECE, digests.pieces_blake3[0])
    return tuple(Match(exhibit, PIECES, _compared(exhibit.digests, digests)) for exhibit, _ in found)


def _compared(original: Digests, found: Digests) -> str:
    difference = first_difference(original, found)
    if difference is None:
        raise AssertionError("the same bytes have the same SHA-256")
    if difference.kind == "truncated":
        there = f"{found.size} of its original's {original.size} bytes"
        return f"cut short: {there}, the same as far as whole pieces go"
    return f"{difference.kind}: the same as its original up to byte {difference.start} of {original.size}"
