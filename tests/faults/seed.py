"""What is drawn is drawn from one seed: the same seed gives the same calls, moments and combinations."""

import os
import random

SEED = int(os.environ.get("VIDNE_FAULT_SEED") or random.randrange(1 << 32))
os.environ["VIDNE_FAULT_SEED"] = str(SEED)  # processes that pytest-xdist starts draw from the same
COUNT = int(os.environ.get("VIDNE_FAULT_COUNT", "4"))  # random combinations
FIRST = int(os.environ.get("VIDNE_FAULT_FIRST", "0"))


def drawing(name: str) -> random.Random:
    """What one test draws from; it depends on no other test."""
    return random.Random(f"{SEED}/{name}")
