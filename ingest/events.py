"""The custody events that the pipeline writes: one place that says what each holds."""

from collections.abc import Sequence
from hashlib import sha256

from evidence.cases import exhibit_label
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.intake import Intake, Submission
from evidence.catalogue.jobs import Stage
from evidence.catalogue.leases import HeldJob, Lease
from evidence.catalogue.types import json_text
from evidence.custody import CustodyEvent, EventObject
from evidence.exhibits import Digests, ExhibitState, Role
from evidence.jsontypes import Json, JsonObject
from evidence.text import base64_text, name_from_bytes, printable
from hashing.canonical import floats_as_text
from hashing.manifest import Location, ObjectRecord
from ingest.filing import Pending, Stored
from transcode.model import StageReport

WORKER = "worker"
_DONE = {Stage.INSPECT: "inspected", Stage.FAST: "previewed"}
_MOST_OBJECTS = 300
_NAMED = 1000  # of the files that could not be received, so that the body stays readable


def received_id(submission_id: str, ordinal: int) -> str:
    """The id of the event that says that file `ordinal` of a submission came in."""
    return f"{submission_id}-{ordinal}:file.received"


def received(
    submission: Submission,
    name: bytes,
    digests: Digests,
    intake: Intake,
    actor: str,
    now: str,
    member_of: JsonObject | None = None,
    portal: JsonObject | None = None,
) -> CustodyEvent:
    """`file.received`: a file came in under `name`.

    `member_of` tells in which archive it stood, `portal` what is known of an upload through a link.
    """
    body: JsonObject = {
        "submission": submission.id,
        "source": submission.source,
        "ordinal": intake.ordinal,
        "filename": printable(name_from_bytes(name), limit=4096),
        "filename_b64": base64_text(name),
        "blake3": digests.blake3,
        "further_submission": not intake.is_new,
        "clock_shown": submission.clock_shown,
        "clock_true": submission.clock_true,
    }
    return CustodyEvent(
        event_id=received_id(submission.id, intake.ordinal),
        type="file.received",
        at=now,
        actor=actor,
        case=submission.case_id,
        objects=(EventObject(exhibit_label(intake.number), Role.ORIGINAL, digests.sha256, digests.size),),
        body={
            **body,
            **({} if member_of is None else {"member_of": member_of}),
            **({} if portal is None else {"portal": portal}),
        },
    )


def completed(
    submission: Submission, files: int, not_received: Sequence[tuple[str, str]], now: str
) -> CustodyEvent:
    """`submission.completed`: every file was dealt with; `not_received` are names and reasons."""
    missed: list[Json] = [{"name": printable(name), "reason": reason} for name, reason in not_received]
    return CustodyEvent(
        event_id=f"{submission.id}:submission.completed",
        type="submission.completed",
        at=now,
        actor=submission.actor,
        case=submission.case_id,
        body={
            "submission": submission.id,
            "files": files,
            "not_received": missed[:_NAMED],
            "not_received_count": len(missed),
        },
    )


def stored(lease: Lease, owner: Exhibit, put: Stored, filename: bytes, now: str) -> CustodyEvent:
    """`object.stored`: what was put into the store and read back, and where it lies."""
    records: list[Json] = [
        _record(item, owner, filename, put.bucket, put.versions[item.row.key]).as_json()
        for item in put.pending
    ]
    return CustodyEvent(
        event_id=f"job-{lease.job_id}:object.stored",
        type="object.stored",
        at=now,
        actor=WORKER,
        case=owner.case_id,
        objects=_event_objects(owner, put.pending),
        body={"stage": lease.stage, "objects": records},
    )


def relocated(run: str, owner: Exhibit, put: Stored, filename: bytes, actor: str, now: str) -> CustodyEvent:
    """`object.relocated`: copies were put into another store and read back, and where they lie there."""
    keys = "\n".join(sorted(put.versions))
    records: list[Json] = [
        _record(item, owner, filename, put.bucket, put.versions[item.row.key]).as_json()
        for item in put.pending
    ]
    return CustodyEvent(
        event_id=f"move-{run}-{owner.id}-{sha256(keys.encode()).hexdigest()[:16]}:object.relocated",
        type="object.relocated",
        at=now,
        actor=actor,
        case=owner.case_id,
        objects=_event_objects(owner, put.pending),
        body={"objects": records},
    )


def stage_done(lease: Lease, owner: Exhibit, report: StageReport, now: str) -> CustodyEvent:
    """`exhibit.sealed`, `exhibit.inspected` ...: a stage ended, and what it found of the exhibit."""
    state = report.state.value if report.state else ""
    return CustodyEvent(
        event_id=f"job-{lease.job_id}:{lease.stage}",
        type=f"exhibit.{state or _DONE[lease.stage]}",
        at=now,
        actor=WORKER,
        case=owner.case_id,
        objects=_original(owner),
        body={
            "stage": lease.stage,
            "state": state,
            "reason": report.reason,
            "problems": [problem.as_json() for problem in report.problems],
            "derivation": floats_as_text(report.sections.get("derivation")),
            "findings": {name: finding_digest(json_text(value)) for name, value in report.sections.items()},
        },
    )


def finding_digest(text: str) -> str:
    """SHA-256 of a section, of the text by which the catalogue keeps it: one that is edited later shows."""
    return sha256(text.encode()).hexdigest()


def quarantined(held: Lease | HeldJob, owner: Exhibit, reason: str, now: str) -> CustodyEvent:
    """`exhibit.quarantined`: a job was taken out of the line; a later retry may end the same way."""
    return CustodyEvent(
        event_id=f"job-{held.job_id}-{held.token}:exhibit.quarantined",
        type="exhibit.quarantined",
        at=now,
        actor=WORKER,
        case=owner.case_id,
        objects=_original(owner),
        body={"stage": held.stage, "reason": reason},
    )


def retried(owner: Exhibit, state: ExhibitState, actor: str, now: str) -> CustodyEvent:
    """`exhibit.retried`: somebody put a quarantined exhibit back into the line, which is in `state` again."""
    return CustodyEvent(
        event_id=f"{owner.id}:{now}:exhibit.retried",
        type="exhibit.retried",
        at=now,
        actor=actor,
        case=owner.case_id,
        objects=_original(owner),
        body={"state": state, "reason": owner.reason},
    )


def _original(owner: Exhibit) -> tuple[EventObject]:
    return (EventObject(owner.label, Role.ORIGINAL, owner.digests.sha256, owner.digests.size),)


def _event_objects(owner: Exhibit, pending: Sequence[Pending]) -> tuple[EventObject, ...]:
    rows = [item.row for item in pending]
    # A long list would not fit into an entry: its manifest, which lists the same, stands for it.
    if len(rows) > _MOST_OBJECTS:
        rows = [row for row in rows if row.role is Role.MANIFEST]
    return tuple(EventObject(owner.label, row.role, row.digests.sha256, row.digests.size) for row in rows)


def _record(item: Pending, owner: Exhibit, filename: bytes, bucket: str, version_id: str) -> ObjectRecord:
    row = item.row
    return ObjectRecord(
        exhibit=owner.label,
        role=row.role,
        filename=filename if row.role is Role.ORIGINAL else b"",
        digests=row.digests,
        store=Location(bucket, row.key, version_id),
    )
