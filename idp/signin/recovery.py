"""A forgotten password, and a sign-in that was not the owner's (P15, P06).

The answer to the question is the same for every account and address; what there is to say goes
by mail to the address on record, never to the one that was typed.
"""

from dataclasses import dataclass

from idp.accounts import store as accounts
from idp.accounts.model import Account, Kind, State, address_key
from idp.accounts.store import Accounts
from idp.audit.events import PasswordChanged, RecoveryAsked, SigninDisowned
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.mail.messages import Post
from idp.secret import Entropy
from idp.sessions.actions import Ending, Reach
from idp.signin import tickets
from idp.signin.counters import Attempt, Gate
from idp.signin.throttle import Proceed
from idp.signin.tickets import LIFETIMES, Errand

_GATE = "recovery"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Gives people their account back, and takes it from others."""

    accounts: Accounts
    gate: Gate
    ending: Ending
    trail: Trail
    post: Post
    entropy: Entropy

    def ask(self, tx: Transaction, account_name: str, typed_address: str) -> Refusal | None:
        """Send a link if the account has that address, proven; says nothing of whether it has."""
        attempt = Attempt(_GATE, account_name, tx.origin.address)
        if not isinstance(self.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        account = self.accounts.named(tx, account_name)
        held = accounts.emails_of(tx, account.id) if account else []
        wanted = address_key(typed_address)
        match = [one for one in held if one.verified and address_key(one.address) == wanted]
        if account and match and _may_recover(account):
            self._send(tx, account, match[0].address, alarm=False)
            self.trail.append(tx, RecoveryAsked(subject=account.subject))
        return None

    def whose(self, tx: Transaction, token: str) -> Account | None:
        """Find the account that a link would recover; uses up nothing."""
        held = tickets.look(tx, token, Errand.RECOVERY)
        account = self.accounts.find(tx, held.account_id) if held else None
        return account if account and _may_recover(account) else None

    def finish(
        self, tx: Transaction, token: str, phc_hash: str, reach: Reach, *, keep: int
    ) -> Account | None:
        """Set the new password, end everything that is open, tell the owner; signs nobody in.

        ``None``: the link is not good (any more), or another request was quicker.
        """
        held = tickets.claim(tx, token, Errand.RECOVERY)
        account = self.accounts.find(tx, held.account_id) if held else None
        if account is None or not _may_recover(account):
            return None
        accounts.set_password(tx, account.id, phc_hash, keep=keep)
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="recovery")
        self.trail.append(tx, PasswordChanged(subject=account.subject, how="recovery"))
        self.tell(tx, account, messages.PasswordChanged(at=tx.now, address=tx.origin.address))
        return account

    def disown(self, tx: Transaction, account: Account, reach: Reach) -> None:
        """The owner says that a sign-in was not theirs: nothing stays open, the password is off."""
        accounts.disable_password(tx, account.id)
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="disowned")
        self.trail.append(tx, SigninDisowned(subject=account.subject))
        if account.email and account.email.verified:
            self._send(tx, account, account.email.address, alarm=True)

    def tell(self, tx: Transaction, account: Account, message: messages.AnyMessage) -> None:
        """Mail the owner at the first address, if it was proven."""
        if account.email and account.email.verified:
            self.post.put(tx, account.email.address, account.locale, message, unique=None)

    def _send(self, tx: Transaction, account: Account, address: str, *, alarm: bool) -> None:
        token = tickets.issue(tx, self.entropy, account.id, Errand.RECOVERY, address)
        message = messages.Recovery(
            at=tx.now,
            account_name=account.account_name,
            token=token,
            minutes=int(LIFETIMES[Errand.RECOVERY].total_seconds()) // 60,
            alarm=alarm,
        )
        self.post.put(tx, address, account.locale, message, unique=None)


def _may_recover(account: Account) -> bool:
    # A judge's password is the directory's: a second one of ours would be a way around it.
    return account.state is State.ACTIVE and account.kind is not Kind.JUDGE
