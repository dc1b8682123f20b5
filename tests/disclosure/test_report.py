"""The custody report: it says what its package holds, harms nobody, and stays within its pages."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import stringWidth

from disclosure.package import write_package
from disclosure.report_page import report_pdf
from disclosure.report_sheet import RIGHT
from disclosure.report_text import MONO, SMALL, lines_of
from evidence.custody import EventBody, KeptStamp
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.text import base64_text
from hashing.entries import parse_entry
from hashing.keys import fingerprint
from hashing.manifest import ExhibitManifest, MakerRecord, ManifestObject
from hashing.notes import checkpoint_of
from hashing.package import verify_package
from hashing.package_files import CHECKPOINT, ENTRIES, REPORT
from hashing.timestamps import make_request
from hashing.verify import ExpectedObject
from tests.disclosure.packages import NUMBER, Tampered, export_all, filed, origin_of, packaged, request_of
from tests.hashing.cases import CASE, Scene
from tests.tsa import authority

HOSTILE = [
    b"a\xe2\x80\xaegpj.exe",
    b"line\nbreak\x1b[31m.mp4",
    b'<b>bold</b><img src="file:///etc/passwd"/>&amp;<br/>.mp4',
    b"\xff\xfe.avi",
    "日本 \U0001f600.mp4".encode(),
    b"W" * 3000 + b".mp4",
]  # fmt: skip


def pages(package: Path) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(package / REPORT).pages]


def text_of(package: Path) -> str:
    return " ".join(pages(package))


def grouped(digest: str) -> str:
    return " ".join(digest[at : at + 8] for at in range(0, 64, 8))


def images(page: Any) -> int:
    resources = page["/Resources"].get("/XObject", {})
    return sum(item.get_object()["/Subtype"] == "/Image" for item in resources.values())


def received(scene: Scene, number: int, name: bytes, **more: str) -> ExpectedObject:
    """An exhibit that came in under a name, and nothing more."""
    label = f"EX-{number:04d}"
    original = scene.put(f"bytes {number}".encode(), Role.ORIGINAL, "original", label)
    body: JsonObject = {"filename": "", "filename_b64": base64_text(name), "source": "citizen", **more}
    filed(scene, f"s-{number}:file.received", "file.received", body, original)
    return original


def png(path: Path, size: str = "640x360") -> bytes:
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}", "-frames:v", "1", path],
        check=True,
    )
    return path.read_bytes()


def with_keyframes(scene: Scene, stills: Sequence[bytes], original: ExpectedObject) -> None:
    """Keyframes a second apart as the pipeline files them, with their manifest."""
    rows = [
        scene.put(raw, Role.KEYFRAME, f"keyframe-{number:03d}.png", original.exhibit)
        for number, raw in enumerate(stills, 1)
    ]
    tool = MakerRecord("ffmpeg", "7", "ab" * 32)
    lines = [
        ManifestObject(row.name, row.role, row.digests, "original", tool, (), {"time_s": f"{number}.25"})
        for number, row in enumerate(rows)
    ]
    raw = ExhibitManifest(CASE, original.exhibit, tuple(lines)).to_bytes()
    manifest = scene.put(raw, Role.MANIFEST, "manifest-slow.json", original.exhibit)
    filed(scene, f"k-{original.exhibit}:object.stored", "object.stored", {"objects": []}, *rows, manifest)


def test_it_says_what_the_package_holds(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    said = text_of(package)
    last = parse_entry((package / ENTRIES).read_bytes().splitlines()[-1])
    for fact in (NUMBER, "x1", last.actor, scene.signer.name):
        assert fact in said
    assert grouped(last.objects[0].sha256) in said
    assert grouped(fingerprint(scene.signer.verifier)) in said
    for row in scene.rows:
        if row.role in (Role.ORIGINAL, Role.WORKING):
            assert grouped(row.digests.sha256) in said
        if row.role == Role.ORIGINAL:
            assert f"{row.digests.size} bytes" in said


def test_each_step_stands_with_its_exhibit_or_with_the_case(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    found = pages(package)
    for line in (package / ENTRIES).read_bytes().splitlines():
        entry = parse_entry(line)
        row = f"{entry.case_seq} {entry.at[:10]} {entry.at[11:19]}"
        (place,) = [number for number, page in enumerate(found) if row in page]
        assert entry.type in found[place]
        headings = [label for label in ("EX-0001", "EX-0002") if f"Exhibit {label}" in found[place]]
        assert headings == sorted({item.exhibit for item in entry.objects} - {""})


def test_the_checkpoint_is_printed_character_by_character(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    printed: list[str] = []

    def visit(text: str, _cm: object, _tm: object, font: dict[str, Any] | None, size: float) -> None:
        if font is not None and font["/BaseFont"] == f"/{MONO}" and text.strip():
            printed.append(text.strip("\n"))

    PdfReader(package / REPORT).pages[0].extract_text(visitor_text=visit)
    note = (package / CHECKPOINT).read_text()
    assert "".join("".join(printed).split()).endswith("".join(note.split()))
    assert f"{checkpoint_of(note.encode()).size} poster / entries" in pages(package)[0]


def test_of_the_same_package_it_is_the_same_bytes_also_in_another_process(
    scene: Scene, tmp_path: Path
) -> None:
    filed_rows = [row for row in scene.rows if row.role == Role.ORIGINAL]
    with_keyframes(scene, [png(tmp_path / "s.png")], filed_rows[0])
    package = export_all(scene, tmp_path / "P")
    program = (
        "import sys; from pathlib import Path; from disclosure.report_page import report_pdf\n"
        "sys.stdout.buffer.write(report_pdf(Path(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", program, package], capture_output=True, check=True)
    assert done.stdout == (package / REPORT).read_bytes() == report_pdf(package)


def test_a_package_verifies_with_it_and_without(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    assert REPORT in (package / "tagmanifest-sha256.txt").read_text()
    assert REPORT in (package / "VERIFY.txt").read_text()
    assert verify_package(package, scene.signer.verifier).exit_code == 0
    (package / REPORT).unlink()
    Tampered(package).reseal()
    assert verify_package(package, scene.signer.verifier).exit_code == 0


def test_its_title_and_language_are_told_and_each_page_has_its_number(scene: Scene, tmp_path: Path) -> None:
    package = export_all(scene, tmp_path / "P")
    reader = PdfReader(package / REPORT)
    assert reader.metadata is not None
    assert reader.metadata.title == f"Forvaringsrapport / Custody report {NUMBER}"
    assert reader.trailer["/Root"]["/Lang"] == "da"  # type: ignore[index]
    found = pages(package)
    for number, page in enumerate(found, 1):
        assert f"Side {number} af {len(found)} / Page {number} of {len(found)}" in page
        assert "Pakke / Package x1" in page


def test_a_name_is_shown_printable_and_never_obeyed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for number, name in enumerate(HOSTILE, 1):
        received(scene, number, name)
    package = export_all(scene, tmp_path / "P")
    said = text_of(package)
    for shown in (
        "a\\u{202e}gpj.exe",
        "line\\x0abreak\\x1b[31m.mp4",
        '<b>bold</b><img src="file:///etc/passwd"/>&amp;<br/>.mp4',
        "\\xff\\xfe.avi",
        "\\u{65e5}\\u{672c} \\u{1f600}.mp4",
        "W…W",
    ):
        assert shown in said
    assert said.count("W") < 1500


def test_no_text_leaves_its_column(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for number, name in enumerate(HOSTILE, 1):
        row = received(scene, number, name)
        body: JsonObject = {
            "stage": "slow",
            "state": "quarantined",
            "reason": "X" * 900,
            "problems": [{"code": "x", "text": "Y" * 5000}] * 30,
        }
        filed(scene, f"q-{number}", "exhibit.quarantined", body, row)
    package = export_all(scene, tmp_path / "P")
    ends: list[float] = []

    def visit(text: str, cm: list[float], tm: list[float], font: Any, size: float) -> None:
        line = text.strip()
        if line and font is not None:
            name = {"Bold": "VeraBd", "Roman": "Vera"}.get(font["/BaseFont"].rpartition("-")[2], MONO)
            ends.append(
                tm[4] + cm[4] + stringWidth(line, MONO if "Courier" in font["/BaseFont"] else name, size)
            )

    for page in PdfReader(package / REPORT).pages:
        page.extract_text(visitor_text=visit)
    assert max(ends) <= RIGHT + 0.1


@pytest.mark.parametrize("text", ["", "W" * 500, "a bc " * 90 + "i" * 300, "one two", " x  y "])
@pytest.mark.parametrize("width", [3.0, 40.0, 180.0])
def test_lines_are_no_wider_than_their_column_and_lose_nothing(text: str, width: float) -> None:
    lines = lines_of(text, SMALL, width)
    assert all(stringWidth(line, SMALL.font, SMALL.size) <= width or len(line) == 1 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_many_exhibits_and_many_steps(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for number in range(1, 41):
        row = received(scene, number, f"{number}.mp4".encode())
    for number in range(300):
        filed(scene, f"more-{number}", "exhibit.inspected", {"stage": "inspect"}, row)
    found = pages(export_all(scene, tmp_path / "P"))
    starts = {
        f"EX-{number:04d}": next(n for n, page in enumerate(found, 1) if f"Exhibit EX-{number:04d}" in page)
        for number in range(1, 41)
    }
    overview = " ".join(found[: starts["EX-0001"] - 1])
    for label, start in starts.items():
        assert f"{label} {int(label[3:])}.mp4 en borger a citizen" in overview
        assert f" {start} " in overview.partition(label)[2][:160] + " "
    assert sum(page.count("exhibit.inspected") for page in found) == 300
    assert found[-1].count("Nr. / No. Tid / Time (UTC)") == 1  # the head is there on each page
    assert "The report ends here." in found[-1]


@pytest.mark.parametrize("with_contact", [True, False])
def test_it_names_nobody_whatever_the_package_has(
    scene: Scene, tmp_path: Path, *, with_contact: bool
) -> None:
    filed(scene, "s:contact.given", "contact.given", {"name": "Bo Ibsen", "telephone": "12345678"})
    facts: JsonObject = {"recorder": "R-02", "place": "Torvet 1", "retrieved_by": "K. Jensen", "make": "Axis"}
    filed(scene, "r:recorder.added", "recorder.added", facts)
    request = replace(request_of(packaged(scene)), with_contact=with_contact)
    write_package(tmp_path / "P", request, origin_of(scene))
    said = text_of(tmp_path / "P")
    for private in ("Bo Ibsen", "12345678", "K. Jensen", "Torvet"):
        assert private not in said
    assert "R-02 Axis" in said
    assert "Contact data (not shown in the report)" in said
    assert ("contact data is in the package, not in this report" in said) is with_contact


def test_of_a_part_of_a_case_it_says_what_is_left_out(scene: Scene, tmp_path: Path) -> None:
    request = request_of(packaged(scene, "EX-0001"), is_whole=False)
    write_package(tmp_path / "P", request, origin_of(scene))
    said = text_of(tmp_path / "P")
    assert "a part of the case" in said
    assert "other exhibits of the case: EX-0002" in said
    assert "- details of events: 5 " in said
    assert "4 events speak only of exhibits that are not in the package" in said
    assert "clip 2.mp4" not in said
    assert "Exhibit EX-0002" not in said


def test_what_was_erased_is_told_as_erased(scene: Scene, tmp_path: Path) -> None:
    event_id = "sub-1:file.received"
    scene.ledger.kept[event_id] = EventBody(event_id, None, None)
    said = text_of(export_all(scene, tmp_path / "P"))
    assert "erased for good: details of events: 1 " in said
    assert "Enkelthederne er slettet. / The details were erased." in said  # in place of the name
    assert "clip 1.mp4" not in said


def test_originals_alone_are_told_as_such(scene: Scene, tmp_path: Path) -> None:
    objects = [item for item in packaged(scene) if ".original" in item.path]
    request = replace(request_of(objects), with_copies=False)
    write_package(tmp_path / "P", request, origin_of(scene))
    said = text_of(tmp_path / "P")
    assert "all copies and pictures: originals only" in said
    assert "It is not in the package." in said


def test_both_times_of_a_clock_are_given_with_their_offset(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    given = {"clock_shown": "2026-03-14 22:17:35", "clock_true": "2026-03-14 22:17:05"}
    received(scene, 1, b"a.mp4", **given)
    row = received(scene, 2, b"b.mp4", **given)
    filed(scene, "r", "recorder.added", {"recorder": "RC-01", "make": "Axis"})
    reading = {"shown": "2026-03-14 10:00:00", "true": "2026-03-14 10:00:17", "uncertainty_s": "1.0"}
    filed(scene, "c", "recorder.clock-read", {"recorder": "RC-01", **reading})
    filed(scene, "l", "recorder.linked", {"recorder": "RC-01", "channel": "3"}, row)
    said = text_of(export_all(scene, tmp_path / "P"))
    assert said.count("showed 2026-03-14 22:17:35, rigtig / true 2026-03-14 22:17:05: +30.0 s") == 1
    assert "Stated with the submission." in said
    assert "showed 2026-03-14 10:00:00, rigtig / true 2026-03-14 10:00:17: -17.0 s ± 1.0 s" in said
    assert "RC-01 Axis, kanal / channel 3" in said


@pytest.mark.parametrize(
    ("derivation", "said"),
    [
        ({"method": "remux", "verdict": "packets identical", "reason": ""}, "Rewrapped: the same packets"),
        ({"method": "encode", "verdict": "derived from", "reason": "Why."}, "Encoded: the pictures were"),
        (None, "How it was made is not known here."),
    ],
)
def test_what_the_working_copy_is(
    scene: Scene, tmp_path: Path, derivation: JsonObject | None, said: str
) -> None:
    row = scene.rows[0]
    filed(scene, "d1", "exhibit.processed", {"stage": "slow", "derivation": derivation or {"x": ""}}, row)
    (page, *_) = [page for page in pages(export_all(scene, tmp_path / "P")) if "Exhibit EX-0001" in page]
    assert said in page


def test_some_keyframes_are_shown_with_their_times(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    stills = [png(tmp_path / f"{n}.png", f"{320 + 2 * n}x180") for n in range(1, 12)]
    with_keyframes(scene, stills, received(scene, 1, b"a.mp4"))
    package = export_all(scene, tmp_path / "P")
    (page,) = [page for page in PdfReader(package / REPORT).pages if images(page)]
    assert images(page) == 8
    said = " ".join(page.extract_text().split())
    assert "8 of 11, evenly chosen" in said
    assert "0.250 s, keyframe-001" in said
    assert "10.250 s, keyframe-011" in said


def test_a_keyframe_that_is_no_picture_is_told_and_does_no_harm(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with_keyframes(scene, [b"no picture at all", png(tmp_path / "s.png")], received(scene, 1, b"a.mp4"))
    package = export_all(scene, tmp_path / "P")
    assert [count for page in PdfReader(package / REPORT).pages if (count := images(page))] == [1]
    assert "Not all pictures could be reduced here" in text_of(package)
    assert "0.250 s, keyframe-001" in text_of(package)


def test_time_stamps_and_further_signatures_are_told_as_not_checked(scene: Scene, tmp_path: Path) -> None:
    tsa = authority(tmp_path / "tsa")
    response = tsa.reply(make_request(scene.ledger.checkpoints[5]).der)
    stamp = KeptStamp(5, "https://tsa.example.org/", response, chain=tsa.root.pem)
    package = export_all(scene, tmp_path / "P", [stamp])
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: 5 poster / entries", text_of(package))
    Tampered(package).with_a_witness()
    (package / REPORT).write_bytes(report_pdf(package))
    assert "Also signed by (not checked here) witness.example/w1" in text_of(package)
