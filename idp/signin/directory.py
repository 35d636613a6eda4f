"""Signing in by a directory (P04): around the one question that it is asked.

Every function runs inside the caller's transaction; the question itself is slow, and asked between
two of them.

Tries are counted before the directory hears of them, under the name they claim, so that nobody
locks an account of the directory through us. Browsers that nobody has signed in from share one
count of :data:`TRIES`, which rests (:func:`rest`) after the last failure and no longer; where
courts' networks are known there are two of one try each, so that nobody outside keeps judges out
there. Each browser that its holder has used has a count of its own, whose rests double.

A directory adds a wrong password to those before it while the last of them is younger than its
window; so tries of several counts, each within its own limit, would add up without an end where
they take turns. A rest is so long that the others' tries do not reach across it. Strangers together
bring the directory's count to 2, and with as many slips of the holder it is 4: below five, the
least threshold that is usual. Whoever has two names in a directory has two counts until they have
signed in under both: four tries of strangers at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from idp.accounts import identities, offices, status
from idp.accounts.model import NOBODY, Account, Office, SecondFactor, State, login_of
from idp.accounts.store import Accounts
from idp.audit.events.directories import CourtChanged, CourtUnknown, OfficeChanged
from idp.audit.events.signin import SigninRefused, SigninSucceeded, Throttled
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.config import Config, ThrottleSection
from idp.database.transaction import Transaction
from idp.mail.messages import NewBrowser
from idp.secret import Entropy, digest
from idp.sessions import actions as sessions
from idp.signin import store, throttle
from idp.signin.actions import Browser, SignedIn
from idp.signin.counters import Attempt, Gate
from idp.signin.notices import Notices
from idp.signin.throttle import Proceed

METHOD: Final = "directory"
TICKET: Final = "ticket"
Method = Literal["directory", "ticket"]
GATE: Final = "directory"
TRIES: Final = 2
TOGETHER = 2 * TRIES
_WRONG = "wrong_password"
_SPARE = timedelta(minutes=5)
_NEVER = 1_000_000
OUTSIDE, INSIDE = "strangers outside", "strangers inside"
_COUNTED = frozenset({Standing.WRONG_CREDENTIALS, Standing.NOBODY, Standing.LOCKED})
Found = DirectoryPerson | Standing


@dataclass(frozen=True, slots=True)
class Means:
    """By what a directory knew somebody."""

    method: Method
    """:data:`METHOD` or :data:`TICKET`, as history and figures have it."""
    amr: tuple[str, ...]
    """``("pwd",)`` or ``("kerberos",)``: what happened, and nothing more (RFC 8176)."""
    acr: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The try is counted: the directory may be asked now, outside any transaction."""

    attempt: Attempt
    claimed: str
    """:func:`whole_name` of what was typed."""
    account_id: UUID | None
    """Who signed in last under the name that is claimed."""
    is_known: bool
    """Whether its holder has signed in from this browser before."""


@dataclass(frozen=True, slots=True)
class Unregistered:
    """The directory knows the person, and no account is theirs: the way leads to P20."""

    person: DirectoryPerson


Outcome = SignedIn | Unregistered | Refusal | Standing


def strangers_tries(config: Config) -> int:
    """Say how often a pool of strangers may try; where there are two, they share what one had."""
    return 1 if any(one.ticket_networks for one in config.directories) else TRIES


def rest(config: Config, tries: int = TRIES) -> timedelta:
    """Say how long a count of so many tries rests: until what the others add up to is forgotten.

    Each of theirs keeps the directory's own count alive for one window more.
    """
    longest = max((one.lockout_minutes for one in config.directories), default=1)
    return timedelta(minutes=longest) * (1 + TOGETHER - tries) + _SPARE


