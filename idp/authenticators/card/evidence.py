"""What shows, years later and without us, that a card signed somebody in, or why it did not.

A package holds everything that the decision rested on: what was asked, what the card signed, the
certificate and its authority, and the signed word on its revocation. It is sealed at rest; the
audit log holds its hash, so that none can be made afterwards.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ForeignKey, Index, bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.tables import AccountRow
from idp.authenticators.card.candidate import Candidate, Proven
from idp.authenticators.card.formats import Asked, Format
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.database.columns import Table
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.secret import Entropy, Seal, new_id

VERSION = "portico-card-evidence:1"
_AFTER_THE_PATH = {Flaw.REVOKED, Flaw.SUSPENDED, Flaw.COULD_NOT_CHECK}
"""What is found out only of a certificate that its authority has issued."""


class CardEvidence(Table):
    """A package, sealed."""

    __tablename__ = "card_evidence"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey(AccountRow.id), index=True)
    """``None``: of a card that opens no account."""
    digest: Mapped[bytes] = mapped_column(index=True)
    """SHA-256 of the package, as the audit log has it."""
    sealed: Mapped[bytes]


Index(
    "ix_card_evidence_of_nobody",
    CardEvidence.at,
    postgresql_where=CardEvidence.account_id.is_(None),
    sqlite_where=CardEvidence.account_id.is_(None),
)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a browser brought, and what it had been asked."""

    format: Format
    text: str
    asked: Asked


class Shown(msgspec.Struct, frozen=True):
    """The part of a package that is read again."""

    certificate: bytes
    """DER."""
    at: datetime


def package(
    presented: Presented, candidate: Candidate, outcome: Proven | Unfit, at: datetime
) -> bytes:
    """Write a package: JSON with sorted members, so that its hash is one."""
    document: dict[str, Any] = {
        "version": VERSION,
        "at": at.isoformat(),
        "origin": presented.asked.origin,
        "challenge": presented.asked.challenge,
        "purpose": presented.asked.purpose,
        "format": presented.format,
        "document": presented.text,
        "certificate": _text(candidate.leaf.der),
        "authority": _text(candidate.authority.der),
        "decision": outcome.flaw if isinstance(outcome, Unfit) else "accepted",
    }
    if isinstance(outcome, Proven):
        cleared = outcome.cleared
        document["revocation"] = {
            "source": cleared.source,
            "said_at": cleared.said_at.isoformat(),
            "answer": _text(cleared.evidence),
            "list_number": cleared.reference,
            "past_its_time": cleared.is_degraded,
        }
    return msgspec.json.encode(document, order="sorted")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Keeps packages, for as long as an operator wants them."""

    seal: Seal
    entropy: Entropy
    of_accounts: timedelta
    of_nobody: timedelta

    def record(
        self,
        tx: Transaction,
        presented: Presented,
        candidate: Candidate,
        outcome: Proven | Unfit,
        account_id: UUID | None,
        *,
        is_known: bool = False,
    ) -> str:
        """Keep what a decision rests on if an authority has issued the card; gives its SHA-256.

        Empty where nothing is kept: anybody signs themselves a certificate that names an
        authority, and a package of each would fill the disk.

        Args:
            is_known: whether the very certificate opens an account, and so was proven before.
        """
        if isinstance(outcome, Unfit) and outcome.flaw not in _AFTER_THE_PATH and not is_known:
            return ""
        return self.keep(tx, package(presented, candidate, outcome, tx.now), account_id)

    def keep(self, tx: Transaction, content: bytes, account_id: UUID | None) -> str:
        """Put a package on record; gives its SHA-256 in hex, for the audit log."""
        which, digest = new_id(tx.now, self.entropy), hashlib.sha256(content).digest()
        row = {
            "id": which,
            "at": tx.now,
            "account_id": account_id,
            "digest": digest,
            "sealed": self.seal.close(content, place=_place(which)),
        }
        tx.execute(_KEEP, row)
        return digest.hex()

    def assign(self, tx: Transaction, digest: str, account_id: UUID) -> None:
        """Say whose a package is that was kept before there was an account."""
        tx.execute(_ASSIGN, {"named": bytes.fromhex(digest), "owner": account_id})

    def sweep(self, tx: Transaction) -> int:
        """Forget a batch of packages that were kept for long enough."""
        return _BROOM.sweep(tx, tx.now - self.of_accounts)

    def sweep_nobodys(self, tx: Transaction) -> int:
        """Forget a batch of those of cards that opened no account, which is much sooner."""
        return _BROOM_OF_NOBODY.sweep(tx, tx.now - self.of_nobody)

    def find(self, tx: Transaction, digest: str) -> bytes | None:
        """Give a package by its hash."""
        row = tx.execute(_FIND, {"wanted": bytes.fromhex(digest)}).one_or_none()
        return self.seal.open(row.sealed, place=_place(row.id)) if row else None

    def shown(self, tx: Transaction, digest: str) -> Shown | None:
        """Give what a package, by its hash, says of the certificate that was shown."""
        content = self.find(tx, digest)
        return msgspec.json.decode(content, type=Shown) if content else None

    def recent(self, tx: Transaction, most: int) -> list[tuple[datetime, str]]:
        """List the newest packages: when, and their hashes."""
        return [(row.at, row.digest.hex()) for row in tx.execute(_RECENT, {"most": most})]


def _place(which: UUID) -> str:
    return f"card-evidence/{which}"


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


_KEEP = insert(CardEvidence)
_FIND = select(CardEvidence.id, CardEvidence.sealed).where(
    CardEvidence.digest == bindparam("wanted")
)
_ASSIGN = (
    update(CardEvidence)
    .where(CardEvidence.digest == bindparam("named"), CardEvidence.account_id.is_(None))
    .values(account_id=bindparam("owner"))
)
_RECENT = (
    select(CardEvidence.at, CardEvidence.digest)
    .order_by(CardEvidence.at.desc())
    .limit(bindparam("most"))
)
_BROOM = Broom(CardEvidence, CardEvidence.at)
_BROOM_OF_NOBODY = Broom(CardEvidence, CardEvidence.at, "account_id IS NULL")
