"""The page: what stands on it and what never does, read back with another library."""

import io
import subprocess
import sys
from dataclasses import replace
from typing import Any

from pypdf import PdfReader

from hashing.receipt import ReceiptFile, Statement
from ingest.receipt_page import MOST_FILES, qr_text, receipt_page
from tests.hashing.cases import AT
from tests.hashing.receipts import issued

FILE = ReceiptFile("Optagelse på Nørregade ÆØÅ.mp4", 3, "ba7816bf" * 8, "64" * 32, "ab" * 32)
RECEIPT = issued(Statement("7KXM-2PQR-9BDF", AT, (FILE,)))


def pages(raw: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(raw)).pages]


def with_files(*names: str) -> list[str]:
    files = tuple(replace(FILE, name=name, sha256=f"{n:02x}" * 32) for n, name in enumerate(names, 1))
    return pages(receipt_page(issued(Statement("7KXM-2PQR-9BDF", AT, files))))


def test_the_page_has_reference_name_digest_and_log() -> None:
    (text,) = pages(receipt_page(RECEIPT))
    for said in ("7KXM-2PQR-9BDF", FILE.name, FILE.sha256, "2026-11-23 03:34:44 UTC", "vidne.example/log"):
        assert said in text


def test_it_says_what_it_does_not_show_in_both_languages() -> None:
    (text,) = pages(receipt_page(RECEIPT))
    assert "That an investigation has begun" in text
    assert "At en efterforskning er begyndt" in text
    assert "identical to the file that was received here" in text
    assert "on your device" not in text


def test_the_same_receipt_gives_the_same_bytes_also_in_another_process() -> None:
    program = (
        "import sys; from hashing.receipt import Receipt; from ingest.receipt_page import receipt_page\n"
        "sys.stdout.buffer.write(receipt_page(Receipt.from_bytes(sys.stdin.buffer.read())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=RECEIPT.to_bytes(), capture_output=True, check=True
    )
    assert done.stdout == receipt_page(RECEIPT) == receipt_page(RECEIPT)


def test_every_letter_is_of_an_embedded_font() -> None:
    used: list[str] = []
    page = PdfReader(io.BytesIO(receipt_page(RECEIPT))).pages[0]

    def visit(text: str, _cm: object, _tm: object, font: dict[str, Any] | None, _size: object) -> None:
        if text.strip():
            assert font is not None
            assert "/FontFile2" in font["/FontDescriptor"]
            used.append(str(font["/BaseFont"]).partition("+")[2])

    page.extract_text(visitor_text=visit)
    assert set(used) == {"BitstreamVeraSans-Roman", "BitstreamVeraSans-Bold"}


def test_many_files_stay_on_one_page_which_says_that_there_are_more() -> None:
    (text,) = with_files(*[f"{n}.mp4" for n in range(1, 41)])
    assert "Files: 40" in text
    assert f"and {40 - MOST_FILES} more" in text
    assert "08" * 32 in text
    assert "09" * 32 not in text


def test_a_name_that_the_font_lacks_or_that_is_too_long_or_looks_like_markup_does_no_harm() -> None:
    (text,) = with_files("日本.mp4", f"{'W' * 3000}.mp4", "<b>&amp;</b>.mp4")
    assert "\\u{65e5}\\u{672c}.mp4" in text
    assert "W…W" in text
    assert "W" * 100 not in text
    assert "<b>&amp;</b>.mp4" in text


def test_the_qr_code_has_the_reference_and_the_digests_of_the_page() -> None:
    assert qr_text(RECEIPT) == f"VIDNE 7KXM-2PQR-9BDF\n{FILE.sha256}"
