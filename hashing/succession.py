"""Successions: a key of a log is followed by the next one (docs/ledger-format.md, Succession of keys).

A succession is a signed note of its own, signed by both keys: it names the last tree that the old one vouches
for. It can be taken for no checkpoint, since its third line is not a root.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from evidence.errors import TrustMaterialError
from hashing.note_keys import FormerKey, Signer, Verifier, b64, from_b64
from hashing.notes import Checkpoint, NoteError, sign_note, split_note, verified

ROTATED = "key.rotated"  # the type of the log's entry that says so, and the role of the note in it
SUCCESSION_ROLE = "key-succession"

_MAGIC = "vidne-key-succession/v1"
_SIZE = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Succession:
    """`old` signs up to the tree of `size` entries under `root` (32 bytes), `new` all that are larger."""

    old: Verifier
    new: Verifier
    size: int
    root: bytes
    note: bytes

    @classmethod
    def from_note(cls, note: bytes) -> "Succession":
        """Read one, and see that both keys that it names have signed it; raises NoteError."""
        text, signatures = split_note(note)
        try:
            magic, origin, size, root, *keys = text.decode("utf-8").split("\n")[:-1]
            old, new = map(Verifier.from_vkey, keys)
        except (ValueError, TrustMaterialError) as error:
            raise NoteError("The succession is malformed.") from error
        found = cls(old, new, int(size) if _SIZE.fullmatch(size) else 0, from_b64(root) or b"", note)
        checkpoint = Checkpoint(origin, found.size, found.root)
        if magic != _MAGIC or not found.size or len(found.root) != 32 or _text(old, new, checkpoint) != text:
            raise NoteError("The succession is malformed.")
        if not old.name == new.name == origin or old == new:
            raise NoteError(f"The succession does not name two keys of the log {origin!r}.")
        if len(verified(text, signatures, [old, new])) != 2:
            raise NoteError("The succession is not signed by both keys that it names.")
        return found


def sign_succession(old: Signer, new: Signer, last: Checkpoint) -> bytes:
    """The note by which `new` follows `old`, whose last checkpoint is `last`."""
    return sign_note(_text(old.verifier, new.verifier, last), [old, new])


def follow(key: Verifier, notes: Iterable[bytes]) -> Verifier:
    """The newest key that the successions in `notes` lead to from `key`, with all keys before it.

    So each key of a log, the oldest as the newest, vouches for all the others. Raises NoteError where a note
    is no succession, leads neither from nor to `key`, or where two keys follow one.
    """
    left = {note: Succession.from_note(note) for note in notes}
    chain: list[Succession] = []
    first = last = key
    while found := [item for item in left.values() if item.new == first]:
        chain.insert(0, left.pop(found[0].note))
        first = found[0].old
    while found := [item for item in left.values() if item.old == last]:
        chain.append(left.pop(found[0].note))
        last = found[0].new
    _require_one_chain(chain, left.values(), key)
    former = tuple(FormerKey(replace(item.old, former=()), item.size, item.root, item.note) for item in chain)
    return replace(last, former=former)


def _require_one_chain(chain: list[Succession], left: Iterable[Succession], key: Verifier) -> None:
    for item in left:
        if any(other.old == item.old or other.new == item.new for other in chain):
            raise NoteError(
                f"The succession of {item.old.key_id.hex()} by {item.new.key_id.hex()} is not the only one of"
                " these keys: one of them was in two hands."
            )
        raise NoteError(
            f"The succession of {item.old.key_id.hex()} by {item.new.key_id.hex()} leads neither from nor to"
            f" key {key.key_id.hex()}."
        )
    sizes = [item.size for item in chain]
    keys = [item.old for item in chain] + [item.new for item in chain[-1:]]
    if sorted(set(sizes)) != sizes or len(set(keys)) != len(keys):
        raise NoteError("The successions do not follow one another: sizes do not grow, or a key comes again.")


def _text(old: Verifier, new: Verifier, last: Checkpoint) -> bytes:
    lines = (_MAGIC, last.origin, str(last.size), b64(last.root), old.vkey, new.vkey)
    return "".join(f"{line}\n" for line in lines).encode()
