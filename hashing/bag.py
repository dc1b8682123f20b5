"""A bag (BagIt 1.0, RFC 8493) as export packages are: read strictly, nothing opened that leaves its folder.

Narrower than RFC 8493: SHA-256 manifests only, LF, names of plain ASCII without spaces or leading dots.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import UnreadableError, VidneError
from evidence.exhibits import Digests
from evidence.text import printable
from hashing.digests import Progress, digest_file, first_difference, same_digest, sha256_file
from hashing.report import Cause, Check, Findings

PAYLOAD_MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD = "data/"

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,239}"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,7}}", re.ASCII)
_LINE = re.compile(r"([0-9a-f]{64})  (.+)", re.ASCII)
_OXUM = re.compile(r"Payload-Oxum: ([0-9]{1,20}\.[0-9]{1,20})", re.ASCII)
_MOST = 256 * 1024 * 1024  # bytes of a file that is read into memory


@dataclass(frozen=True, slots=True)
class Bag:
    """The regular files that were found in a bag (path to size), and the digests that its manifests list."""

    root: Path
    files: Mapping[str, int]
    listed: Mapping[str, str]

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None where no regular file is there; raises UnreadableError."""
        if path not in self.files:
            return None
        if self.files[path] > _MOST:
            raise UnreadableError(f"{path} has {self.files[path]} bytes: too long to be read.")
        try:
            with open(self.root / path, "rb", opener=_no_link) as file:
                return file.read(_MOST)
        except OSError as error:
            raise UnreadableError(f"{path} could not be read: {error.strerror}.") from error

    def below(self, folder: str) -> list[str]:
        """The files whose path begins with `folder`, in order."""
        return sorted(path for path in self.files if path.startswith(folder))


