"""What an export package holds of a case: which objects, under which names, and whose bodies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow
from evidence.custody import EventBody
from evidence.errors import IncompleteError, IntegrityError
from evidence.exhibits import Digests, Role
from evidence.text import plain_suffix
from hashing import canonical
from hashing.bag import PAYLOAD, is_safe
from hashing.entries import ERASED, Entry
from hashing.package_files import CONTACT, ORIGINAL, STREAMS, framehash_name


@dataclass(frozen=True, slots=True)
class PackagedObject:
    """An object of the store, and its path in the package."""

    path: str
    key: str
    version_id: str
    digests: Digests


def packaged_objects(
    exhibit: Exhibit, rows: Iterable[ObjectRow], original_name: str, *, with_copies: bool
) -> list[PackagedObject]:
    """The objects of one exhibit that go into a package; raises IncompleteError where it is not sealed."""
    chosen = [row for row in rows if with_copies or row.role is Role.ORIGINAL]
    if all(row.role is not Role.ORIGINAL for row in chosen):
        raise IncompleteError(
            f"{exhibit.name} is {exhibit.state}: its original is not sealed yet.",
            advice="Wait until it is, or name the other exhibits with --exhibit.",
        )
    return [
        PackagedObject(_path(exhibit.label, row, original_name), row.key, row.version_id, row.digests)
        for row in chosen
    ]


def _path(label: str, row: ObjectRow, original_name: str) -> str:
    if row.role is Role.PROOF:
        path = f"{STREAMS}{label}.{framehash_name(row.name)}"
    elif row.role is Role.ORIGINAL:
        path = f"{PAYLOAD}{label}.{ORIGINAL}{plain_suffix(original_name)}"
    else:
        path = f"{PAYLOAD}{label}.{row.name}"
    if not is_safe(path) or path.count("/") != 1:
        raise IntegrityError(f"{row.name!r} of {label} is no name that a stored object has.")
    return path


def wanted_bodies(
    entries: Sequence[Entry],
    body_of: Callable[[str], EventBody | None],
    exhibits: frozenset[str] | None,
    *,
    with_contact: bool,
) -> set[str]:
    """Ids of the events whose bodies go into a package of `exhibits` (labels), or of the whole case (None).

    Of a part of a case: those that speak of its exhibits, of the case, and of the recorders of its exhibits.
    """
    wanted = {entry.event_id for entry in entries if exhibits is None or _is_about(entry, exhibits)}
    made_by = {_recorder(body_of(entry.event_id)) for entry in entries if entry.event_id in wanted} - {""}
    for entry in entries:
        if entry.type.startswith("recorder.") and not entry.objects:
            if _recorder(body_of(entry.event_id)) in made_by:
                wanted.add(entry.event_id)
        elif entry.type.startswith(CONTACT) and not with_contact:
            wanted.discard(entry.event_id)
    return wanted


def _is_about(entry: Entry, exhibits: frozenset[str]) -> bool:
    is_of_case = entry.type.startswith("case.") or entry.type == ERASED
    return is_of_case or any(item.exhibit in exhibits for item in entry.objects)


def _recorder(body: EventBody | None) -> str:
    """The recorder that an event speaks of, empty where it speaks of none."""
    if body is None or body.body is None:
        return ""
    try:
        return str(canonical.decode(body.body).get("recorder") or "")
    except canonical.CanonicalError:  # it is packaged as it is, and the verification tells it
        return ""
