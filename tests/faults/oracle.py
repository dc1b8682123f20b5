"""The oracle: what a client was told is written down outside of the system, and held against it later."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.faults.site import Site
from tests.system.program import CASE


@dataclass(frozen=True)
class Receipt:
    """One acknowledgement: this file was received, as this exhibit; empty where the sender is not told."""

    exhibit: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Journal:
    """The client's own record, on a disk of its own."""

    path: Path

    def note(self, answer: dict[str, Any]) -> None:
        """Write down what an answer of `submit --json` acknowledges."""
        with self.path.open("a") as file:
            for item in answer["files"]:
                file.write(json.dumps([item["exhibit"], item["size"], item["sha256"]]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def note_upload(self, size: int, sha256: str) -> None:
        """Write down that every byte of a file was acknowledged to somebody who sent it through a link."""
        self.note({"files": [{"exhibit": "", "size": size, "sha256": sha256}]})

    def receipts(self) -> set[Receipt]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return {Receipt(*json.loads(line)) for line in lines}


@dataclass
class Verdict:
    """What became of what was acknowledged."""

    acknowledged: int
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        return [*self.lost, *self.duplicated, *self.wrong]


ROWS = "SELECT number, sha256, size, state FROM exhibit"
OBJECTS = "SELECT key, version_id, state, sha256, size, name, exhibit_id FROM stored_object"
ENTRIES = "SELECT entry FROM ledger_entry ORDER BY position"
OPEN_JOBS = "SELECT state, count(*) FROM job WHERE state NOT IN ('done', 'skipped') GROUP BY state"


def judge(site: Site, journal: Journal, seen: Path, *, ended: int = 0) -> Verdict:
    """Hold the system against the journal; `seen` is a checkpoint of before the fault.

    `ended` is how `verify` is to end: 3 where the fault took bodies with it, which only the catalogue has.
    """
    receipts = journal.receipts()
    verdict = Verdict(len(receipts))
    _judge_ledger(verdict, site, seen, ended)  # first: what waits in the inbox gets its place with that
    rows = site.program.query(ROWS)
    objects = site.program.query(OBJECTS)
    stored = {(key, version): content for key, version, content in site.stored()}
    entries = [json.loads(bytes(entry)) for (entry,) in site.program.query(ENTRIES)]
    _judge_receipts(verdict, receipts, rows, stored, entries)
    _judge_objects(verdict, objects, stored)
    _judge_queue(verdict, site)
    return verdict


def _judge_receipts(
    verdict: Verdict,
    receipts: Iterable[Receipt],
    rows: list[tuple[Any, ...]],
    stored: dict[tuple[str, str], bytes],
    entries: list[dict[str, Any]],
) -> None:
    originals = Counter(
        (sha256(content).hexdigest(), len(content))
        for (key, _), content in stored.items()
        if "/original/" in key
    )
    told = Counter(
        (entry["type"], item["exhibit"], item["sha256"]) for entry in entries for item in entry["objects"]
    )
    for receipt in receipts:
        same = [row for row in rows if row[1] == receipt.sha256]
        label = receipt.exhibit.rpartition("/")[2] or "".join(f"EX-{row[0]:04d}" for row in same[:1])
        if [(f"EX-{number:04d}", size) for number, _, size, _ in same[:1]] != [(label, receipt.size)]:
            verdict.lost.append(f"{receipt}: rows {same}")
        copies = originals[receipt.sha256, receipt.size]
        if not copies:
            verdict.lost.append(f"{receipt}: no identical object in the store")
        if not told["file.received", label, receipt.sha256]:
            verdict.lost.append(f"{receipt}: no entry of its receipt in the ledger")
        if len(same) > 1 or copies > 1:
            verdict.duplicated.append(f"{receipt}: {len(same)} rows, {copies} objects")
        if told["exhibit.sealed", label, receipt.sha256] != 1:
            verdict.wrong.append(f"{receipt}: sealed {told['exhibit.sealed', label, receipt.sha256]} times")


def _judge_objects(
    verdict: Verdict, rows: list[tuple[Any, ...]], stored: dict[tuple[str, str], bytes]
) -> None:
    """Each object has its row, each row that says `stored` its object; one version, one current rendition."""
    known = {row[0] for row in rows}
    verdict.wrong += [f"an orphan: {key}" for key, _ in stored if key not in known]
    versions = Counter(key for key, _ in stored)
    verdict.duplicated += [f"{key} has {count} versions" for key, count in versions.items() if count > 1]
    current: Counter[tuple[str, str, str]] = Counter()
    for key, version, state, digest, size, name, exhibit in rows:
        if state != "stored":
            continue
        content = stored.get((key, version))
        if content is None or (sha256(content).hexdigest(), len(content)) != (digest, size):
            verdict.lost.append(f"{key}, version {version}, is not in the store as its row says")
        recipe = key.split("/renditions/")[1].split("/")[0] if "/renditions/" in key else "original"
        current[exhibit, recipe, name] += 1
    verdict.duplicated += [f"{count} current {place}" for place, count in current.items() if count > 1]


def _judge_queue(verdict: Verdict, site: Site) -> None:
    """It is empty, or what stands in it is quarantined and told."""
    open_jobs = dict(site.program.query(OPEN_JOBS))
    if not open_jobs:
        return
    status = site.program.run("queue", "status", "--json").json
    told = [item for item in status["troubled"] if item["state"] == "quarantined"]
    if not told or len(told) != open_jobs.get("quarantined"):
        verdict.wrong.append(f"the queue has {open_jobs}, and tells {told}")
    left = set(open_jobs) - {"quarantined", "waiting"}  # what comes after a quarantined job waits for it
    if left:
        verdict.wrong.append(f"the queue has {open_jobs}")


def _judge_ledger(verdict: Verdict, site: Site, seen: Path, ended: int) -> None:
    """It verifies from end to end, and extends what was seen before."""
    for command in (("verify", "archive"), ("verify", "case", CASE, "--checkpoint", seen)):
        done = site.program.run(*command, check=None)
        if done.code != ended:
            verdict.wrong.append(f"{command[:2]} ended {done.code}: {done.out[-2000:]}{done.err[-1000:]}")
