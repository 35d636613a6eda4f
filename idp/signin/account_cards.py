"""The cards of an account: added, followed by their renewals, removed (P41, cards.md section 3.5).

Every function runs inside the caller's transaction; what takes time (path, responder) runs
between them. As with other factors, changes of one account wait for one another, and what a
session may do is judged again once it is its turn.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from idp.accounts import emails, offices, passwords, status
from idp.accounts.model import Account, Kind, State
from idp.accounts.particulars import Field, Particulars
from idp.accounts.store import Accounts
from idp.audit.events.cards import CardAdded, CardNotAdded, CardPresented, CardRemoved
from idp.audit.store import Trail
from idp.authenticators import passkey
from idp.authenticators.card import cards, challenges, offers, ownership
from idp.authenticators.card.candidate import Candidate, Proven, without_grace
from idp.authenticators.card.challenges import Purpose, Wanted
from idp.authenticators.card.evidence import Evidence, Presented
from idp.authenticators.card.offers import Offer, Why
from idp.authenticators.card.ownership import Doubt, Earlier, Mismatch, Owner
from idp.authenticators.card.reasons import Unfit
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import Change, SecondFactorChanged
from idp.secret import Entropy
from idp.sessions.store import Session
from idp.signin import proving
from idp.signin.codes import Codes, Sending, Typing
from idp.signin.codes import Purpose as CodePurpose
from idp.signin.factors import Factors

_TOLD: dict[Why, Change] = {"added": "card_added", "renewed": "card_renewed"}


class Bar(StrEnum):
    """Why a good card is not added."""

    TAKEN = "taken"
    """It opens an account; whose is not told."""
    NOT_NOW = "not_now"
    """The session may not change what opens the account, or the offer is used up."""
    OF_DIRECTORY = "of_directory"
    """The account opens by its court's directory, which knows who has left, and by nothing else."""
    UNREACHED = "unreached"
    """It is not the password alone that adds it, and there is nothing else to prove."""


@dataclass(frozen=True, slots=True)
class Offered:
    """The card is the owner's; they look at what was read from it and say so."""

    token: str
    sending: Sending | None = None
    """What came of mailing the code that has to come with it; ``None``: none has to."""


