"""Products made by one ffmpeg run, listed by a second; each is probed and proved, then filed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg, proof
from transcode.model import Made
from transcode.preview import INTRA
from transcode.probe import NotMediaError, Probed, probe
from transcode.products import COPY, Product
from transcode.sandbox import Command, Limits, output_file, run
from transcode.tools import identify

_MIB = 1024**2
Commands = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Proved:
    """A product that holds, with the comparison of its streams and the command that made it."""

    product: Product
    path: Path
    proof_path: Path | None
    comparisons: tuple[proof.Comparison, ...]
    command: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """`packets identical`, or `derived from` where all of it was encoded."""
        return proof.verdict(self.comparisons) if self.product.exact else "derived from"

    def as_json(self) -> JsonObject:
        """For the section `derivation`."""
        streams: list[Json] = [one.as_json() for one in self.comparisons]
        return {
            "name": self.product.name,
            "label": self.product.label,
            "verdict": self.verdict,
            "streams": streams,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What holds, and a sentence for each product that does not; `command` made the extra outputs."""

    command: tuple[str, ...]
    held: tuple[Proved, ...]
    failures: Mapping[str, str]


def limits(source: Path) -> Limits:
    """Generous for the size: a megabyte a second at worst, twice the original and a margin on the disk."""
    size = source.stat().st_size
    seconds = 300 + size // _MIB
    return Limits(cpu_s=2 * seconds, wall_s=2.0 * seconds, file_bytes=2 * size + 1024 * _MIB)


def make(source: Path, work: Path, products: Sequence[Product], extra: Sequence[ffmpeg.Output]) -> Outcome:
    """Make all products, and the `extra` outputs, of one reading of the original.

    Where that fails, the products are made without the extra outputs, then each by itself: what cannot be
    made takes nothing else along.
    """
    if not (products or extra):
        return Outcome((), (), {})
    if extra and any("r" in product.input_options for product in products):
        # The packets of a raw stream would get other times where some are decoded in the same run.
        return replace(make(source, work, products, []), command=_again(source, work, extra))
    outputs = [*(_output(product) for product in products), *_original_listings(products)]
    command = ffmpeg.command(*outputs, *extra)
    failure = _run(source, work, command)
    if not failure:
        return _proved(work, products, {product.name: (command,) for product in products}, {}, command)
    if products and extra:
        alone = ffmpeg.command(*outputs)
        failure = _run(source, work, alone)
        if not failure:
            return _proved(work, products, {product.name: (alone,) for product in products}, {}, command)
    if len(products) < 2:
        failures = {product.name: failure for product in products}
        return Outcome(_again(source, work, extra) if products else command, (), failures)
    return _singly(source, work, products, extra)


def _singly(source: Path, work: Path, products: Sequence[Product], extra: Sequence[ffmpeg.Output]) -> Outcome:
    """Each product by a command of its own, then the original's packets, then the extra outputs."""
    single = {product.name: ffmpeg.command(_output(product)) for product in products}
    found = {name: _run(source, work, command) for name, command in single.items()}
    failures = {name: failure for name, failure in found.items() if failure}
    made = [product for product in products if product.name not in failures]
    listings = _original_listings(made)
    listed: tuple[tuple[str, ...], ...] = (ffmpeg.command(*listings),) if listings else ()
    for command in listed:
        _run(source, work, command)  # what is missing in a list, the comparison finds
    commands = {product.name: (single[product.name], *listed) for product in made}
    return _proved(work, made, commands, failures, _again(source, work, extra))


def _again(source: Path, work: Path, extra: Sequence[ffmpeg.Output]) -> tuple[str, ...]:
    """The extra outputs alone: they may have failed for the products' sake. What they wrote, they wrote."""
    if not extra:
        return ()
    command = ffmpeg.command(*extra)
    _run(source, work, command)
    return command


