"""Reading DER (X.690) by its elements: no more of it than a time stamp needs."""

from dataclasses import dataclass

SEQUENCE, CONTEXT_0 = 0x30, 0xA0


@dataclass(frozen=True, slots=True)
class Element:
    """A tag and its contents; `whole` has both, and the length between."""

    tag: int
    contents: bytes
    whole: bytes

    @property
    def parts(self) -> list["Element"]:
        """The elements that it is made of."""
        return elements(self.contents)


def elements(raw: bytes) -> list[Element]:
    """The elements that stand one behind the other in `raw`; raises ValueError where one is cut short."""
    found, at = [], 0
    while at < len(raw):
        length, begin = int.from_bytes(raw[at + 1 : at + 2], "big"), at + 2
        if length & 0x80:
            count = length & 0x7F
            length, begin = int.from_bytes(raw[begin : begin + count], "big"), begin + count
        end = begin + length
        if end > len(raw):
            raise ValueError("it does not end where it says")
        found.append(Element(raw[at], raw[begin:end], raw[at:end]))
        at = end
    return found
