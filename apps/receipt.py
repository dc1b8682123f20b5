"""Receipts of submissions: what the catalogue says goes in, and the event that the ledger gets, once."""

from collections.abc import Sequence

from apps.anchoring import ask_witnesses
from apps.sequencing import await_entry
from apps.wiring import Application
from evidence.cases import reference
from evidence.catalogue.cases import numbers_of
from evidence.catalogue.cosignatures import newest_lines
from evidence.catalogue.ledger import is_filed
from evidence.catalogue.submissions import ReceivedSubmission, SubmittedFile, files_of
from evidence.clock import timestamp
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


def issue(app: Application, submission: ReceivedSubmission) -> Receipt:
    """The receipt of a submission: filed the first time, the same again later, over a newer checkpoint.

    Witnesses are asked to cosign that; where they do not, the receipt is made without their lines. Raises
    IncompleteError where the submission is not complete, not sealed, or waits for its place in the ledger.
    """
    filed = event_id(submission.id)
    with app.catalogue.read() as connection:
        is_new = not is_filed(connection, filed)
    if is_new:
        statement = _statement(app, submission)
        with app.catalogue.write() as connection:
            if not is_filed(connection, filed):  # another command may have been first
                record(connection, receipt_event(submission.id, statement, timestamp(app.clock())))
    row = await_entry(app, filed, "the receipt")
    body = app.ledger.body(filed)
    if body is None:
        raise IntegrityError("The ledger has lost the receipt's body.", advice="Run vidne verify archive.")
    ask_witnesses(app, row.index)
    with app.catalogue.read() as connection:
        cosigned = newest_lines(connection)
    note = newest_note(app.ledger, cosigned, row.index)
    tree = app.tree.of_size(size := checkpoint_of(note).size)
    proof = EntryProof(row.index, tuple(tree.inclusion_proof(row.index)), note)
    return assemble(row.entry, body, proof, app.verifier.signing(size))


def _statement(app: Application, submission: ReceivedSubmission) -> Statement:
    with app.catalogue.read() as connection:
        files = files_of(connection, submission.id)
        numbers = [number for number, _, _ in numbers_of(connection, submission.case_id)]
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
    listed = tuple(_file(app, submission.id, item, numbers) for item in files)
    return Statement(reference(submission.id), submission.completed_at, listed)


def _file(app: Application, submission_id: str, item: SubmittedFile, numbers: Sequence[str]) -> ReceiptFile:
    entry = await_entry(app, received_id(submission_id, item.ordinal), _WHAT)
    name = printable(name_from_bytes(item.name), limit=_LONGEST_NAME)
    for number in numbers:  # a folder at the police may be called after the case
        name = name.replace(number, _HIDDEN)
    return ReceiptFile(name, item.size, item.sha256, item.blake3, entry.leaf_hash.hex())
