"""The pages of one exhibit in a custody report: what it is, from whom, copies, pictures, steps."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from disclosure import report_words as words
from disclosure.report import ExhibitFacts, PackagedFile, Step, objects_in
from disclosure.report_sheet import Sheet
from disclosure.report_steps import STEP_COLUMNS, both_cells, counted, moment, step_rows, told_clock
from disclosure.report_text import DIGEST, SMALL, STRONG, TEXT, Cell, Style, grouped, shown
from evidence.errors import IntegrityError, VidneError
from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from evidence.text import human_size, name_from_bytes
from hashing.manifest import from_base64
from hashing.package_files import BodyState
from transcode.thumbnails import can_show, thumbnails

_PICTURES = 8
_PROBLEMS = 12
_DELIVERIES = 20
_BOX = (400, 300)  # pixels: 240 a inch as they are printed

Row = tuple[str, str, Cell]


def exhibit_pages(sheet: Sheet, package: Path, exhibit: ExhibitFacts) -> None:
    """Write the pages of an exhibit of `package`."""
    sheet.new_page()
    sheet.mark(exhibit.label, exhibit.label)
    sheet.heading(f"Bevisgenstand {exhibit.label}", f"Exhibit {exhibit.label}", 14)
    sheet.space(1)
    sheet.facts(
        [*_original(exhibit), *_origin(exhibit), *_clock(exhibit), *_copies(exhibit), *_found(exhibit)]
    )
    _pictures(sheet, package, exhibit)
    sheet.heading("Forvaringskæde", "Chain of custody")
    sheet.table(STEP_COLUMNS, step_rows(exhibit.steps))


def file_name(received: Step | None, limit: int = 400) -> str:
    """The name under which a file came, printable; what stands in its place where that is not known."""
    if received is None or not received.content:
        return " / ".join(words.NO_BODY.get(received.body, words.UNKNOWN) if received else words.UNKNOWN)
    try:
        return shown(name_from_bytes(from_base64(received.text("filename_b64"))), limit)
    except IntegrityError:  # a body from elsewhere
        return shown(received.text("filename"), limit)


def _original(exhibit: ExhibitFacts) -> Iterator[Row]:
    received = exhibit.of("file.received")
    named = (item for step in exhibit.steps for item in step.entry.objects)
    original = next((i for i in named if (i.exhibit, i.role) == (exhibit.label, Role.ORIGINAL)), None)
    if original is None:
        raise IntegrityError(f"No entry of the record names the original of {exhibit.label}.")
    yield "Filens navn", "File name", [(STRONG, file_name(received[0] if received else None))]
    yield "Størrelse", "Size", [(TEXT, f"{original.size} bytes ({human_size(original.size)})")]
    yield "Originalens SHA-256", "Original's SHA-256", [(DIGEST, grouped(original.sha256))]
    blake3 = received[0].text("blake3") if received else ""
    yield (
        "Originalens BLAKE3",
        "Original's BLAKE3",
        [(DIGEST, grouped(blake3))] if blake3 else both_cells(*words.UNKNOWN),
    )
    yield "Tilstand", "State", [*both_cells(*words.state_words(exhibit.state)), *_reason(exhibit)]


def _reason(exhibit: ExhibitFacts) -> Cell:
    reason = exhibit.decided.text("reason") if exhibit.decided and exhibit.state != "processed" else ""
    return [(SMALL, shown(reason))] if reason else []


def _origin(exhibit: ExhibitFacts) -> Iterator[Row]:
    cell: list[tuple[Style, str]] = []
    received = exhibit.of("file.received")
    for place, step in enumerate(received[:_DELIVERIES]):
        danish, english = words.source_words(step.text("source"))
        cell += both_cells(f"{moment(step.entry.at)} UTC, fra {danish}", f"from {english}")
        if place and file_name(step) != file_name(received[0]):
            cell.append((SMALL, file_name(step)))
        for member in objects_in([step.content.get("member_of")]):
            path = shown(str(member.get("path", "")))
            archive = shown(str(member.get("exhibit", "")))
            cell.append((SMALL, f"i arkivet / in the archive {archive}: {path}"))
    if len(received) > _DELIVERIES:
        cell.append((SMALL, f"(+{len(received) - _DELIVERIES}: se / see kæden / the chain)"))
    yield "Modtaget", "Received", cell or both_cells(*words.UNKNOWN)
    sealed = exhibit.of("exhibit.sealed")
    if sealed:
        yield "Sikret", "Sealed", [(SMALL, f"{moment(sealed[0].entry.at)} UTC")]
    if exhibit.decided and exhibit.state != "sealed":
        yield "Behandlet", "Processed", [(SMALL, f"{moment(exhibit.decided.entry.at)} UTC")]


def _clock(exhibit: ExhibitFacts) -> Iterator[Row]:
    """Both times of each reading of the recorder's clock; without one, those given with the submission."""
    if exhibit.recorder:
        link = exhibit.recorder[0]
        added = next((step for step in exhibit.recorder if step.entry.type == "recorder.added"), link)
        told = [link.text("recorder"), added.text("make"), added.text("model")]
        channel = f", kanal / channel {link.text('channel')}" if link.text("channel") else ""
        yield "Optager", "Recorder", [(SMALL, shown(" ".join(filter(None, told)) + channel))]
    read = [step for step in exhibit.recorder if step.entry.type == "recorder.clock-read"]
    readings = list(filter(None, (told_clock(step, "shown", "true") for step in read)))
    given = (told_clock(step, "clock_shown", "clock_true") for step in exhibit.of("file.received"))
    found = readings or list(dict.fromkeys(filter(None, given)))
    if found:
        how = words.CLOCK_READ if readings else words.CLOCK_GIVEN
        cell = [*((SMALL, shown(line)) for line in found[:_DELIVERIES]), *both_cells(*how)]
        yield "Optagerens ur", "Recorder's clock", cell
    else:
        yield "Optagerens ur", "Recorder's clock", both_cells("Ingen aflæsning kendt", "No reading known")


