"""The audit rows, and the trail that writes them.

One chain for the whole provider would need a lock on its head, and with durable commits
a lock held through the commit allows a few hundred of them a second at most. So every
thread has a chain of its own, whose head it alone moves and keeps in memory: no lock, no
look-up, one insert. Checkpoints (``checkpoint.py``) tie the chains together.

Rows stay for good. A purge, when retention asks for one, has to take whole chains that are
anchored and log itself; verifying has to learn of it in the same change.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from sqlalchemy import Connection, String, Text, event, insert
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit import chain, history
from idp.audit.events.event import Event
from idp.database.columns import Table
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.secret import Entropy, new_id


class AuditRow(Table):
    """Something that happened. Never changed, never deleted: the database refuses both."""

    __tablename__ = "audit_rows"

    chain_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Gap-free within its chain, from 1."""
    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(index=True)
    client_id: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    data: Mapped[str] = mapped_column(Text)
    """Canonical JSON of the event's own fields."""
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


@dataclass(slots=True)
class Head:
    """The end of a chain, as its one writer knows it."""

    chain_id: UUID
    seq: int
    hash: bytes


class Trail:
    """Writes the audit log of this process: a chain a thread, opened at its first row."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._key = key
        self._entropy = entropy
        self._mine = threading.local()

    def append(self, tx: Transaction, happened: Event, *, about: str = "") -> Head:
        """Write ``happened`` in the caller's transaction: one insert, two where the owner is told.

        If it cannot be written the transaction fails, and what caused it did not happen.

        Args:
            about: which one it was, masked: for the owner's history, never for the log.
        """
        head = self._head(tx)
        content = _content(tx, happened, head)
        hashed = chain.link(self._key, head.hash, content)
        row = msgspec.structs.asdict(content)
        tx.put(_INSERT, {**row, "prev_hash": head.hash, "hash": hashed})
        head.seq, head.hash = content.seq, hashed
        if happened.for_owner and happened.subject:
            told = {"subject": happened.subject, "client_id": happened.client_id}
            told |= {"data": content.data, "about": about[:255]}
            history.put(tx, tx.next_id(self._entropy), happened.name, told)
        return head

    def _head(self, tx: Transaction) -> Head:
        head: Head | None = getattr(self._mine, "head", None)
        heard: Transaction | None = getattr(self._mine, "heard", None)
        # Of two transactions open at once either may fail: they may not share a chain.
        if head is None or (heard is not None and heard is not tx):
            chain_id = new_id(tx.now, self._entropy)
            head = self._mine.head = Head(chain_id, 0, chain.first_link(self._key, chain_id))
        if heard is not tx:
            self._mine.heard = tx
            tx.afterwards(partial(self._settle, tx))
        return head

    def _settle(self, tx: Transaction, committed: bool) -> None:
        """Leave the chain where it is, or leave it altogether.

        After a failed commit nobody can say whether the last rows are on record. A new chain
        begins then; the old one ends at whatever its last row is, without a gap or a fork.
        """
        if self._mine.heard is not tx:
            return
        self._mine.heard = None
        if not committed:
            self._mine.head = None


def _content(tx: Transaction, happened: Event, head: Head) -> chain.Content:
    fields = msgspec.to_builtins(happened)
    subject, client_id = fields.pop("subject", ""), fields.pop("client_id", "")
    return chain.Content(
        chain_id=head.chain_id,
        seq=head.seq + 1,
        at=tx.now,
        event=happened.name,
        subject=subject,
        client_id=client_id,
        source=tx.origin.address,
        operator=tx.origin.operator,
        request_id=tx.origin.request_id,
        data=msgspec.json.encode(fields, order="sorted").decode(),
    )


_INSERT = Prepared(insert(AuditRow))

_REFUSAL = "the audit log is append-only"
REFUSE_CHANGES_SQLITE = tuple(
    f"CREATE TRIGGER audit_rows_no_{act} BEFORE {act} ON audit_rows "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for act in ("update", "delete")
)
REFUSE_CHANGES_POSTGRESQL = (
    f"""CREATE FUNCTION audit_rows_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$""",
    """CREATE TRIGGER audit_rows_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_rows
    FOR EACH STATEMENT EXECUTE FUNCTION audit_rows_refuse()""",
)
"""The database refuses changes by triggers; the migrations run the same statements."""


def _refuse_changes(_: SqlTable, connection: Connection, **__: object) -> None:
    sqlite = connection.dialect.name == "sqlite"
    for statement in REFUSE_CHANGES_SQLITE if sqlite else REFUSE_CHANGES_POSTGRESQL:
        connection.exec_driver_sql(statement)


event.listen(AuditRow.__table__, "after_create", _refuse_changes)
