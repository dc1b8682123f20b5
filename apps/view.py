"""What is known of an exhibit, as one JSON value: the command line and the pages show the same."""

from apps.true_times import clock_json
from evidence.catalogue.engine import Connection
from evidence.catalogue.exhibits import Delivery, Exhibit, deliveries, get_problems, get_sections
from evidence.catalogue.members import Member, members_of, memberships
from evidence.catalogue.objects import ObjectRow, current_objects
from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from evidence.ports import LedgerStore
from evidence.text import base64_text, name_from_bytes, printable
from hashing.entries import parse_entry


def exhibit_json(connection: Connection, ledger: LedgerStore, exhibit: Exhibit) -> JsonObject:
    """Everything known of an exhibit; the keys are stable (docs/commands.md)."""
    objects = current_objects(connection, exhibit.id)
    arrived = deliveries(connection, exhibit.id)
    sections = get_sections(connection, exhibit.id)
    keyframes: list[Json] = [
        {**(row.detail or {}), "name": row.name, "sha256": row.digests.sha256}
        for row in objects
        if row.role is Role.KEYFRAME
    ]
    problems: list[Json] = [problem.as_json() for problem in get_problems(connection, exhibit.id)]
    stood_in = {(m.submission_id, m.ordinal): m for m in memberships(connection, [exhibit.id])}
    submissions: list[Json] = [
        _submission(exhibit, item, stood_in.get((item.submission_id, item.ordinal))) for item in arrived
    ]
    renditions: list[Json] = [_rendition(row) for row in objects if row.role is not Role.ORIGINAL]
    known: JsonObject = {
        "exhibit": exhibit.name,
        "case": exhibit.case_number,
        "state": exhibit.state,
        "reason": exhibit.reason,
        "received_at": exhibit.received_at,
        "original": _original(exhibit, arrived[0], objects),
        "submissions": submissions,
        "members": [_member(exhibit, item) for item in members_of(connection, exhibit.id)],
        "metadata": {},
        "streams": [],
        "derivation": {},
        "quality": {},
    }
    known |= sections
    known |= clock_json(connection, exhibit, arrived, known["metadata"])
    derivation = known["derivation"]
    if isinstance(derivation, dict):
        known["derivation"] = {**derivation, "products": _products(objects)}
    return known | {
        "renditions": renditions,
        "keyframes": keyframes,
        "custody": _custody(ledger, exhibit),
        "problems": problems,
    }


def _original(exhibit: Exhibit, first: Delivery, objects: list[ObjectRow]) -> JsonObject:
    return {
        "filename": printable(name_from_bytes(first.name)),
        "filename_b64": base64_text(first.name),
        "size": exhibit.digests.size,
        "sha256": exhibit.digests.sha256,
        "blake3": exhibit.digests.blake3,
        "stored": any(row.role is Role.ORIGINAL for row in objects),
    }


def _products(objects: list[ObjectRow]) -> list[Json]:
    """How each copy was made: tool with its binary's digest, exact arguments, and what was compared."""
    return [_rendition(row) for row in objects if row.role in (Role.WORKING, Role.REWRAP)]


def membership(case_number: str, item: Member) -> JsonObject:
    """In which archive a file stood, as an exhibit of the case of this number."""
    return {
        "exhibit": f"{case_number}/{item.archive_label}",
        "sha256": item.archive_sha256,
        "place": item.place,
        "path": printable(name_from_bytes(item.path)),
        "path_b64": base64_text(item.path),
    }


def _member(exhibit: Exhibit, item: Member) -> JsonObject:
    return {
        "exhibit": f"{exhibit.case_number}/{item.label}",
        "sha256": item.sha256,
        "place": item.place,
        "path": printable(name_from_bytes(item.path)),
        "path_b64": base64_text(item.path),
    }


def _submission(exhibit: Exhibit, item: Delivery, member: Member | None) -> JsonObject:
    return {
        "submission": item.submission_id,
        "filename": printable(name_from_bytes(item.name)),
        "filename_b64": base64_text(item.name),
        "source": item.source,
        "actor": item.actor,
        "received_at": item.received_at,
        "clock_shown": item.clock_shown,
        "clock_true": item.clock_true,
        "member_of": membership(exhibit.case_number, member) if member else None,
    }


def _rendition(row: ObjectRow) -> JsonObject:
    return {
        "role": row.role,
        "name": row.name,
        "sha256": row.digests.sha256,
        "size": row.digests.size,
        "parent": row.parent,
        "tool": row.tool,
        "args": list(row.args),
        "detail": row.detail or {},
    }


def _custody(ledger: LedgerStore, exhibit: Exhibit) -> list[Json]:
    """The entries of the case that speak of this exhibit."""
    lines: list[Json] = []
    for item in ledger.case_entries(exhibit.case_id):
        entry = parse_entry(item.entry)
        if any(thing.exhibit == exhibit.label for thing in entry.objects):
            lines.append({"seq": item.case_seq, "type": entry.type, "at": entry.at, "actor": entry.actor})
    return lines