@dataclass(frozen=True, slots=True)
class Awaiting:
    """An offer that is open."""

    certificate: bytes
    why: Why


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
    codes: Codes
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
    ) -> Offered | Unfit | Mismatch | Bar:
        """Write down what a card has signed, with its evidence; offer it if it is the owner's."""
        outcome = without_grace(outcome)
        kept = self.evidence.record(tx, presented, candidate, outcome, session.account_id)
        decision = outcome.flaw if isinstance(outcome, Unfit) else "accepted"
        self.trail.append(
            tx, CardPresented(subject=session.subject, decision=decision, evidence=kept)
        )
        if isinstance(outcome, Unfit):
            self.refuse(tx, session, outcome.flaw)
            return outcome
        account = self._changing(tx, session)
        barred = Bar.NOT_NOW if account is None else self._first_look(tx, account, candidate)
        sending = None
        if account and barred is None and self.needs_code(tx, session, account, candidate):
            sending = self.send_code(tx, account)
            barred = Bar.UNREACHED if sending is None else None
        if account is None or barred is not None:
            self._note(tx, session, kept, barred or Bar.NOT_NOW)
            return barred or Bar.NOT_NOW
        token = offers.make(tx, Offer(account.id, kept, "added"), self.entropy)
        return Offered(token, sending)

    def needs_code(
        self, tx: Transaction, session: Session, account: Account, candidate: Candidate
    ) -> bool:
        """Tell whether a card needs more than a password, and has to bring a code from a mailbox.

        The first card of a holder lifts what apps are told of the whole account. Where its kind
        is none that a card has opened, whoever knows the password could have typed the name.
        """
        if session.two_factors or candidate.profile.account_kind == account.kind:
            return False
        held = cards.of_account(tx, account.id)
        mine = (candidate.holder.profile_id, candidate.holder.subject_number)
        return mine not in {(one.profile_id, one.subject_number) for one in held}

    def send_code(self, tx: Transaction, account: Account) -> Sending | None:
        """Mail a code to the address that was proven first; ``None``: none was.

        A thief may have added an address of theirs since.
        """
        proven = emails.proven_of(tx, account.id)
        if not proven:
            return None
        address, purpose = proven[0].address, CodePurpose.FIRST_CARD
        return self.codes.send(tx, account.id.bytes, purpose, address, account.locale)

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
        return offers.make(tx, Offer(agreeing[0].id, kept, "renewed"), self.entropy)

    def offered(self, tx: Transaction, session: Session, token: str) -> Awaiting | None:
        """Give the certificate that a token offers to who is signed in; uses up nothing."""
        found = offers.look(tx, token, session.account_id)
        shown = self.evidence.shown(tx, found.evidence) if found else None
        return Awaiting(shown.certificate, found.why) if found and shown else None

    def follow(
        self, tx: Transaction, session: Session, token: str, candidate: Candidate, code: str = ""
    ) -> Added | Mismatch | Bar | Typing:
        """Add an offered card: one that its owner has looked at, or that renews an earlier one.

        Args:
            candidate: of :meth:`offered`, and verified again since.
            code: as it was typed, where :meth:`needs_code` says so; a wrong one loses nothing.
        """
        account = self._changing(tx, session)
        found = offers.look(tx, token, session.account_id)
        if account is None or found is None:
            return Bar.NOT_NOW
        owner = self._owner(tx, account)
        barred = self._barred(tx, account, owner, candidate)
        if barred is not None:
            self._note(tx, session, found.evidence, barred)
            return barred
        doubt = ownership.doubt(candidate.holder, owner)
        if found.why == "renewed" and doubt is not None:
            self._note(tx, session, found.evidence, doubt)
            return Bar.NOT_NOW
        if self.needs_code(tx, session, account, candidate):
            typed = self.codes.claim(tx, account.id.bytes, CodePurpose.FIRST_CARD, code)
            if isinstance(typed, Typing):
                return typed
        if not offers.claim(tx, token, session.account_id):
            return Bar.NOT_NOW
        return self._add(tx, account, candidate, found, doubt)

    def give(
        self, tx: Transaction, account: Account, candidate: Candidate
    ) -> Added | Mismatch | Bar:
        """Add a card that an operator has seen, with its holder; nothing is proven by it.

        Args:
            candidate: verified.
        """
        status.hold(tx, account.id)
        owner = self._owner(tx, account)
        barred = self._barred(tx, account, owner, candidate)
        doubt = ownership.doubt(candidate.holder, owner)
        if barred is not None or not cards.add(tx, account.id, candidate, self.entropy):
            return barred or Bar.TAKEN
        added = CardAdded(
            subject=account.subject,
            why="help_desk",
            certificate=candidate.leaf.fingerprint_hex,
            differs=doubt or "",
        )
        self.trail.append(tx, added)
        self._tell(tx, account.id, "card_added")
        return Added()

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

    def _changing(self, tx: Transaction, session: Session) -> Account | None:
        may = self.factors.may_change(tx, session)
        return self.accounts.find(tx, session.account_id) if may else None

    def _first_look(
        self, tx: Transaction, account: Account, candidate: Candidate
    ) -> Mismatch | Bar | None:
        return self._barred(tx, account, self._owner(tx, account), candidate)

    def _barred(
        self, tx: Transaction, account: Account, owner: Owner, candidate: Candidate
    ) -> Mismatch | Bar | None:
        if offices.is_of_directory(tx, account):
            return Bar.OF_DIRECTORY
        found = ownership.mismatch(candidate.holder, owner)
        if found is None and cards.find(tx, candidate.leaf.fingerprint) is not None:
            return Bar.TAKEN
        return found

    def _note(
        self, tx: Transaction, session: Session, kept: str, why: Mismatch | Bar | Doubt
    ) -> None:
        self.trail.append(tx, CardNotAdded(subject=session.subject, why=why, evidence=kept))

    def _add(
        self,
        tx: Transaction,
        account: Account,
        candidate: Candidate,
        by: Offer,
        doubt: Mismatch | Doubt | None,
    ) -> Added | Bar:
        if not cards.add(tx, account.id, candidate, self.entropy):
            taken = CardNotAdded(subject=account.subject, why=Bar.TAKEN, evidence=by.evidence)
            self.trail.append(tx, taken)
            return Bar.TAKEN
        self.trail.append(
            tx,
            CardAdded(
                subject=account.subject,
                why=by.why,
                certificate=candidate.leaf.fingerprint_hex,
                evidence=by.evidence,
                differs=doubt or "",
            ),
        )
        proving.prove(tx, self.particulars, account, candidate.holder, kept=by.evidence, at=tx.now)
        self._tell(tx, account.id, _TOLD[by.why])
        return Added()

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

    def _tell(self, tx: Transaction, account_id: UUID, change: Change) -> None:
        message = SecondFactorChanged(at=tx.now, change=change, address=tx.origin.address)
        self.factors.notices.tell(tx, account_id, message)


def _wanted(session: Session, browser_hash: bytes) -> Wanted:
    return Wanted(browser_hash, Purpose.ADD, session.account_id)
