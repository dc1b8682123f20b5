"""Proof of products that were made: each is probed, and its packets are held against the original's.

The original's list was written by the run that made them. A copy's packets are hashed while it is probed,
where its form allows that (copy_packets.py); else, and wherever they differ, ffmpeg lists them.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from evidence.jsontypes import Json, JsonObject
from transcode import copy_packets, listings, proof
from transcode.probe import NotMediaError, Probed, probe
from transcode.products import Product
from transcode.sandbox import output_file

Listed = Mapping[int, proof.Listing]  # by the stream's number among a product's exact ones


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
class _Seen:
    """What a probe of a product shows: what is `wrong`, else empty; its packets, where they were hashed."""

    wrong: str
    packets: Listed | None = None


def prove(
    work: Path, products: Sequence[Product], commands: Mapping[str, listings.Commands]
) -> dict[str, Proved | str]:
    """Prove those of `products` that `commands` made in `work`; a sentence for each that does not hold.

    All of `products` stand in the original's lists.
    """
    written = [product for product in products if product.name in commands]
    originals = _of_originals(work, products)
    with ThreadPoolExecutor(1) as beside:  # both read what was written
        others = [product for product in written if not copy_packets.suits(product)]
        listing = beside.submit(listings.list_all, work, others)
        seen = {product.name: _see(work, product, originals.get(product.name)) for product in written}
        listed = listing.result()
    found: dict[str, Proved | str] = {}
    for product in written:
        told = (*commands[product.name], *listed.get(product.name, ()))
        found[product.name] = _judged(work, product, originals.get(product.name), seen[product.name], told)
    return found


def prove_stored(work: Path, product: Product, stored: Path) -> Proved | str:
    """Prove a product that lies at `stored`; the packets of both sides were listed in `work` by ffmpeg."""
    try:
        wrong = _mismatch(product, probe(stored, limits=listings.limits(stored)))
    except NotMediaError as error:
        return _unread(error)
    original = _of_originals(work, [product]).get(product.name)
    return wrong or _compared(work, product, original, _by_ffmpeg(work, product), ((),), stored)


def _see(work: Path, product: Product, original: Listed | None) -> _Seen:
    path = work / product.name
    try:
        if original is None or not copy_packets.suits(product):
            return _Seen(_mismatch(product, probe(path, limits=listings.limits(path))))
        probed, packets = copy_packets.read(path, product, original, work)
    except NotMediaError as error:
        return _Seen(_unread(error))
    return _Seen(_mismatch(product, probed), packets)


def _judged(
    work: Path, product: Product, original: Listed | None, seen: _Seen, commands: listings.Commands
) -> Proved | str:
    path = work / product.name
    if seen.wrong:
        return seen.wrong
    if seen.packets is not None:
        told = (*commands, copy_packets.COMMAND)
        outcome = _compared(work, product, original, seen.packets, told, path)
        if isinstance(outcome, Proved):
            return outcome
        # What we read of it proves no difference: that is ffmpeg's to tell.
        commands = (*commands, *listings.list_all(work, [product]).get(product.name, ()))
    return _compared(work, product, original, _by_ffmpeg(work, product), commands, path)


def _compared(
    work: Path,
    product: Product,
    original: Listed | None,
    copy: Listed | None,
    commands: listings.Commands,
    path: Path,
) -> Proved | str:
    """Compare the packets of the product at `path` with the original's; a sentence where they differ."""
    if not product.exact:
        return Proved(product, path, None, (), commands[0])
    listed = output_file(work, listings.name_of(product.input_options))
    if listed is None or original is None or copy is None:
        return "Its packets could not be listed."
    short = _unlisted(product, original)
    if short:
        return short
    comparisons = proof.compare(original, copy, product.exact, reformed=frozenset(product.filters))
    if proof.verdict(comparisons) != proof.IDENTICAL:
        return proof.verdict(comparisons)
    proof_path = work / f"{product.name}.proof.txt"
    proof.write(proof_path, listed, comparisons, commands)
    return Proved(product, path, proof_path, tuple(comparisons), commands[0])


def _of_originals(work: Path, products: Iterable[Product]) -> dict[str, Listed]:
    """By a product's name, its exact streams as they are listed of the original; those that are."""
    found: dict[str, Listed] = {}
    for name, group in listings.groups(products).items():
        path, places = output_file(work, name), listings.listed(group)
        packets = proof.read(path) if path else {}
        for product in group if path else ():
            numbers = [places.index(index) for index in product.exact]
            found[product.name] = {n: packets.get(at, proof.Listing()) for n, at in enumerate(numbers)}
    return found


def _by_ffmpeg(work: Path, product: Product) -> Listed | None:
    listed = output_file(work, f"{product.name}.framehash")
    return None if listed is None else proof.read(listed)


def _unlisted(product: Product, packets: Mapping[int, proof.Listing]) -> str:
    """A sentence where fewer packets of the original were listed than the probe counted, else empty."""
    for number, index in enumerate(product.exact):
        counted, listed = product.packets.get(index, 0), packets[number].count
        if listed < counted:
            return f"Of {counted} packets of stream {index}, only {listed} were read."
    return ""


def _unread(error: NotMediaError) -> str:
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
