"""Whether the files of an export package are those that its entries, and manifests named by them, record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evidence.custody import EventBody
from evidence.errors import IntegrityError
from evidence.exhibits import Digests, Role
from evidence.jsontypes import Json
from hashing import canonical
from hashing.bag import PAYLOAD, Bag
from hashing.digests import same_digest
from hashing.entries import body_matches
from hashing.framehash import read_proof
from hashing.ledger_checks import CaseLedger
from hashing.manifest import ExhibitManifest
from hashing.package_files import ORIGINAL, STREAMS, framehash_name, record_in
from hashing.report import Cause, Check, Findings, not_checked

_STORED = "object.stored"
_STREAM_PROOF = "stream-proof"


@dataclass(frozen=True, slots=True)
class _Named:
    """What is recorded of some bytes of an exhibit; the name is that in a manifest, entries have none."""

    role: str
    name: str = ""
    digests: Digests | None = None


class PackageRecord:
    """The record of a package's files, gathered from entries, from manifests that they name, and bodies."""

    def __init__(self, bag: Bag, part: CaseLedger, bodies: Mapping[str, EventBody]) -> None:
        self._bag = bag
        self._part = part
        self._bodies = bodies
        self._known: dict[tuple[str, str], list[_Named]] = {}
        self._proofs: set[str] = set()  # the paths of those that manifests list
        self._findings = Findings("record")
        for entry in part.parsed:
            for item in entry.objects if entry else ():
                self._add(item.exhibit, item.sha256, _Named(item.role))
        for path in self._files():
            self._take_manifest(path)

    def expected(self, path: str) -> Digests | None:
        """The digests, by piece too, that are recorded of the file at `path`."""
        if not path.startswith((PAYLOAD, STREAMS)):
            return None
        exhibit, _ = _split(path)
        listed = self._bag.listed[path]
        for named in self._known.get((exhibit, listed), ()):
            if named.digests:
                return named.digests
        records = (record_in(value) for value in self._records())
        return next(
            (r.digests for r in records if r and (r.exhibit, r.digests.sha256) == (exhibit, listed)), None
        )

    def check(self) -> Check:
        """Whether each file of the payload, and each stream proof, stands in the record, under its name."""
        findings = self._findings
        for path in self._files():
            findings.looked_at()
            exhibit, name = _split(path)
            known = self._known.get((exhibit, self._bag.listed[path]), [])
            if not known:
                findings.defect(
                    Cause.INTEGRITY,
                    path,
                    f"No entry, and no manifest that one names, has its digest for {exhibit}.",
                )
            elif not _may_be_called(known, name):
                called = ", ".join(sorted({named.name or named.role for named in known}))
                findings.defect(Cause.INTEGRITY, path, f"The record calls these bytes {called}.")
        return findings.conclude(
            f"Entries, or manifests that they name, record all {len(self._files())} files of exhibits."
        )

    def check_stream_proofs(self) -> Check:
        """Whether each proof of a rewrap lists the packets whose digests stand in it and in the record."""
        paths = [path for path in self._bag.below(STREAMS) if path in self._bag.listed]
        if not paths and not self._proofs:
            return not_checked(_STREAM_PROOF, "The package has no proof of a copy made without encoding.")
        findings = Findings(_STREAM_PROOF)
        for path in sorted(self._proofs - self._bag.listed.keys()):
            findings.defect(Cause.INCOMPLETE, path, "A manifest lists this proof, and it is not there.")
        for path in paths:
            findings.looked_at()
            try:
                stated = read_proof(self._bag.read(path) or b"")
            except IntegrityError as error:
                findings.defect(Cause.INTEGRITY, path, str(error))
                continue
            recorded = self._packet_digests(_split(path)[0])
            if recorded and not stated <= recorded:
                what = "Its packets are not those that the exhibit's entry binds."
                findings.defect(Cause.INTEGRITY, path, what)
        return findings.conclude(
            f"{len(paths)} proofs list the packets whose digests are recorded. To see that the copies have"
            " these packets takes ffmpeg: VERIFY.txt says how."
        )

    def _files(self) -> list[str]:
        return [path for path in sorted(self._bag.listed) if path.startswith((PAYLOAD, STREAMS))]

    def _add(self, exhibit: str, digest: str, named: _Named) -> None:
        self._known.setdefault((exhibit, digest), []).append(named)

    def _take_manifest(self, path: str) -> None:
        """Count what a manifest lists as recorded, where an entry names the manifest."""
        exhibit, _ = _split(path)
        listed = self._bag.listed[path]
        roles = {named.role for named in self._known.get((exhibit, listed), ())}
        if Role.MANIFEST not in roles or path not in self._bag.files:
            return
        raw = self._bag.read(path) or b""
        if not same_digest(sha256(raw).hexdigest(), listed):
            what = "It is damaged: what it lists is not counted as recorded."
            self._findings.defect(Cause.INTEGRITY, path, what)
            return
        try:
            manifest = ExhibitManifest.from_bytes(raw)
        except IntegrityError as error:
            self._findings.defect(Cause.INTEGRITY, path, str(error))
            return
        if (manifest.case, manifest.exhibit) != (self._part.case, exhibit):
            self._findings.defect(Cause.INTEGRITY, path, "It is the manifest of another exhibit.")
            return
        for line in manifest.objects:
            self._add(exhibit, line.digests.sha256, _Named(line.role, line.name, line.digests))
            if line.role == Role.PROOF:
                self._proofs.add(f"{STREAMS}{exhibit}.{framehash_name(line.name)}")

    def _bound_bodies(self) -> Iterator[tuple[str, tuple[str, ...], Json]]:
        """Type, exhibits and content of each body that is the one its entry binds."""
        for entry in self._part.parsed:
            body = self._bodies.get(entry.event_id) if entry else None
            if entry is None or body is None or not body_matches(body, entry.body_hash):
                continue
            try:
                content = canonical.decode(body.body or b"")
            except IntegrityError:  # the check of bodies tells it
                continue
            yield entry.type, tuple(item.exhibit for item in entry.objects), content

    def _records(self) -> Iterator[Json]:
        for kind, _, content in self._bound_bodies():
            objects = content.get("objects") if isinstance(content, dict) and kind == _STORED else None
            yield from objects if isinstance(objects, list) else ()

    def _packet_digests(self, exhibit: str) -> set[str]:
        found: set[str] = set()
        for _, exhibits, content in self._bound_bodies():
            if exhibit in exhibits and isinstance(content, dict):
                found |= set(_values_of("packets_sha256", content.get("derivation")))
        return found


def _split(path: str) -> tuple[str, str]:
    """Exhibit and name of a file: `EX-0001` and `working.mp4` of `data/EX-0001.working.mp4`."""
    exhibit, _, name = path.partition("/")[2].partition(".")
    return exhibit, name


def _may_be_called(known: Sequence[_Named], name: str) -> bool:
    """Whether a manifest has the name; where none speaks of the bytes, an original is told by its role."""
    names = {
        framehash_name(named.name) if named.role == Role.PROOF else named.name
        for named in known
        if named.name
    }
    if names:
        return name in names
    return name.partition(".")[0] == ORIGINAL or all(named.role != Role.ORIGINAL for named in known)


def _values_of(key: str, value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values_of(key, item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == key and isinstance(item, str):
                yield item
            else:
                yield from _values_of(key, item)
