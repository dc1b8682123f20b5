"""The proof of a rewrap: a head that states each stream's packets, and ffmpeg's list of them (framehash)."""

import hashlib
import re
from collections import Counter, defaultdict

from evidence.errors import IntegrityError

_VERDICT = b"# verdict: packets identical"
_STATED = re.compile(rb"# stream \d+: [^,]*, (\d+) packets, sha256 of their hashes ([0-9a-f]*),.*")
_PACKET = re.compile(rb"(\d+),[^,]*,[^,]*,[^,]*,[^,]*, *([0-9a-f]{64})(?:,.*)?")


def read_proof(raw: bytes) -> set[str]:
    """The SHA-256 of each stream's packet hashes in order, as the head states it and the list has it.

    Raises IntegrityError where the list is not what the head states, or the head states a difference.
    """
    lines = raw.split(b"\n")
    if lines[0] != _VERDICT:
        raise IntegrityError("It does not say that the packets are identical.")
    stated = [(int(found[1]), found[2].decode()) for line in lines if (found := _STATED.fullmatch(line))]
    counts: Counter[int] = Counter()
    digests: defaultdict[int, hashlib._Hash] = defaultdict(hashlib.sha256)
    for line in lines:
        if line.startswith(b"#") or (found := _PACKET.fullmatch(line)) is None:
            continue
        counts[int(found[1])] += 1
        digests[int(found[1])].update(bytes.fromhex(found[2].decode()))
    listed = [
        (counts[number], digests[number].hexdigest()) for number in range(len(stated)) if counts[number]
    ]
    if not listed or [item for item in stated if item[0]] != listed or len(counts) > len(stated):
        raise IntegrityError("The packets that it lists are not those that its head states.")
    return {digest for _, digest in listed}
