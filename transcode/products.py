"""What is to be made of the original without encoding a picture: remuxes and exact rewraps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from transcode import ffmpeg
from transcode.values import objects, whole

# ffmpeg 5.1 calls FLAC in MP4 experimental; browsers play it.
_MP4: ffmpeg.Options = {"f": "mp4", "movflags": "+faststart", "strict": "experimental", "write_tmcd": 0}
_CONTAINERS: Mapping[str, ffmpeg.Options] = {
    "mp4": _MP4,
    "mov": {**_MP4, "f": "mov"},
    "matroska": {"f": "matroska"},
}
# ffmpeg would leave out the packets before the first that begins a picture anew.
COPY: ffmpeg.Options = {"c": "copy", "copyinkf": None}
# The same input gives the same bytes: no random identifier, no version in the file, no tag of the original.
_COMMON: ffmpeg.Options = {**COPY, "map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}
_AAC_RATE = "160k"
# Bitstream filters for the original's side and the product's.
Filters = tuple[str, str]
# Annex B without access unit delimiters, which a container may add or drop; parameter sets and SEI stay, as
# removing them would hide a change.
PLAIN_H264 = "h264_mp4toannexb,filter_units=remove_types=9"
# As a name only, never as a proof: without delimiters and parameter sets, which MP4 holds apart.
PLAIN_HEVC = "hevc_mp4toannexb,filter_units=remove_types=32|33|34|35"
_ANNEX_B: Filters = (PLAIN_H264, PLAIN_H264)
# A header before each packet, which MP4 keeps once.
_ADTS: Filters = ("aac_adtstoasc", "")


@dataclass(frozen=True, slots=True)
class Product:
    """A file to be made of some streams of the original without encoding a picture.

    `streams` are their indexes in the original, in the product's order; those in `encoded` are audio that
    becomes AAC. `filters` are bitstream filters under which a stream's packets are compared, on the
    original's side and the product's; `turned` (degrees clockwise) and `mirrored` tell how each picture is to
    be shown, `packets` how many the probe counted, all by the stream's index in the original.
    """

    name: str
    role: Role
    label: str
    streams: tuple[int, ...]
    encoded: frozenset[int]
    options: ffmpeg.Options
    input_options: ffmpeg.Options
    filters: Mapping[int, Filters] = field(default_factory=lambda: MappingProxyType({}))
    turned: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    mirrored: frozenset[int] = frozenset()
    packets: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def exact(self) -> tuple[int, ...]:
        """The streams whose packets must be those of the original."""
        return tuple(index for index in self.streams if index not in self.encoded)


def planned(plan: JsonObject, streams: Sequence[JsonObject]) -> list[Product]:
    """The products of a plan (section `derivation`); `streams` is the section of that name."""
    by_index = {whole(stream.get("index")): stream for stream in streams}
    found = [
        _copy(entry, by_index) for entry in objects(plan.get("copies")) if entry.get("method") == "remux"
    ]
    found += [_rewrap(entry, by_index) for entry in objects(plan.get("rewraps"))]
    # How the original is read goes for all of it; a rewrap may ask for more.
    reading = input_options(plan)
    return [replace(product, input_options={**reading, **product.input_options}) for product in found]


def input_options(entry: JsonObject) -> dict[str, ffmpeg.Value | None]:
    """What a plan, or an entry of it, puts before the input."""
    given = entry.get("input_options")
    return {key: str(value) for key, value in given.items()} if isinstance(given, dict) else {}


def _copy(entry: JsonObject, streams: Mapping[int | None, JsonObject]) -> Product:
    sounds = objects(entry.get("audio"))
    video = whole(entry.get("video"))
    indexes = [] if video is None else [video]
    indexes += [index for sound in sounds if (index := whole(sound.get("index"))) is not None]
    options: dict[str, ffmpeg.Value | None] = {**_COMMON, **_MP4, **_timescale(streams.get(video))}
    encoded = set()
    for number, sound in enumerate(sounds):
        index = whole(sound.get("index"))
        if sound.get("action") == "encode" and index is not None:
            encoded.add(index)
            options |= {f"c:a:{number}": "aac", f"b:a:{number}": _AAC_RATE}
    product = Product(
        name=str(entry["name"]),
        role=Role.WORKING,
        label="working copy" if not encoded else "working copy, its sound encoded to AAC",
        streams=tuple(indexes),
        encoded=frozenset(encoded),
        options=options,
        input_options={},
    )
    return _fitted(product, streams)


def _rewrap(entry: JsonObject, streams: Mapping[int | None, JsonObject]) -> Product:
    listed = entry.get("streams")
    indexes = [
        index for value in (listed if isinstance(listed, list) else []) if (index := whole(value)) is not None
    ]
    options = {**_COMMON, **_CONTAINERS[str(entry["container"])], **_timescale(streams.get(indexes[0]))}
    if entry.get("tag"):
        options["tag:v"] = str(entry["tag"])
    product = Product(
        name=str(entry["name"]),
        role=Role.REWRAP,
        label=str(entry["label"]),
        streams=tuple(indexes),
        encoded=frozenset(),
        options=options,
        input_options=input_options(entry),
    )
    return _fitted(product, streams)


def _fitted(product: Product, streams: Mapping[int | None, JsonObject]) -> Product:
    """With what the streams themselves ask of the comparison."""
    chosen = {index: streams.get(index, {}) for index in product.exact}
    filters = {index: found for index, stream in chosen.items() if (found := _filters(stream))}
    return replace(
        product,
        filters=filters,
        turned={index: whole(stream.get("rotation")) or 0 for index, stream in chosen.items()},
        mirrored=frozenset(index for index, stream in chosen.items() if stream.get("mirrored") is True),
        packets={index: _packets(stream) for index, stream in chosen.items()},
    )


def _packets(stream: JsonObject) -> int:
    counted = stream.get("packets")
    return (whole(counted.get("count")) or 0) if isinstance(counted, dict) else 0


def _filters(stream: JsonObject) -> Filters | None:
    """How a stream is compared whose packets change their form, not their content, on the way into MP4."""
    if stream.get("codec") == "h264" and stream.get("is_avc") == "false":
        return _ANNEX_B
    if stream.get("codec") == "aac" and not stream.get("extradata_size"):
        return _ADTS
    return None


def _timescale(stream: JsonObject | None) -> dict[str, ffmpeg.Value | None]:
    """The source's own ticks, so that no time is rounded."""
    ticks = whole(str((stream or {}).get("time_base", "")).rpartition("/")[2])
    return {"video_track_timescale": ticks} if ticks and (stream or {}).get("type") == "video" else {}
