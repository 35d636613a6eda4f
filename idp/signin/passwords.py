"""Choosing a password: judged by the policy of the account's kind, hashed, put on record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from idp.accounts import passwords, status
from idp.accounts.model import Account, Kind
from idp.accounts.passwords import PasswordState
from idp.audit.events.passwords import PasswordChanged
from idp.audit.store import Trail
from idp.authenticators.password import policy
from idp.authenticators.password.authenticator import PasswordAuthenticator
from idp.authenticators.password.known import known_passwords
from idp.authenticators.password.policy import PasswordPolicy, Weakness
from idp.config import PasswordSection
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.secret import Secret
from idp.sessions.actions import Ending, Reach
from idp.signin import tickets
from idp.signin.counters import Attempt, Gate
from idp.signin.notices import Notices
from idp.signin.tickets import Errand

STAFF = frozenset({Kind.JUDGE, Kind.STAFF})
"""Whose passwords the policy for internal users is for."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """Judges and sets passwords."""

    section: PasswordSection
    authenticator: PasswordAuthenticator
    gate: Gate
    ending: Ending
    trail: Trail
    notices: Notices

    def policy_for(self, kind: Kind) -> PasswordPolicy:
        """Give the policy for a kind of account."""
        return policy.chosen(self.section, staff=kind in STAFF)

    def judge(
        self,
        kind: Kind,
        password: Secret[str],
        repeated: Secret[str],
        words: Iterable[str],
        *,
        state: PasswordState | None = None,
        now: datetime | None = None,
    ) -> list[Weakness]:
        """Say what speaks against a new password. Slow where a history is kept: no transaction.

        Args:
            state: the password that it is to replace, if it replaces one by choice.
        """
        rules = self.policy_for(kind)
        found = policy.weaknesses(rules, password.reveal(), words, known_passwords())
        if not found and password.reveal() != repeated.reveal():
            found.append(Weakness.NOT_REPEATED)
        if state and now and rules.min_age and now - state.changed_at < rules.min_age:
            found.append(Weakness.TOO_SOON)
        if not found and state:
            # The one in use is never chosen again; those before, as far as the policy looks back.
            earlier = (state.phc_hash, *state.past[: max(rules.history - 1, 0)])
            same = self.authenticator.is_one_of(earlier, password)
            if same is not False:
                found.append(Weakness.TOO_BUSY if same is None else Weakness.USED_BEFORE)
        return found

    def change(
        self, tx: Transaction, account: Account, phc_hash: str, reach: Reach, *, seen: str
    ) -> bool:
        """Set a password whose owner has just proven the one before; everything open ends.

        ``False``: the password was changed meanwhile.
        """
        status.hold(tx, account.id)
        state = passwords.state_of(tx, account.id)
        if state is None or state.phc_hash != seen:
            return False
        keep = self.policy_for(account.kind).history
        passwords.replace(tx, account.id, phc_hash, keep=keep)
        tickets.void(tx, account.id, Errand.RECOVERY)
        self.gate.forgive(tx, Attempt("password", account.account_name, tx.origin.address))
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="password_changed")
        self.trail.append(tx, PasswordChanged(subject=account.subject, how="change"))
        changed = messages.PasswordChanged(at=tx.now, address=tx.origin.address)
        self.notices.tell(tx, account.id, changed)
        return True


def words_of(account: Account) -> list[str]:
    """List what anybody may know of an account: its password must not be one of them."""
    email = account.email.address if account.email else ""
    return [word for word in (account.account_name, account.profile.name, email) if word]
