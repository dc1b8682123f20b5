"""Opening a ZIP archive that was submitted: its members are received as further exhibits of the submission.

Each member comes in by a transaction of its own, under the lease of the archive's job: after a crash the
next holder goes on with those that are not there yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from evidence.catalogue.cases import lock_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.intake import add_file
from evidence.catalogue.jobs import is_urgent
from evidence.catalogue.leases import Lease, get_lease
from evidence.catalogue.members import Arrival, add_member, first_arrival, received_places
from evidence.clock import Clock, timestamp
from evidence.exhibits import ExhibitState, Problem
from evidence.files import fsync_folder
from evidence.jsontypes import Json, JsonObject
from evidence.text import base64_text, human_size, name_from_bytes, printable
from ingest import events
from ingest.custody import record
from ingest.room import full_disk_said, require_room
from ingest.spool import fill, new_spool_file
from transcode.archive import DamagedMemberError, Reader, look, reading
from transcode.archive_rules import Entry, LeftOut, Listing, refusal
from transcode.model import StageReport

ZIP = "ZIP"
_TOLD = 100  # of the members left out, as problems; the section names more
_LISTED = 1000


def is_zip(report: StageReport) -> bool:
    """Whether `inspect` found a ZIP archive."""
    media = report.sections.get("media")
    return isinstance(media, Mapping) and media.get("format") == ZIP


@dataclass(frozen=True, slots=True)
class Unpacker:
    """Where the members of archives go: the spool, and the catalogue's rows."""

    catalogue: Catalogue
    spool: Path
    clock: Clock
    home: str = ""  # see evidence.catalogue.intake.add_file

    def run(self, lease: Lease, owner: Exhibit, source: Path, work: Path, found: StageReport) -> StageReport:
        """Receive the members of the archive at `source`; `found` is what `inspect` said of it.

        Section `archive`: {files, taken, left_out[{path, path_b64, reason}], left_out_count}. PROCESSED where
        something was taken out, else REFUSED with the reason. Raises StorageFullError, LeaseLostError,
        SandboxError, VidneError.
        """
        with self.catalogue.read() as connection:
            arrival = first_arrival(connection, owner.id)
            done = received_places(connection, owner.id)
        if arrival is None:
            return _refused(found, refusal("it stood in another archive itself"))
        listing = look(source)
        if listing.refused:
            return _refused(found, listing)
        plan = [entry for entry in listing.members if entry.place not in done]
        what = f"The files in {owner.name} were not taken out"
        require_room(self.spool, sum(entry.size for entry in plan), what)
        damaged: list[LeftOut] = []
        with reading(source, plan, work) as reader, full_disk_said(what):
            while (entry := reader.next_entry()) is not None:
                try:
                    self._receive(lease, owner, arrival, entry, reader)
                except DamagedMemberError as error:
                    damaged.append(LeftOut(entry.name, error.what))
        return _opened(found, listing, damaged)

    def _receive(self, lease: Lease, owner: Exhibit, arrival: Arrival, entry: Entry, reader: Reader) -> None:
        with new_spool_file(self.catalogue, self.spool) as spooled:
            digests = fill(spooled, reader.chunks(entry))
            fsync_folder(self.spool)
            now = timestamp(self.clock())
            with self.catalogue.write() as connection:
                lock_case(connection, owner.case_id)  # first, as everybody does: else two wait for each other
                get_lease(connection, lease.job_id, lease.token, keep=True)  # a late holder may file nothing
                intake = add_file(
                    connection,
                    arrival.submission,
                    name=arrival.name + b"/" + entry.name,
                    digests=digests,
                    spool=spooled.path.name,
                    now=now,
                    home=self.home,
                    urgent=is_urgent(connection, owner.id),
                )
                add_member(
                    connection, owner.id, entry.place, entry.name, arrival.submission.id, intake.ordinal
                )
                member_of: JsonObject = {
                    "exhibit": owner.label,
                    "sha256": owner.digests.sha256,
                    "place": entry.place,
                    "path": printable(name_from_bytes(entry.name), limit=4096),
                    "path_b64": base64_text(entry.name),
                }
                name = arrival.name + b"/" + entry.name
                record(
                    connection,
                    events.received(arrival.submission, name, digests, intake, events.WORKER, now, member_of),
                )
        if not intake.wants_spool:
            spooled.path.unlink(missing_ok=True)


def _refused(found: StageReport, listing: Listing) -> StageReport:
    section = _section(len(listing.left_out), 0, listing.left_out)
    return _told(found, ExhibitState.REFUSED, listing.refused, section, listing.left_out)


def _opened(found: StageReport, listing: Listing, damaged: list[LeftOut]) -> StageReport:
    left_out = (*listing.left_out, *damaged)
    taken, files = len(listing.members) - len(damaged), len(listing.members) + len(listing.left_out)
    section = _section(files, taken, left_out)
    if not taken:
        why = refusal(f"none of its files can be read ({damaged[0].reason})")
        return _told(found, ExhibitState.REFUSED, why.refused, section, left_out)
    size = human_size(sum(entry.size for entry in listing.members))
    count = f"{taken} of its {files} files are" if taken < files else f"its {files} files ({size}) are"
    reason = f"It is a ZIP archive: {count} exhibits of their own."
    return _told(found, ExhibitState.PROCESSED, reason, section, left_out)


def _told(
    found: StageReport, state: ExhibitState, reason: str, section: JsonObject, left_out: tuple[LeftOut, ...]
) -> StageReport:
    derivation: JsonObject = {"method": "none", "reason": reason, "verdict": "nothing was made"}
    problems = [
        Problem(
            "member-left-out", f"{_shown(item.name)} was not taken out: {item.reason}. Send it by itself."
        )
        for item in left_out[:_TOLD]
    ]
    if len(left_out) > _TOLD:
        text = f"{len(left_out) - _TOLD} more files were not taken out. Send them by themselves."
        problems.append(Problem("member-left-out", text))
    return replace(
        found,
        sections={**found.sections, "derivation": derivation, "archive": section},
        problems=(*found.problems, *problems),
        state=state,
        reason=reason,
    )


def _section(files: int, taken: int, left_out: tuple[LeftOut, ...]) -> JsonObject:
    told: list[Json] = [
        {"path": _shown(item.name), "path_b64": base64_text(item.name), "reason": item.reason}
        for item in left_out[:_LISTED]
    ]
    return {"files": files, "taken": taken, "left_out": told, "left_out_count": len(left_out)}


def _shown(name: bytes) -> str:
    return printable(name_from_bytes(name), limit=400)
