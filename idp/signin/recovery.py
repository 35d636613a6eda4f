"""A forgotten password, and a sign-in that was not the owner's (P15, P06).

The answer to the question is the same for every account and address; what there is to say goes
by mail to the address on record, never to the one that was typed.

Nor is every address on record the owner's: who holds the password can add one, prove it and
put it first. So links go to addresses that the account has had for a while
(:func:`idp.signin.notices.believed`), where the owner, who had them before, reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from idp.accounts import emails, offices, passwords, status
from idp.accounts.model import (
    Account,
    Email,
    Kind,
    ProvenEmail,
    State,
    address_key,
    masked_address,
)
from idp.accounts.store import Accounts
from idp.audit.events.accounts import EmailsChanged
from idp.audit.events.passwords import PasswordChanged, RecoveryAsked
from idp.audit.events.signin import SigninDisowned
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.mail.messages import Post
from idp.outbox.store import Outbox
from idp.secret import Entropy, new_id
from idp.sessions.actions import Ending, Reach
from idp.signin import notices, tickets
from idp.signin.counters import Attempt, Gate
from idp.signin.factors import Factors
from idp.signin.notices import SUSPECT, Notices, Told, believed
from idp.signin.throttle import Proceed
from idp.signin.tickets import LIFETIMES, Errand

_GATE = "recovery"
_NOT_ME = "not_me"
_Undone = Literal["restored", "withdrawn"]
_FRESH = timedelta(hours=24)
"""How long a new address recovers nothing while the account has an older one, and a new second
factor does not outlive a recovery. Short: who reads the mail alone must not get rid of the
factors that the owner relies on (security.md T36)."""


class Aftermath(StrEnum):
    """What is left to do for an owner who said that it was not them."""

    MAILED = "mailed"
    """A link for a new password is on its way."""
    ALONE = "alone"
    """There was no address to send one to."""
    DIRECTORY = "directory"
    """The password is a directory's, and not ours to switch off."""


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
    notices: Notices

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
        held = [one.address for one in emails.proven_of(tx, account.id)] if account else []
        match = [one for one in held if address_key(one) == question.address]
        if account and match and _may_recover(account):
            trusted = _long_held(tx, account, _FRESH)
            meant = [one for one in match if one in trusted]
            _send_links(tx, self.post, self.entropy, account, meant or trusted)
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
        passwords.replace(tx, account.id, phc_hash, keep=keep)
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="recovery")
        self.trail.append(tx, PasswordChanged(subject=account.subject, how="recovery"))
        changed = messages.PasswordChanged(at=tx.now, address=tx.origin.address)
        self.notices.tell(tx, account.id, changed)
        self._withdraw(tx, account, tx.now - _FRESH, by_mail=True)
        return account

    def disown_by_link(
        self, tx: Transaction, token: str, reach: Reach
    ) -> Aftermath | Refusal | None:
        """Use up the link of a notice: the owner says that it was not them; see :meth:`disown`.

        ``None``: the link is not good (any more), or another request was quicker.
        """
        attempt = Attempt(_NOT_ME, "", tx.origin.address)
        if not isinstance(self.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        told = notices.claim(tx, token)
        account = self.accounts.find(tx, told.account_id) if told else None
        if told is None or account is None or account.state is not State.ACTIVE:
            return None
        self.gate.succeed(tx, attempt)
        return self.disown(tx, account, reach, told)

    def disown(
        self, tx: Transaction, account: Account, reach: Reach, told: Told | None = None
    ) -> Aftermath:
        """The owner says that it was not them: nothing stays open, the password is off.

        A link for a new one goes to every address that the account had before; the others may be
        the thief's, who may also have put theirs first.

        What the thief may have enrolled is taken away: what is younger than a week, or, by the
        link of a notice, what came since. Such a link proves one mailbox and no more, so against
        an older address it undoes nothing, and a thief's own mailbox takes nothing from the owner
        whose address was there before: that one alone speaks for the second factors.
        """
        status.hold(tx, account.id)  # in the order in which everybody takes the rows
        passwords.disable(tx, account.id)
        self.ending.end_all(tx, account.id, reach, subject=account.subject, why="disowned")
        by: Literal["session", "mail"] = "mail" if told else "session"
        self.trail.append(tx, SigninDisowned(subject=account.subject, by=by))
        at = told.at if told else tx.now
        kept = believed(self._put_right(tx, account, at, told), at, SUSPECT)
        addresses = [one.address for one in kept if told is None or one.since <= told.since]
        if _may_recover(account):
            _send_links(tx, self.post, self.entropy, account, addresses, alarm=True)
        if told is None:
            self._withdraw(tx, account, tx.now - SUSPECT)
        elif told.since <= kept[0].since:
            self._withdraw(tx, account, told.at, by_mail=True)
        if offices.is_of_directory(tx, account):
            return Aftermath.DIRECTORY
        return Aftermath.MAILED if _may_recover(account) and addresses else Aftermath.ALONE

    def _put_right(
        self, tx: Transaction, account: Account, at: datetime, told: Told | None
    ) -> tuple[ProvenEmail, ...]:
        """Bring back the oldest addresses if they were removed, take away those of the last days.

        Gives the proven ones that are there then, the oldest first.
        """
        heard = emails.reached(tx, account.id).proven
        long_held = believed(heard, at, SUSPECT)
        before = emails.of_account(tx, account.id)
        held = {address_key(one.address) for one in before}
        back = [one for one in heard if address_key(one.address) not in held]
        younger = [one for one in heard if one not in long_held and one not in back]
        gone = [one for one in younger if told is None or one.since > told.since]
        keys = {address_key(one.address) for one in gone}
        after = [Email(one.address, verified=True) for one in back]
        after += [one for one in before if address_key(one.address) not in keys]
        if back or gone:
            emails.replace(tx, account.id, after, back)
            self._tell_of_addresses(tx, account, {"restored": back, "withdrawn": gone})
        return tuple(emails.proven_of(tx, account.id))

    def _tell_of_addresses(
        self, tx: Transaction, account: Account, changes: Mapping[_Undone, list[ProvenEmail]]
    ) -> None:
        for act, addresses in changes.items():
            for one in addresses:
                about = masked_address(one.address)
                self.trail.append(tx, EmailsChanged(subject=account.subject, act=act), about=about)
                changed = messages.EmailsChanged(
                    at=tx.now, address=tx.origin.address, change=act, about=about
                )
                self.notices.tell(tx, account.id, changed, with_links=False)

    def _withdraw(
        self, tx: Transaction, account: Account, since: datetime, *, by_mail: bool = False
    ) -> None:
        """Take away the second factors that were added at ``since`` or later."""
        for change in self.factors.withdraw(tx, account, since, by_mail=by_mail):
            message = messages.SecondFactorChanged(
                at=tx.now, change=change, address=tx.origin.address
            )
            self.notices.tell(tx, account.id, message, with_links=False)


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
    """List the addresses proven longer ago than ``age``; else those proven first of all."""
    proven = emails.proven_of(tx, account.id)
    return [one.address for one in believed(proven, tx.now, age)]


def _may_recover(account: Account) -> bool:
    # A judge's password is the directory's: a second one of ours would be a way around it.
    return account.state is State.ACTIVE and account.kind is not Kind.JUDGE
