"""Upload links: the code that a person holds, its hash, the kinds of link, and what one lets its holder do.

A code is kept nowhere: its SHA-256 alone is at rest, and a lost one cannot be shown again.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from evidence.cases import ALPHABET, new_id

CODE_LENGTH = 28  # of 27 letters: 133 bits, of which 128 are asked for
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")
_BETWEEN = re.compile(r"[\s-]")  # as people type what they read or hear
_LONGEST_TYPED = 200
_ACTOR_LENGTH = 12  # of the id: the same part as its reference


class LinkKind(StrEnum):
    """Who a link is for."""

    PERSONAL = "personal"  # one person, who may come back until it expires
    INCIDENT = "incident"  # a poster: each visitor is given a link of their own
    VISITOR = "visitor"  # what a visitor of a poster was given
    BUSINESS = "business"  # with a request: this camera, that time


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link lets its holder do, at the moment of asking."""

    link_id: str
    kind: LinkKind
    case_id: str
    max_files: int  # of one submission
    max_bytes: int  # of one submission


def new_code() -> tuple[str, str]:
    """A secret code as it is shown and typed, `7KXM-2PQR-9BDF-...` (seven groups of four), and its hash."""
    code = new_id(CODE_LENGTH)
    shown = "-".join(code[place : place + 4] for place in range(0, CODE_LENGTH, 4))
    return shown.upper(), _hash(code)


def code_hash(typed: str) -> str | None:
    """SHA-256 of a code, in hex; None for what cannot be one. Case, spaces and hyphens do not count."""
    code = _BETWEEN.sub("", typed[:_LONGEST_TYPED]).lower()
    return _hash(code) if _CODE.fullmatch(code) else None


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()


def link_actor(link_id: str) -> str:
    """The pseudonym of whoever acts through a link: `link:` and the beginning that its reference shows."""
    return f"link:{link_id[:_ACTOR_LENGTH]}"
