"""Products made by one ffmpeg run, listed by a second; each is probed and proved, then filed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from transcode import ffmpeg, listings, proof
from transcode.model import Made
from transcode.probe import NotMediaError, Probed, probe
from transcode.products import Product
from transcode.sandbox import Command, output_file, run
from transcode.tools import identify


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
    outputs = [*(_output(product) for product in products), *listings.of_original(products)]
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
    outputs = listings.of_original(made)
    listed: listings.Commands = (ffmpeg.command(*outputs),) if outputs else ()
    for command in listed:
        _run(source, work, command)  # what is missing in a list, the comparison finds
    commands = {product.name: (single[product.name], *listed) for product in made}
    return _proved(work, made, commands, failures, _again(source, work, extra))


def _again(source: Path, work: Path, extra: Sequence[ffmpeg.Output]) -> tuple[str, ...]:
    """The extra outputs, each alone: they may have failed for another's sake. What they wrote, they wrote.

    The command for the first is returned.
    """
    commands = [ffmpeg.command(one) for one in extra]
    for command in commands:
        _run(source, work, command)
    return commands[0] if commands else ()


def _proved(
    work: Path,
    products: Sequence[Product],
    commands: Mapping[str, listings.Commands],
    failures: Mapping[str, str],
    command: tuple[str, ...],
) -> Outcome:
    """What holds of the products that were made; the others join the `failures`."""
    written = [product for product in products if output_file(work, product.name)]
    unwritten = {product.name: "It was not written." for product in products if product not in written}
    with ThreadPoolExecutor(1) as beside:  # both read what was written
        listing = beside.submit(listings.list_all, work, written)
        probes = {product.name: _probed(product, work / product.name) for product in written}
        listed = listing.result()
    groups = listings.groups(products)
    held: list[Proved] = []
    failed = {**failures, **unwritten}
    for product in written:
        group = groups.get(listings.name_of(product.input_options), [])
        told = (*commands[product.name], *listed.get(product.name, ()))
        outcome = probes[product.name] or _prove(work, product, group, told, work / product.name)
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


def _output(product: Product) -> ffmpeg.Output:
    reader = listings.reader(product)
    streams = [reader.stream(str(index)) for index in product.streams]
    return ffmpeg.output(streams, f"/out/{product.name}", product.options)


def _run(source: Path, work: Path, command: tuple[str, ...]) -> str:
    """Run one command over the original; a sentence where it failed."""
    finished = run(Command(command, inputs={"src": source}, out=work, limits=listings.limits(source)))
    # ffmpeg ends some of its messages with a line that has a level only.
    said = [line for line in finished.stderr.splitlines() if not re.fullmatch(r"\[\w+\]\s*", line)]
    return "" if finished.ok else replace(finished, stderr="\n".join(said)).explain()


def prove_again(source: Path, work: Path, product: Product, stored: Path) -> Proved | str:
    """Prove a product that was made before and lies at `stored`; a sentence where it does not hold."""
    if product.exact:
        of_original = ffmpeg.command(*listings.of_original([product]))
        _run(source, work, of_original)  # what is missing in a list, the comparison finds
        of_copy = ffmpeg.command(listings.of_product(product))
        run(Command(of_copy, inputs={product.name: stored}, out=work, limits=listings.limits(stored)))
    outcome = _probed(product, stored) or _prove(work, product, [product], ((),), stored)
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
    listing = ffmpeg.command(listings.of_product(fresh))
    run(Command(listing, inputs={fresh.name: path}, out=work, limits=listings.limits(path)))
    listed = [output_file(work, f"{one.name}.framehash") for one in (fresh, product)]
    if listed[0] is None or listed[1] is None:
        return "Its packets could not be listed."
    found = proof.verdict(proof.compare(proof.read(listed[0]), proof.read(listed[1]), product.exact))
    return "" if found == proof.IDENTICAL else found


def _prove(
    work: Path, product: Product, group: Iterable[Product], commands: listings.Commands, path: Path
) -> Proved | str:
    """Compare the packets of the product at `path`, as they were listed; a sentence where they differ.

    `group` are the products whose streams stand in the same list of the original's packets.
    """
    if not product.exact:
        return Proved(product, path, None, (), commands[0])
    original = output_file(work, listings.name_of(product.input_options))
    copy = output_file(work, f"{product.name}.framehash")
    if original is None or copy is None:
        return "Its packets could not be listed."
    places = listings.listed(group)
    packets = proof.read(original)
    ours = {
        number: packets.get(places.index(index), proof.Listing())
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


def _unlisted(product: Product, packets: Mapping[int, proof.Listing]) -> str:
    """A sentence where fewer packets of the original were listed than the probe counted, else empty."""
    for number, index in enumerate(product.exact):
        counted, listed = product.packets.get(index, 0), packets[number].count
        if listed < counted:
            return f"Of {counted} packets of stream {index}, only {listed} were read."
    return ""


def _probed(product: Product, path: Path) -> str:
    """What a probe of the product at `path` shows to be wrong, or an empty string."""
    try:
        return _mismatch(product, probe(path, limits=listings.limits(path)))
    except NotMediaError as error:
        return f"It cannot be read again: {error.what}"


def _mismatch(product: Product, probed: Probed) -> str:
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
