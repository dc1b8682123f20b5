"""Which exhibit a file is: by its bytes, else by its packets, else by its first pieces."""

import tempfile
from pathlib import Path

from apps.wiring import Application
from evidence.catalogue.fingerprints import Mark, exhibits_with_mark, exhibits_with_object
from evidence.errors import VidneError
from evidence.exhibits import Digests
from hashing.recognition import BYTES, PACKETS, PIECES, Identified, Match, compared


def identify(app: Application, path: Path, digests: Digests) -> Identified:
    """Look for the file at `path`, whose digests are given, among the exhibits of every case."""
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
        Match(exhibit.name, BYTES, "its original" if name == "original" else f"its rendition {name}")
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
        Match(exhibit.name, PACKETS, f"a rewrap: the same packets as its stream {part}")
        for exhibit, part in dict.fromkeys(found)
    )


def _by_pieces(app: Application, digests: Digests) -> tuple[Match, ...]:
    if digests.size < digests.piece_size:
        return ()
    with app.catalogue.read() as connection:
        found = exhibits_with_mark(connection, Mark.PIECE, digests.pieces_blake3[0])
    return tuple(Match(exhibit.name, PIECES, compared(exhibit.digests, digests)) for exhibit, _ in found)
