"""Tying the chains together, and verifying all of them.

A checkpoint is an audit row that names the heads of all chains that have moved since the
checkpoint before it, and that one too. A truncated chain, or one deleted altogether, is
missed by the next checkpoint; a truncated chain of checkpoints by the *anchor*, the
newest checkpoint written down outside the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select

from idp.audit import chain
from idp.audit.chain import Content
from idp.audit.events import Checkpoint
from idp.audit.store import AuditRow, Head, Trail
from idp.database.transaction import Transaction

_BATCH = 5_000
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
    latest = tx.execute(_LATEST, {"wanted": Checkpoint.name}).one_or_none()
    since = latest.at - _STRAGGLERS if latest else _EVER
    moved = [
        [str(row.chain_id), str(row.seq), row.hash.hex()]
        for row in tx.execute(_HEADS, {"since": since})
    ]
    previous = [str(latest.chain_id), str(latest.seq), latest.hash.hex()] if latest else []
    head = trail.append(tx, Checkpoint(previous=previous, heads=moved))
    return Anchor(str(head.chain_id), head.seq, head.hash.hex(), tx.now.isoformat())


@dataclass(slots=True)
class _Reading:
    """How far the verifier has come."""

    key: bytes
    verdict: Verdict
    head: Head | None = None
    hashes: dict[tuple[str, int], str] = field(default_factory=dict)
    """Hash of each place that a checkpoint or the anchor names."""
    named: list[tuple[str, int, str]] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)


def verify(
    tx: Transaction,
    key: bytes,
    *,
    anchor: Anchor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verdict:
    """Verify every row of every chain, then what checkpoints and the anchor say of them.

    Reads in batches: memory stays flat but for the checkpoints. ``progress`` hears the
    number of rows after each batch.
    """
    verdict = Verdict()
    reading = _Reading(key, verdict)
    reading.named = _named(tx, anchor)
    wanted = {(chain_id, seq) for chain_id, seq, _ in reading.named}
    for batch in _batches(tx):
        for row in batch:
            problem = _follow(reading, row)
            if problem:
                verdict.problem = problem
                return verdict
            place = (str(row.chain_id), row.seq)
            if place in wanted:
                reading.hashes[place] = row.hash.hex()
        if progress is not None:
            progress(verdict.rows)
    verdict.problem = _missing(reading)
    verdict.since_checkpoint = _untied(reading)
    return verdict


def _named(tx: Transaction, anchor: Anchor | None) -> list[tuple[str, int, str]]:
    named = [(anchor.chain_id, anchor.seq, anchor.hash)] if anchor else []
    for (data,) in tx.execute(_ALL_CHECKPOINTS, {"wanted": Checkpoint.name}):
        said = msgspec.json.decode(data)
        places = said["heads"] + ([said["previous"]] if said["previous"] else [])
        named += [(chain_id, int(seq), hashed) for chain_id, seq, hashed in places]
    return named


def _batches(tx: Transaction) -> Iterator[list[Any]]:
    after_chain, after_seq = UUID(int=0), 0
    while True:
        batch = tx.execute(_AFTER, {"chain": after_chain, "seq_seen": after_seq}).all()
        if not batch:
            return
        yield list(batch)
        after_chain, after_seq = batch[-1].chain_id, batch[-1].seq


def _follow(reading: _Reading, row: Any) -> str:
    head = reading.head
    if head is None or head.chain_id != row.chain_id:
        head = Head(row.chain_id, 0, chain.first_link(reading.key, row.chain_id))
        reading.verdict.chains += 1
    place = f"chain {row.chain_id} row {row.seq}"
    if row.seq != head.seq + 1:
        return f"{place}: row {head.seq + 1} is missing"
    content = Content(*row[: len(Content.__struct_fields__)])
    if row.prev_hash != head.hash or row.hash != chain.link(reading.key, head.hash, content):
        return f"{place}: was changed, inserted or moved"
    reading.head = Head(row.chain_id, row.seq, row.hash)
    reading.ends[str(row.chain_id)] = row.seq
    reading.verdict.rows += 1
    reading.verdict.checkpoints += row.event == Checkpoint.name
    return ""


def _missing(reading: _Reading) -> str:
    for chain_id, seq, hashed in reading.named:
        found = reading.hashes.get((chain_id, seq))
        if found is None:
            return f"chain {chain_id} row {seq}: a checkpoint names it, but it is gone"
        if found != hashed:
            return f"chain {chain_id} row {seq}: is not the row that a checkpoint names"
    return ""


def _untied(reading: _Reading) -> int:
    tied: dict[str, int] = {}
    for chain_id, seq, _ in reading.named:
        tied[chain_id] = max(tied.get(chain_id, 0), seq)
    return sum(end - tied.get(chain_id, 0) for chain_id, end in reading.ends.items())


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
_ALL_CHECKPOINTS = select(AuditRow.data).where(AuditRow.event == bindparam("wanted"))
_AFTER = (
    select(
        *(getattr(AuditRow, name) for name in Content.__struct_fields__),
        AuditRow.prev_hash,
        AuditRow.hash,
    )
    .where(
        (AuditRow.chain_id > bindparam("chain"))
        | ((AuditRow.chain_id == bindparam("chain")) & (AuditRow.seq > bindparam("seq_seen")))
    )
    .order_by(AuditRow.chain_id, AuditRow.seq)
    .limit(_BATCH)
)
