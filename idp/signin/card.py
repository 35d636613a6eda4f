"""Signing in with a national smart card (P03, B06): something held, and its PIN.

Every function runs inside the caller's transaction; what takes time (path, responder) runs
between them.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from idp.accounts import offices
from idp.accounts.model import Account, State
from idp.accounts.store import Accounts
from idp.audit.events.cards import CardPresented
from idp.audit.events.signin import SigninRefused, SigninSucceeded
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal
from idp.authenticators.card import cards, challenges
from idp.authenticators.card.candidate import Candidate, Proven
from idp.authenticators.card.challenges import Purpose, Wanted
from idp.authenticators.card.evidence import Evidence, Presented
from idp.authenticators.card.formats import Format
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.authenticators.card.trust import Trust
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import NewBrowser
from idp.secret import Entropy, digest
from idp.sessions import actions as sessions
from idp.signin import store
from idp.signin.account_cards import AccountCards
from idp.signin.actions import Browser, SignedIn
from idp.signin.notices import Notices

METHOD: Final = "card"
_MFA = "mfa"


@dataclass(frozen=True, slots=True)
class Unregistered:
    """The card is good, and no account is its own: the way leads to a registration (B07)."""

    candidate: Candidate
    evidence: str
    """SHA-256 of the package that shows it, hex."""
    is_full: bool
    """Whether it counts for two factors: less registers nobody."""
    offer: str = ""
    """Of a card that agrees with an earlier one of an account: see ``AccountCards.offer``."""


@dataclass(frozen=True, slots=True)
class CardSignIn:
    """The two transactions around a card: ask before, record after."""

    config: Config
    trust: Trust
    evidence: Evidence
    accounts: Accounts
    trail: Trail
    notices: Notices
    account_cards: AccountCards
    entropy: Entropy

    def ask(self, tx: Transaction, browser_hash: bytes) -> str:
        """Give a browser's card something to sign."""
        lifetime = timedelta(minutes=self.config.cards.challenge_minutes)
        return challenges.issue(tx, Wanted(browser_hash, Purpose.LOGIN), lifetime, self.entropy)

    def claim(self, tx: Transaction, challenge: str, browser: Browser) -> bool:
        """Use the challenge up first, whatever else is wrong with what came back."""
        return challenges.claim(tx, challenge, Wanted(browser.binding, Purpose.LOGIN))

    def refuse(self, tx: Transaction, why: str) -> None:
        """Note a try that came to no certificate of anybody's."""
        self.trail.append(tx, SigninRefused(method=METHOD, reason=why))

    def record(
        self,
        tx: Transaction,
        presented: Presented,
        candidate: Candidate,
        outcome: Proven | Unfit,
        browser: Browser,
        *,
        client_id: str | None,
    ) -> SignedIn | Unregistered | Refusal | Unfit:
        """Write down what came of it, with its evidence; a session is opened only here."""
        card = cards.find(tx, candidate.leaf.fingerprint)
        account = self.accounts.find(tx, card.account_id) if card else None
        account_id = account.id if account else None
        kept = self.evidence.record(
            tx, presented, candidate, outcome, account_id, is_known=card is not None
        )
        subject = account.subject if account else ""
        flaw = outcome.flaw if isinstance(outcome, Unfit) else None
        self.trail.append(
            tx, CardPresented(subject=subject, decision=flaw or "accepted", evidence=kept)
        )
        if account is not None:
            refused = flaw if self._opens(tx, account) else "disabled"
            self._attempt(tx, account, browser, client_id, refused)
        if isinstance(outcome, Unfit):
            self.trail.append(
                tx, SigninRefused(subject=subject, method=METHOD, reason=outcome.flaw)
            )
            return outcome
        if account is None or card is None:
            _, amr = self._acr(presented.format, outcome)
            is_full = _MFA in amr
            offer = self.account_cards.offer(tx, candidate, kept) if is_full else ""
            return Unregistered(candidate, kept, is_full, offer)
        if not self._opens(tx, account):
            return Refusal(Reason.WRONG_CREDENTIALS)
        cards.used(tx, card.id)
        return self._open(tx, account, self._acr(presented.format, outcome), browser)

    def _opens(self, tx: Transaction, account: Account) -> bool:
        return account.state is State.ACTIVE and not offices.is_of_directory(tx, account)

    def _open(
        self,
        tx: Transaction,
        account: Account,
        reached: tuple[str, tuple[str, ...]],
        browser: Browser,
    ) -> SignedIn:
        if store.remember_device(tx, digest(browser.device), account.id):
            message = NewBrowser(
                at=tx.now, address=tx.origin.address, browser=browser.user_agent, method=METHOD
            )
            self.notices.tell(tx, account.id, message)
        acr, amr = reached
        is_full = _MFA in amr
        opened = sessions.begin(
            tx,
            self.entropy,
            account,
            acr=acr,
            amr=amr,
            user_agent=browser.user_agent,
            absolute=timedelta(hours=self.config.sessions.absolute_hours),
            two_factors=is_full,
        )
        succeeded = SigninSucceeded(
            subject=account.subject, method=METHOD, acr=acr, session=str(opened.id)
        )
        self.trail.append(tx, succeeded)
        return SignedIn(account.id, opened)

    def _acr(self, format_: Format, outcome: Proven) -> tuple[str, tuple[str, ...]]:
        """Say how sure this is, and by what means (RFC 8176); ``mfa`` where they are two factors.

        ``hipki`` is a word of ours: whoever relies on ``sc`` relies on more than that proves.
        """
        section = self.config.cards
        if format_ is Format.HIPKI:
            return section.hipki_acr, ("hipki", "pin")
        if outcome.cleared.is_degraded:
            return section.degraded_acr, ("sc", "pin")
        return section.acr, ("sc", "pin", _MFA)

    def _attempt(
        self,
        tx: Transaction,
        account: Account,
        browser: Browser,
        client_id: str | None,
        refused_for: Flaw | str | None,
    ) -> None:
        row = {
            "id": tx.next_id(self.entropy),
            "account_id": account.id,
            "at": tx.now,
            "method": METHOD,
            "refused_for": refused_for,
            "address": tx.origin.address,
            "user_agent": browser.user_agent[:255],
            "client_id": client_id,
        }
        store.add_attempt(tx, row)
