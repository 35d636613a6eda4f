"""Tying the chains together, and verifying all of them.

A checkpoint is an audit row that names the heads of all chains that have moved since the
checkpoint before it, and that one too. A truncated chain, or one deleted altogether, is
missed by the next checkpoint; a truncated chain of checkpoints by the *anchor*, the
newest checkpoint written down outside the database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    Uuid,
    bindparam,
    cast,
    select,
    tuple_,
    type_coerce,
)

from idp.audit import chain
from idp.audit.chain import Content
from idp.audit.events.operation import Checkpoint
from idp.audit.store import AuditRow, Head, Trail
from idp.database.patience import lift_limits
from idp.database.transaction import Transaction

_BATCH = 5_000
_NAMES = 2_000
"""So many named places wait to be looked up together, chain by chain."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_STRAGGLERS = timedelta(minutes=5)
"""A transaction may commit after a checkpoint and carry an earlier instant: look back so far."""


class Anchor(msgspec.Struct, frozen=True):
    """The newest checkpoint, for a place that who can write the database cannot."""

    chain_id: str
    seq: int
    hash: str
    at: str


@dataclass(slots=True)
class Verdict:
    """What verifying found. ``problem`` names the first bad place, empty when there is none."""

    rows: int = 0
    chains: int = 0
    checkpoints: int = 0
    since_checkpoint: int = 0
    """Rows newer than the last checkpoint: their chains could still be truncated unseen."""
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether the log is whole."""
        return not self.problem


def write(tx: Transaction, trail: Trail) -> Anchor:
    """Write a checkpoint, and give the anchor to keep outside."""
    # After a long silence there is much to look through; a limit would make it fail for ever.
    lift_limits(tx.connection)
    latest = tx.execute(_LATEST, {"wanted": Checkpoint.name}).one_or_none()
    since = latest.at - _STRAGGLERS if latest else _EVER
    moved = [
        [str(row.chain_id), str(row.seq), row.hash.hex()]
        for row in tx.execute(_HEADS, {"since": since})
    ]
    previous = [str(latest.chain_id), str(latest.seq), latest.hash.hex()] if latest else []
    head = trail.append(tx, Checkpoint(previous=previous, heads=moved))
    return Anchor(str(head.chain_id), head.seq, head.hash.hex(), tx.now.isoformat())


_Named = tuple[UUID, int, bytes]
"""Chain, seq and hash of a row that must exist."""


@dataclass(slots=True)
class _Reading:
    """How far the verifier has come. What it keeps grows with the chains, not the rows."""

    key: bytes
    verdict: Verdict = field(default_factory=Verdict)
    written: str = ""
    """The id of the chain at hand as the database holds it."""
    head: Head = field(default_factory=lambda: Head(UUID(int=0), 0, b""))
    ends: dict[UUID, int] = field(default_factory=dict)
    tied: dict[UUID, int] = field(default_factory=dict)
    """Up to which row a checkpoint vouches for a chain."""
    waiting: list[_Named] = field(default_factory=list)


def verify(
    tx: Transaction,
    key: bytes,
    *,
    anchor: Anchor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Verify every row of every chain, and that the rows checkpoints and the anchor name exist.

    Reads in batches: memory stays flat. ``progress`` hears the number of rows after each
    batch. A broken chain ends it; a row that is named but gone is told at the end.
    """
    reading = _Reading(key)
    verdict = reading.verdict
    missed = _missed(tx, "the anchor", [_anchored(anchor)]) if anchor else ""
    for batch in _batches(tx):
        for row in batch:
            verdict.problem = _follow(reading, row)
            if verdict.problem:
                return verdict
            if row.event == Checkpoint.name:
                _tie(reading, row.data)
            if len(reading.waiting) >= _NAMES:
                missed = missed or _missed(tx, "a checkpoint", reading.waiting)
                reading.waiting.clear()
        if progress is not None:
            progress(verdict.rows)
    verdict.problem = missed or _missed(tx, "a checkpoint", reading.waiting)
    verdict.since_checkpoint = sum(
        end - reading.tied.get(chain_id, 0) for chain_id, end in reading.ends.items()
    )
    return verdict


def _batches(tx: Transaction) -> Iterator[Sequence[Any]]:
    batch = tx.execute(_FIRST).all()
    while batch:
        yield batch
        place = {"chain": UUID(batch[-1].written), "seq_seen": batch[-1].seq}
        batch = tx.execute(_AFTER, place).all()


