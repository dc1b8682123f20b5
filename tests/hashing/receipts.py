"""A receipt as the program makes it, over a ledger in memory with other entries around it."""

from pathlib import Path

from evidence.cases import reference
from hashing.digests import digest_file
from hashing.merkle import inclusion_proof, leaf_hash
from hashing.note_keys import Signer
from hashing.proof_file import EntryProof
from hashing.receipt import Receipt, ReceiptFile, Statement, assemble, event_id, receipt_event
from hashing.sequencer import Sequencer
from tests.hashing.cases import AT, ORIGIN, event
from tests.hashing.memory_ledger import MemoryLedger

SUBMISSION = "7kxm2pqr9bdfghjk3456"
SIGNER = Signer.generate(ORIGIN)


def statement_of(*paths: Path, submission: str = SUBMISSION) -> Statement:
    files = []
    for path in paths:
        found = digest_file(path)
        files.append(ReceiptFile(path.name, found.size, found.sha256, found.blake3, "ab" * 32))
    return Statement(reference(submission), AT, tuple(files))


def issued(statement: Statement, signer: Signer = SIGNER, submission: str = SUBMISSION) -> Receipt:
    ledger = MemoryLedger()
    for number in range(3):
        ledger.file(event(f"before-{number}"))
    ledger.file(receipt_event(submission, statement, AT))
    for number in range(4):
        ledger.file(event(f"after-{number}"))
    Sequencer(ledger, signer).run_all()
    row = next(row for row in ledger.rows if row.event_id == event_id(submission))
    leaves = [leaf_hash(item.entry) for item in ledger.rows]
    note = ledger.latest_checkpoint()
    assert note is not None
    proof = EntryProof(row.index, tuple(inclusion_proof(leaves, row.index)), note)
    return assemble(row.entry, ledger.kept[row.event_id], proof, signer.verifier)
