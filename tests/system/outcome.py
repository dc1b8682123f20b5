"""What must be the same wherever and however often the same footage is taken in."""

import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from tests.system.program import Program

# A manifest names its case, a proof its exhibit: of another case they are other bytes.
OF_THE_CASE = ("manifest", "proof")
MISSING = "(missing)"


def what_became(program: Program, exhibit: str) -> dict[str, Any]:
    """Digests, state, every rendition, what was found: all that must not depend on where it was made."""
    shown = json.dumps(program.show(exhibit))
    known = json.loads(re.sub(r"pipe(\\+):\d+", r"pipe\1:N", shown))  # the number of a pipe is chance
    renditions = [
        (item["role"], item["name"], item["tool"], item["args"])
        + (() if item["role"] in OF_THE_CASE else (item["sha256"], item["size"]))
        for item in known["renditions"]
    ]
    same = (
        "exhibit",
        "state",
        "original",
        "metadata",
        "streams",
        "keyframes",
        "quality",
        "derivation",
        "problems",
    )
    return {"renditions": sorted(renditions, key=str), **{name: known[name] for name in same}}


def unlike(here: Any, there: Any, where: str = "") -> Iterator[str]:
    """Each value that differs and where it stands: pytest shows only the beginning of something so long."""
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted(here.keys() | there.keys()):
            yield from unlike(here.get(name, MISSING), there.get(name, MISSING), f"{where}.{name}")
    elif isinstance(here, list | tuple) and isinstance(there, list | tuple):
        for index, pair in enumerate(zip_longest(here, there, fillvalue=MISSING)):
            yield from unlike(*pair, f"{where}[{index}]")
    elif here != there:
        yield f"{where}: {here} and {there}"