def _follow(reading: _Reading, row: Any) -> str:
    written, seq, at, *said, previous, hashed = row
    if written != reading.written and not _enter(reading, written):
        return f"chain {written} row {seq}: is in no chain of ours"
    head = reading.head
    if seq != head.seq + 1:
        return f"chain {head.chain_id} row {seq}: row {head.seq + 1} is missing"
    try:
        content = Content(head.chain_id, seq, _EVER + timedelta(microseconds=at), *said)
        holds = previous == head.hash and hashed == chain.link(reading.key, head.hash, content)
    except (OverflowError, TypeError):  # an instant that no clock of ours has given
        holds = False
    if not holds:
        return f"chain {head.chain_id} row {seq}: was changed, inserted or moved"
    head.seq, head.hash = seq, hashed
    reading.ends[head.chain_id] = seq
    reading.verdict.rows += 1
    return ""


def _enter(reading: _Reading, written: str) -> bool:
    """Go on to the next chain.

    SQLite takes any spelling of an id: a copy of a chain under another one would verify as
    the chain itself, and the next batch would begin behind it.
    """
    try:
        chain_id = UUID(written)
    except ValueError:
        return False
    if written not in {str(chain_id), chain_id.hex} or chain_id in reading.ends:
        return False
    reading.written = written
    reading.head = Head(chain_id, 0, chain.first_link(reading.key, chain_id))
    reading.verdict.chains += 1
    return True


def _anchored(anchor: Anchor) -> _Named:
    return UUID(anchor.chain_id), anchor.seq, bytes.fromhex(anchor.hash)


def _tie(reading: _Reading, data: str) -> None:
    """Take in what a checkpoint says. Its own hash is verified: it can be believed."""
    reading.verdict.checkpoints += 1
    said = msgspec.json.decode(data)
    places = said["heads"] + ([said["previous"]] if said["previous"] else [])
    for written, seq, head in places:
        chain_id, last = UUID(written), int(seq)
        reading.tied[chain_id] = max(reading.tied.get(chain_id, 0), last)
        reading.waiting.append((chain_id, last, bytes.fromhex(head)))


def _missed(tx: Transaction, witness: str, named: list[_Named]) -> str:
    wanted: dict[UUID, set[int]] = {}
    for chain_id, seq, _ in named:
        wanted.setdefault(chain_id, set()).add(seq)
    found = {
        (chain_id, row.seq): row.hash
        for chain_id, seqs in wanted.items()
        for row in tx.execute(_NAMED, {"chain": chain_id, "seqs": list(seqs)})
    }
    for chain_id, seq, hashed in named:
        if (chain_id, seq) not in found:
            return f"chain {chain_id} row {seq}: {witness} names it, but it is gone"
        if found[chain_id, seq] != hashed:
            return f"chain {chain_id} row {seq}: is not the row that {witness} names"
    return ""


_later = AuditRow.__table__.alias("later")
_HEADS = select(AuditRow.chain_id, AuditRow.seq, AuditRow.hash).where(
    AuditRow.at >= bindparam("since"),
    ~select(_later.c.seq)
    .where(_later.c.chain_id == AuditRow.chain_id, _later.c.seq == AuditRow.seq + 1)
    .exists(),
)
_LATEST = (
    select(AuditRow.chain_id, AuditRow.seq, AuditRow.hash, AuditRow.at)
    .where(AuditRow.event == bindparam("wanted"))
    .order_by(AuditRow.at.desc(), AuditRow.chain_id.desc(), AuditRow.seq.desc())
    .limit(1)
)
# A chain at a time: SQLite reads the whole table to find rows among pairs of values.
_NAMED = select(AuditRow.seq, AuditRow.hash).where(
    AuditRow.chain_id == bindparam("chain"), AuditRow.seq.in_(bindparam("seqs", expanding=True))
)
_FIRST = (
    select(
        cast(AuditRow.chain_id, String(36)).label("written"),
        AuditRow.seq,
        type_coerce(AuditRow.at, BigInteger).label("at"),  # microseconds: any value can be read
        *(getattr(AuditRow, name) for name in Content.__struct_fields__[3:]),
        AuditRow.prev_hash,
        AuditRow.hash,
    )
    .order_by(AuditRow.chain_id, AuditRow.seq)
    .limit(_BATCH)
)
# Compared as a row, and not by OR, so that each batch is a search in the primary key.
_AFTER = _FIRST.where(
    tuple_(AuditRow.chain_id, AuditRow.seq)
    > tuple_(bindparam("chain", type_=Uuid()), bindparam("seq_seen", type_=Integer()))
)
