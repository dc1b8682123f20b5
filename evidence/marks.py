"""What a picture is recognised by that comes back in another container, cut out, or encoded again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of one picture of an original; `part` is its stream's index, or `still`.

    `packets` names its whole sequence of packets and `sampled` holds parts of the hashes of some of them
    (transcode.proof.Listing); `looks` are hashes of what it shows (transcode.likeness). None: not looked at.
    """

    part: str
    packets: str | None = None
    sampled: bytes | None = None
    looks: bytes | None = None
