"""Proving an exhibit's copies once more, from what lies in the store: the check `derivation`."""

import tempfile
from pathlib import Path

from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit
from evidence.catalogue.objects import ObjectRow, current_objects
from evidence.errors import IncompleteError
from evidence.exhibits import Role
from hashing.report import Cause, Check, Findings, not_checked
from retention.local_file import local_file
from transcode.reproof import Reproved, StoredCopy, prove_again

NAME = "derivation"
_COPIES = (Role.WORKING, Role.REWRAP)


def check_derivation(app: Application, exhibit: Exhibit) -> Check:
    """Compute the proof of each working copy and rewrap again; raises VidneError where it cannot be done."""
    with app.catalogue.read() as connection:
        rows = current_objects(connection, exhibit.id)
    original = next((row for row in rows if row.role is Role.ORIGINAL), None)
    if original is None:
        raise IncompleteError(f"{exhibit.name} has no sealed original yet.", advice="Verify it again later.")
    copies = [row for row in rows if row.role in _COPIES]
    if not copies:
        return not_checked(NAME, f"{exhibit.name} is {exhibit.state} and has no copy.")
    with tempfile.TemporaryDirectory(prefix="verify-", dir=app.settings.data) as name:
        work = Path(name)
        stored = [
            StoredCopy(row.name, _local(app, row, work), "comparison" in (row.detail or {}), _tool(row))
            for row in copies
        ]
        proofs = prove_again(_local(app, original, work), stored, work)
    return _concluded(exhibit, proofs)


def _concluded(exhibit: Exhibit, proofs: list[Reproved]) -> Check:
    findings = Findings(NAME)
    for proof in proofs:
        subject = f"{exhibit.label} {proof.name}"
        findings.looked_at(bool(proof.verdict or proof.difference))
        if proof.difference:
            findings.defect(Cause.INTEGRITY, subject, proof.difference)
        elif proof.untold:
            findings.defect(Cause.INCOMPLETE, subject, proof.untold)
    return findings.conclude("; ".join(f"{proof.name}: {proof.verdict}" for proof in proofs) + ".")


def _local(app: Application, row: ObjectRow, work: Path) -> Path:
    return local_file(app.store, row.key, row.version_id, work / f"stored-{row.digests.sha256}")


def _tool(row: ObjectRow) -> str:
    return str((row.tool or {}).get("sha256", ""))
