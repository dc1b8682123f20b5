"""The packets of a file's pictures as one digest each: the same in any container that keeps the packets."""

from collections.abc import Sequence
from pathlib import Path

from evidence.errors import UnreadableError
from evidence.jsontypes import JsonObject
from transcode import ffmpeg, listings, products, proof
from transcode.inspect import inspect
from transcode.sandbox import Command, output_file, run
from transcode.values import objects, whole


def picture_packets(source: Path, work: Path) -> list[str]:
    """Names of the sequences of packets that the pictures of `source` have (see proof.Listing).

    H.264 has two names: in the form that it has in its container, and in that of MPEG-TS. `work` is an empty
    folder of this call's own. Raises UnreadableError, SandboxError, ToolMissingError.
    """
    inspected = work / "inspected"
    inspected.mkdir()
    sections = inspect(source, inspected, "").sections
    streams, plan = objects(sections.get("streams")), sections.get("derivation")
    pictures = {
        index: stream
        for stream in streams
        if stream.get("is_picture") and (index := whole(stream.get("index"))) is not None
    }
    if not pictures or not isinstance(plan, dict):
        return []
    reading = products.input_options(plan)
    found = []
    for number, filters in enumerate(_forms([*pictures.values()])):
        listed = f"{number}.framehash"
        output = listings.listing(ffmpeg.open_input(options=reading), [*pictures], listed, filters)
        run(Command(ffmpeg.command(output), inputs={"src": source}, out=work, limits=listings.limits(source)))
        path = output_file(work, listed)
        if path is None:
            raise UnreadableError("The packets of the file could not be listed.")
        found += [one.packets_sha256 for one in proof.read(path).values() if one.count]
    return list(dict.fromkeys(found))


def _forms(pictures: Sequence[JsonObject]) -> list[list[str]]:
    """Bitstream filters for the pictures: as they are, and where it differs, as MPEG-TS has H.264."""
    plain = [products.PLAIN_H264 if stream.get("codec") == "h264" else "" for stream in pictures]
    kept = [products.PLAIN_H264 if stream.get("is_avc") == "false" else "" for stream in pictures]
    return [kept] if kept == plain else [kept, plain]
