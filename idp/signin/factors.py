"""Adding, naming and removing second factors: what each change leaves on record.

Every function runs inside the caller's transaction, and first lets changes of the same
account wait for one another: two that remove at once must not both believe that the other's
factor is still there, or the account would be asked for one that nobody has. For the same
reason what a session may do is judged again once it is its turn: a password alone was enough
where there was no factor, and is no longer when another browser has just added one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from idp.accounts import status
from idp.accounts.model import Account, SecondFactor
from idp.audit.events.cards import CardRemoved
from idp.audit.events.event import Event
from idp.audit.events.factors import (
    FactorAdded,
    FactorRemoved,
    FactorRenamed,
    FactorsAsked,
    RecoveryCodesRenewed,
)
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal, passkey
from idp.authenticators.card import cards
from idp.authenticators.passkey import NewPasskey, Passkeys
from idp.authenticators.recovery_code import RecoveryCodes
from idp.authenticators.totp import Totp
from idp.database.transaction import Transaction
from idp.mail.messages import Change, SecondFactorChanged
from idp.sessions.store import Session
from idp.signin.notices import Notices
from idp.signin.second_factor import PASSKEY, RECOVERY_CODE, TOTP, SecondFactorSignIn

_Kind = Literal["passkey", "totp", "recovery_code"]

_GONE: dict[_Kind, Change] = {
    PASSKEY: "passkey_removed",
    TOTP: "totp_removed",
    RECOVERY_CODE: "recovery_codes_removed",
}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A factor is in use; ``codes`` are shown now and never again, where there were none yet."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """Changes what an account can show beside its password."""

    showing: SecondFactorSignIn
    totp: Totp
    recovery: RecoveryCodes
    passkeys: Passkeys
    trail: Trail
    notices: Notices

    def begin_totp(self, tx: Transaction, session: Session) -> None:
        """Make a secret that the next page shows."""
        if self.may_change(tx, session):
            self.totp.begin(tx, session.account_id, session.id)

    def confirm_totp(self, tx: Transaction, session: Session, typed: str) -> Enrolled | Refusal:
        """Take the app into use by its first code."""
        if not self.may_change(tx, session):
            return Refusal(Reason.CODE_WRONG)
        refused = self.showing.confirm_totp(tx, session, typed)
        if refused is not None:
            return refused
        self._note(
            tx, session.account_id, FactorAdded(subject=session.subject, kind=TOTP), "totp_added"
        )
        return self._enrolled(tx, session)

    def remove_totp(self, tx: Transaction, session: Session) -> None:
        """Take the app out of use."""
        if self.may_change(tx, session) and self.totp.remove(tx, session.account_id):
            gone = FactorRemoved(subject=session.subject, kind=TOTP)
            self._note(tx, session.account_id, gone, "totp_removed")
            self._settle(tx, session.account_id)

    def add_passkey(
        self, tx: Transaction, session: Session, new: NewPasskey, name: str
    ) -> Enrolled | Refusal:
        """Put a verified passkey on record."""
        may = self.may_change(tx, session)
        if not may or not self.passkeys.add(tx, session.account_id, new, name):
            return Refusal(Reason.PASSKEY_REFUSED)
        added = FactorAdded(subject=session.subject, kind=PASSKEY)
        self._note(tx, session.account_id, added, "passkey_added", name)
        return self._enrolled(tx, session)

    def rename_passkey(
        self, tx: Transaction, session: Session, passkey_id: UUID, name: str
    ) -> None:
        """Give a passkey another name."""
        if passkey.rename(tx, session.account_id, passkey_id, name):
            renamed = FactorRenamed(subject=session.subject, kind=PASSKEY)
            self._note(tx, session.account_id, renamed, "passkey_renamed", name)

    def remove_passkey(self, tx: Transaction, session: Session, passkey_id: UUID) -> None:
        """Forget a passkey."""
        may = self.may_change(tx, session)
        name = passkey.remove(tx, session.account_id, passkey_id) if may else None
        if name is not None:
            gone = FactorRemoved(subject=session.subject, kind=PASSKEY)
            self._note(tx, session.account_id, gone, "passkey_removed", name)
            self._settle(tx, session.account_id)

    def renew_codes(self, tx: Transaction, session: Session) -> Enrolled | None:
        """Make ten new recovery codes; ``None`` for an account without a factor to recover."""
        may = self.may_change(tx, session)
        if not may or status.hold(tx, session.account_id) is SecondFactor.NONE:
            return None
        codes = self.recovery.renew(tx, session.account_id)
        renewed = RecoveryCodesRenewed(subject=session.subject)
        self._note(tx, session.account_id, renewed, "recovery_codes_renewed")
        return Enrolled(tuple(codes))

    def ask(self, tx: Transaction, session: Session, *, always: bool) -> None:
        """Decide whether every sign-in asks for the second factor."""
        before = status.hold(tx, session.account_id)
        wanted = SecondFactor.ALWAYS if always else SecondFactor.ON_DEMAND
        if before in {SecondFactor.NONE, wanted} or not self.may_change(tx, session):
            return
        status.set_second_factor(tx, session.account_id, wanted)
        decided = FactorsAsked(subject=session.subject, always=always)
        self._note(tx, session.account_id, decided, "asked_always" if always else "asked_on_demand")

    def forget(self, tx: Transaction, account: Account) -> bool:
        """Take everything away, for somebody who has lost it all; ``False``: there was nothing."""
        bare = status.hold(tx, account.id) is SecondFactor.NONE
        held = [one.id for one in cards.of_account(tx, account.id)]
        if bare and not held:
            return False
        for card_id in held:
            cards.remove(tx, account.id, card_id)
            self.trail.append(tx, CardRemoved(subject=account.subject, why="help_desk"))
        self.totp.remove(tx, account.id)
        passkey.forget(tx, account.id)
        self._settle(tx, account.id)
        gone = FactorRemoved(subject=account.subject, kind="all")
        self._note(tx, account.id, gone, "all_removed")
        return True

    def withdraw(
        self, tx: Transaction, account: Account, since: datetime, *, by_mail: bool = False
    ) -> list[Change]:
        """Take away what was added at ``since`` or later; gives what there is to tell the owner.

        For an account that somebody else was in: what they enrolled must not stay a way in for
        them, nor shut the owner out. What was there before stays, and is still asked for.

        Args:
            by_mail: nothing but a mailbox asks for it. Then nothing goes where nothing older is
                left of a protection that was there before: whoever reads the mail would be the
                one to gain (security.md T36).
        """
        status.hold(tx, account.id)
        if by_mail and not self._stays_protected(tx, account, since):
            return []
        kinds: list[_Kind] = [
            PASSKEY
            for one in passkey.of_account(tx, account.id)
            if one.created_at >= since and passkey.remove(tx, account.id, one.id) is not None
        ]
        app = self.totp.in_use(tx, account.id)
        if app and app.since >= since and self.totp.remove(tx, account.id):
            kinds.append(TOTP)
        if self.recovery.forget_since(tx, account.id, since):
            kinds.append(RECOVERY_CODE)
        gone = self._withdraw_cards(tx, account, since)
        if kinds:
            self._settle(tx, account.id)
        for kind in kinds:
            self.trail.append(tx, FactorRemoved(subject=account.subject, kind=kind))
        return [*(_GONE[kind] for kind in dict.fromkeys(kinds)), *gone]

    def _withdraw_cards(self, tx: Transaction, account: Account, since: datetime) -> list[Change]:
        """Take away the cards that were added at ``since`` or later."""
        gone: list[Change] = []
        for one in cards.of_account(tx, account.id):
            if one.added_at >= since and cards.remove(tx, account.id, one.id):
                self.trail.append(tx, CardRemoved(subject=account.subject, why="disowned"))
                gone.append("card_removed")
        return gone[:1]

    def _stays_protected(self, tx: Transaction, account: Account, since: datetime) -> bool:
        """Tell whether an older factor is left, or there was none to lose.

        A card is none: it is a way in of its own, and no password sign-in asks for it.
        """
        held = [one.created_at for one in passkey.of_account(tx, account.id)]
        app = self.totp.in_use(tx, account.id)
        older = [at for at in (*held, *([app.since] if app else [])) if at < since]
        return bool(older) or status.was_bare(tx, account.id, since)

    def may_change(self, tx: Transaction, session: Session) -> bool:
        """Hold the account; tell whether the session, read before that, may change its factors.

        Not where everything of the account was ended meanwhile: "this was not me" must not be
        overtaken by what a thief had sent a moment earlier.
        """
        factor = status.hold(tx, session.account_id)
        account = self.showing.accounts.find(tx, session.account_id)
        if account is None or account.epoch != session.epoch:
            return False
        return session.two_factors or factor is SecondFactor.NONE

    def _enrolled(self, tx: Transaction, session: Session) -> Enrolled:
        """With its first factor an account is always asked for one, and has a way back."""
        if status.hold(tx, session.account_id) is SecondFactor.NONE:
            status.set_second_factor(tx, session.account_id, SecondFactor.ALWAYS)
        if self.recovery.left(tx, session.account_id):
            return Enrolled(())
        return Enrolled(tuple(self.recovery.renew(tx, session.account_id)))

    def _settle(self, tx: Transaction, account_id: UUID) -> None:
        """Ask nobody for a factor when the last one is gone."""
        if passkey.of_account(tx, account_id) or self.totp.in_use(tx, account_id):
            return
        status.set_second_factor(tx, account_id, SecondFactor.NONE)
        self.recovery.forget(tx, account_id)

    def _note(
        self, tx: Transaction, account_id: UUID, happened: Event, change: Change, about: str = ""
    ) -> None:
        """Leave a change in the audit log and in its owner's mailboxes."""
        self.trail.append(tx, happened, about=about)
        message = SecondFactorChanged(at=tx.now, change=change, address=tx.origin.address)
        self.notices.tell(tx, account_id, message)
