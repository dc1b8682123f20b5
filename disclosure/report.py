"""What the custody report of a package says: read out of the package's own files, so that both agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evidence.errors import IntegrityError
from evidence.jsontypes import Json, JsonObject
from hashing import canonical
from hashing.bag import PAYLOAD, PAYLOAD_MANIFEST
from hashing.digests import sha256_file
from hashing.entries import Entry, parse_entry
from hashing.keys import parse_public
from hashing.manifest import ExhibitManifest, ManifestObject
from hashing.notes import Verifier, checkpoint_of, split_note
from hashing.package_files import (
    BODIES,
    CHECKPOINT,
    ENTRIES,
    STAMP,
    TIME_STAMPS,
    VKEY,
    BodyState,
    PackagedBody,
)
from hashing.timestamps import stated_time

_STATES = ("sealed", "processed", "partial", "unplayable", "refused", "quarantined")


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of the ledger and what its body says, empty where it is not here (`body` tells why)."""

    entry: Entry
    body: BodyState
    content: JsonObject = field(repr=False)

    def text(self, name: str) -> str:
        """A field of the body as text, empty where it is not there."""
        value = self.content.get(name)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def texts(self, name: str) -> list[str]:
        """A list of the body, each item as text."""
        value = self.content.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []

    def items(self, name: str) -> list[JsonObject]:
        """The objects in a list of the body."""
        return objects_in(self.content.get(name))


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of an exhibit in the package; `made` is its line in a manifest, None for the original."""

    path: str
    sha256: str
    size: int
    made: ManifestObject | None


@dataclass(frozen=True, slots=True)
class ExhibitFacts:
    """An exhibit of the package: the steps that name it, and its files there.

    `recorder` are the steps of the recorder that made it, up to the last link; `kind` tells them apart.
    """

    label: str
    steps: tuple[Step, ...]
    recorder: tuple[Step, ...]
    files: tuple[PackagedFile, ...]

    def of(self, *kinds: str) -> list[Step]:
        """The steps of these types, in order."""
        return [step for step in self.steps if step.entry.type in kinds]

    @property
    def decided(self) -> Step | None:
        """The step that decided the exhibit's state last; None as long as it is only received."""
        return next(reversed(self.of(*(f"exhibit.{state}" for state in _STATES))), None)

    @property
    def state(self) -> str:
        """The exhibit's state, as the steps have it."""
        return self.decided.entry.type.partition(".")[2] if self.decided else "received"

    @property
    def derivation(self) -> JsonObject:
        """How its working copy was made, as last recorded; empty where nothing is recorded here."""
        found = (step.content.get("derivation") for step in reversed(self.steps))
        return next((value for value in found if isinstance(value, dict)), {})

    @property
    def problems(self) -> list[str]:
        """What each stage found last, each sentence once."""
        last = {step.text("stage"): step.items("problems") for step in self.steps if step.items("problems")}
        return list(dict.fromkeys(str(item.get("text", "")) for found in last.values() for item in found))

    def made(self, role: str) -> list[PackagedFile]:
        """The files of a role, by name."""
        return [item for item in self.files if item.made and item.made.role == role]


@dataclass(frozen=True, slots=True)
class Stamped:
    """A time stamp in the package: over how many entries of the log, and the time that it states (UTC)."""

    size: int
    time: str


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """All that the report says; `steps` are the case's own, `unnamed` speak of other exhibits only."""

    case_number: str
    export: Step
    manifest_sha256: str
    verifier: Verifier
    note: bytes
    size: int
    root: bytes
    cosigners: tuple[str, ...]
    stamps: tuple[Stamped, ...]
    exhibits: tuple[ExhibitFacts, ...]
    steps: tuple[Step, ...]
    unnamed: int
    left_out: tuple[str, ...]
    bodies: Mapping[BodyState, int]


