"""A forgotten password, and a sign-in that was not the owner's (P15, P06).

The answer to the question is the same for every account and address; what there is to say goes
by mail to the address on record, never to the one that was typed.

Nor is every address on record the owner's: who holds the password can add one, prove it and
put it first. So links go to addresses that the account has had for a while
(:func:`_long_held`), where the owner, who had them before, reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from idp.accounts import store as accounts
from idp.accounts.model import Account, Kind, State, address_key
from idp.accounts.store import Accounts
from idp.audit.events import PasswordChanged, RecoveryAsked, SigninDisowned
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.mail.messages import Post
from idp.outbox.store import Outbox
from idp.secret import Entropy, new_id
from idp.sessions.actions import Ending, Reach
from idp.signin import tickets
from idp.signin.counters import Attempt, Gate
from idp.signin.factors import Factors
from idp.signin.throttle import Proceed
from idp.signin.tickets import LIFETIMES, Errand

_GATE = "recovery"
SUSPECT = timedelta(days=7)
"""How far back the owner's word is believed that it was somebody else: newer addresses are
passed over, newer second factors taken away. No setting: it would only ever be the time in which
a thief goes unnoticed."""
_FRESH = timedelta(hours=24)
"""How long a new address recovers nothing while the account has an older one, and a new second
factor does not outlive a recovery. Short: who reads the mail alone must not get rid of the
factors that the owner relies on (security.md T36)."""


class Question(msgspec.Struct, frozen=True):
    """What somebody typed, on its way to the worker."""

    account_name: str
    address: str
    asked_from: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Gives people their account back, and takes it from others."""

    accounts: Accounts
    gate: Gate
    ending: Ending
    trail: Trail
    post: Post
    outbox: Outbox
    entropy: Entropy
    factors: Factors

    def ask(self, tx: Transaction, account_name: str, typed_address: str) -> Refusal | None:
        """Note the question; whether the two belong together is looked up by the worker.

        So this does the same for every account and address, to the statement (T43).
        """
        attempt = Attempt(_GATE, account_name, tx.origin.address)
        if not isinstance(self.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        asked = Question(
            account_name, address_key(typed_address), tx.origin.address, tx.origin.browser
        )
        question = msgspec.json.encode(asked)
        key = f"recovery/{new_id(tx.now, self.entropy)}"
        self.outbox.put(tx, "recovery", question, dedupe_key=key)
        return None

    def answer(self, tx: Transaction, question: Question) -> None:
        """Send a link if the account has that address, proven.

        One proven a moment ago may be a thief's: the older ones hear of it, by the link itself.
        """
        account = self.accounts.named(tx, question.account_name)
        held = [one.address for one in accounts.proven_of(tx, account.id)] if account else []
        match = [one for one in held if address_key(one) == question.address]
        if account and match and _may_recover(account):
            trusted = _long_held(tx, account, _FRESH)
            believed = [one for one in match if one in trusted]
            _send_links(tx, self.post, self.entropy, account, believed or trusted)
            self.trail.append(tx, RecoveryAsked(subject=account.subject))

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
        self._withdraw(tx, account, _FRESH)
        return account

    def disown(self, tx: Transaction, account: Account, reach: Reach) -> None:
        """The owner says that a sign-in was not theirs: nothing stays open, the password is off.

        The link goes to every address that the account had before: the others may be the
        thief's, who may also have put theirs first. What they may have enrolled is taken away.
        """
        accounts.hold(tx, account.id)  # in the order in which everybody takes the rows
        accounts.disable_password(tx, account.id)
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="disowned")
        self.trail.append(tx, SigninDisowned(subject=account.subject))
        addresses = _long_held(tx, account, SUSPECT)
        _send_links(tx, self.post, self.entropy, account, addresses, alarm=True)
        self._withdraw(tx, account, SUSPECT)

    def _withdraw(self, tx: Transaction, account: Account, age: timedelta) -> None:
        """Take away the second factors younger than ``age``; told where the links go."""
        for change in self.factors.withdraw(tx, account, tx.now - age):
            message = messages.SecondFactorChanged(
                at=tx.now, change=change, address=tx.origin.address
            )
            for address in _long_held(tx, account, age):
                self.post.put(tx, address, account.locale, message, unique=None)

    def tell(self, tx: Transaction, account: Account, message: messages.AnyMessage) -> None:
        """Mail the owner at the first address, if it was proven."""
        if account.email and account.email.verified:
            self.post.put(tx, account.email.address, account.locale, message, unique=None)


def send_link(tx: Transaction, post: Post, entropy: Entropy, account: Account) -> None:
    """Mail a link for a new password to the first address, or to older ones while it is new."""
    trusted = _long_held(tx, account, _FRESH)
    first = [one for one in trusted if account.email and one == account.email.address]
    _send_links(tx, post, entropy, account, first or trusted)


def _send_links(
    tx: Transaction,
    post: Post,
    entropy: Entropy,
    account: Account,
    addresses: Sequence[str],
    *,
    alarm: bool = False,
) -> None:
    """Mail each address a link of its own; the first that is used makes the others void."""
    if not addresses:
        return
    tokens = tickets.issue_all(tx, entropy, account.id, Errand.RECOVERY, addresses)
    for address, token in zip(addresses, tokens, strict=True):
        message = messages.Recovery(
            at=tx.now,
            account_name=account.account_name,
            token=token,
            minutes=int(LIFETIMES[Errand.RECOVERY].total_seconds()) // 60,
            alarm=alarm,
        )
        post.put(tx, address, account.locale, message, unique=None)


def _long_held(tx: Transaction, account: Account, age: timedelta) -> list[str]:
    """List the addresses proven longer ago than ``age``; else those proven first of all.

    Never only a younger one: whoever came later can be somebody else, who came first cannot.
    """
    proven = accounts.proven_of(tx, account.id)
    old = [one.address for one in proven if tx.now - one.since >= age]
    return old or [one.address for one in proven if one.since == proven[0].since]


def _may_recover(account: Account) -> bool:
    # A judge's password is the directory's: a second one of ours would be a way around it.
    return account.state is State.ACTIVE and account.kind is not Kind.JUDGE
