"""Text of a report, measured before it is drawn: styles, lines, cells of tables; no markup anywhere."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont

from evidence.text import in_glyphs, printable

MM = 72 / 25.4  # in points
PLAIN, BOLD = "Vera", "VeraBd"  # embedded; they come with reportlab and have what Danish needs
MONO = "Courier-Bold"  # one of the fonts that every reader of PDF has (ISO 32000-1, 9.6.2.2)
BLACK, GREY = 0.0, 0.38

_LEADING = 1.32
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
    return in_glyphs(printable(text, limit=limit), fonts())


@lru_cache(maxsize=1)
def fonts() -> Container[int]:
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
        if width_of(longer, style) <= width:
            line = longer
            continue
        if line:
            found.append(line)
        line = word
        while width_of(line, style) > width:
            cut = fitting(line, style, width)
            found.append(line[:cut])
            line = line[cut:]
    return [*found, line]


def fitting(text: str, style: Style, width: float) -> int:
    """How many characters of `text` fit; at least one."""
    cut = max(1, int(len(text) * width / width_of(text, style)))
    while cut > 1 and width_of(text[:cut], style) > width:
        cut -= 1
    return cut


@lru_cache(maxsize=4096)
def width_of(text: str, style: Style) -> float:
    """How wide `text` is on one line, in points."""
    fonts()
    return float(stringWidth(text, style.font, style.size))


def cell_lines(cell: Cell, width: float) -> list[tuple[Style, str]]:
    """A cell's lines in a column of `width` points; too many for a page are cut."""
    lines = [(style, line) for style, text in cell for line in lines_of(text, style, width)]
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], (SMALL, "…")]


def height_of(lines: Sequence[tuple[Style, str]]) -> float:
    """How high lines are, in points."""
    return sum(style.leading for style, _ in lines)
