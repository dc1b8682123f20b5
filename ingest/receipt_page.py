"""The receipt as a page to print, in Danish and English: for reading; what proves is the JSON file."""

import io
from collections.abc import Sequence

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import getFont, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from evidence.text import base64_text, in_glyphs, printable
from hashing.keys import fingerprint
from hashing.merkle import leaf_hash
from hashing.notes import checkpoint_of
from hashing.receipt import Receipt

MOST_FILES = 8  # on the page, and in the QR code

_FONT, _BOLD = "Vera", "VeraBd"  # embedded; they come with reportlab and have what Danish needs
_MM = 72 / 25.4  # in points
_WIDTH, _HEIGHT = 210 * _MM, 297 * _MM
_LEFT, _RIGHT = 18 * _MM, _WIDTH - 18 * _MM
_QR = 38 * _MM
_GAP = 8 * _MM

_DANISH = (
    "Hvad kvitteringen viser",
    "Filerne er modtaget. En fil, der har samme SHA-256 som her, er identisk med den fil, der blev modtaget"
    " her, ned til hver bit.",
    "Kvitteringen er indført i en log. Med JSON-filen, der hører til, kan du vise det, også hvis loggen"
    " senere bliver ændret. Denne side er kun til at læse.",
    "Hvad den ikke viser",
    "At en efterforskning er begyndt, eller at optagelserne bliver brugt.",
    "Hvad optagelserne forestiller, hvornår de er optaget, eller om de er ægte.",
    "At en kopi hos dig er den samme: telefoner ændrer ofte en video, når de sender den. Kun en fil med"
    " samme SHA-256 er den.",
    "Sådan kontrollerer du en fil",
    "Linux: sha256sum FIL. macOS: shasum -a 256 FIL. Windows: certutil -hashfile FIL SHA256. Oplys"
    " referencen, når du henvender dig.",
)
_ENGLISH = (
    "What this receipt shows",
    "The files were received. A file that has the same SHA-256 as here is identical to the file that was"
    " received here, to the last bit.",
    "The receipt stands in a log. With the JSON file that belongs to it you can show that, also if the log is"
    " changed later. This page is for reading only.",
    "What it does not show",
    "That an investigation has begun, or that the footage will be used.",
    "What the footage shows, when it was recorded, or whether it is genuine.",
    "That a copy with you is the same: phones often change a video as they send it. Only a file with the same"
    " SHA-256 is.",
    "How to check a file",
    "Linux: sha256sum FILE. macOS: shasum -a 256 FILE. Windows: certutil -hashfile FILE SHA256. Give the"
    " reference when you contact us.",
)
_HEADINGS = (0, 3, 7)


def receipt_page(receipt: Receipt) -> bytes:
    """One page of PDF (A4); the same receipt gives the same bytes."""
    for name in (_FONT, _BOLD):
        registerFont(TTFont(name, f"{name}.ttf"))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(_WIDTH, _HEIGHT), invariant=1, lang="da", initialFontName=_FONT)
    canvas.setTitle(f"Kvittering / Receipt {receipt.statement.reference}")
    canvas.setCreator("Vidne")
    canvas.setAuthor("")
    canvas.setSubject("")
    y = _head(canvas, receipt)
    y = _files(canvas, receipt, y)
    y = _columns(canvas, y - 4 * _MM)
    _proof(canvas, receipt, y - 4 * _MM)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def qr_text(receipt: Receipt) -> str:
    """What the QR code says: the reference, and the SHA-256 of each file that the page names."""
    digests = [item.sha256 for item in receipt.statement.files[:MOST_FILES]]
    return "\n".join([f"VIDNE {receipt.statement.reference}", *digests])


