"""Cases: a random id that never changes, and a case number that may.

A case number (Danish *journalnummer*) says what the offence is and can be changed, so it stands only in
the catalogue and in tags; keys, ledger entries and receipts carry the id.
"""

import re
import secrets
from dataclasses import dataclass

from evidence.errors import UsageError

DEFAULT_PATTERN = "dddd-ddddd-ddddd-dd"
_EXHIBIT = re.compile(r"EX-(\d{4,9})")
# No vowels, no look-alikes: an id spells no word and can be read aloud.
ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_GROUP = f"[{ALPHABET.upper()}]{{4}}"
REFERENCE = re.compile(f"{_GROUP}-{_GROUP}-{_GROUP}")


def new_id(length: int = 20) -> str:
    """A random identifier of `length` characters, 4.75 bits each (95 bits by default)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def reference(identifier: str) -> str:
    """The neutral reference of a submission or link: the first twelve characters of its id, `7KXM-2PQR-9BDF`.

    57 bits: of ten million submissions two have the same one with a chance of 1 in 3,000.
    """
    head = identifier[:12].upper()
    return "-".join(head[place : place + 4] for place in (0, 4, 8))


def parse_reference(text: str) -> str:
    """The beginning of an id (of a submission, of a link) that a reference, or the id itself, stands for.

    Takes small letters, spaces or no hyphens, as people type what they hear; raises UsageError.
    """
    found = re.sub(r"[\s-]", "", text).lower()
    if not re.fullmatch(f"[{ALPHABET}]{{12,20}}", found):
        raise UsageError(f"{text!r} is not a reference.", advice="It has the form 7KXM-2PQR-9BDF.")
    return found


def parse_case_number(text: str, pattern: str = DEFAULT_PATTERN) -> str:
    """`text` as a case number: `d` in the pattern is a digit, `a` a letter, all else stands for itself.

    Raises UsageError with the form that is expected.
    """
    parts = {"d": "[0-9]", "a": "[A-Za-z]"}
    expression = "".join(parts.get(char, re.escape(char)) for char in pattern)
    number = text.strip()
    if not re.fullmatch(expression, number):
        raise UsageError(
            f"{text!r} is not a case number.",
            advice=f"Its form here is {pattern} (d: a digit), as in {_example(pattern)}.",
        )
    return number


def _example(pattern: str) -> str:
    digits = iter("0123456789" * (len(pattern) // 10 + 1))
    return "".join({"d": lambda: next(digits), "a": lambda: "A"}.get(c, lambda c=c: c)() for c in pattern)


def exhibit_label(number: int) -> str:
    """`EX-0001` for 1."""
    return f"EX-{number:04d}"


@dataclass(frozen=True, slots=True)
class ExhibitName:
    """What people call an exhibit: `<case number>/EX-0001`."""

    case_number: str
    number: int

    @classmethod
    def parse(cls, text: str, pattern: str = DEFAULT_PATTERN) -> "ExhibitName":
        """Read `<case number>/EX-0001`; raises UsageError where it is not of that form."""
        case_text, slash, label = text.strip().rpartition("/")
        match = _EXHIBIT.fullmatch(label)
        if not slash or not match:
            raise UsageError(
                f"{text!r} does not name an exhibit.", advice=f"Write {_example(pattern)}/EX-0001."
            )
        return cls(parse_case_number(case_text, pattern), int(match[1]))

    def __str__(self) -> str:
        return f"{self.case_number}/{exhibit_label(self.number)}"
