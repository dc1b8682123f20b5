"""Pages of A4 that fill from the top: text that never leaves its column and is never taken for markup."""

import io
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.pdfutils import readJPEGInfo
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from evidence.text import in_glyphs, printable

MM = 72 / 25.4  # in points
LEFT, RIGHT, WIDTH = 18 * MM, 192 * MM, 174 * MM
PLAIN, BOLD = "Vera", "VeraBd"  # embedded; they come with reportlab and have what Danish needs
MONO = "Courier-Bold"  # one of the fonts that every reader of PDF has (ISO 32000-1, 9.6.2.2)
BLACK, GREY = 0.0, 0.38

_PAGE_WIDTH, _PAGE_HEIGHT = 210 * MM, 297 * MM
_TOP, _BOTTOM = _PAGE_HEIGHT - 24 * MM, 21 * MM
_LEADING = 1.32
_LINES = 0.6  # grey level
_PICTURE = (41 * MM, 32 * MM)  # at most
_MOST_LINES = 40  # of a cell: it must fit on one page


@dataclass(frozen=True, slots=True)
class Style:
    """How a text looks: font, size in points, grey level (0 is black)."""

    font: str = PLAIN
    size: float = 8.5
    grey: float = BLACK

    @property
    def leading(self) -> float:
        """From one line to the next, in points."""
        return self.size * _LEADING


TEXT, STRONG = Style(), Style(BOLD)
SMALL, NOTE = Style(size=7.5), Style(size=7.5, grey=GREY)
CODE, DIGEST = Style(MONO, 7.2, GREY), Style(MONO, 8.6)
Cell = Sequence[tuple[Style, str]]  # paragraphs, one beneath the other
Later = str  # in place of a cell: the name under which `Sheet.define` says what stands there


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and its width in millimetres."""

    heading: str
    width: float

    @property
    def inner(self) -> float:
        """What its text may take, in points."""
        return self.width * MM - 5


def shown(text: str, limit: int = 400) -> str:
    """Text that others wrote, printable, in what the font has."""
    return in_glyphs(printable(text, limit=limit), _fonts())


@lru_cache(maxsize=1)
def _fonts() -> Container[int]:
    """Make the fonts known; the code points that they have."""
    for name in (PLAIN, BOLD):
        registerFont(TTFont(name, f"{name}.ttf"))
    glyphs: dict[int, int] = getFont(PLAIN).face.charToGlyph
    return glyphs


def shown_code(text: str) -> str:
    """Text for a fixed-width font, which has the characters of Windows-1252 and no others."""
    return "".join(
        char if char == "\n" or char.encode("cp1252", "ignore") else f"\\u{{{ord(char):x}}}" for char in text
    )


def grouped(digest: str) -> str:
    """A digest in groups of eight digits, so that it can be read out and compared."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))


def lines_of(text: str, style: Style, width: float) -> list[str]:
    """`text` in lines of at most `width` points; a word that is longer is broken."""
    found: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if _width(longer, style) <= width:
            line = longer
            continue
        if line:
            found.append(line)
        line = word
        while _width(line, style) > width:
            cut = _fitting(line, style, width)
            found.append(line[:cut])
            line = line[cut:]
    return [*found, line]


def _fitting(text: str, style: Style, width: float) -> int:
    """How many characters of `text` fit; at least one."""
    cut = max(1, int(len(text) * width / _width(text, style)))
    while cut > 1 and _width(text[:cut], style) > width:
        cut -= 1
    return cut


@lru_cache(maxsize=4096)
def _width(text: str, style: Style) -> float:
    _fonts()
    return float(stringWidth(text, style.font, style.size))


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
        _fonts()
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
        start = -_width(text, SMALL) if to_the_left else 0
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
        self._draw(f"/ {english}", LEFT + _width(f"{danish} ", style), self.y, other)
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
            lines = _cell_lines(cell, width)
            self.room(min(_height(lines), 60 * MM) + 8)
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
                0 if isinstance(cell, Later) else _height(_cell_lines(cell, column.inner))
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
            first = line[: _fitting(line, style, width)] if line and _width(line, style) > width else line
            lines.append(first)
            rest, room = line[len(first) :], width - _width(indent, style)
            while rest:
                cut = min(len(rest), _fitting(rest, style, room))
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
        self._draw(self._head[1], RIGHT - _width(self._head[1], NOTE), above + 2 * MM, NOTE)
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
                for style, line in _cell_lines(cell, column.inner):
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


def _cell_lines(cell: Cell, width: float) -> list[tuple[Style, str]]:
    lines = [(style, line) for style, text in cell for line in lines_of(text, style, width)]
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], (SMALL, "…")]


def _height(lines: Sequence[tuple[Style, str]]) -> float:
    return sum(style.leading for style, _ in lines)
