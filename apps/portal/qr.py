"""A QR code as a picture that a page may hold under a strict policy: shapes alone, no styles."""

from markupsafe import Markup

from apps.qr import QUIET, modules


def qr_svg(text: str, title: str) -> Markup:
    """The code of `text`, black on white on dark pages too; `title` is read out instead of it."""
    rows = modules(text)
    path = "".join(
        f"M{column + QUIET} {place + QUIET}h1v1h-1z"
        for place, row in enumerate(rows)
        for column, is_dark in enumerate(row)
        if is_dark
    )
    side = len(rows) + 2 * QUIET
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {0} {0}" aria-label="{1}">'
        '<path fill="#fff" d="M0 0h{0}v{0}H0z"/><path fill="#000" d="{2}"/></svg>'
    ).format(side, title, path)
