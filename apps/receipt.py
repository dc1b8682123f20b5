"""Receipts of submissions: what the catalogue says goes in, and the event that the ledger gets, once."""

from collections.abc import Callable, Sequence

from apps.anchoring import ask_witnesses
from apps.sequencing import await_entry
from apps.wiring import Application
from evidence.cases import reference
from evidence.catalogue.cases import numbers_of
from evidence.catalogue.cosignatures import newest_lines
from evidence.catalogue.ledger import is_filed
from evidence.catalogue.link_submissions import get_link_submission
from evidence.catalogue.submissions import ReceivedSubmission, SubmittedFile, files_of
from evidence.clock import timestamp
from evidence.custody import LedgerEntry
from evidence.errors import IncompleteError, IntegrityError
from evidence.exhibits import ExhibitState
from evidence.text import name_from_bytes, printable
from hashing.notes import checkpoint_of
from hashing.proof_file import EntryProof
from hashing.receipt import Receipt, ReceiptFile, Statement, assemble, event_id, receipt_event
from hashing.witness_checks import newest_note
from ingest.custody import record
from ingest.events import received_id

_WHAT = "the submission"
_LONGEST_NAME = 4096
_HIDDEN = "…"


# Gives an event's entry, or raises IncompleteError; the second text names the matter in a sentence.
EntryOf = Callable[[Application, str, str], LedgerEntry]


def issue(app: Application, submission: ReceivedSubmission) -> Receipt:
    """The receipt of a submission: filed the first time, the same again later, over a newer checkpoint.

    Witnesses are asked to cosign that; where they do not, the receipt is made without their lines. Raises
    IncompleteError where the submission is not complete, not sealed, or waits for its place in the ledger.
    """
    file_receipt(app, submission, await_entry)
    ask_witnesses(app, await_entry(app, event_id(submission.id), "the receipt").index)
    return filed_receipt(app, submission, await_entry)


def file_receipt(app: Application, submission: ReceivedSubmission, entry_of: EntryOf) -> None:
    """Have the ledger bind what the receipt says, unless it does; raises IncompleteError as `issue` does."""
    filed = event_id(submission.id)
    with app.catalogue.read() as connection:
        if is_filed(connection, filed):
            return
    statement = _statement(app, submission, entry_of)
    with app.catalogue.write() as connection:
        if not is_filed(connection, filed):  # another command may have been first
            record(connection, receipt_event(submission.id, statement, timestamp(app.clock())))


def filed_receipt(app: Application, submission: ReceivedSubmission, entry_of: EntryOf) -> Receipt:
    """The receipt that was filed, with the witnesses' lines that are at hand; raises IncompleteError."""
    filed = event_id(submission.id)
    row = entry_of(app, filed, "the receipt")
    body = app.ledger.body(filed)
    if body is None:
        raise IntegrityError("The ledger has lost the receipt's body.", advice="Run vidne verify archive.")
    with app.catalogue.read() as connection:
        cosigned = newest_lines(connection)
    note = newest_note(app.ledger, cosigned, row.index)
    tree = app.tree.of_size(size := checkpoint_of(note).size)
    proof = EntryProof(row.index, tuple(tree.inclusion_proof(row.index)), note)
    return assemble(row.entry, body, proof, app.verifier.signing(size))


def _statement(app: Application, submission: ReceivedSubmission, entry_of: EntryOf) -> Statement:
    with app.catalogue.read() as connection:
        files = files_of(connection, submission.id)
        numbers = [number for number, _, _ in numbers_of(connection, submission.case_id)]
        if get_link_submission(connection, submission.id) is not None:
            numbers = []  # to blank it out would tell a stranger, who tries names, which number it is
    if submission.completed_at is None:
        raise IncompleteError(
            f"The submission {reference(submission.id)} is still coming in, or was cut short.",
            advice="Wait until it has ended; where it was cut short, submit the same paths again.",
        )
    unsealed = sum(item.state is ExhibitState.RECEIVED for item in files)
    if unsealed:
        raise IncompleteError(
            f"{unsealed} of {len(files)} files of {reference(submission.id)} are not sealed yet.",
            advice="Ask again when they are: vidne serve keeps a worker going.",
        )
    entries = [entry_of(app, received_id(submission.id, item.ordinal), _WHAT) for item in files]
    listed = tuple(_file(item, entry, numbers) for item, entry in zip(files, entries, strict=True))
    return Statement(reference(submission.id), submission.completed_at, listed)


def _file(item: SubmittedFile, entry: LedgerEntry, numbers: Sequence[str]) -> ReceiptFile:
    name = printable(name_from_bytes(item.name), limit=_LONGEST_NAME)
    for number in numbers:  # a folder at the police may be called after the case
        name = name.replace(number, _HIDDEN)
    return ReceiptFile(name, item.size, item.sha256, item.blake3, entry.leaf_hash.hex())
