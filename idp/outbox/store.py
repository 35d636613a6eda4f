"""Rows on their way out: put, lease, mark. Nothing is lost, nothing is sent by two at once.

A row is written in its cause's transaction and sent outside any. A sender leases rows,
sends, and marks each right after its own sending; one that dies in between leaves a lease
that runs out, and the row goes out again under the same id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Index, String, and_, bindparam, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.config import OutboxSection
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, new_id

Kind = Literal["mail", "logout_token", "ciba_ping", "link_event", "recovery"]

_FIRST_RETRY = timedelta(seconds=5)
_LONGEST_RETRY = timedelta(hours=1)
_DOUBLINGS = 16  # well past the longest; more would overflow
_OUTAGE_ATTEMPTS = 6  # 160 seconds
_KEEP_SENT = timedelta(days=30)


class OutboxRow(Table):
    """One thing to send. The payload is sealed, and wiped once it has gone out."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "kind",
            "not_before",
            sqlite_where=text("sent_at IS NULL AND abandoned_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND abandoned_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    payload_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    sent_at: Mapped[datetime | None] = mapped_column(index=True, default=None)
    abandoned_at: Mapped[datetime | None] = mapped_column(default=None)
    last_error: Mapped[str | None] = mapped_column(default=None)
    """The class of the last failure: never a person's data."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that this sender alone may send until its lease runs out."""

    id: UUID
    sealed: bytes
    attempts: int
    created_at: datetime
    until: datetime
    seal: Seal

    @property
    def payload(self) -> bytes:
        """Open what is to be sent: only now, so that a broken row holds up no other.

        Raises:
            SealBroken: the payload is not what was put in.
        """
        return self.seal.open(self.sealed, place=_place(self.id))


class Outbox:
    """Puts and takes; holds the seal of the payloads."""

    def __init__(self, seal: Seal, entropy: Entropy, section: OutboxSection) -> None:
        self._seal = seal
        self._entropy = entropy
        self._section = section

    def put(self, tx: Transaction, kind: Kind, payload: bytes, *, dedupe_key: str) -> None:
        """Put something in, unless ``dedupe_key`` has been there before."""
        row_id = new_id(tx.now, self._entropy)
        row = {
            "id": row_id,
            "kind": kind,
            "dedupe_key": dedupe_key,
            "payload_sealed": self._seal.close(payload, place=_place(row_id)),
            "created_at": tx.now,
            "not_before": tx.now,
            "attempts": 0,
        }
        tx.put(_PUT, row)

    def lease(self, tx: Transaction, kind: Kind, limit: int) -> list[Leased]:
        """Take up to ``limit`` rows that are due and that nobody else holds."""
        due = {"wanted": kind, "instant": tx.now, "at_most": limit}
        ids = list(tx.execute(_DUE, due).scalars())
        if not ids:
            return []
        until = tx.now + timedelta(seconds=self._section.lease_seconds)
        tx.execute(_TAKE, {"taken": ids, "until": until})
        rows = tx.execute(_TAKEN, {"taken": ids}).all()
        return [
            Leased(row.id, row.payload_sealed, row.attempts, row.created_at, until, self._seal)
            for row in rows
        ]

    def mark_sent(self, tx: Transaction, row_id: UUID) -> None:
        """Note that it went out, and wipe what it said."""
        tx.execute(_SENT, {"which": row_id, "instant": tx.now, "nothing": b""})

    def mark_failed(
        self, tx: Transaction, leased: Leased, error: str, *, for_good: bool = False
    ) -> bool:
        """Put off the next try, twice as long each time; ``True`` when there will be none."""
        abandoned = for_good or leased.attempts >= self._section.max_attempts
        noted = self._put_off(tx, leased, error, leased.attempts, abandoned=abandoned)
        return noted and abandoned

    def mark_unreachable(self, tx: Transaction, leased: Leased, error: str) -> None:
        """Put off the next try; it says nothing about the row, which is never given up for it.

        The waits stay short, so that what piled up has gone minutes after the outage.
        """
        attempts = min(leased.attempts, _OUTAGE_ATTEMPTS, max(self._section.max_attempts - 1, 1))
        self._put_off(tx, leased, error, attempts, abandoned=False)

    def _put_off(
        self, tx: Transaction, leased: Leased, error: str, attempts: int, *, abandoned: bool
    ) -> bool:
        """Note a failure; ``False`` when the lease has run out and the row is another's."""
        wait = min(_FIRST_RETRY * 2 ** min(attempts - 1, _DOUBLINGS), _LONGEST_RETRY)
        jitter = wait * (self._entropy(1)[0] / 1024)  # up to a quarter: senders drift apart
        noted = tx.execute(
            _FAILED,
            {
                "which": leased.id,
                "lease": leased.until,
                "tries": attempts,
                "next_try": tx.now + wait + jitter,
                "error": error[:255],
                "given_up": tx.now if abandoned else None,
            },
        )
        return noted.rowcount == 1


def retry(tx: Transaction, row_id: UUID) -> bool:
    """Try an abandoned row again, from now; ``False`` when there is none of this id."""
    return tx.execute(_AGAIN, {"which": row_id, "instant": tx.now}).rowcount == 1


def oldest_waiting(tx: Transaction) -> datetime | None:
    """Tell since when the oldest row waits: the one figure to raise an alarm on."""
    oldest: datetime | None = tx.scalar(_OLDEST)
    return oldest


def sweep(tx: Transaction) -> int:
    """Forget rows that went out long ago; abandoned ones stay for the operator."""
    return _BROOM.sweep(tx, tx.now - _KEEP_SENT)


def _place(row_id: UUID) -> str:
    return f"outbox/payload/{row_id}"


_PUT = Prepared(insert_if_new(OutboxRow))
_OPEN = and_(OutboxRow.sent_at.is_(None), OutboxRow.abandoned_at.is_(None))
_DUE = (
    select(OutboxRow.id)
    .where(
        _OPEN,
        OutboxRow.kind == bindparam("wanted"),
        OutboxRow.not_before <= bindparam("instant"),
        or_(OutboxRow.lease_until.is_(None), OutboxRow.lease_until <= bindparam("instant")),
    )
    .order_by(OutboxRow.not_before)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)  # SQLite has the write lock already and ignores this
)
_TAKE = (
    update(OutboxRow)
    .where(OutboxRow.id.in_(bindparam("taken", expanding=True)))
    .values(lease_until=bindparam("until"), attempts=OutboxRow.attempts + 1)
)
_TAKEN = (
    select(OutboxRow.id, OutboxRow.payload_sealed, OutboxRow.attempts, OutboxRow.created_at)
    .where(OutboxRow.id.in_(bindparam("taken", expanding=True)))
    .order_by(OutboxRow.created_at)
)
_SENT = (
    update(OutboxRow)
    .where(OutboxRow.id == bindparam("which"))
    .values(sent_at=bindparam("instant"), payload_sealed=bindparam("nothing"), lease_until=None)
)
_FAILED = (
    update(OutboxRow)
    .where(
        OutboxRow.id == bindparam("which"),
        OutboxRow.lease_until == bindparam("lease"),
        OutboxRow.sent_at.is_(None),
    )
    .values(
        not_before=bindparam("next_try"),
        lease_until=None,
        attempts=bindparam("tries"),
        last_error=bindparam("error"),
        abandoned_at=bindparam("given_up"),
    )
)
_AGAIN = (
    update(OutboxRow)
    .where(OutboxRow.id == bindparam("which"), OutboxRow.abandoned_at.is_not(None))
    .values(abandoned_at=None, attempts=0, not_before=bindparam("instant"))
)
_OLDEST = select(func.min(OutboxRow.created_at)).where(_OPEN)
_BROOM = Broom(OutboxRow, OutboxRow.sent_at)