def _copies(exhibit: ExhibitFacts) -> Iterator[Row]:
    cell = [*both_cells(*_what_it_is(exhibit)), *_comparison(exhibit.derivation)]
    reasons = [exhibit.derivation.get(name) for name in ("reason", "partial")]
    cell += [(SMALL, f"“{shown(str(reason))}”") for reason in reasons if reason]
    planned = objects_in(exhibit.derivation.get("copies"))
    methods = {str(copy.get("name")): words.METHODS.get(str(copy.get("method")), "") for copy in planned}
    for item in sorted(exhibit.made(Role.WORKING), key=lambda item: ".working" not in item.path):
        how = methods.get(item.made.name) if item.made else ""
        cell += [(SMALL, f"{item.path}, {how}" if how else item.path), (DIGEST, grouped(item.sha256))]
    yield "Arbejdskopi", "Working copy", cell
    count = Counter(item.made.role for item in exhibit.files if item.made and item.made.role != Role.WORKING)
    if count:
        yield "Andre filer i pakken", "Other files in it", both_cells(*(counted(count, n) for n in (0, 1)))


def _what_it_is(exhibit: ExhibitFacts) -> words.Words:
    """What the working copy is, and what that means."""
    how = exhibit.derivation
    if not exhibit.made(Role.WORKING):
        filed = any(item.role == Role.WORKING for step in exhibit.steps for item in step.entry.objects)
        return words.COPY_LEFT_OUT if filed else words.NO_COPY
    if how.get("verdict") == "packets identical":
        return words.REWRAPPED
    return words.ENCODED if how.get("method") == "encode" else words.COPY_UNKNOWN


def _comparison(derivation: JsonObject) -> Iterator[tuple[Style, str]]:
    """What an encoded copy was held against: pictures counted, and their likeness."""
    for copy in objects_in(derivation.get("copies")):
        held = copy.get("comparison")
        likeness = held.get("ssim") if isinstance(held, dict) else None
        if isinstance(held, dict) and isinstance(likeness, dict):
            frames = f"{held.get('frames_encoded')} af / of {held.get('frames')} billeder / frames"
            alike = f"SSIM {likeness.get('mean')}, mindst / at least {likeness.get('worst')}"
            yield SMALL, shown(f"{copy.get('name')}: {frames}; {alike}")


def _found(exhibit: ExhibitFacts) -> Iterator[Row]:
    problems = exhibit.problems
    more = [(SMALL, f"(+{len(problems) - _PROBLEMS})")] if len(problems) > _PROBLEMS else []
    if problems:
        told = [(SMALL, f"- {shown(problem)}") for problem in problems[:_PROBLEMS]]
        head = both_cells("som registreret af programmet:", "as the program recorded it:")
        yield "Bemærkninger", "Remarks", [*head, *told, *more]
    elif any(step.body is BodyState.INCLUDED for step in exhibit.steps):
        yield "Bemærkninger", "Remarks", both_cells("Ingen registreret", "None recorded")
    else:
        yield "Bemærkninger", "Remarks", both_cells(*words.UNKNOWN)


def _pictures(sheet: Sheet, package: Path, exhibit: ExhibitFacts) -> None:
    """Some keyframes, evenly chosen; the working copy of a still, which has none."""
    keyframes = [item for item in exhibit.made(Role.KEYFRAME) if can_show(item.path)]
    still = [item for item in exhibit.made(Role.WORKING) if can_show(item.path)]
    chosen = _evenly(keyframes) or still[:1]
    if not chosen:
        return
    sheet.heading("Nøglebilleder" if keyframes else "Billede", "Keyframes" if keyframes else "Picture")
    with tempfile.TemporaryDirectory(prefix="vidne-report-") as folder:
        try:
            made = thumbnails([package / item.path for item in chosen], Path(folder), _BOX)
        except VidneError:  # no ffmpeg, no sandbox: that is no reason to withhold the package
            made = [None] * len(chosen)
        if None in made:
            sheet.both(*words.NO_PICTURE)
        if keyframes:
            sheet.both(
                f"{len(chosen)} af {len(keyframes)}, jævnt fordelt, formindsket. Tiden er fra begyndelsen.",
                f"{len(chosen)} of {len(keyframes)}, evenly chosen, reduced. The time is from the start.",
            )
        sheet.pictures([(path, _caption(item)) for path, item in zip(made, chosen, strict=True)])


def _evenly(files: Sequence[PackagedFile]) -> list[PackagedFile]:
    if len(files) <= _PICTURES:
        return [*files]
    return [files[place * (len(files) - 1) // (_PICTURES - 1)] for place in range(_PICTURES)]


def _caption(item: PackagedFile) -> str:
    name = item.path.rpartition("/")[2].partition(".")[2].partition(".")[0]
    time = item.made.detail.get("time_s") if item.made else None
    try:
        return f"{float(time):.3f} s, {name}" if isinstance(time, str) else name
    except ValueError:
        return name
