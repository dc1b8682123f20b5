"""The packets of a file's pictures as marks: the same in any container that keeps the packets.

Those of a picture that is rewrapped come from the proof of that. All else is listed in the same run of ffmpeg
as the previews, in the form that MPEG-TS gives the packets.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from evidence.errors import UnreadableError
from evidence.jsontypes import JsonObject
from evidence.marks import Marks
from transcode import ffmpeg, listings, preview, products, proof
from transcode.proving import Proved
from transcode.sandbox import Command, output_file, run
from transcode.values import objects, whole

_LISTED = "pictures.framehash"
_PLAIN: Mapping[object, str] = {"h264": products.PLAIN_H264, "hevc": products.PLAIN_HEVC}
# For a picture out of MPEG-TS: what MP4 would hold of it, without what MP4 holds apart.
_APART: Mapping[object, str] = {
    "h264": "filter_units=remove_types=7|8|9",
    "hevc": "filter_units=remove_types=32|33|34|35",
}


def pictures(streams: Iterable[JsonObject]) -> dict[int, JsonObject]:
    """The pictures among the entries of the section `streams`, by index."""
    return {
        index: stream
        for stream in streams
        if stream.get("is_picture") and (index := whole(stream.get("index"))) is not None
    }


def unlisted(
    plan: JsonObject, streams: Iterable[JsonObject], wanted: Sequence[products.Product]
) -> dict[int, JsonObject]:
    """The pictures whose packets are not listed for the sake of one of the products `wanted`."""
    listed = {index for product in _read_alike(plan, wanted) for index in product.exact}
    return {index: stream for index, stream in pictures(streams).items() if index not in listed}


def listing(plan: JsonObject, unlisted: Mapping[int, JsonObject]) -> ffmpeg.Output:
    """The part of a command that lists the packets of such pictures."""
    filters = [_PLAIN.get(stream.get("codec"), "") for stream in unlisted.values()]
    source = ffmpeg.open_input(options={**products.input_options(plan), **preview.INTRA})
    return listings.listing(source, [*unlisted], _LISTED, filters)


def of_original(
    work: Path,
    plan: JsonObject,
    streams: Sequence[JsonObject],
    wanted: Sequence[products.Product],
    held: Iterable[Proved],
) -> tuple[Marks, ...]:
    """The marks of the pictures of an original, out of the proofs of what `held` and the lists in `work`.

    A list that was read for a proof is not read again, which takes long where packets are many.
    """
    found = {
        str(one.index): Marks(str(one.index), packets=one.packets_sha256, sampled=one.sampled)
        for proved in held
        if _read_alike(plan, [proved.product])
        for one in proved.comparisons
    }
    lists = {_LISTED: [*unlisted(plan, streams, wanted)]}
    for name, group in listings.groups(_read_alike(plan, wanted)).items():
        lists[name] = listings.listed(group)
    for name, indexes in lists.items():
        path = output_file(work, name)
        if path and any(str(index) not in found for index in indexes):
            found |= {one.part: one for one in _marks(path, indexes)}
    return tuple(found[str(index)] for index in pictures(streams) if str(index) in found)


def _read_alike(plan: JsonObject, wanted: Iterable[products.Product]) -> list[products.Product]:
    """Those that read the original as everybody does, and not past its edit list."""
    return [product for product in wanted if product.input_options == products.input_options(plan)]


def picture_packets(source: Path, work: Path, sections: JsonObject) -> list[Marks]:
    """The marks of the pictures of a file in every form in which an exhibit may have them.

    `sections` are those of its inspection, `work` is an empty folder of this call's own. Raises
    UnreadableError, SandboxError, ToolMissingError.
    """
    found, plan = pictures(objects(sections.get("streams"))), sections.get("derivation")
    if not found or not isinstance(plan, dict):
        return []
    reading = products.input_options(plan)
    kept = [products.PLAIN_H264 if _is_plain_h264(stream) else "" for stream in found.values()]
    plain = [_PLAIN.get(stream.get("codec"), "") for stream in found.values()]
    marks = []
    for number, filters in enumerate([kept] if kept == plain else [kept, plain]):
        path = _list(source, work, f"{number}.framehash", reading, [*found], filters)
        if path is None:
            raise UnreadableError("The packets of the file could not be listed.")
        marks += _marks(path, [*found])
    for index, stream in found.items():
        marks += _boxed(source, work, reading, index, stream)
    return [*{(one.part, one.packets): one for one in marks}.values()]


def kept_packets(
    source: Path, work: Path, sections: JsonObject, rewrapped: Container[int | None]
) -> list[Marks]:
    """The marks of an exhibit's pictures as its stages would have filed them; see picture_packets.

    `rewrapped` are the indexes of those that have a proof.
    """
    found, plan = pictures(objects(sections.get("streams"))), sections.get("derivation")
    if not found or not isinstance(plan, dict):
        return []
    filters = [
        _PLAIN.get(stream.get("codec"), "") if index not in rewrapped or _is_plain_h264(stream) else ""
        for index, stream in found.items()
    ]
    path = _list(source, work, _LISTED, products.input_options(plan), [*found], filters)
    return _marks(path, [*found]) if path else []


def _boxed(source: Path, work: Path, reading: ffmpeg.Options, index: int, stream: JsonObject) -> list[Marks]:
    """A picture out of MPEG-TS as MP4 would hold it, which is how the exhibit may have it."""
    apart = _APART.get(stream.get("codec"))
    if apart is None or stream.get("is_avc") == "true":
        return []
    name = f"boxed-{index}.mp4"
    source_stream = ffmpeg.open_input(options=reading).stream(str(index))
    boxed = ffmpeg.output([source_stream], f"/out/{name}", {**products.COPY, "bsf:v": apart, "f": "mp4"})
    run(Command(ffmpeg.command(boxed), inputs={"src": source}, out=work, limits=listings.limits(source)))
    path = output_file(work, name)
    listed_at = _list(path, work, f"{name}.framehash", {}, [0], [""]) if path else None
    return _marks(listed_at, [index]) if listed_at else []


def _list(
    source: Path,
    work: Path,
    name: str,
    reading: ffmpeg.Options,
    indexes: Sequence[int],
    filters: Sequence[str],
) -> Path | None:
    output = listings.listing(ffmpeg.open_input(options=reading), indexes, name, filters)
    run(Command(ffmpeg.command(output), inputs={"src": source}, out=work, limits=listings.limits(source)))
    return output_file(work, name)


def _marks(path: Path, indexes: Sequence[int]) -> list[Marks]:
    return [
        Marks(str(indexes[number]), packets=one.packets_sha256, sampled=one.sampled)
        for number, one in proof.read(path).items()
        if one.count
    ]


def _is_plain_h264(stream: JsonObject) -> bool:
    return stream.get("codec") == "h264" and stream.get("is_avc") == "false"
