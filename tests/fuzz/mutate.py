"""Damage done to files on purpose: each kind as a function that says what it did."""

import random
from collections.abc import Callable

from tests.fuzz.parts import Part, parts_of

Mutated = tuple[bytes, str]
_EXTREMES = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutate(rng: random.Random, data: bytes) -> tuple[bytes, list[str]]:
    """One to four kinds of damage, one after the other; the file is never the same as before."""
    mutated = data
    told: list[str] = []
    wanted = rng.choice((1, 1, 1, 2, 2, 3, 4))
    while len(told) < wanted or mutated == data:
        parts = parts_of(mutated)
        kinds = (*_ANY, *_OF_PARTS, *_OF_PARTS) if parts else _ANY
        kind = rng.choice(kinds)
        mutated, said = kind(rng, mutated) if kind in _ANY else kind(rng, mutated, parts)  # type: ignore[operator]
        told.append(said)
        if not mutated:
            break
    return mutated, told


def flip_bits(rng: random.Random, data: bytes) -> Mutated:
    changed, places = bytearray(data), sorted(rng.randrange(len(data)) for _ in range(rng.randint(1, 20)))
    for at in places:
        changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed), f"bits flipped in bytes {places}"


def overwrite_run(rng: random.Random, data: bytes) -> Mutated:
    at, size = rng.randrange(len(data)), rng.randint(1, max(1, len(data) // rng.choice((4, 20, 200))))
    size = min(size, len(data) - at)
    fill = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return data[:at] + fill + data[at + size :], f"{size} bytes at {at} overwritten with {fill[:2].hex()}..."


def insert_run(rng: random.Random, data: bytes) -> Mutated:
    at, size = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 188, 4096))
    return data[:at] + rng.randbytes(size) + data[at:], f"{size} bytes inserted at {at}"


def remove_run(rng: random.Random, data: bytes) -> Mutated:
    at, size = rng.randrange(len(data)), rng.choice((1, 2, 4, 188, 4096))
    return data[:at] + data[at + size :], f"{size} bytes removed at {at}"


def truncate(rng: random.Random, data: bytes) -> Mutated:
    at = rng.randrange(len(data))
    return data[:at], f"cut at {at} of {len(data)}"


def extreme_number(rng: random.Random, data: bytes) -> Mutated:
    size = rng.choice((2, 4))
    at = rng.randrange(max(1, min(len(data), 4096) // size)) * size
    value = rng.choice(_EXTREMES) & ((1 << 8 * size) - 1)
    number = value.to_bytes(size, rng.choice(("big", "little")))
    return data[:at] + number + data[at + size :], f"{number.hex()} written at {at}"


def cut_at_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part = rng.choice(parts)
    at = rng.choice((part.start, part.body))
    return data[:at], f"cut at {at}, at {part.name}"


def remove_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part = rng.choice(parts)
    return data[: part.start] + data[part.end :], f"{part.name} at {part.start} removed"


def repeat_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part, times = rng.choice(parts), rng.choice((1, 1, 2, 50))
    if (part.end - part.start) * times > 1 << 20:
        times = 1
    again = data[part.start : part.end] * times
    return data[: part.end] + again + data[part.end :], f"{part.name} at {part.start} {times} times more"


def swap_parts(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    first, second = sorted((rng.choice(parts), rng.choice(parts)), key=lambda part: (part.start, -part.end))
    if second.start < first.end:  # one holds the other
        return move_part(rng, data, parts)
    swapped = data[second.start : second.end] + data[first.end : second.start] + data[first.start : first.end]
    told = f"{first.name} at {first.start} and {second.name} at {second.start} swapped"
    return data[: first.start] + swapped + data[second.end :], told


def move_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part, other = rng.choice(parts), rng.choice(parts)
    content = data[part.start : part.end]
    return data[: other.body] + content + data[other.body :], f"{part.name} copied into {other.name}"


def lie_about_size(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part = rng.choice(parts)
    if not part.size_len:
        return cut_at_part(rng, data, parts)
    bits = 8 * part.size_len - (part.size_len if part.order == "ebml" else 0)
    true, most = part.end - part.body, (1 << bits) - 1
    value = rng.choice((0, 1, 7, 8, true - 1, true + 1, true * 2, most, most - 1, most // 2, len(data)))
    value = max(0, value) & most
    if part.order == "ebml":
        field = (value | 1 << bits).to_bytes(part.size_len, "big")
    else:
        field = value.to_bytes(part.size_len, "little" if part.order == "little" else "big")
    changed = data[: part.size_at] + field + data[part.size_at + part.size_len :]
    return changed, f"{part.name} at {part.start} states a length of {value}"


def spoil_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    """An extreme number within a small part: such parts are the index and the headers."""
    small = [part for part in parts if 4 <= part.end - part.body <= 4096] or parts
    part = rng.choice(small)
    places = range(part.body, max(part.body + 1, min(part.end, len(data)) - 3), rng.choice((1, 2, 4)))
    at, number = rng.choice(places), rng.choice(_EXTREMES).to_bytes(4, rng.choice(("big", "little")))
    return data[:at] + number + data[at + 4 :], f"{number.hex()} in {part.name}, at {at}"


def rename_part(rng: random.Random, data: bytes, parts: list[Part]) -> Mutated:
    part, other = rng.choice(parts), rng.choice(parts)
    at, size = (part.start, 4) if part.order == "little" else (part.start + 4, 4)
    source = other.start if part.order == "little" else other.start + 4
    return data[:at] + data[source : source + size] + data[at + size :], f"{part.name} named as {other.name}"


_ANY: tuple[Callable[[random.Random, bytes], Mutated], ...] = (
    flip_bits,
    overwrite_run,
    insert_run,
    remove_run,
    truncate,
    extreme_number,
)
_OF_PARTS: tuple[Callable[[random.Random, bytes, list[Part]], Mutated], ...] = (
    cut_at_part,
    remove_part,
    repeat_part,
    swap_parts,
    lie_about_size,
    lie_about_size,
    spoil_part,
    spoil_part,
    spoil_part,
    rename_part,
)
