"""Which exhibit a file is: by its bytes, its packets, its first pieces, an excerpt of packets, its looks."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit, get_exhibit
from evidence.catalogue.fingerprints import (
    Kind,
    Mark,
    exhibits_with_mark,
    exhibits_with_object,
    sketches,
    without_head,
    without_sketch,
)
from evidence.catalogue.objects import stored_original
from evidence.errors import VidneError
from evidence.exhibits import Digests
from evidence.jsontypes import JsonObject
from evidence.marks import Marks
from hashing.digests import HEADS
from hashing.recognition import (
    BYTES,
    EXCERPT,
    PACKETS,
    PIECES,
    SIMILAR,
    Identified,
    Match,
    begun,
    common_bytes,
    compared,
)

if TYPE_CHECKING:
    from transcode.sketches import Alike, Shared

_MOST = 10  # exhibits that are only like the file, or share some packets: more are counted
_BEGINNINGS = 200  # exhibits that begin alike and are read: clips of one recorder may
T = TypeVar("T")
_Of = tuple[str, str]  # an exhibit's id, and its part


@dataclass(slots=True)
class _Search:
    """One file that is looked for; `untold` collects what could not be looked at."""

    app: Application
    path: Path
    digests: Digests
    untold: list[str] = field(default_factory=list)


def identify(app: Application, path: Path, digests: Digests) -> Identified:
    """Look for the file at `path`, whose digests are given, among the exhibits of every case."""
    search = _Search(app, path, digests)
    matches = _by_bytes(search) or _by_content(search)
    return Identified(digests, matches, " ".join(search.untold))


def _by_content(search: _Search) -> tuple[Match, ...]:
    """By what is in the file, from the surest down; the first that finds anything is the answer."""
    with tempfile.TemporaryDirectory(prefix="identify-", dir=search.app.settings.data) as work:
        sections: JsonObject = {}
        packets: list[Marks] = []
        with _told(search, "Its packets and pictures were not looked at"):
            sections = _inspected(search.path, Path(work))
            packets = _packets(search.path, Path(work), sections)
        found = _by_packets(search, packets) or _by_pieces(search) or _by_beginning(search)
        found = found or _by_excerpt(search, packets)
        if not found and sections:
            with _told(search, "What its pictures show was not looked at"):
                return _by_looks(search, Path(work), sections)
        return found


@contextmanager
def _told(search: _Search, what: str) -> Iterator[None]:
    try:
        yield
    except VidneError as error:
        search.untold.append(f"{what}: {error}")


def _by_bytes(search: _Search) -> tuple[Match, ...]:
    with search.app.catalogue.read() as connection:
        found = exhibits_with_object(connection, search.digests.sha256)
    return tuple(
        Match(exhibit.name, BYTES, "its original" if name == "original" else f"its rendition {name}")
        for exhibit, name in found
    )


def _inspected(path: Path, work: Path) -> JsonObject:
    from transcode.inspect import inspect  # noqa: PLC0415 - a file that is known by its bytes needs no parser

    folder = work / "inspected"
    folder.mkdir()
    return inspect(path, folder, "").sections


def _packets(path: Path, work: Path, sections: JsonObject) -> list[Marks]:
    from transcode.fingerprint import picture_packets  # noqa: PLC0415 - as above

    folder = work / "packets"
    folder.mkdir()
    return picture_packets(path, folder, sections)


def _by_packets(search: _Search, packets: list[Marks]) -> tuple[Match, ...]:
    """A rewrap keeps the packets; a picture that was encoded again has others."""
    with search.app.catalogue.read() as connection:
        names = [one.packets for one in packets if one.packets is not None]
        found = [match for name in names for match in exhibits_with_mark(connection, Mark.PACKETS, name)]
    return tuple(
        Match(exhibit.name, PACKETS, f"a rewrap: the same packets as its stream {part}")
        for exhibit, part in dict.fromkeys(found)
    )


def _by_pieces(search: _Search) -> tuple[Match, ...]:
    digests = search.digests
    if digests.size < digests.piece_size:
        return ()
    with search.app.catalogue.read() as connection:
        found = exhibits_with_mark(connection, Mark.PIECE, digests.pieces_blake3[0])
    return tuple(Match(exhibit.name, PIECES, compared(exhibit.digests, digests)) for exhibit, _ in found)


def _by_beginning(search: _Search) -> tuple[Match, ...]:
    """What one of both has no whole piece of is read, where a mark says that it begins alike."""
    with search.app.catalogue.read() as connection:
        found = {
            exhibit.id: (exhibit, stored_original(connection, exhibit.id))
            for _, digest in reversed(search.digests.heads)
            for exhibit, _ in exhibits_with_mark(connection, Mark.HEAD, digest)
        }
        unknown = without_head(connection, HEADS[0])
    if len(found) > _BEGINNINGS:
        search.untold.append(f"{len(found) - _BEGINNINGS} more exhibits begin alike and were not compared.")
    matches = []
    for exhibit, place in [*found.values()][:_BEGINNINGS]:
        with _told(search, f"{exhibit.name} begins alike and could not be compared"):
            matches += _held_against(search, exhibit, place)
    if not matches:
        _say(search, len(unknown), "its first bytes")
    return tuple(matches)


def _held_against(search: _Search, exhibit: Exhibit, place: tuple[str, str] | None) -> list[Match]:
    if place is None:
        raise VidneError("It is not sealed yet.")
    with search.app.store.open(*place) as original, search.path.open("rb") as copy:
        common = common_bytes(original, copy)
    said = begun(exhibit.digests.size, search.digests.size, common)
    return [Match(exhibit.name, PIECES, said)] if said else []


def _by_excerpt(search: _Search, packets: list[Marks]) -> tuple[Match, ...]:
    from transcode.sketches import shared  # noqa: PLC0415 - as above

    found: dict[_Of, Shared] = {}
    for sampled in (one.sampled for one in packets if one.sampled):
        for of, common in _compared(search, Kind.SAMPLED, partial(shared, sampled)):
            if common.tells and (of not in found or common.count > found[of].count):
                found[of] = common
    if not found and packets:
        _say_unmarked(search, Kind.SAMPLED, "some of its packets")
    best = sorted(found.items(), key=lambda pair: -pair[1].count)
    return _matches(search, EXCERPT, [(of, _excerpt(of[1], common), {}) for of, common in best])


def _excerpt(part: str, common: "Shared") -> str:
    kind = "an excerpt" if common.count == common.of_file else "some of the same packets"
    sampled = f"{common.count} of the {common.of_file} packets sampled of it"
    return f"{kind}: {sampled} are among the {common.of_exhibit} sampled of its stream {part}"


def _by_looks(search: _Search, work: Path, sections: JsonObject) -> tuple[Match, ...]:
    from transcode.appearance import appearance  # noqa: PLC0415 - as above
    from transcode.sketches import alike  # noqa: PLC0415 - as above

    folder = work / "looks"
    folder.mkdir()
    seen = appearance(search.path, folder, sections)
    looks = [one.looks for one in seen if one.looks]
    found: dict[_Of, Alike] = {}
    for one in looks:
        for of, near in _compared(search, Kind.LOOKS, partial(alike, one)):
            if of not in found or near.frames > found[of].frames:
                found[of] = near
    if looks:
        _say_unmarked(search, Kind.LOOKS, "what it shows")
    elif seen:
        search.untold.append("Its pictures are dark or plain: there is nothing to compare them by.")
    best = sorted(found.items(), key=lambda pair: (-pair[1].frames, pair[1].bits))
    return _matches(search, SIMILAR, [(of, *_similar(of[1], near)) for of, near in best])


def _similar(part: str, near: "Alike") -> tuple[str, dict[str, int]]:
    where = "its picture" if part == "still" else f"its stream {part} at {near.time_s:.2f} s"
    said = (
        f"similar, not identical: {near.frames} of {near.of_file} distinct frames are like some of it,"
        f" the nearest by all but {near.bits} of {near.of_bits} bits, to {where}"
    )
    numbers = {"frames": near.frames, "of_frames": near.of_file, "bits": near.bits, "of_bits": near.of_bits}
    return said, numbers


def _compared(
    search: _Search, kind: Kind, compare: Callable[[list[bytes]], Mapping[int, T]]
) -> Iterator[tuple[_Of, T]]:
    """What `compare` finds among all sketches of a kind, of which it gets some at a time."""
    with search.app.catalogue.read() as connection:
        for some in sketches(connection, kind):
            for place, found in compare([sketch.marks for sketch in some]).items():
                yield (some[place].exhibit_id, some[place].part), found


def _matches(search: _Search, how: str, found: list[tuple[_Of, str, dict[str, int]]]) -> tuple[Match, ...]:
    if len(found) > _MOST:
        search.untold.append(f"{len(found) - _MOST} more exhibits agree less and are not named.")
    with search.app.catalogue.read() as connection:
        return tuple(
            Match(get_exhibit(connection, exhibit_id).name, how, said, numbers)
            for (exhibit_id, _), said, numbers in found[:_MOST]
        )


def _say_unmarked(search: _Search, kind: Kind, what: str) -> None:
    with search.app.catalogue.read() as connection:
        _say(search, len(without_sketch(connection, kind)), what)


def _say(search: _Search, count: int, what: str) -> None:
    if count:
        search.untold.append(
            f"{count} exhibits could not be looked through for {what}: they are not processed yet, or came"
            " before such marks were kept (vidne identify --learn)."
        )