def _proved(
    work: Path,
    products: Sequence[Product],
    commands: Mapping[str, Commands],
    failures: Mapping[str, str],
    command: tuple[str, ...],
) -> Outcome:
    """What holds of the products that were made; the others join the `failures`."""
    written = [product for product in products if output_file(work, product.name)]
    unwritten = {product.name: "It was not written." for product in products if product not in written}
    listings = _list(work, written)
    groups = _groups(products)
    held: list[Proved] = []
    failed = {**failures, **unwritten}
    for product in written:
        group = groups.get(_listing_name(product.input_options), [])
        told = (*commands[product.name], *listings.get(product.name, ()))
        outcome = _prove(work, product, group, told, work / product.name)
        if isinstance(outcome, Proved):
            held.append(outcome)
        else:
            failed[product.name] = outcome
    return Outcome(command, tuple(held), failed)


def filed(proved: Proved) -> list[Made]:
    """The product and its proof as renditions."""
    tool = identify("ffmpeg")
    product = proved.product
    detail: JsonObject = {"label": product.label, "streams": list(product.streams)}
    made = [Made(product.role, product.name, proved.path, tool, proved.command, detail=detail)]
    if proved.proof_path:
        name = proved.proof_path.name
        made.append(Made(Role.PROOF, name, proved.proof_path, tool, proved.command, parent=product.name))
    return made


def _input(product: Product) -> ffmpeg.Input:
    return ffmpeg.open_input(options={**product.input_options, **INTRA})


def _output(product: Product) -> ffmpeg.Output:
    reader = _input(product)
    streams = [reader.stream(str(index)) for index in product.streams]
    return ffmpeg.output(streams, f"/out/{product.name}", product.options)


def _listing_name(input_options: ffmpeg.Options) -> str:
    return "-".join(["original", *sorted(input_options)]) + ".framehash"


def _original_listings(products: Iterable[Product]) -> list[ffmpeg.Output]:
    """One list of packets for each way in which the original is read."""
    listings = []
    for name, group in _groups(products).items():
        indexes = _listed(group)
        reader = _input(group[0])
        filters = {index: both[0] for product in group for index, both in product.filters.items()}
        listings.append(_listing(reader, indexes, name, [filters.get(index, "") for index in indexes]))
    return listings


def _groups(products: Iterable[Product]) -> dict[str, list[Product]]:
    groups: dict[str, list[Product]] = {}
    for product in products:
        if product.exact:
            groups.setdefault(_listing_name(product.input_options), []).append(product)
    return groups


def _listed(group: Iterable[Product]) -> list[int]:
    return sorted({index for product in group for index in product.exact})


def _listing(
    reader: ffmpeg.Input, indexes: Sequence[int], name: str, filters: Sequence[str]
) -> ffmpeg.Output:
    """The packets of some streams of a file, each through its bitstream filter."""
    streams = [reader.stream(str(index)) for index in indexes]
    chosen: dict[str, ffmpeg.Value | None] = {f"bsf:{n}": text for n, text in enumerate(filters) if text}
    return ffmpeg.output(streams, f"/out/{name}", {"f": "framehash", "hash": "sha256", **COPY, **chosen})


def _list(work: Path, products: Sequence[Product]) -> dict[str, Commands]:
    """List the packets of what was made, in one run, or each alone; the command for each that is listed."""
    exact = [product for product in products if product.exact]
    if not exact:
        return {}
    argv = ffmpeg.command(*(_product_listing(product) for product in exact))
    largest = max((work / product.name for product in exact), key=lambda path: path.stat().st_size)
    inputs = {product.name: work / product.name for product in exact}
    finished = run(Command(argv, inputs=inputs, out=work, limits=limits(largest)))
    if finished.ok or len(exact) == 1:
        return {product.name: (argv,) for product in exact}
    # One that cannot be read takes the others along.
    return {name: told for product in exact for name, told in _list(work, [product]).items()}


def _product_listing(product: Product) -> ffmpeg.Output:
    reader = ffmpeg.open_input(f"/in/{product.name}")
    places = [product.streams.index(index) for index in product.exact]
    filters = [product.filters.get(index, ("", ""))[1] for index in product.exact]
    return _listing(reader, places, f"{product.name}.framehash", filters)


def _run(source: Path, work: Path, command: tuple[str, ...]) -> str:
    """Run one command over the original; a sentence where it failed."""
    finished = run(Command(command, inputs={"src": source}, out=work, limits=limits(source)))
    # ffmpeg ends some of its messages with a line that has a level only.
    said = [line for line in finished.stderr.splitlines() if not re.fullmatch(r"\[\w+\]\s*", line)]
    return "" if finished.ok else replace(finished, stderr="\n".join(said)).explain()


