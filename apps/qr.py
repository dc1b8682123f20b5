"""QR codes as files: SVG for print, PNG for a message."""

import os
from pathlib import Path

from reportlab.graphics.barcode.qr import QrCodeWidget

from evidence.errors import ConflictError, UsageError
from evidence.text import printable

QUIET = 4  # modules of white around it (ISO/IEC 18004)
_PIXELS = 10  # of a module


def require_qr_path(path: Path) -> None:
    """Raise UsageError where no QR code can be written to `path`: it ends otherwise, or is there."""
    shown = printable(str(path), limit=4096)
    if path.suffix.lower() not in (".svg", ".png"):
        raise UsageError(f"{shown} is neither .svg nor .png.", advice="Name the file so.")
    if path.exists() or path.is_symlink():
        raise ConflictError(f"{shown} exists already.", advice="Name a file that is not there.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder for {shown}.", advice="Make it first.")


def write_qr(text: str, path: Path) -> None:
    """Write `text` as a QR code to a new file that its owner alone can read: whoever has it has the link."""
    raw = _png(text) if path.suffix.lower() == ".png" else _svg(text)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)


def modules(text: str) -> list[list[bool]]:
    """The rows of the code, dark where True, without the white around it; error correction M."""
    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    return [[bool(dark) for dark in row] for row in code.modules]


def _svg(text: str) -> bytes:
    rows = modules(text)
    side = len(rows) + 2 * QUIET
    dark = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    size = f'viewBox="0 0 {side} {side}" width="60mm" height="60mm" shape-rendering="crispEdges"'
    white = f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{white}<path d="{dark}"/></svg>\n'
    return picture.encode("ascii")


def _png(text: str) -> bytes:
    import io  # noqa: PLC0415 - beside its one use

    from PIL import Image  # noqa: PLC0415 - as above

    rows = modules(text)
    side = len(rows) + 2 * QUIET
    picture = Image.new("1", (side, side), 1)
    for y, row in enumerate(rows):
        for x, is_dark in enumerate(row):
            if is_dark:
                picture.putpixel((x + QUIET, y + QUIET), 0)
    buffer = io.BytesIO()
    picture.resize((side * _PIXELS, side * _PIXELS), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