def strict(config: Config, tries: int = TRIES) -> ThrottleSection:
    """Give the limits of this gate: the house's, where those are stricter still."""
    policy = config.throttle
    return msgspec.structs.replace(
        policy,
        context_failures=min(policy.context_failures, tries),
        block_minutes=max(policy.block_minutes, rest(config, tries) // timedelta(minutes=1)),
        # Strangers have a context of their own here: no second count of them, and no captcha.
        captcha_per_hour=_NEVER,
        strangers_per_hour=_NEVER,
    )


@dataclass(frozen=True, slots=True)
class Refreshing:
    """Writes down what a directory says now; nothing where it says what it said before."""

    accounts: Accounts
    trail: Trail

    def refresh(
        self, tx: Transaction, account: Account, person: DirectoryPerson, claimed: str = ""
    ) -> None:
        """Bring name and office up to date. An own choice of court yields to the directory's.

        Args:
            claimed: :func:`whole_name` of what was typed; empty of a ticket.
        """
        profile = msgspec.structs.replace(
            account.profile, name=person.name, preferred_username=person.account
        )
        changed = [one for one in _NAMES if getattr(profile, one) != getattr(account.profile, one)]
        if changed:
            self.accounts.describe(tx, account.id, profile)
        before = offices.of(tx, account.id)
        after = office_of(person, before, claimed)
        if before != after:
            status.hold(tx, account.id)  # what its holder chooses meanwhile is theirs to choose
            before = offices.of(tx, account.id)
            after = office_of(person, before, claimed)
            offices.put(tx, account.id, after)
            changed += [one for one in _SAID if getattr(before, one, None) != getattr(after, one)]
        if before is not None:
            self._tell(tx, account, before, after)
            if after.court_told != before.court_told:
                note_court(tx, self.trail, account, after)
        if changed:
            self.trail.append(tx, OfficeChanged(subject=account.subject, fields=changed))

    def _tell(self, tx: Transaction, account: Account, before: Office, after: Office) -> None:
        courts = (before.court, before.court_name), (after.court, after.court_name)
        if courts[0] == courts[1]:
            return
        moved = CourtChanged(
            subject=account.subject,
            by="directory",
            before=before.court,
            before_name=before.court_name,
            after=after.court,
            after_name=after.court_name,
        )
        self.trail.append(tx, moved, about=after.court_name or after.court)


def note_court(tx: Transaction, trail: Trail, account: Account, office: Office) -> None:
    """Write down that a directory names a court that is none of ours, if it does."""
    if told := office.court_told:
        unknown = CourtUnknown(subject=account.subject, directory=office.directory, told=told)
        trail.append(tx, unknown, about=told)


def whole_name(counted: str, login: str) -> str:
    """Give a name as attempts at it are counted, with what followed the ``@``."""
    _, at, suffix = login.strip().rpartition("@")
    return f"{counted}@{suffix.casefold()}" if at else counted


def counted_name(tx: Transaction, login: str, claimed: str | None) -> tuple[UUID | None, str, str]:
    """Say whose tries those are that give a name, under what they are counted, and its whole.

    Args:
        claimed: see ``Directories.claims``.
    """
    name = claimed or f"?:{login.casefold()}"
    whole = whole_name(name, login)
    account_id, own = offices.holder_of(tx, name, whole) or (None, name)
    return account_id, own, whole


def office_of(person: DirectoryPerson, before: Office | None = None, claimed: str = "") -> Office:
    """Take a person's office from what the directory says."""
    also = claimed or (before.also_login if before else "")
    own = login_of(person.directory, person.account)
    is_own = also.partition("@")[0] == own
    keeps = before is not None and before.court_is_chosen and not person.court
    chosen = before if keeps else None
    return Office(
        person.directory,
        person.account,
        chosen.court if chosen else person.court,
        chosen.court_name if chosen else person.court_name if person.court else "",
        chosen is not None,
        person.department,
        person.title,
        person.employee_number,
        person.roles,
        person.court_told,
        "" if is_own else also,
    )


_NAMES = ("name", "preferred_username")
_SAID = (
    "directory", "ad_account", "court", "court_name", "department", "title", "employee_number",
    "roles",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DirectorySignIn:
    """The two transactions around a question to a directory."""

    config: Config
    gate: Gate
    """Of :func:`strict` limits: of browsers that their holder has used."""
    strangers: Gate
    """Of all others: steady, and of :func:`strangers_tries`."""
    accounts: Accounts
    refreshing: Refreshing
    trail: Trail
    notices: Notices
    entropy: Entropy

    def admit(
        self, tx: Transaction, login: str, claimed: str | None, browser: Browser
    ) -> Admitted | Refusal:
        """Count a try at a password, before the directory does.

        Args:
            login: as typed; what counts where it names no directory.
            claimed: see ``Directories.claims``.
        """
        account_id, own, whole = counted_name(tx, login, claimed)
        device_hash = digest(browser.device)
        is_known = store.knows_device(tx, device_hash, account_id or NOBODY)
        device = device_hash.hex() if is_known else self._pool(tx.origin.address)
        attempt = Attempt(GATE, own, tx.origin.address, device)
        gate = self.gate_of(is_known=is_known)
        said = gate.reserve(tx, attempt, captcha=True).verdict
        if not isinstance(said, Proceed):
            self.trail.append(tx, Throttled(gate=GATE))
            return Refusal(Reason.TOO_MANY_ATTEMPTS, until=throttle.until(said))
        return Admitted(attempt, whole, account_id, is_known)

    def gate_of(self, *, is_known: bool) -> Gate:
        """Choose who counts: of browsers that their holder has used, or of all others."""
        return self.gate if is_known else self.strangers

    def _pool(self, address: str) -> str:
        networks = [one for section in self.config.directories for one in section.ticket_networks]
        return INSIDE if throttle.is_within(networks, address) else OUTSIDE

    def record(
        self,
        tx: Transaction,
        found: Found,
        means: Means,
        browser: Browser,
        *,
        client_id: str | None,
        admitted: Admitted | None = None,
    ) -> Outcome:
        """Write down what came of it; a session is opened only here and at :meth:`enter`.

        Args:
            admitted: of a try at a password; ``None``: of a ticket.
        """
        if admitted is not None:
            self._count(tx, found, admitted)
        if not isinstance(found, DirectoryPerson):
            why = _why(found)
            holder = admitted.account_id if admitted else None
            told = _WRONG if found is Standing.NOBODY else why
            self._attempt(tx, holder, means, browser, client_id=client_id, refused_for=told)
            self.trail.append(tx, SigninRefused(method=means.method, reason=why))
            return found
        account = self.account_of(tx, found)
        if account is None:
            self.trail.append(tx, SigninRefused(method=means.method, reason="unregistered"))
            return Unregistered(found)
        if account.state is not State.ACTIVE:
            self._attempt(
                tx, account.id, means, browser, client_id=client_id, refused_for="disabled"
            )
            self.trail.append(
                tx, SigninRefused(subject=account.subject, method=means.method, reason="disabled")
            )
            return Refusal(Reason.WRONG_CREDENTIALS)
        claimed = admitted.claimed if admitted else ""
        self.refreshing.refresh(tx, account, found, claimed)
        return self.enter(tx, account, means, browser, client_id=client_id)

    def account_of(self, tx: Transaction, person: DirectoryPerson) -> Account | None:
        """Find whose entry it is: by what outlives its names, and by nothing else."""
        identity = person.identity
        account_id = identities.find(tx, identity.kind, identity.key)
        return self.accounts.find(tx, account_id) if account_id else None

    def enter(
        self,
        tx: Transaction,
        account: Account,
        means: Means,
        browser: Browser,
        *,
        client_id: str | None,
        since: datetime | None = None,
    ) -> SignedIn:
        """Open the session of an account whose entry has just been found good.

        Args:
            since: when it was proven, by whom a registration has kept since: of that the mail
                need not tell.
        """
        is_whole = account.second_factor is not SecondFactor.ALWAYS
        missing = None if is_whole else store.AWAITS_FACTOR
        self._attempt(tx, account.id, means, browser, client_id=client_id, refused_for=missing)
        if store.remember_device(tx, digest(browser.device), account.id) and since is None:
            message = NewBrowser(
                at=tx.now,
                address=tx.origin.address,
                browser=browser.user_agent,
                method=means.method,
            )
            self.notices.tell(tx, account.id, message)
        opened = sessions.begin(
            tx,
            self.entropy,
            account,
            acr=means.acr,
            amr=means.amr,
            user_agent=browser.user_agent,
            absolute=timedelta(hours=self.config.sessions.absolute_hours),
            since=since,
        )
        succeeded = SigninSucceeded(
            subject=account.subject, method=means.method, acr=means.acr, session=str(opened.id)
        )
        self.trail.append(tx, succeeded)
        return SignedIn(account.id, opened, is_whole)

    def _count(self, tx: Transaction, found: Found, admitted: Admitted) -> None:
        """Leave counted what the directory counts, or may have counted without our hearing."""
        gate = self.gate_of(is_known=admitted.is_known)
        if isinstance(found, DirectoryPerson):
            # One's own success forgives no tries at somebody else who is named alike: the front
            # of a principal name may be another's account.
            is_their_own = admitted.attempt.account == login_of(found.directory, found.account)
            (gate.succeed if is_their_own else gate.give_back)(tx, admitted.attempt)
            return
        is_unsure = found is Standing.UNANSWERED and not admitted.is_known
        if found not in _COUNTED and not is_unsure:
            gate.give_back(tx, admitted.attempt)

    def _attempt(
        self,
        tx: Transaction,
        account_id: UUID | None,
        means: Means,
        browser: Browser,
        *,
        client_id: str | None,
        refused_for: str | None,
    ) -> None:
        row = {
            "id": tx.next_id(self.entropy),
            "account_id": account_id,
            "at": tx.now,
            "method": means.method,
            "refused_for": refused_for,
            "address": tx.origin.address,
            "user_agent": browser.user_agent[:255],
            "client_id": client_id,
        }
        store.add_attempt(tx, row)


def _why(found: Standing) -> str:
    """Say in history and log why nobody was let in."""
    return _WRONG if found is Standing.WRONG_CREDENTIALS else f"directory_{found}"
