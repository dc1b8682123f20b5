"""The proofs of an exhibit's copies, computed again from the stored files.

The original is probed and planned anew, each stored copy is held against it. Of what was recorded only this
is relied on: whether a copy was encoded, and which tool made that of a still. A rewrap is compared packet by
packet and, as shown, frame by frame; an encoded copy by its number of frames, their times, and SSIM of a
sample.
"""

import filecmp
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evidence.errors import VidneError
from evidence.jsontypes import JsonObject
from transcode import decode, ffmpeg, products, remux, stills
from transcode.comparison import Comparison, compare
from transcode.inspect import inspect
from transcode.probe import NotMediaError, probe
from transcode.sandbox import Command, run
from transcode.task import task_of
from transcode.values import objects

_HASH = re.compile(rb"^\d+, .*, *([0-9a-f]{64})$", re.MULTILINE)
_LISTING_LIMIT = 256 * 1024**2
# The same pictures from the same packets on any machine; rotation is a matter of the container.
_PLAINLY: ffmpeg.Options = {"noautorotate": None, "flags": "+bitexact", "idct": "simple", "threads": 1}


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A working copy or rewrap as it lies in the store; how it is said to have been made, and by what."""

    name: str
    path: Path
    is_encoded: bool
    tool_sha256: str


@dataclass(frozen=True, slots=True)
class Reproved:
    """What came of one copy: one of `verdict` (it holds), `difference`, and `untold` (why nothing is)."""

    name: str
    verdict: str = ""
    difference: str = ""
    untold: str = ""


def prove_again(original: Path, copies: Sequence[StoredCopy], work: Path) -> list[Reproved]:
    """Hold every copy against the original; `work` is an empty folder of this call's own.

    Raises UnreadableError, SandboxError, ToolMissingError, VidneError where the original cannot be decoded.
    """
    sections = inspect(original, _folder(work, "inspected"), "").sections
    plan, media = sections.get("derivation"), sections.get("media")
    if not isinstance(plan, dict) or not isinstance(media, dict):
        raise VidneError("The original could not be inspected.")
    exact = {product.name: product for product in products.planned(plan, objects(sections.get("streams")))}
    found = []
    for copy in copies:
        folder = _folder(work, f"{copy.name}.again")
        if media.get("kind") == "still":
            found.append(_still(original, copy, str(media.get("format")), folder))
        elif copy.is_encoded:
            found.append(_encoded(original, copy, sections, folder))
        elif copy.name in exact:
            found.append(_rewrap(original, copy, exact[copy.name], folder))
        else:
            what = "The original as it is planned now gives no exact copy of this name."
            found.append(Reproved(copy.name, difference=what))
    return found


def _folder(work: Path, name: str) -> Path:
    folder = work / name
    folder.mkdir()
    return folder


def _rewrap(original: Path, copy: StoredCopy, product: products.Product, work: Path) -> Reproved:
    """Packets first, then what is shown of them."""
    proved = remux.prove_again(original, work, product, copy.path)
    if isinstance(proved, str):
        return Reproved(copy.name, difference=proved)
    shown = _shown(original, copy, product)
    return shown if shown.difference else replace(shown, verdict=f"{proved.verdict}{shown.verdict}")


def _shown(original: Path, copy: StoredCopy, product: products.Product) -> Reproved:
    """Whether every picture of both decodes to the same samples, as many and in the same order."""
    try:
        pictures = [stream.index for stream in probe(copy.path).pictures]
    except NotMediaError as error:
        return Reproved(copy.name, difference=f"It cannot be read: {error.what}")
    count = 0
    for place in pictures:
        index = product.streams[place]
        before = _frames(original, index, {**product.input_options})
        after = _frames(copy.path, place, {})
        if before is None or after is None:
            # What a damaged packet decodes to depends on what came before it in memory.
            return Reproved(copy.name, verdict=", decoded frames not compared: not all of them decode")
        if before != after:
            what = f"Stream {index} decodes to other frames ({len(before)}, in the copy {len(after)})."
            return Reproved(copy.name, difference=what)
        count += len(before)
    return Reproved(copy.name, verdict=f", {count} decoded frames identical" if count else "")


def _frames(source: Path, index: int, options: ffmpeg.Options) -> list[bytes] | None:
    """SHA-256 of each frame of a stream as it decodes; None where that gave errors or did not end."""
    stream = ffmpeg.open_input(options={**options, **_PLAINLY}).stream(str(index))
    listed: ffmpeg.Options = {"f": "framehash", "hash": "sha256", "fps_mode": "passthrough"}
    command = ffmpeg.command(ffmpeg.output([stream], "pipe:1", listed))
    limits = decode.limits(None, source.stat().st_size)
    finished = run(Command(command, inputs={"src": source}, limits=limits), stdout_limit=_LISTING_LIMIT)
    if not finished.ok or finished.stderr.strip():
        return None
    return [bytes.fromhex(line.decode()) for line in _HASH.findall(finished.stdout)]


def _encoded(original: Path, copy: StoredCopy, sections: JsonObject, work: Path) -> Reproved:
    """Number of frames, times and likeness of an encoded copy, by its own source decoded once more."""
    planned = task_of(copy.name, original, work, sections)
    if planned is None:
        return Reproved(copy.name, difference="The original has no picture for a copy of this name.")
    job, wanted = planned
    sampled = decode.sample_again(job, wanted)
    if not sampled.is_whole:
        return Reproved(copy.name, untold=f"The original does not decode: {sampled.finished.explain()}")
    try:
        compared = compare(job.out, wanted, sampled.stamps, job.limits, stored=copy.path)
    except VidneError as error:
        return Reproved(copy.name, difference=error.what)
    return _judged(copy.name, compared)


def _judged(name: str, compared: Comparison) -> Reproved:
    if not compared.times_equal:
        what = f"It shows {compared.frames} of {compared.frames_expected} frames, or at other times"
        return Reproved(name, difference=f"{what} (up to {compared.worst_time_s:.3f} s away).")
    if compared.mean_ssim is None or compared.worst_ssim is None:
        return Reproved(name, untold="As many frames at the same times; none could be compared.")
    likeness = f"SSIM {compared.mean_ssim:.3f}, at worst {compared.worst_ssim:.3f}"
    if not compared.is_alike:
        return Reproved(name, difference=f"Its frames are not alike the original's ({likeness}).")
    return Reproved(name, verdict=f"derived from the original, {compared.frames} frames, {likeness}")


def _still(original: Path, copy: StoredCopy, format_name: str, work: Path) -> Reproved:
    """A still is made once more: the same program gives the same bytes."""
    if stills.tool(format_name).sha256 != copy.tool_sha256:
        return Reproved(copy.name, untold="It was made by another version of its tool.")
    report = stills.copy(original, format_name, work)
    if report.failed or report.refused:
        return Reproved(copy.name, difference=f"No copy can be made: {report.failed or report.refused}")
    if not filecmp.cmp(work / report.name, copy.path, shallow=False):
        return Reproved(copy.name, difference="Made once more, it has other bytes.")
    return Reproved(copy.name, verdict="derived from the original: made once more, it has the same bytes")