def facts_of(package: Path) -> ReportFacts:
    """Read a package, all of whose files but its report and its tag manifest are there.

    It is not verified. Raises IntegrityError for what cannot be read, OSError.
    """
    steps = list(_steps(package))
    export = steps[-1]
    labels = export.texts("exhibits")
    named = sorted({item.exhibit for step in steps for item in step.entry.objects} - {"", *labels})
    files = _files(package)
    note = (package / CHECKPOINT).read_bytes()
    checkpoint, verifier = checkpoint_of(note), parse_public((package / VKEY).read_bytes(), VKEY)
    signers = [line.name for line in split_note(note)[1] if not line.is_of(verifier)]
    about: dict[str, list[Step]] = {"": [], **{label: [] for label in labels}}
    unnamed = 0
    for step in steps:
        places = {item.exhibit for item in step.entry.objects} - {""} or {""}
        unnamed += about.keys().isdisjoint(places)
        for label in places & about.keys():
            about[label].append(step)
    own = about.pop("")
    return ReportFacts(
        case_number=_case_number(package),
        export=export,
        manifest_sha256=sha256_file(package / PAYLOAD_MANIFEST),
        verifier=verifier,
        note=note,
        size=checkpoint.size,
        root=checkpoint.root,
        cosigners=tuple(signers),
        stamps=tuple(_stamps(package)),
        exhibits=tuple(
            ExhibitFacts(label, tuple(found), tuple(_recorder(found, own)), tuple(files.get(label, ())))
            for label, found in about.items()
        ),
        steps=tuple(own),
        unnamed=unnamed,
        left_out=tuple(named),
        bodies={state: sum(step.body is state for step in steps) for state in BodyState},
    )


def objects_in(value: Json) -> list[JsonObject]:
    """The objects of a list; nothing where it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _steps(package: Path) -> Iterator[Step]:
    """One line at a time: a body may list the pieces of terabytes, which the report has no use for."""
    with (package / ENTRIES).open("rb") as entries, (package / BODIES).open("rb") as bodies:
        body = next(map(_body, bodies), None)
        for line in entries:
            entry = parse_entry(line.removesuffix(b"\n"))
            if body is None or body.body.event_id != entry.event_id:
                yield Step(entry, BodyState.LEFT_OUT, {})
                continue
            yield Step(entry, body.state, _content(entry, body))
            body = next(map(_body, bodies), None)


def _body(line: bytes) -> PackagedBody:
    return PackagedBody.from_line(line.removesuffix(b"\n"))


def _content(entry: Entry, packaged: PackagedBody) -> JsonObject:
    """The body but for the records of what was stored; empty for contact data, which no report tells."""
    if entry.type.startswith("contact.") or packaged.state is not BodyState.INCLUDED:
        return {}
    try:
        content = canonical.decode(packaged.body.body or b"")
    except IntegrityError:  # it is packaged as it is, and the verification tells it
        return {}
    return {
        name: value for name, value in content.items() if (entry.type, name) != ("object.stored", "objects")
    }


def _recorder(steps: Sequence[Step], own: Sequence[Step]) -> list[Step]:
    """The last link of an exhibit to a recorder, behind it what is known of this one; else nothing."""
    links = [step for step in steps if step.entry.type == "recorder.linked" and step.text("recorder")]
    if not links:
        return []
    label = links[-1].text("recorder")
    return [links[-1], *(step for step in own if step.text("recorder") == label)]


def _files(package: Path) -> dict[str, list[PackagedFile]]:
    """The files of each exhibit by its label, with what manifests in the package say of them."""
    listed: dict[str, list[tuple[str, str]]] = {}
    for line in (package / PAYLOAD_MANIFEST).read_text("ascii").splitlines():
        digest, path = line.split("  ", 1)
        listed.setdefault(path.removeprefix(PAYLOAD).partition(".")[0], []).append((path, digest))
    return {
        label: [
            PackagedFile(path, digest, (package / path).stat().st_size, made.get(digest))
            for path, digest in paths
        ]
        for label, paths in listed.items()
        for made in (_made(package, [path for path, _ in paths]),)
    }


def _made(package: Path, paths: Sequence[str]) -> dict[str, ManifestObject]:
    """What an exhibit's manifests list, by SHA-256."""
    found: dict[str, ManifestObject] = {}
    for path in paths:
        if ".manifest" in path and path.endswith(".json"):
            manifest = ExhibitManifest.from_bytes((package / path).read_bytes())
            found |= {item.digests.sha256: item for item in manifest.objects}
    return found


def _stamps(package: Path) -> Iterator[Stamped]:
    found = (package / TIME_STAMPS).glob(f"*{STAMP}")
    for path in sorted(found, key=lambda path: (len(path.name), path.name)):
        try:
            time = f"{stated_time(path.read_bytes()):%Y-%m-%d %H:%M:%S}"
        except IntegrityError:  # the verification tells it
            time = ""
        yield Stamped(int(path.name.partition("-")[0]), time)


def _case_number(package: Path) -> str:
    lines = (package / "bag-info.txt").read_text().splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("External-Identifier: "))
