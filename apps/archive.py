"""Verification of the archive: every case and the whole log, all of the objects or some; resumable."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from apps.shown import Unshown, account_of
from apps.wiring import Application
from evidence.catalogue.cases import list_cases
from evidence.catalogue.scrubs import (
    ScrubRun,
    begin_scrub,
    finish_scrub,
    intact_since,
    longest_unread,
    note_intact,
    read_bytes,
    stored_bytes,
    unfinished_scrub,
)
from evidence.catalogue.shown import cases_with_entries
from evidence.clock import timestamp
from evidence.errors import NotFoundError, UsageError
from hashing.archive_checks import check_log, summed
from hashing.digests import Progress
from hashing.note_keys import Verifier
from hashing.object_reading import ExpectedObject
from hashing.report import VerificationReport
from hashing.timestamp_checks import TimeEvidence
from hashing.verify import verify_case
from hashing.witness_checks import NO_WITNESS, Witnessed
from retention.keys import LEDGER

_PART = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})", re.ASCII)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)%", re.ASCII)
_AMOUNT = re.compile(r"([1-9]\d{0,8})([KMGT])", re.ASCII)
_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
NO_CASE = ""
_UNLISTED = "The ledger has entries of it; the catalogue shows none."
_NOTED, _NOTED_S = 1000, 2.0  # readings are noted together: so many, or after so many seconds


@dataclass(frozen=True, slots=True)
class Anchors:
    """What others hold of the log: cosignatures and time stamps at hand."""

    witnessed: Witnessed = NO_WITNESS
    stamps: TimeEvidence | None = None


Wants = Callable[[ExpectedObject], bool]


def verify_archive(
    app: Application,
    verifier: Verifier | None,
    *,
    anchors: Anchors = Anchors(),
    subset: str = "",
    resume: bool = False,
    progress: Progress | None = None,
) -> VerificationReport:
    """Check the log from end to end, and every case; `subset` says which objects are read (see `chosen`).

    With `resume` the last scrub goes on where it was stopped: what was found intact in it is not read again.
    Raises UsageError for a subset that is none, NotFoundError where no scrub was stopped.
    """
    run, before = _resumed(app) if resume else (_begun(app, subset), set[str]())
    wants = chosen(app, run.subset, since=run.started_at)
    scrub = _Readings(app, lambda item: item.key not in before and wants(item))
    try:
        checks = summed(_cases(app, verifier, anchors, scrub, progress))
    finally:
        scrub.flush()  # also where somebody stops it: the next one goes on from there
    checks = check_log(app.ledger, app.store, verifier, LEDGER) + checks
    with app.catalogue.write() as connection:
        finish_scrub(connection, run, timestamp(app.clock()))
    skipped = f"; {len(before)} objects were found intact before it was stopped" if before else ""
    return VerificationReport(f"archive ({run.subset or 'all of it'}{skipped})", tuple(checks))


def chosen(app: Application, subset: str, *, since: str) -> Wants:
    """Which objects are to be read: an empty `subset` is all, `3/10` the third tenth by their digests.

    `5%` and `500G` are those that nobody read for the longest, less what was read at `since` or later. Raises
    UsageError where `subset` is none of these.
    """
    if not subset:
        return lambda _item: True
    part = _PART.fullmatch(subset)
    if part and int(part[1]) <= int(part[2]):
        number, parts = int(part[1]) - 1, int(part[2])
        return lambda item: int(item.digests.sha256[:12], 16) % parts == number
    share, amount = _SHARE.fullmatch(subset), _AMOUNT.fullmatch(subset)
    if not (amount or (share and 0 < float(share[1]) <= 100)):
        raise UsageError(
            f"{subset!r} is no part of an archive.", advice="Write 3/10, 5% or 500G (K, M, G, T)."
        )
    with app.catalogue.read() as connection:
        if share:
            wanted = int(stored_bytes(connection) * float(share[1]) / 100)
        else:
            wanted = int(amount[1]) * _UNITS[amount[2]] if amount else 0
        keys = longest_unread(connection, wanted - read_bytes(connection, since))
    return lambda item: item.key in keys


def _begun(app: Application, subset: str) -> ScrubRun:
    chosen(app, subset, since="")  # what cannot be meant must not count as a scrub that was stopped
    with app.catalogue.write() as connection:
        return begin_scrub(connection, subset, timestamp(app.clock()))


def _resumed(app: Application) -> tuple[ScrubRun, set[str]]:
    """The scrub that was stopped, and the keys of what was found intact in it."""
    with app.catalogue.read() as connection:
        run = unfinished_scrub(connection)
        if run is None:
            raise NotFoundError("No scrub was stopped.", advice="Start one without --resume.")
        return run, intact_since(connection, run.started_at)


def _cases(
    app: Application,
    verifier: Verifier | None,
    anchors: Anchors,
    scrub: "_Readings",
    progress: Progress | None,
) -> Iterator[tuple[str, VerificationReport]]:
    with app.catalogue.read() as connection:  # in one snapshot: a new case is in both or in neither
        in_ledger = cases_with_entries(connection)
        cases = list_cases(connection)
    for case in cases:
        account, expected = account_of(app.catalogue, case.id)
        report = verify_case(
            app.ledger,
            app.tree,
            app.store,
            verifier,
            case=case.id,
            expected=expected,
            witnessed=anchors.witnessed,
            stamps=anchors.stamps,
            progress=progress,
            scrub=scrub,
            account=account,
        )
        yield case.number, report
    listed = {case.id for case in cases}
    for case_id in in_ledger:
        if case_id in listed:
            continue
        # The log's own are receipts, time stamps, validations: no outside anchor need cover them yet.
        is_log = case_id == NO_CASE
        report = verify_case(
            app.ledger,
            app.tree,
            app.store,
            verifier,
            case=case_id,
            expected=[],
            account=None if is_log else Unshown(_UNLISTED),
        )
        yield "the log itself" if is_log else f"the case with the id {case_id}", report


@dataclass(slots=True)
class _Readings:
    """Notes in the catalogue what was found intact, so that a scrub can go on after it was stopped."""

    app: Application
    wanted: Wants
    _intact: list[str] = field(default_factory=list)
    _noted: float = field(default_factory=time.monotonic)

    def wants(self, item: ExpectedObject) -> bool:
        """See Scrub."""
        return self.wanted(item)

    def read(self, item: ExpectedObject, *, is_intact: bool) -> None:
        """See Scrub."""
        if is_intact:  # what is not has to be read, and told, once more
            self._intact.append(item.key)
        if len(self._intact) >= _NOTED or time.monotonic() - self._noted > _NOTED_S:
            self.flush()

    def flush(self) -> None:
        """Write down what was read since the last time."""
        keys, self._intact = self._intact, []
        self._noted = time.monotonic()
        if keys:
            with self.app.catalogue.write() as connection:
                note_intact(connection, keys, timestamp(self.app.clock()))
