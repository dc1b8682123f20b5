"""One damaged file, made from a seed and a number alone, and what is said of it when it fails."""

import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutate import mutate

SEED = int(os.environ.get("VIDNE_FUZZ_SEED", "1"))
FIRST = int(os.environ.get("VIDNE_FUZZ_FIRST", "0"))
COUNT = int(os.environ.get("VIDNE_FUZZ_COUNT", "24"))


@dataclass(frozen=True)
class Case:
    """A damaged copy of `base`."""

    number: int
    base: Path
    data: bytes
    told: tuple[str, ...]

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.number}-{self.base.name}"
        path.write_bytes(self.data)
        return path

    def keep(self) -> str:
        """Keep the file where no later test removes it; gives how to have the same case again."""
        folder = Path(tempfile.gettempdir()) / "vidne-fuzz"
        folder.mkdir(exist_ok=True)
        kept = folder / f"{SEED}-{self.number}-{self.base.name}"
        kept.write_bytes(self.data)
        footage = f"VIDNE_FOOTAGE={os.environ['VIDNE_FOOTAGE']} " if os.environ.get("VIDNE_FOOTAGE") else ""
        again = f"{footage}VIDNE_FUZZ_SEED={SEED} VIDNE_FUZZ_FIRST={self.number} VIDNE_FUZZ_COUNT=1 make fuzz"
        return "\n".join(
            [f"case {self.number} of {self.base}, kept as {kept}", *self.told, f"again: {again}"]
        )


def case(number: int, bases: Sequence[Path]) -> Case:
    """The case of that number; the same bases, seed and number give the same bytes."""
    rng = random.Random(f"{SEED}/{number}")
    base = rng.choice(bases)
    data, told = mutate(rng, base.read_bytes())
    return Case(number, base, data, tuple(told))
