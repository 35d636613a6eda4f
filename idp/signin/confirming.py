"""Confirming national ids that were typed and of which a card has shown four characters.

The worker asks the authority, so that nobody waits for it and a service that is down keeps
nobody out. A yes makes the proof a whole one and the number the account's alone; a no takes both
away: apps are told of it no longer, and it stands for nobody.
"""

from dataclasses import dataclass
from datetime import timedelta

from idp.accounts import proofs
from idp.accounts.model import Account
from idp.accounts.particulars import Field, Particulars
from idp.accounts.proofs import Due
from idp.accounts.store import Accounts
from idp.audit.events.accounts import NationalIdAsked, NationalIdShared
from idp.audit.store import Trail
from idp.authenticators.card import cards
from idp.database.transaction import Transaction
from idp.gateways.ics import Said

_AGAIN = {Said.UNKNOWN: timedelta(minutes=30), Said.NOT_OPENED: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked of the authority."""

    due: Due
    subject_number: str
    national_id: str


@dataclass(frozen=True, slots=True)
class Confirming:
    """Finds what to ask and notes what was said."""

    accounts: Accounts
    particulars: Particulars
    trail: Trail

    def questions(self, tx: Transaction, most: int) -> list[Question]:
        """List what is due; gives up on what can no longer be asked."""
        found = []
        for due in proofs.due(tx, most):
            number = self._number(tx, due)
            national_id = self.particulars.of(tx, due.account_id).get(Field.NATIONAL_ID, "")
            found.append(Question(due, number, national_id))
        return found

    def settle(self, tx: Transaction, asked: Question, said: Said) -> None:
        """Note the answer, unless the proof is another one meanwhile."""
        if not asked.subject_number or not asked.national_id:
            proofs.ask_again(tx, asked.due, None)
            return
        if said in _AGAIN:
            proofs.ask_again(tx, asked.due, tx.now + _AGAIN[said])
            settled = said is Said.NOT_OPENED
        elif said is Said.YES:
            settled = proofs.confirm(tx, asked.due)
        else:
            settled = proofs.withdraw(tx, asked.due)
        account = self.accounts.find(tx, asked.due.account_id) if settled else None
        if account is not None:
            self.trail.append(tx, NationalIdAsked(subject=account.subject, said=said))
            self._settle_number(tx, account, asked.national_id, said)

    def _settle_number(
        self, tx: Transaction, account: Account, national_id: str, said: Said
    ) -> None:
        name = Field.NATIONAL_ID
        if self.particulars.of(tx, account.id).get(name) != national_id:
            return
        if said is Said.NO:
            self.particulars.put(tx, account.id, account.kind, {name: ""})
        if said is not Said.YES:
            return
        if self.particulars.claim(tx, account.id, account.kind, name, national_id):
            return
        self.note_shared(tx, account, national_id)

    def note_shared(self, tx: Transaction, account: Account, national_id: str) -> None:
        """Tell the operator, and nobody else, which accounts of the kind have the same id."""
        for one in self.particulars.holders(tx, Field.NATIONAL_ID, national_id):
            other = self.accounts.find(tx, one)
            if other is not None and other.kind is account.kind and one != account.id:
                shared = NationalIdShared(subject=account.subject, other=other.subject)
                self.trail.append(tx, shared)

    def _number(self, tx: Transaction, due: Due) -> str:
        held = cards.of_account(tx, due.account_id)
        return next((one.subject_number for one in held if one.profile_id == due.source), "")