def manifest_bytes(digests: Mapping[str, str]) -> bytes:
    """A manifest, as `sha256sum -c` reads it: `<digest>  <path>` a line, by path."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def is_safe(path: str) -> bool:
    """Whether a path may stand in a package: relative, plain ASCII, no part that begins with a dot."""
    return _PATH.fullmatch(path) is not None


def read_bag(root: Path, may_stand: Callable[[str], bool]) -> tuple[Bag, Check]:
    """The bag at `root` with the check of its form; raises UnreadableError where there is no folder.

    `may_stand` says of a path outside of the payload whether such a bag can have it: the list of these is
    bound by nothing, so that whoever adds a file could list it.
    """
    findings = Findings("bag")
    files = dict(_walk(root, findings))
    bag = Bag(root, files, {})
    payload = _manifest(bag, PAYLOAD_MANIFEST, findings)
    tags = _manifest(bag, TAG_MANIFEST, findings)
    for path in payload:
        if not path.startswith(PAYLOAD):
            findings.defect(Cause.INTEGRITY, PAYLOAD_MANIFEST, f"It lists {path}, outside of {PAYLOAD}.")
    for path in tags:
        if path.startswith(PAYLOAD) or path == TAG_MANIFEST:
            findings.defect(Cause.INTEGRITY, TAG_MANIFEST, f"It lists {path}.")
        elif not may_stand(path):
            findings.defect(Cause.INTEGRITY, path, "No package has such a file.")
    bag = Bag(root, files, {**tags, **payload})
    _compare(bag, findings)
    _check_declaration(bag, findings)
    _check_oxum(bag, findings)
    return bag, findings.conclude(f"{len(bag.listed)} files are listed, all are there, and no others.")


def check_digests(bag: Bag, expected: Callable[[str], Digests | None], progress: Progress | None) -> Check:
    """Whether each listed file has its listed digest; a thread for each core, the longest files first.

    `expected` gives what the record says of a file: with it a wrong one's first bad byte range is named.
    """
    findings = Findings("digest")
    paths = sorted((path for path in bag.listed if path in bag.files), key=lambda path: -bag.files[path])
    with ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="digest") as pool:
        found = list(pool.map(lambda path: _digest(bag, path, progress), paths))
    for path, digest in sorted(zip(paths, found, strict=True)):
        if isinstance(digest, VidneError):
            findings.defect(Cause.UNREADABLE, path, str(digest))
            continue
        findings.looked_at()
        if not same_digest(digest, bag.listed[path]):
            _name_place(bag, path, digest, expected(path), findings)
    return findings.conclude(f"{len(paths)} files were read and have their listed digests.")


def _digest(bag: Bag, path: str, progress: Progress | None) -> str | VidneError:
    try:
        return sha256_file(bag.root / path, progress)
    except VidneError as error:
        return error


def _name_place(bag: Bag, path: str, found: str, record: Digests | None, findings: Findings) -> None:
    place = None
    if record is not None and same_digest(record.sha256, bag.listed[path]):
        place = first_difference(record, digest_file(bag.root / path, piece_size=record.piece_size))
    findings.defect(
        Cause.INTEGRITY,
        path,
        f"Its bytes are not those listed ({place or 'its pieces are not recorded'}).",
        detail={
            "expected_sha256": bag.listed[path],
            "found_sha256": found,
            "range": [place.start, place.end] if place else None,
        },
    )


def _walk(root: Path, findings: Findings) -> Iterable[tuple[str, int]]:
    """Each regular file with its size; what is something else, or named otherwise, is a defect."""
    folded: dict[str, str] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            found = sorted(os.scandir(root / folder), key=lambda item: item.name)
        except OSError as error:
            raise UnreadableError(
                f"{printable(str(root / folder))} could not be read as a folder: {error.strerror}.",
                advice="Name the folder of an export package.",
            ) from error
        for item in found:
            path = f"{folder}{item.name}"
            shown = printable(path)
            if not is_safe(path):
                findings.defect(Cause.INTEGRITY, shown, "Its name may not stand in a package.")
            elif path.casefold() in folded:
                what = f"Only capitals tell its name from that of {folded[path.casefold()]}."
                findings.defect(Cause.INTEGRITY, shown, what)
            elif item.is_symlink():
                findings.defect(Cause.INTEGRITY, shown, "It is a symbolic link.")
            elif item.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
            elif item.is_file(follow_symlinks=False):
                yield path, item.stat(follow_symlinks=False).st_size
            else:
                findings.defect(Cause.INTEGRITY, shown, "It is no regular file.")
            folded[path.casefold()] = path


def _manifest(bag: Bag, name: str, findings: Findings) -> dict[str, str]:
    """The lines of a manifest that can be relied on: path to digest."""
    raw = bag.read(name)
    if raw is None:
        findings.defect(Cause.INCOMPLETE, name, "It is missing.")
        return {}
    listed: dict[str, str] = {}
    folded: set[str] = set()
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    if lines.pop():
        findings.defect(Cause.INTEGRITY, name, "Its last line does not end.")
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or not is_safe(found[2]):
            what = f"Its line {number} may not stand in a package: {printable(line, limit=200)}"
            findings.defect(Cause.INTEGRITY, name, what)
        elif found[2].casefold() in folded:
            findings.defect(Cause.INTEGRITY, name, f"Its line {number} lists {found[2]} once more.")
        else:
            folded.add(found[2].casefold())
            listed[found[2]] = found[1]
    return listed


def _compare(bag: Bag, findings: Findings) -> None:
    findings.looked_at(len(bag.listed))
    for path in sorted(bag.listed.keys() - bag.files.keys()):
        findings.defect(Cause.INCOMPLETE, path, "It is listed, and is not there.")
    for path in sorted(bag.files.keys() - bag.listed.keys() - {TAG_MANIFEST}):
        findings.defect(Cause.INTEGRITY, path, "No manifest lists it.")


def _check_declaration(bag: Bag, findings: Findings) -> None:
    raw = bag.read("bagit.txt")
    if raw is None and "bagit.txt" not in bag.listed:
        findings.defect(Cause.INCOMPLETE, "bagit.txt", "It is missing.")
    if raw not in (DECLARATION, None):
        findings.defect(Cause.INTEGRITY, "bagit.txt", "It does not declare BagIt 1.0 in UTF-8.")


def _check_oxum(bag: Bag, findings: Findings) -> None:
    raw = bag.read("bag-info.txt")
    if raw is None:
        if "bag-info.txt" not in bag.listed:  # else it is told with the other missing files
            findings.defect(Cause.INCOMPLETE, "bag-info.txt", "It is missing.")
        return
    payload = bag.below(PAYLOAD)
    expected = f"{sum(bag.files[path] for path in payload)}.{len(payload)}"
    lines = raw.decode("utf-8", "replace").split("\n")
    said = [found[1] for line in lines if (found := _OXUM.fullmatch(line))]
    if said != [expected]:
        what = f"Its Payload-Oxum is {', '.join(said) or 'missing'}; the data are {expected} (bytes.files)."
        cause = Cause.INCOMPLETE if bag.listed.keys() - bag.files.keys() else Cause.INTEGRITY
        findings.defect(cause, "bag-info.txt", what)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