def prove_again(source: Path, work: Path, product: Product, stored: Path) -> Proved | str:
    """Prove a product that was made before and lies at `stored`; a sentence where it does not hold."""
    if product.exact:
        of_original = ffmpeg.command(*_original_listings([product]))
        _run(source, work, of_original)  # what is missing in a list, the comparison finds
        of_copy = ffmpeg.command(_product_listing(product))
        run(Command(of_copy, inputs={product.name: stored}, out=work, limits=limits(stored)))
    outcome = _prove(work, product, [product], ((),), stored)
    if isinstance(outcome, Proved) and product.filters:
        return _made_again(source, work, product) or outcome
    return outcome


def _made_again(source: Path, work: Path, product: Product) -> str:
    """A sentence where a copy made afresh has another header: that of the original has another form."""
    fresh = replace(product, name=f"again-{product.name}")
    failure = _run(source, work, ffmpeg.command(_output(fresh)))
    if failure:
        return f"It cannot be made again: {failure}"
    path = work / fresh.name
    listing = ffmpeg.command(_product_listing(fresh))
    run(Command(listing, inputs={fresh.name: path}, out=work, limits=limits(path)))
    listed = [output_file(work, f"{one.name}.framehash") for one in (fresh, product)]
    if listed[0] is None or listed[1] is None:
        return "Its packets could not be listed."
    found = proof.verdict(proof.compare(proof.read(listed[0]), proof.read(listed[1]), product.exact))
    return "" if found == proof.IDENTICAL else found


def _prove(
    work: Path, product: Product, group: Iterable[Product], commands: Commands, path: Path
) -> Proved | str:
    """Probe the product at `path` and compare its packets; a sentence where it does not hold.

    `group` are the products whose streams stand in the same list of the original's packets.
    """
    try:
        trouble = _mismatch(product, probe(path, limits=limits(path)))
    except NotMediaError as error:
        trouble = f"It cannot be read again: {error.what}"
    if trouble or not product.exact:
        return trouble or Proved(product, path, None, (), commands[0])
    original = output_file(work, _listing_name(product.input_options))
    copy = output_file(work, f"{product.name}.framehash")
    if original is None or copy is None:
        return "Its packets could not be listed."
    places = _listed(group)
    listings = proof.read(original)
    ours = {
        number: listings.get(places.index(index), proof.Listing())
        for number, index in enumerate(product.exact)
    }
    short = _unlisted(product, ours)
    if short:
        return short
    comparisons = proof.compare(ours, proof.read(copy), product.exact, reformed=frozenset(product.filters))
    if proof.verdict(comparisons) != proof.IDENTICAL:
        return proof.verdict(comparisons)
    proof_path = work / f"{product.name}.proof.txt"
    proof.write(proof_path, original, comparisons, commands)
    return Proved(product, path, proof_path, tuple(comparisons), commands[0])


def _unlisted(product: Product, listings: Mapping[int, proof.Listing]) -> str:
    """A sentence where fewer packets of the original were listed than the probe counted, else empty."""
    for number, index in enumerate(product.exact):
        counted, listed = product.packets.get(index, 0), listings[number].count
        if listed < counted:
            return f"Of {counted} packets of stream {index}, only {listed} were read."
    return ""


def _mismatch(product: Product, probed: Probed) -> str:
    """What a probe of the product shows to be wrong, or an empty string."""
    if len(probed.streams) != len(product.streams):
        return f"It has {len(probed.streams)} streams instead of {len(product.streams)}."
    for stream in probed.pictures:
        index = product.streams[stream.index]
        turned = product.turned.get(index, 0)
        if stream.rotation != turned:
            return f"It is turned by {stream.rotation} degrees instead of {turned}."
        if stream.is_mirrored != (index in product.mirrored):
            return "It is mirrored, and the original is not." if stream.is_mirrored else "It is not mirrored."
        if stream.packets.discarded:
            return f"{stream.packets.discarded} of its packets would not be shown."
    for stream in probed.streams:
        if not stream.packets.count:
            return f"Its stream {stream.index} has no packets."
    return ""