def _head(canvas: Canvas, receipt: Receipt) -> float:
    """Title, reference, time and QR code; returns how far down it came, as all parts do."""
    top = _HEIGHT - 16 * _MM
    _line(canvas, top - 7 * _MM, "Kvittering / Receipt", 20, _BOLD)
    _line(canvas, top - 16 * _MM, "Reference", 9)
    _line(canvas, top - 23 * _MM, receipt.statement.reference, 18, _BOLD)
    received = receipt.statement.received_at
    _line(canvas, top - 31 * _MM, f"Modtaget / Received: {received[:10]} {received[11:19]} UTC", 9)
    widget = QrCodeWidget(qr_text(receipt), barLevel="M", barWidth=_QR, barHeight=_QR, barBorder=2)
    drawing = Drawing(_QR, _QR)
    drawing.add(widget)
    renderPDF.draw(drawing, canvas, _RIGHT - _QR, top - _QR)
    return top - _QR - 4 * _MM


def _files(canvas: Canvas, receipt: Receipt, y: float) -> float:
    files = receipt.statement.files
    _line(canvas, y, f"Filer / Files: {len(files)}", 11, _BOLD)
    for item in files[:MOST_FILES]:
        y -= 6 * _MM
        size = f"{item.size} bytes"
        room = _RIGHT - _LEFT - stringWidth(size, _FONT, 9) - 4 * _MM
        _line(canvas, y, _fitting(item.name, room), 9)
        canvas.drawRightString(_RIGHT, y, size)
        y -= 4 * _MM
        _line(canvas, y, f"SHA-256 {item.sha256}", 8)
    if len(files) > MOST_FILES:
        y -= 6 * _MM
        more = len(files) - MOST_FILES
        _line(canvas, y, f"og {more} til i JSON-filen / and {more} more in the JSON file", 9)
    return y


def _columns(canvas: Canvas, y: float) -> float:
    width = (_RIGHT - _LEFT - _GAP) / 2
    return min(
        _column(canvas, _DANISH, _LEFT, width, y), _column(canvas, _ENGLISH, _LEFT + width + _GAP, width, y)
    )


def _column(canvas: Canvas, texts: Sequence[str], x: float, width: float, y: float) -> float:
    plain = ParagraphStyle("plain", fontName=_FONT, fontSize=9, leading=11.5)
    heading = ParagraphStyle("heading", fontName=_BOLD, fontSize=9.5, leading=12)
    for place, text in enumerate(texts):
        paragraph = Paragraph(text, heading if place in _HEADINGS else plain)
        height: float = paragraph.wrap(width, _HEIGHT)[1]
        y -= height + (2.2 if place in _HEADINGS else 0.9) * _MM
        paragraph.drawOn(canvas, x, y)
    return y


def _proof(canvas: Canvas, receipt: Receipt, y: float) -> None:
    proof, entry = receipt.inclusion, leaf_hash(receipt.entry)
    checkpoint = checkpoint_of(proof.checkpoint)
    canvas.setLineWidth(0.3)
    canvas.line(_LEFT, y, _RIGHT, y)
    lines = (
        f"Log: {_fitting(checkpoint.origin, _RIGHT - _LEFT - 20 * _MM)}",
        f"Post / Entry {proof.index}: {entry.hex()}",
        f"Kontrolpunkt / Checkpoint: {checkpoint.size} {base64_text(checkpoint.root)}",
        f"Nøgle / Key: {fingerprint(receipt.key)}",
    )
    for number, text in enumerate(lines, 1):
        _line(canvas, y - number * 4 * _MM, text, 7.5)


def _line(canvas: Canvas, y: float, text: str, size: float, font: str = _FONT) -> None:
    canvas.setFont(font, size)
    canvas.drawString(_LEFT, y, text)


def _fitting(text: str, room: float) -> str:
    """`text` in what the font has, cut in its middle to a width of `room` points at 9 points."""
    shown = in_glyphs(text, getFont(_FONT).face.charToGlyph)
    limit = len(shown)
    while stringWidth(printable(shown, limit=limit), _FONT, 9) > room:
        limit -= 1
    return printable(shown, limit=limit)
