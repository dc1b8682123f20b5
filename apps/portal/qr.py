"""A QR code as an SVG picture that a page may hold under a strict policy: shapes alone, no styles."""

from markupsafe import Markup
from reportlab.graphics.barcode.qr import QrCodeWidget

_QUIET = 4  # modules around it (ISO/IEC 18004, 9.1)


def qr_svg(text: str, title: str) -> Markup:
    """The code of `text`, error correction M, black on white on dark pages too; `title` is read out."""
    widget = QrCodeWidget(text, barLevel="M")
    widget.qr.make()
    size = widget.qr.getModuleCount()
    path = "".join(
        f"M{column + _QUIET} {row + _QUIET}h1v1h-1z"
        for row in range(size)
        for column in range(size)
        if widget.qr.isDark(row, column)
    )
    whole = size + 2 * _QUIET
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {0} {0}" aria-label="{1}">'
        '<rect width="{0}" height="{0}" fill="#fff"/><path d="{2}" fill="#000"/></svg>'
    ).format(whole, title, path)
