"""What a sender learns of what they sent, by the code of a receipt: how far it is, digests, hints, the proof.

Nothing here may tell whether bytes were known before: what is known at once of known bytes is told as late as
it would be of new ones, when the work that came in before them is done.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from weakref import WeakKeyDictionary

from apps.portal.app import Portal
from apps.portal.quality_words import quality_words
from apps.receipt import file_receipt, filed_receipt
from apps.sequencing import entry_now
from evidence.cases import reference
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import get_sections
from evidence.catalogue.jobs import Stage
from evidence.catalogue.ledger import is_filed
from evidence.catalogue.link_receipts import SentFile, completed_at, oldest_waiting, sent_files
from evidence.catalogue.link_submissions import LinkSubmission, submission_of_receipt
from evidence.catalogue.links import kind_of
from evidence.catalogue.submissions import find_submission
from evidence.clock import timestamp
from evidence.errors import IncompleteError, LinkError
from evidence.exhibits import ExhibitState
from evidence.jsontypes import Json, JsonObject
from evidence.links import LinkKind, code_hash
from evidence.text import name_from_bytes, printable
from hashing.receipt import Receipt, event_id
from transcode.hints import hints

_SEALED_AFTER = timedelta(seconds=10)
_FRESH = timedelta(seconds=2)
_FOUND_AFTER = timedelta(minutes=5)
_UNOPENED = (ExhibitState.UNPLAYABLE, ExhibitState.REFUSED)
# The tree of the log is read by one at a time.
_PROOF = threading.Lock()
_WAITING: "WeakKeyDictionary[Catalogue, _Waiting]" = WeakKeyDictionary()


def receipt_state(portal: Portal, code: str, language: str) -> JsonObject:
    """What GET /api/receipt answers; raises LinkError where the code opens none."""
    app = portal.application
    moment = app.clock()
    with app.catalogue.read() as connection:
        found = _opened(connection, code)
        files = sent_files(connection, found.id)
        completed = completed_at(connection, found.id)
        is_business = kind_of(connection, found.link_id) is LinkKind.BUSINESS
        told = _Told(portal, connection, moment, language if is_business else "")
        shown: list[Json] = [told.file(item) for item in files]
        is_bound = is_filed(connection, event_id(found.id))
    filed = [item for item in files if item.filed_at is not None]
    came_to_nothing = found.ended_at and not any(item.is_open for item in files) and not filed
    state = "received" if completed or came_to_nothing else "receiving"
    if completed and filed and all(told.is_sealed(item) for item in filed):
        state = "sealed"
        if is_bound and app.ledger.entry_of(event_id(found.id)) is not None:
            state = "issued"
    return {
        "reference": reference(found.id),
        "state": state,
        "received_at": completed,
        "files": shown,
        "declaration": {"version": found.declaration, "language": found.language},
    }


def receipt(portal: Portal, code: str) -> Receipt:
    """The receipt itself, which the log binds from the first time on that it is asked for.

    Raises LinkError where the code opens none, IncompleteError while it cannot be had yet: ask again.
    """
    app = portal.application
    moment = app.clock()
    with app.catalogue.read() as connection:
        found = _opened(connection, code)
        files = [item for item in sent_files(connection, found.id) if item.filed_at is not None]
        told = _Told(portal, connection, moment, "")
        if not files or completed_at(connection, found.id) is None or not all(map(told.is_sealed, files)):
            raise IncompleteError("Not all that was sent is sealed yet.", advice="Ask again soon.")
        submission = find_submission(connection, found.id)
    with _PROOF:
        file_receipt(app, submission, entry_now)
        return filed_receipt(app, submission, entry_now)


def _opened(connection: Connection, code: str) -> LinkSubmission:
    hashed = code_hash(code)
    found = submission_of_receipt(connection, hashed) if hashed else None
    if found is None:
        raise LinkError
    return found


@dataclass(slots=True)
class _Waiting:
    """When the oldest exhibits came in that wait to be sealed, and to be processed, as it was at a moment."""

    moment: datetime
    unsealed: str | None
    unprocessed: str | None


def _oldest(portal: Portal, connection: Connection, moment: datetime) -> tuple[str | None, str | None]:
    """What `_Waiting` says, asked anew every other second: many pages ask at once, and a long queue is slow.

    Nothing is told of a file in its first ten seconds: what came in before it is never missed.
    """
    known = _WAITING.get(portal.application.catalogue)
    if known is None or not timedelta(0) <= moment - known.moment < _FRESH:
        known = _Waiting(moment, oldest_waiting(connection, Stage.SEAL), oldest_waiting(connection))
        _WAITING[portal.application.catalogue] = known
    return known.unsealed, known.unprocessed


class _Told:
    """What may be said of files at one moment."""

    def __init__(self, portal: Portal, connection: Connection, moment: datetime, language: str) -> None:
        """`language` is that of the words about quality; empty where they are not for this sender."""
        self._connection = connection
        self._language = language
        self._sealed_before = timestamp(moment - _SEALED_AFTER)
        self._found_before = timestamp(moment - _FOUND_AFTER)
        self._unsealed, self._waiting = _oldest(portal, connection, moment)

    def is_sealed(self, item: SentFile) -> bool:
        """Whether the file is sealed, and would be even if its bytes had come for the first time."""
        return (
            item.is_stored
            and item.filed_at is not None
            and item.filed_at < self._sealed_before
            and (self._unsealed is None or item.filed_at < self._unsealed)
        )

    def file(self, item: SentFile) -> JsonObject:
        """One file of the answer."""
        name = printable(name_from_bytes(item.name), limit=4096)
        codes, reasons, quality = self._found(item, name)
        return {
            "name": name,
            "size": item.size,
            "sha256": item.sha256,
            "state": self._state(item),
            "identical": identical(item.sha256, item.browser_sha256),
            "hints": codes,
            "reasons": reasons,
            "quality": quality,
        }

    def _state(self, item: SentFile) -> str:
        if item.upload_state in ("expired", "refused"):
            return item.upload_state
        if item.filed_at is None:
            return "receiving"
        return "sealed" if self.is_sealed(item) else "received"

    def _found(self, item: SentFile, name: str) -> tuple[list[Json], list[Json], list[Json] | None]:
        """Hints, what they rest on, and words about quality, once all that came before is processed too."""
        state = item.exhibit_state
        is_due = item.filed_at is not None and item.filed_at < self._found_before
        is_first = self._waiting is None or (item.filed_at or "") < self._waiting
        if item.exhibit_id is None or state is None or not (state.is_final and is_due and is_first):
            return [], [], None
        sections = get_sections(self._connection, item.exhibit_id)
        found = hints(name, sections)
        codes: list[Json] = [hint.code for hint in found]
        reasons: list[Json] = [reason for hint in found for reason in hint.reasons]
        if state in _UNOPENED:
            codes.append("unopened")
        if not self._language:
            return codes, reasons, None
        is_partial = state is ExhibitState.PARTIAL
        return codes, reasons, [*quality_words(sections, self._language, is_partial=is_partial)]


def identical(received: str | None, sent: str | None) -> bool | None:
    """Whether what was received is what the browser sent; None where one of the digests is not known."""
    if received is None or sent is None:
        return None
    return compare_digest(received, sent)
