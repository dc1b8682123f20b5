"""All tables of the catalogue in one `metadata`: whoever makes or migrates them imports this."""

from evidence.catalogue import ledger_tables, portal_tables
from evidence.catalogue.tables import metadata

__all__ = ["ledger_tables", "metadata", "portal_tables"]
