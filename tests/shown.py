"""What a catalogue shows, held against its events: where no ledger was signed, as `vidne verify` does it."""

import json

from apps.shown import Shown
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import SqlLedgerStore
from hashing.entries import parse_entry
from hashing.report import Check


def check_shown(catalogue: Catalogue, case_id: str, label: str | None = None) -> Check:
    shown, ledger = Shown(catalogue, case_id, label), SqlLedgerStore(catalogue)
    for row in ledger.case_entries(case_id):
        body = ledger.body(row.event_id)
        shown.take(parse_entry(row.entry), json.loads(body.body) if body and body.body else None)
    return shown.conclude()
