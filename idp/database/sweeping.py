"""Deleting what is over, the oldest first and never much at once.

A request waits for no sweep: each batch is a transaction of its own. The rows are found by
the index on their date, in its order: in any other order every batch would wade through
what the ones before it have deleted.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.orm import InstrumentedAttribute

from idp.database.columns import Table, UtcDateTime
from idp.database.transaction import Transaction

BATCH = 1_000
"""Rows in one transaction: some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Broom:
    """Sweeps one table by one of its dates, which has an index of its own."""

    table: type[Table]
    due: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    only: str = "true"
    """A further condition in SQL; the index has to have it as well."""

    def sweep(self, tx: Transaction, before: datetime) -> int:
        """Delete up to :data:`BATCH` rows that were due by ``before``; gives how many."""
        statement = self.statement(tx.connection.dialect.name)
        return tx.execute(statement, {"before": before, "at_most": BATCH}).rowcount

    def statement(self, dialect: str) -> TextClause:
        """Write the statement: rows are deleted by where they lie, which costs no second search."""
        table, due = self.table.__tablename__, self.due.key
        place = "rowid" if dialect == "sqlite" else "ctid"
        oldest = (
            f"SELECT {place} FROM {table} WHERE {due} <= :before AND {self.only} "  # noqa: S608
            f"ORDER BY {due} LIMIT :at_most"
        )
        found = (
            f"rowid IN ({oldest})"
            if dialect == "sqlite"
            else f"ctid = ANY (ARRAY ({oldest} FOR UPDATE SKIP LOCKED))"
        )
        before = bindparam("before", type_=UtcDateTime())
        return text(f"DELETE FROM {table} WHERE {found}").bindparams(before)  # noqa: S608
