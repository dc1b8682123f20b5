"""Pages of A4 that fill from the top, with a head, a foot, and the page's number of all."""

import io
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from reportlab.pdfbase.pdfutils import readJPEGInfo
from reportlab.pdfgen.canvas import Canvas

from disclosure.report_text import (
    BLACK,
    BOLD,
    DIGEST,
    GREY,
    MM,
    NOTE,
    PLAIN,
    SMALL,
    TEXT,
    Cell,
    Column,
    Later,
    Style,
    cell_lines,
    fitting,
    fonts,
    height_of,
    lines_of,
    width_of,
)  # fmt: skip

LEFT, RIGHT, WIDTH = 18 * MM, 192 * MM, 174 * MM

_PAGE_WIDTH, _PAGE_HEIGHT = 210 * MM, 297 * MM
_TOP, _BOTTOM = _PAGE_HEIGHT - 24 * MM, 21 * MM
_LINES = 0.6  # grey level
_PICTURE = (41 * MM, 32 * MM)  # at most


class _Picture(str):
    """The path of a JPEG; as text its digest, by which reportlab names it: its place must not show."""

    __slots__ = ()

    def __str__(self) -> str:
        return sha256(Path(self[:]).read_bytes()).hexdigest()


class Sheet:
    """A document in the making. `y` is how far down its page is filled, in points from below."""

    y: float

    def __init__(self, title: str, head: tuple[str, str], foot: str) -> None:
        """`head` stands above each page, left and right, `foot` beneath it, with the page's number."""
        fonts()
        self._buffer = io.BytesIO()
        size = (_PAGE_WIDTH, _PAGE_HEIGHT)
        self._canvas = Canvas(self._buffer, pagesize=size, invariant=1, lang="da", initialFontName=PLAIN)
        self._canvas.setTitle(title)
        self._canvas.setCreator("Vidne")
        self._canvas.setAuthor("")
        self._canvas.setSubject("")
        self._canvas.setViewerPreference("DisplayDocTitle", "true")
        self._head, self._foot = head, foot
        self._begin()

    def finish(self) -> bytes:
        """The document."""
        last = self._canvas.getPageNumber()
        for page in range(1, last + 1):
            danish, english = f"Side {page} af {last}", f"Page {page} of {last}"
            self.define(f"page-{page}", f"{danish} / {english}", to_the_left=True)
        self._canvas.showPage()
        self._canvas.save()
        return self._buffer.getvalue()

    def new_page(self) -> None:
        """Begin a page."""
        self._canvas.showPage()
        self._begin()

    def room(self, height: float) -> bool:
        """Whether so much fits beneath what stands there; else a new page is begun."""
        if self.y - height >= _BOTTOM:
            return True
        self.new_page()
        return False

    def space(self, millimetres: float) -> None:
        """Leave so much empty."""
        self.y -= millimetres * MM

    def mark(self, name: str, title: str) -> None:
        """Make this page one that the outline and links lead to; its number is what `later` shows."""
        self._canvas.bookmarkPage(name)
        self._canvas.addOutlineEntry(title, name)
        self.define(name, str(self._canvas.getPageNumber()))

    def define(self, name: str, text: str, *, to_the_left: bool = False) -> None:
        """Say what `later` shows, from its place on or up to it."""
        start = -width_of(text, SMALL) if to_the_left else 0
        self._canvas.beginForm(name, start, -SMALL.size, start + WIDTH, SMALL.size)
        self._draw(text, start, 0, SMALL)
        self._canvas.endForm()

    def heading(self, danish: str, english: str, size: float = 11.5) -> None:
        """A heading in both languages, kept with what follows."""
        self.room(30 * MM)
        style, other = Style(BOLD, size), Style(PLAIN, size, GREY)
        self.space(4)
        self.y -= size
        self._draw(danish, LEFT, self.y, style)
        self._draw(f"/ {english}", LEFT + width_of(f"{danish} ", style), self.y, other)
        self.y -= 2.2 * MM

    def paragraph(self, text: str, style: Style = TEXT) -> None:
        """A paragraph as wide as the page."""
        for line in lines_of(text, style, WIDTH):
            self.room(style.leading)
            self.y -= style.leading
            self._draw(line, LEFT, self.y, style)
        self.y -= 1.2 * MM

    def both(self, danish: str, english: str) -> None:
        """A text in Danish, and beside it in English."""
        width = (WIDTH - 8 * MM) / 2
        left, right = lines_of(danish, SMALL, width), lines_of(english, NOTE, width)
        self.room(max(len(left), len(right)) * SMALL.leading)
        for lines, x, style in ((left, LEFT, SMALL), (right, LEFT + width + 8 * MM, NOTE)):
            for number, line in enumerate(lines, 1):
                self._draw(line, x, self.y - number * style.leading, style)
        self.y -= max(len(left), len(right)) * SMALL.leading + 1.4 * MM

    def facts(self, rows: Sequence[tuple[str, str, Cell]]) -> None:
        """What is known, a row each: its name in Danish and English, and what it is."""
        width = 132 * MM
        for danish, english, cell in rows:
            lines = cell_lines(cell, width)
            self.room(min(height_of(lines), 60 * MM) + 8)
            top = self.y
            self._draw(danish, LEFT, top - SMALL.leading, SMALL)
            self._draw(english, LEFT, top - 2 * SMALL.leading, NOTE)
            for style, line in lines:
                self.room(style.leading)
                self.y -= style.leading
                self._draw(line, LEFT + WIDTH - width, self.y, style)
            if self.y < top:  # not on another page
                self.y = min(self.y, top - 2 * SMALL.leading)
            self.y -= 1.1 * MM

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell | Later]]) -> None:
        """A table; its head is repeated on each page, and no row is parted."""
        head = [[(NOTE, column.heading)] for column in columns]
        self.room(20 * MM)
        self._row(columns, head)
        for row in rows:
            height = max(
                0 if isinstance(cell, Later) else height_of(cell_lines(cell, column.inner))
                for column, cell in zip(columns, row, strict=True)
            )
            if not self.room(height + 6):
                self._row(columns, head)
            self._row(columns, row)

    def block(self, text: str, style: Style = DIGEST) -> None:
        """Text in a frame, character by character; a line that is too long goes on, indented."""
        indent, width = "    ", WIDTH - 8 * MM
        lines: list[str] = []
        for line in text.split("\n"):
            first = line[: fitting(line, style, width)] if line and width_of(line, style) > width else line
            lines.append(first)
            rest, room = line[len(first) :], width - width_of(indent, style)
            while rest:
                cut = min(len(rest), fitting(rest, style, room))
                lines.append(indent + rest[:cut])
                rest = rest[cut:]
        height = len(lines) * style.leading + 4 * MM
        self.room(height)
        self._canvas.setLineWidth(0.4)
        self._canvas.rect(LEFT, self.y - height, WIDTH, height)
        for number, line in enumerate(lines, 1):
            self._draw(line, LEFT + 4 * MM, self.y - 1.2 * MM - number * style.leading, style)
        self.y -= height + 2 * MM

    def pictures(self, pictures: Sequence[tuple[Path | None, str]]) -> None:
        """Pictures in rows of four, each over its caption; None stands for one that could not be made."""
        gap = 10 / 3 * MM
        for first in range(0, len(pictures), 4):
            row = [(path, *_size(path), caption) for path, caption in pictures[first : first + 4]]
            height = max(tall for _, _, tall, _ in row)
            self.room(height + 2 * NOTE.leading)
            for place, (path, wide, tall, caption) in enumerate(row):
                x = LEFT + place * (_PICTURE[0] + gap)
                if path is not None:
                    # A JPEG is embedded as it is: reportlab reads its head, and Pillow never sees it.
                    self._canvas.drawImage(_Picture(path), x, self.y - tall, wide, tall)
                line = lines_of(caption, NOTE, _PICTURE[0])[0]
                self._draw(line, x, self.y - tall - NOTE.leading, NOTE)
            self.y -= height + 2.2 * NOTE.leading

    def later(self, name: str, x: float, y: float) -> None:
        """Draw what `define` says under this name, now or later."""
        self._canvas.saveState()
        self._canvas.translate(x, y)
        self._canvas.doForm(name)
        self._canvas.restoreState()

    def _begin(self) -> None:
        self.y = _TOP
        self._canvas.setLineWidth(0.4)
        self._canvas.setStrokeGray(_LINES)
        above, beneath = _PAGE_HEIGHT - 17 * MM, 16 * MM
        for y in (above, beneath):
            self._canvas.line(LEFT, y, RIGHT, y)
        self._draw(self._head[0], LEFT, above + 2 * MM, NOTE)
        self._draw(self._head[1], RIGHT - width_of(self._head[1], NOTE), above + 2 * MM, NOTE)
        self._draw(self._foot, LEFT, beneath - 4.5 * MM, NOTE)
        self.later(f"page-{self._canvas.getPageNumber()}", RIGHT, beneath - 4.5 * MM)

    def _draw(self, text: str, x: float, y: float, style: Style) -> None:
        self._canvas.setFillGray(style.grey)
        self._canvas.setFont(style.font, style.size)
        self._canvas.drawString(x, y, text)
        self._canvas.setFillGray(BLACK)

    def _row(self, columns: Sequence[Column], row: Sequence[Cell | Later]) -> None:
        x, lowest = LEFT, self.y
        for column, cell in zip(columns, row, strict=True):
            y = self.y - 2
            if isinstance(cell, Later):
                self.later(cell, x, y - SMALL.leading)
            else:
                for style, line in cell_lines(cell, column.inner):
                    y -= style.leading
                    self._draw(line, x, y, style)
            x, lowest = x + column.width * MM, min(lowest, y)
        self.y = lowest - 4
        self._canvas.setLineWidth(0.3)
        self._canvas.line(LEFT, self.y, RIGHT, self.y)


def _size(path: Path | None) -> tuple[float, float]:
    """Width and height of a picture as it is drawn, in points."""
    if path is None:
        return _PICTURE[0], 0
    with path.open("rb") as file:
        wide, tall = readJPEGInfo(file)[:2]
    scale = min(_PICTURE[0] / wide, _PICTURE[1] / tall)
    return wide * scale, tall * scale
