"""Faults that strike at any moment of receiving and processing, one kind at a time, then several."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.client import strike
from tests.faults.kinds import EMBEDDED, ENGINES, FAULTS, Fault
from tests.faults.report import COMBINED
from tests.faults.seed import COUNT, FIRST, SEED, drawing
from tests.faults.site import Site

Enter = Callable[..., None]


@pytest.mark.parametrize(
    ("site", "fault"),
    [pytest.param(on, fault, id=f"{fault.name} ({on})") for fault in FAULTS for on in fault.on],
    indirect=["site"],
)
def test_a_fault_loses_and_doubles_nothing(
    site: Site, fault: Fault, clips: list[Path], happened: Enter
) -> None:
    if fault.name == "disk full" and site.disk is None:
        pytest.skip("no small disk can be mounted here")
    counts, verdict = strike(site, [fault] * 3, clips)
    assert sum(counts), "the fault never struck: nothing was shown"
    happened(fault.line, fault.name, site.name, sum(counts), verdict)


def combination(number: int) -> tuple[str, list[Fault]]:
    """Where, and which two or three."""
    draw = drawing(f"combination {number}")
    on = draw.choice((EMBEDDED, ENGINES))
    return on, draw.sample([fault for fault in FAULTS if on in fault.on], draw.choice((2, 3)))


@pytest.mark.parametrize(
    ("site", "number"),
    [(combination(number)[0], number) for number in range(FIRST, FIRST + COUNT)],
    indirect=["site"],
    ids=[str(number) for number in range(FIRST, FIRST + COUNT)],
)
def test_a_combination_loses_and_doubles_nothing(
    site: Site, number: int, clips: list[Path], happened: Enter
) -> None:
    faults = combination(number)[1]
    if site.disk is None:
        faults = [fault for fault in faults if fault.name != "disk full"]
    print(f"VIDNE_FAULT_SEED={SEED} VIDNE_FAULT_FIRST={number}: {[fault.name for fault in faults]}")
    counts, verdict = strike(site, faults * 2, clips)
    assert any(counts), "none of the faults struck: nothing was shown"
    happened(COMBINED, f"{len(faults)} faults", site.name, 1, verdict)
