"""Lists of packets by ffmpeg's framehash: of the original as a product reads it, and of what was made."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from transcode import ffmpeg
from transcode.preview import INTRA
from transcode.products import COPY, Product
from transcode.sandbox import Command, Limits, run

_MIB = 1024**2
Commands = tuple[tuple[str, ...], ...]


def limits(source: Path) -> Limits:
    """Generous for the size: a megabyte a second at worst, twice the original and a margin on the disk."""
    size = source.stat().st_size
    seconds = 300 + size // _MIB
    return Limits(cpu_s=2 * seconds, wall_s=2.0 * seconds, file_bytes=2 * size + 1024 * _MIB)


def reader(product: Product) -> ffmpeg.Input:
    """The original as `product` reads it; no frame but the intra frames is decoded."""
    return ffmpeg.open_input(options={**product.input_options, **INTRA})


def name_of(input_options: ffmpeg.Options) -> str:
    """The file's name of the original's list, read with these options."""
    return "-".join(["original", *sorted(input_options)]) + ".framehash"


def of_original(products: Iterable[Product]) -> list[ffmpeg.Output]:
    """One list of packets for each way in which the original is read."""
    found = []
    for name, group in groups(products).items():
        indexes = listed(group)
        filters = {index: both[0] for product in group for index, both in product.filters.items()}
        chosen = [filters.get(index, "") for index in indexes]
        found.append(listing(reader(group[0]), indexes, name, chosen))
    return found


def groups(products: Iterable[Product]) -> dict[str, list[Product]]:
    """The products whose streams stand in the same list of the original's packets, by its file's name."""
    found: dict[str, list[Product]] = {}
    for product in products:
        if product.exact:
            found.setdefault(name_of(product.input_options), []).append(product)
    return found


def listed(group: Iterable[Product]) -> list[int]:
    """The streams of the original in a group's list, in its order."""
    return sorted({index for product in group for index in product.exact})


def listing(source: ffmpeg.Input, indexes: Sequence[int], name: str, filters: Sequence[str]) -> ffmpeg.Output:
    """The packets of some streams of a file, each through its bitstream filter."""
    streams = [source.stream(str(index)) for index in indexes]
    chosen: dict[str, ffmpeg.Value | None] = {f"bsf:{n}": text for n, text in enumerate(filters) if text}
    # Without flush_packets each line is written to the disk by itself.
    listed: ffmpeg.Options = {"f": "framehash", "hash": "sha256", "flush_packets": 0}
    return ffmpeg.output(streams, f"/out/{name}", {**listed, **COPY, **chosen})


def list_all(work: Path, products: Sequence[Product]) -> dict[str, Commands]:
    """List the packets of what was made, in one run, or each alone; the command for each that is listed."""
    exact = [product for product in products if product.exact]
    if not exact:
        return {}
    argv = ffmpeg.command(*(of_product(product) for product in exact))
    largest = max((work / product.name for product in exact), key=lambda path: path.stat().st_size)
    inputs = {product.name: work / product.name for product in exact}
    finished = run(Command(argv, inputs=inputs, out=work, limits=limits(largest)))
    if finished.ok or len(exact) == 1:
        return {product.name: (argv,) for product in exact}
    # One that cannot be read takes the others along.
    return {name: told for product in exact for name, told in list_all(work, [product]).items()}


def of_product(product: Product) -> ffmpeg.Output:
    """The packets of a product that was written, which the run sees as an input of its name."""
    source = ffmpeg.open_input(f"/in/{product.name}")
    places = [product.streams.index(index) for index in product.exact]
    filters = [product.filters.get(index, ("", ""))[1] for index in product.exact]
    return listing(source, places, f"{product.name}.framehash", filters)
