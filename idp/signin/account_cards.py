"""The cards of an account: added, followed by their renewals, removed (P41, cards.md section 3.5).

Every function runs inside the caller's transaction; what takes time (path, responder) runs
between them. As with other factors, changes of one account wait for one another, and what a
session may do is judged again once it is its turn.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec

from idp.accounts import passwords, proofs
from idp.accounts.model import Account, Kind, State
from idp.accounts.particulars import Field, Particulars
from idp.accounts.proofs import Assurance, Attribute, Proof
from idp.accounts.store import Accounts
from idp.audit.events import CardAdded, CardNotAdded, CardPresented, CardRemoved
from idp.audit.store import Trail
from idp.authenticators import passkey
from idp.authenticators.card import cards, challenges, offers, ownership
from idp.authenticators.card.candidate import Candidate, Proven
from idp.authenticators.card.challenges import Purpose, Wanted
from idp.authenticators.card.evidence import Evidence, Presented
from idp.authenticators.card.offers import Offer
from idp.authenticators.card.ownership import Earlier, Mismatch, Owner
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import Change, SecondFactorChanged
from idp.secret import Entropy
from idp.sessions.store import Session
from idp.signin.factors import Factors

_Why = Literal["added", "renewed"]
_TOLD: dict[_Why, Change] = {"added": "card_added", "renewed": "card_renewed"}


class Bar(StrEnum):
    """Why a good card is not added."""

    TAKEN = "taken"
    """It opens an account; whose is not told."""
    NOT_NOW = "not_now"
    """The session may not change what opens the account, or the offer is used up."""


@dataclass(frozen=True, slots=True)
class Added:
    """The card opens the account now."""


@dataclass(frozen=True, slots=True)
class AccountCards:
    """Changes which cards open an account."""

    config: Config
    accounts: Accounts
    particulars: Particulars
    evidence: Evidence
    factors: Factors
    trail: Trail
    entropy: Entropy

    def ask(self, tx: Transaction, session: Session, browser_hash: bytes) -> str:
        """Give somebody's card something to sign: for this account, in this browser."""
        lifetime = timedelta(minutes=self.config.cards.challenge_minutes)
        return challenges.issue(tx, _wanted(session, browser_hash), lifetime, self.entropy)

    def claim(self, tx: Transaction, session: Session, challenge: str, browser_hash: bytes) -> bool:
        """Use the challenge up first, whatever else is wrong with what came back."""
        return challenges.claim(tx, challenge, _wanted(session, browser_hash))

    def refuse(self, tx: Transaction, session: Session, why: str) -> None:
        """Note a try that came to no certificate of anybody's."""
        self.trail.append(tx, CardNotAdded(subject=session.subject, why=why))

    def add(
        self,
        tx: Transaction,
        session: Session,
        presented: Presented,
        candidate: Candidate,
        outcome: Proven | Unfit,
    ) -> Added | Unfit | Mismatch | Bar:
        """Write down what a card has signed, with its evidence, and add it if it is the owner's."""
        outcome = surely(outcome)
        kept = self.evidence.record(tx, presented, candidate, outcome, session.account_id)
        decision = outcome.flaw if isinstance(outcome, Unfit) else "accepted"
        self.trail.append(
            tx, CardPresented(subject=session.subject, decision=decision, evidence=kept)
        )
        if isinstance(outcome, Unfit):
            self.refuse(tx, session, outcome.flaw)
            return outcome
        return self._add(tx, session, candidate, kept, "added")

    def offer(self, tx: Transaction, candidate: Candidate, kept: str) -> str:
        """Offer a card that nobody has added to the one account whose earlier card it agrees with.

        Gives the token; empty where there is no such account, or more than one.

        Args:
            kept: the hash of the package that shows that the card is good.
        """
        owners = [
            account
            for account_id in cards.of_same_holder(tx, candidate)
            if (account := self.accounts.find(tx, account_id)) and account.state is State.ACTIVE
        ]
        if not owners:
            return ""
        found = [ownership.doubt(candidate.holder, self._owner(tx, one)) for one in owners]
        agreeing = [one for one, why in zip(owners, found, strict=True) if why is None]
        if len(agreeing) != 1:
            why = next((one for one in found if one is not None), "several_accounts")
            subject = owners[0].subject if len(owners) == 1 else ""
            self.trail.append(tx, CardNotAdded(subject=subject, why=why, evidence=kept))
            return ""
        return offers.make(tx, agreeing[0].id, kept, self.entropy)

    def offered(self, tx: Transaction, session: Session, token: str) -> bytes | None:
        """Give the certificate that a token offers to who is signed in; uses up nothing."""
        found = offers.look(tx, token, session.account_id)
        return self._certificate(tx, found) if found else None

    def follow(
        self, tx: Transaction, session: Session, token: str, candidate: Candidate
    ) -> Added | Mismatch | Bar:
        """Add a renewed card whose owner has proven the account in another way.

        Args:
            candidate: of :meth:`offered`, and verified again since.
        """
        found = offers.look(tx, token, session.account_id)
        if found is None or not offers.claim(tx, token, session.account_id):
            return Bar.NOT_NOW
        return self._add(tx, session, candidate, found.evidence, "renewed")

    def remove(self, tx: Transaction, session: Session, card_id: UUID) -> bool:
        """Take a card away; ``False`` where it is the last way to sign in."""
        if not self.factors.may_change(tx, session):
            return False
        if self.is_last_way(tx, session.account_id, card_id):
            return False
        if cards.remove(tx, session.account_id, card_id):
            gone = CardRemoved(subject=session.subject, why="person")
            self.trail.append(tx, gone)
            self._tell(tx, session.account_id, "card_removed")
        return True

    def is_last_way(self, tx: Transaction, account_id: UUID, card_id: UUID) -> bool:
        """Tell whether nobody could sign in any more without a card that signs in today."""
        good = [one.id for one in cards.of_account(tx, account_id) if one.not_after > tx.now]
        if good != [card_id]:
            return False
        return not passwords.is_on(tx, account_id) and not passkey.of_account(tx, account_id)

    def _add(
        self, tx: Transaction, session: Session, candidate: Candidate, kept: str, why: _Why
    ) -> Added | Mismatch | Bar:
        may = self.factors.may_change(tx, session)
        account = self.accounts.find(tx, session.account_id) if may else None
        if account is None:
            return Bar.NOT_NOW
        owner = self._owner(tx, account)
        barred: Mismatch | Bar | None = ownership.mismatch(candidate.holder, owner)
        if barred is None and not cards.add(tx, account.id, candidate, self.entropy):
            barred = Bar.TAKEN
        if barred is not None:
            refused = CardNotAdded(subject=session.subject, why=barred, evidence=kept)
            self.trail.append(tx, refused)
            return barred
        doubt = ownership.doubt(candidate.holder, owner)
        self.trail.append(
            tx,
            CardAdded(
                subject=session.subject,
                why=why,
                certificate=candidate.leaf.fingerprint_hex,
                evidence=kept,
                differs=doubt or "",
            ),
        )
        self._prove(tx, account, candidate, kept)
        self._tell(tx, account.id, _TOLD[why])
        return Added()

    def _prove(self, tx: Transaction, account: Account, candidate: Candidate, kept: str) -> None:
        """Say of what the account has on record that the card shows it; nothing is filled in."""
        holder, known = candidate.holder, self.particulars.of(tx, account.id)
        said = {
            Attribute.NAME: (holder.name, account.profile.name),
            Attribute.UNIFORM_NUMBER: (holder.uniform_number, known.get(Field.UNIFORM_NUMBER)),
            Attribute.ORGANISATION_OID: (
                holder.organisation_oid,
                known.get(Field.ORGANISATION_OID),
            ),
        }
        shown = {
            name: (Assurance.CERTIFICATE, value)
            for name, (value, on_record) in said.items()
            if value and value == on_record
        }
        if holder.id_tail and known.get(Field.NATIONAL_ID, "").endswith(holder.id_tail):
            shown[Attribute.NATIONAL_ID] = (Assurance.TAIL_MATCHED, known[Field.NATIONAL_ID])
        before = proofs.of(tx, account.id)
        hashes = {name: self.particulars.hash_of(name, value) for name, (_, value) in shown.items()}
        source, number = holder.profile_id, holder.subject_number
        proofs.put(
            tx,
            account.id,
            [
                Proof(name, how, source, number, hashes[name], bytes.fromhex(kept), tx.now)
                for name, (how, _) in shown.items()
                if name not in before or before[name].value_hash != hashes[name]
            ],
        )

    def _owner(self, tx: Transaction, account: Account) -> Owner:
        known = self.particulars.of(tx, account.id)
        return Owner(
            account.kind is Kind.ORGANISATION,
            account.profile.name,
            known.get(Field.NATIONAL_ID, ""),
            known.get(Field.UNIFORM_NUMBER, ""),
            known.get(Field.ORGANISATION_OID, ""),
            [
                Earlier(one.profile_id, one.subject_number, one.rank)
                for one in cards.of_account(tx, account.id)
            ],
        )

    def _certificate(self, tx: Transaction, found: Offer) -> bytes | None:
        content = self.evidence.find(tx, found.evidence)
        return msgspec.json.decode(content, type=_Package).certificate if content else None

    def _tell(self, tx: Transaction, account_id: UUID, change: Change) -> None:
        message = SecondFactorChanged(at=tx.now, change=change, address=tx.origin.address)
        self.factors.notices.tell(tx, account_id, message)


def surely(outcome: Proven | Unfit) -> Proven | Unfit:
    """Take no list past its time for it: a card that is added opens the account for years."""
    if isinstance(outcome, Proven) and outcome.cleared.is_degraded:
        return Unfit(Flaw.COULD_NOT_CHECK, "a list past its time")
    return outcome


class _Package(msgspec.Struct):
    """The part of a package of evidence that is read again."""

    certificate: bytes


def _wanted(session: Session, browser_hash: bytes) -> Wanted:
    return Wanted(browser_hash, Purpose.ADD, session.account_id)
