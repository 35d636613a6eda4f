"""What a sign-in does to the record. Every function runs inside the caller's transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from idp.accounts import offices, passwords
from idp.accounts.model import Account, SecondFactor, State
from idp.accounts.passwords import PasswordRow
from idp.accounts.store import Accounts
from idp.audit.events.event import Event
from idp.audit.events.passwords import PasswordDisabled, PasswordUpgraded
from idp.audit.events.signin import SigninRefused, SigninSucceeded, Throttled
from idp.audit.store import Trail
from idp.authenticators import Identity, Proof, Reason, Refusal
from idp.authenticators.password import policy
from idp.authenticators.password.authenticator import PasswordOnRecord
from idp.authenticators.password.captcha import Captcha
from idp.authenticators.password.works import StandIns
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import NewBrowser, PasswordSwitchedOff, Post, TooManyFailures
from idp.secret import Entropy, digest
from idp.sessions import actions as sessions
from idp.signin import store
from idp.signin.activation import Activation
from idp.signin.counters import Attempt, Gate, Held, Reserved
from idp.signin.notices import Notices
from idp.signin.passwords import STAFF
from idp.signin.recovery import send_link
from idp.signin.throttle import Dimension, NeedsCaptcha, Proceed, Wait

GATE = "password"


@dataclass(frozen=True, slots=True)
class Browser:
    """Who is at the other end, before anything is proven."""

    binding: bytes
    """SHA-256 of the cookie that every page of a sign-in is bound to."""
    device: str = field(repr=False)
    """The cookie that names a browser for years; empty when it has none yet."""
    user_agent: str
    locale: str


@dataclass(frozen=True, slots=True)
class Typed:
    """The sign-in form, without the password."""

    account_name: str
    """Canonical."""
    captcha_id: str = ""
    captcha: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The attempt is counted; the password may be compared now, outside any transaction."""

    attempt: Attempt
    on_record: PasswordOnRecord | None
    row: PasswordRow | None
    reserved: Reserved
    stand_in: str = field(default="", repr=False)
    """Compared where nothing is on record; drawn for every name, for that is work as well."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The session is open; its cookie goes to the browser and nowhere else."""

    account_id: UUID
    session: sessions.Opened
    is_whole: bool = True
    """Nothing more is asked for; else the session opens no page until its second factor."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is on record once a password was right."""

    account: Account | None
    unchanged: bool
    """The password is still the account's, and so until the commit."""
    held: Held
    is_known: Callable[[], bool]
    """Whether the browser has signed in to the account before."""


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    """The two transactions around a password: admit before, record after."""

    config: Config
    gate: Gate
    captcha: Captcha
    stand_ins: StandIns
    accounts: Accounts
    trail: Trail
    post: Post
    notices: Notices
    entropy: Entropy

    def admit(self, tx: Transaction, typed: Typed, browser: Browser) -> Admitted | Refusal:
        """Use up the captcha and count the attempt.

        The same work, statement by statement, whether or not the account exists.
        """
        solved = self._captcha_solved(tx, typed, browser)
        if solved is False:
            self._refuse(tx, SigninRefused(method="password", reason=Reason.CAPTCHA_WRONG))
            return Refusal(Reason.CAPTCHA_WRONG if typed.captcha else Reason.CAPTCHA_MISSING)
        device_hash = digest(browser.device)
        is_known = store.expect_device(tx, device_hash, typed.account_name)
        row = passwords.on_record(tx, typed.account_name)
        stand_in = self.stand_ins.of(tx, typed.account_name)
        attempt = Attempt(
            GATE, typed.account_name, tx.origin.address, device_hash.hex() if is_known() else ""
        )
        reserved = self.gate.reserve(tx, attempt, captcha=solved is True)
        match reserved.verdict:
            case Wait(until):
                self._refuse(tx, Throttled(gate=GATE))
                return Refusal(Reason.TOO_MANY_ATTEMPTS, until=until)
            case NeedsCaptcha():
                return Refusal(Reason.CAPTCHA_MISSING)
            case Proceed():
                return Admitted(attempt, _usable(row), row, reserved, stand_in)

    def admit_again(
        self, tx: Transaction, account: Account, browser: Browser
    ) -> Admitted | Refusal:
        """Count a try at the password of somebody signed in, as one at the sign-in.

        The session may be in a stranger's hands: it lifts no limit.
        """
        row = passwords.on_record(tx, account.account_name)
        device_hash = digest(browser.device)
        is_known = store.knows_device(tx, device_hash, account.id)
        attempt = Attempt(
            GATE,
            account.account_name,
            tx.origin.address,
            device_hash.hex() if is_known else "",
        )
        reserved = self.gate.reserve(tx, attempt, captcha=True)
        if not isinstance(reserved.verdict, Proceed):
            self._refuse(tx, Throttled(subject=account.subject, gate=GATE))
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        return Admitted(attempt, _usable(row), row, reserved)

    def record_again(
        self, tx: Transaction, admitted: Admitted, result: Proof | Refusal, browser: Browser
    ) -> Refusal | None:
        """Write down what came of it; ``None``: it was the password."""
        if isinstance(result, Refusal):
            self._attempt(tx, admitted.row, browser, None, result.detail or result.reason)
            return self._refused(tx, admitted, result)
        self.gate.succeed(tx, admitted.attempt)
        return None

    def _captcha_solved(self, tx: Transaction, typed: Typed, browser: Browser) -> bool | None:
        """``None`` when none was asked for; an answer is used up even where none was needed."""
        mode = self.config.captcha.mode
        if mode == "off" or (mode == "adaptive" and not typed.captcha_id):
            return None
        if not typed.captcha_id:
            return False
        return self.captcha.claim(tx, typed.captcha_id, browser.binding, typed.captcha)

    def record(
        self,
        tx: Transaction,
        admitted: Admitted,
        result: Proof | Refusal,
        browser: Browser,
        *,
        client_id: str | None,
        stronger_hash: str | None,
        acr: str,
    ) -> SignedIn | Refusal:
        """Write down what came of it; a session is opened only here.

        Returns every outcome, refusals included, because all of them are to be committed.
        """
        row = admitted.row
        if isinstance(result, Refusal):
            why = result.detail or result.reason
            if row and row.state is State.PENDING and why == "disabled":
                why = Reason.NOT_ACTIVATED
            self._attempt(tx, row, browser, client_id, why)
            return self._refused(tx, admitted, result)
        found = self._look(tx, admitted, UUID(result.identity.key), browser)
        account = found.account
        if account is None or not self._still_opens(tx, account, found):
            # Changed or switched off while it was compared: what ended with it stays ended.
            self._attempt(tx, row, browser, client_id, _CHANGED)
            self._refuse(tx, SigninRefused(method="password", reason=_CHANGED))
            return Refusal(Reason.WRONG_CREDENTIALS, result.identity, _CHANGED)
        expired = self._is_too_old(tx, account, row)
        missing = Reason.PASSWORD_EXPIRED if expired else _missing_of(account)
        self._attempt(tx, row, browser, client_id, missing)
        self.gate.settle(tx, found.held)
        if expired:
            return self._send_for_a_new_one(tx, account)
        if stronger_hash and row:
            passwords.replace_hash(tx, account.id, row.phc_hash, stronger_hash)
            self.trail.append(tx, PasswordUpgraded(subject=account.subject))
        device_hash = digest(browser.device)
        if store.remember_device(tx, device_hash, account.id, found.is_known):
            message = NewBrowser(address=tx.origin.address, at=tx.now, browser=browser.user_agent)
            self.notices.tell(tx, account.id, message)
        opened = sessions.begin(
            tx,
            self.entropy,
            account,
            acr=acr,
            amr=result.amr,
            user_agent=browser.user_agent,
            absolute=timedelta(hours=self.config.sessions.absolute_hours),
        )
        succeeded = SigninSucceeded(
            subject=account.subject, method="password", acr=acr, session=str(opened.id)
        )
        self.trail.append(tx, succeeded)
        return SignedIn(account.id, opened, missing is None)

    def _attempt(
        self,
        tx: Transaction,
        row: PasswordRow | None,
        browser: Browser,
        client_id: str | None,
        refused: str | None,
    ) -> None:
        attempt = {
            "id": tx.next_id(self.entropy),
            "account_id": row.account_id if row else None,
            "at": tx.now,
            "method": "password",
            "refused_for": refused,
            "address": tx.origin.address,
            "user_agent": browser.user_agent[:255],
            "client_id": client_id,
        }
        store.add_attempt(tx, attempt)

    def _refused(self, tx: Transaction, admitted: Admitted, refusal: Refusal) -> Refusal:
        row = admitted.row
        reason = refusal.detail or refusal.reason.value
        self._refuse(tx, SigninRefused(method="password", reason=reason))
        if row and row.state is State.PENDING and refusal.detail == "disabled":
            return self._remind(tx, admitted, row)
        if refusal.reason is Reason.BUSY:
            self.gate.give_back(tx, admitted.attempt)  # nothing was compared: nothing to count
            return refusal
        streak = admitted.reserved.failures(Dimension.STREAK) + 1
        strangers = admitted.reserved.failures(Dimension.STRANGERS) + 1
        policy = self.config.throttle
        if row and streak >= policy.password_failures and passwords.disable(tx, row.account_id):
            account = self.accounts.find(tx, row.account_id)
            self._refuse(tx, PasswordDisabled(subject=account.subject if account else ""))
            self._tell(tx, row, PasswordSwitchedOff(at=tx.now))
        elif row and strangers == policy.captcha_per_hour:
            self._tell(tx, row, TooManyFailures(at=tx.now, failures=strangers))
        return refusal

    def _look(
        self, tx: Transaction, admitted: Admitted, account_id: UUID, browser: Browser
    ) -> _Found:
        """Read and hold in one round trip what a right password is judged by."""
        row, named = admitted.row, admitted.attempt.account
        unchanged = passwords.expect_still(tx, account_id, row.phc_hash) if row else None
        held = self.gate.hold(tx, admitted.attempt)
        is_known = store.expect_device(tx, digest(browser.device), named)
        account = self.accounts.find(tx, account_id)
        return _Found(account, unchanged is None or unchanged(), held, is_known)

    def _still_opens(self, tx: Transaction, account: Account, found: _Found) -> bool:
        is_active = account.state is State.ACTIVE
        return found.unchanged and is_active and not offices.is_of_directory(tx, account)

    def _is_too_old(self, tx: Transaction, account: Account, row: PasswordRow | None) -> bool:
        oldest = policy.chosen(self.config.password, staff=account.kind in STAFF).max_age
        return bool(oldest and row and tx.now - row.changed_at > oldest)

    def _send_for_a_new_one(self, tx: Transaction, account: Account) -> Refusal:
        """Open nothing for a password past its time; its owner sets another by mail."""
        self._refuse(tx, SigninRefused(method="password", reason=Reason.PASSWORD_EXPIRED))
        again = Attempt("recovery", account.account_name, tx.origin.address)
        if isinstance(self.gate.reserve(tx, again, captcha=True).verdict, Proceed):
            send_link(tx, self.post, self.entropy, account)
        return Refusal(Reason.PASSWORD_EXPIRED)

    def _remind(self, tx: Transaction, admitted: Admitted, row: PasswordRow) -> Refusal:
        """Send the link of activation again to whom has typed the right password."""
        self.gate.succeed(tx, admitted.attempt)
        account = self.accounts.find(tx, row.account_id)
        again = Attempt("activation", admitted.attempt.account, tx.origin.address)
        allowed = self.gate.reserve(tx, again, captcha=True)
        if account and isinstance(allowed.verdict, Proceed):
            Activation(self.post, self.entropy).send(tx, account)
        return Refusal(Reason.NOT_ACTIVATED)

    def _tell(
        self, tx: Transaction, row: PasswordRow, message: PasswordSwitchedOff | TooManyFailures
    ) -> None:
        hour = tx.now.strftime("%Y%m%d%H")
        unique = f"{type(message).__name__}/{row.account_id}/{hour}"
        self.notices.tell(tx, row.account_id, message, unique=unique)

    def _refuse(self, tx: Transaction, happened: Event) -> None:
        self.trail.append(tx, happened)


_CHANGED = "changed_meanwhile"


def _missing_of(account: Account) -> str | None:
    """Say what is still missing after a right password; ``None``: nothing."""
    always = account.second_factor is SecondFactor.ALWAYS
    return store.AWAITS_FACTOR if always else None


def _usable(row: PasswordRow | None) -> PasswordOnRecord | None:
    if row is None:
        return None
    usable = not row.disabled and row.state is State.ACTIVE
    return PasswordOnRecord(Identity("account", str(row.account_id)), row.phc_hash, usable)
