"""Cells of damage: cut tails, lost indexes, hidden frames, and what is no footage at all."""

from evidence.exhibits import ExhibitState
from tests.media import changes
from tests.media.cell import Cell, Change, pictures, row
from tests.media.h264 import ALL, PLAIN

_ASP = "-c:v mpeg4 -q:v 3 "
_TWO_SECONDS = pictures(seconds="2")


def _partial(
    name: str, method: str, options: str, share: float, *, viewing: bool = False, stops: bool = False
) -> Cell:
    return row(
        name,
        method,
        options,
        of=_TWO_SECONDS,
        state=ExhibitState.PARTIAL,
        change=changes.cut(share),
        viewing=viewing,
        stops=stops,
    )


CUT = [
    _partial("cut.mp4", "encode", PLAIN + "-movflags +faststart", 0.6),
    _partial("cut.mov", "encode", PLAIN + "-movflags +faststart", 0.6),
    _partial(
        "cut-fragments.mp4",
        "remux",
        PLAIN + "-movflags frag_keyframe+empty_moov",
        0.6,
        viewing=True,
        stops=True,
    ),
    _partial("cut.mkv", "remux", PLAIN, 0.6, viewing=True),
    _partial("cut.flv", "remux", PLAIN, 0.6, viewing=True, stops=True),
    _partial("cut-asp.avi", "encode", _ASP, 0.6),
    _partial("cut-asp.mkv", "encode", _ASP, 0.6),
    _partial("cut-vp9.webm", "encode", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", 0.6),
    _partial("cut-mjpeg.avi", "encode", "-c:v mjpeg -q:v 3", 0.6),
    # Of these no header tells how long they should be: what is left is the whole of it.
    row("cut.ts", "remux", PLAIN, of=_TWO_SECONDS, change=changes.cut(0.6), viewing=True),
    row("cut.mpg", "encode", "-c:v mpeg2video -q:v 3", of=_TWO_SECONDS, change=changes.cut(0.6)),
    row(
        "cut.264",
        "remux",
        PLAIN + "-bf 0",
        of=_TWO_SECONDS,
        change=changes.cut(0.6),
        viewing=True,
        stops=True,
    ),
    row("damaged.ts", "remux", PLAIN, of=_TWO_SECONDS, change=changes.damaged, viewing=True, stops=True),
]


def _none(name: str, options: str, state: ExhibitState, says: str, change: Change) -> Cell:
    return row(name, "none", options, state=state, says=says, change=change, copies=0)


_UNPLAYABLE, _REFUSED = ExhibitState.UNPLAYABLE, ExhibitState.REFUSED
ENDED = [
    _none(
        "no-index.mp4", PLAIN, _UNPLAYABLE, "Its index (moov) is missing or damaged", changes.without_index
    ),
    _none(
        "no-index.mov", PLAIN, _UNPLAYABLE, "Its index (moov) is missing or damaged", changes.without_index
    ),
    _none(
        "no-index-asp.mp4", _ASP, _UNPLAYABLE, "Its index (moov) is missing or damaged", changes.without_index
    ),
    _none("zeroed.mp4", PLAIN, _UNPLAYABLE, "Nothing in it decodes", changes.zeroed),
    _none("zeroed-asp.mp4", _ASP, _UNPLAYABLE, "The size of its pictures is not to be found", changes.zeroed),
    _none("header-only.mkv", PLAIN, _UNPLAYABLE, "", changes.cut(0.01)),
    _none("header-only.avi", _ASP, _UNPLAYABLE, "", changes.cut(0.01)),
    _none("empty.mp4", PLAIN, _UNPLAYABLE, "The file is empty", changes.replaced(b"")),
    _none(
        "noise.mp4",
        PLAIN,
        _UNPLAYABLE,
        "No stream was found in it",
        changes.replaced(bytes(range(1, 255)) * 90),
    ),
    _none(
        "playlist.mp4",
        PLAIN,
        _REFUSED,
        "it names other files to be opened in its place",
        changes.replaced(b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n"),
    ),
    _none("script.mp4", PLAIN, _REFUSED, "It is text", changes.replaced(b"#!/bin/sh\necho no footage\n" * 9)),
    _none(
        "page.mp4",
        PLAIN,
        _REFUSED,
        "It is text",
        changes.replaced(b"<!DOCTYPE html><html><body>no</body></html>"),
    ),
    _none(
        "program.mp4", PLAIN, _REFUSED, "which is kept and never run", changes.replaced(b"MZ" + bytes(510))
    ),
    _none("report.mp4", PLAIN, _REFUSED, "It is a document", changes.replaced(b"%PDF-1.7\n%none\n" * 9)),
]


def _trimmed(name: str, options: str, rewraps: tuple[str, ...] = ALL) -> Cell:
    """Frames before 0.6 s are stored and, by an edit list, not shown."""
    return row(name, "encode", options, of=_TWO_SECONDS, change=changes.trimmed, rewraps=rewraps)


HIDDEN = [
    _trimmed("trimmed.mp4", PLAIN + "-g 50"),
    _trimmed("trimmed.mov", PLAIN + "-g 50"),
    _trimmed("trimmed-in-order.mp4", PLAIN + "-g 50 -bf 0"),
    _trimmed("trimmed-asp.mp4", _ASP + "-g 50"),
    _trimmed(
        "trimmed-hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=1:keyint=50"
    ),
]
CELLS: list[Cell] = [*CUT, *ENDED, *HIDDEN]
