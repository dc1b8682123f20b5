"""Products made by one ffmpeg run, which also lists the original's packets; each is proved, then filed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from transcode import ffmpeg, listings, proof, proving
from transcode.model import Made
from transcode.products import Product
from transcode.proving import Proved
from transcode.sandbox import Command, output_file, run
from transcode.tools import identify


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
    found = proving.prove(work, products, {product.name: commands[product.name] for product in written})
    held = tuple(outcome for outcome in found.values() if isinstance(outcome, Proved))
    failed = {name: outcome for name, outcome in found.items() if isinstance(outcome, str)}
    return Outcome(command, held, {**failures, **unwritten, **failed})


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
    outcome = proving.prove_stored(work, product, stored)
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
