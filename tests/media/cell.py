"""A cell of the matrix: how a clip is made, and what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evidence.exhibits import ExhibitState

Inputs = tuple[str, ...]
# Changes the file at the path, in place.
Change = Callable[[Path], None]


def pictures(size: str = "160x120", rate: str = "25", seconds: str = "1") -> Inputs:
    """ffmpeg's moving test picture."""
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")


def sound(rate: int = 48000) -> Inputs:
    """A second of a tone."""
    return ("-f", "lavfi", "-i", f"sine=r={rate}:d=1")


@dataclass(frozen=True, slots=True)
class Cell:
    """One clip: a file `name`, made of inputs `of` with ffmpeg `options`, then changed, then what must hold.

    `method` is remux, encode or none, `shown` the size in a browser; there are `copies` working copies, each
    with `sounds` tracks of sound, and exact ones beside, named `rewraps`. `says` is a part of the reason that
    docs/media.md has too; `per_frame` pictures are shown for one of the original. `reader` are options with
    which bare ffmpeg reads the original; `alike` tells whether it shows the same grey levels, as it does but
    for what is tone-mapped. `viewing` tells that its remux keeps packets that do not decode, so that there
    is a viewing copy beside it, `stops` that the browser ends the remux with an error there. `defect` is a
    known one, why it fails.
    """

    name: str
    method: str
    options: tuple[str, ...] = ()
    of: Inputs = ()
    shown: tuple[int, int] = (160, 120)
    sounds: int = 0
    copies: int = 1
    rewraps: tuple[str, ...] = ()
    says: str = ""
    state: ExhibitState = ExhibitState.PROCESSED
    change: Change | None = None
    per_frame: int = 1
    reader: tuple[str, ...] = ()
    alike: bool = True
    viewing: bool = False
    stops: bool = False
    defect: str = ""


def row(
    name: str,
    method: str,
    options: str,
    *,
    size: str = "160x120",
    rate: str = "25",
    of: Inputs | None = None,
    shown: tuple[int, int] | None = None,
    **more: object,
) -> Cell:
    """A cell whose options are words, of the test picture, shown at its own size if nothing else is said."""
    width, _, height = size.partition("x")
    return Cell(
        name=name,
        method=method,
        options=tuple(options.split()),
        of=of if of is not None else pictures(size, rate),
        shown=shown or (int(width), int(height)),
        **more,  # type: ignore[arg-type]
    )
