"""Showing a second factor: what a code or a passkey does to the record.

Every function runs inside the caller's transaction. Behind each kind of code stands a gate
of its own, which no browser's good name opens wider: whoever is here knows the password
already, and would make himself a new name with every sign-in.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from idp.accounts.store import Accounts
from idp.audit.events.factors import RecoveryCodeUsed
from idp.audit.events.signin import SigninRaised, SigninRefused, Throttled
from idp.audit.store import Trail
from idp.authenticators import Identity, Proof, Reason, Refusal, passkey, recovery_code, totp
from idp.authenticators.passkey import OnRecord, Passkeys, Presented, Purpose, Shown
from idp.authenticators.recovery_code import RecoveryCodes
from idp.authenticators.totp import Totp
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import SecondFactorChanged
from idp.secret import Entropy
from idp.sessions import actions as sessions
from idp.sessions.store import Session
from idp.signin import store
from idp.signin.counters import Attempt, Gate
from idp.signin.notices import Notices
from idp.signin.throttle import Dimension, Proceed

TOTP: Final = "totp"
RECOVERY_CODE: Final = "recovery_code"
PASSKEY: Final = "passkey"


@dataclass(frozen=True, slots=True)
class SecondFactorSignIn:
    """Takes codes and passkeys beside a password, and raises the session for them."""

    config: Config
    gate: Gate
    totp: Totp
    recovery: RecoveryCodes
    passkeys: Passkeys
    accounts: Accounts
    trail: Trail
    notices: Notices
    entropy: Entropy

    def prove_totp(
        self, tx: Transaction, session: Session, typed: str, user_agent: str
    ) -> Proof | Refusal:
        """Take a code of the authenticator app; each is good once."""
        attempt = self._admit(tx, session, TOTP)
        if attempt is None:
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        if not self.totp.claim(tx, session.account_id, typed):
            return self._refuse(tx, session, TOTP, user_agent)
        self.gate.succeed(tx, attempt)
        return _proof(session, totp.AMR)

    def prove_recovery_code(
        self, tx: Transaction, session: Session, typed: str, user_agent: str
    ) -> Proof | Refusal:
        """Take a recovery code, and tell the owner that there is one less."""
        attempt = self._admit(tx, session, RECOVERY_CODE)
        if attempt is None:
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        if not self.recovery.claim(tx, session.account_id, typed):
            return self._refuse(tx, session, RECOVERY_CODE, user_agent)
        self.gate.succeed(tx, attempt)
        # Whoever got in by paper may use the app again, however often somebody has guessed.
        self.gate.succeed(tx, self._attempt(tx, session, TOTP))
        left = self.recovery.left(tx, session.account_id)
        self.trail.append(tx, RecoveryCodeUsed(subject=session.subject, left=left))
        used = SecondFactorChanged(
            at=tx.now, change="recovery_code_used", address=tx.origin.address
        )
        self.notices.tell(tx, session.account_id, used)
        return _proof(session, recovery_code.AMR)

    def admit_passkey(
        self, tx: Transaction, session: Session, presented: Presented, browser_hash: bytes
    ) -> OnRecord | Refusal:
        """Use the challenge up and find the key; it is verified outside any transaction."""
        owner = session.account_id
        claimed = self.passkeys.claim(tx, presented, browser_hash, Purpose.AUTHENTICATE, owner)
        found = self.passkeys.find(tx, presented)
        if not claimed or found is None or found.account_id != owner:
            refused = SigninRefused(subject=session.subject, method=PASSKEY, reason="not_offered")
            self.trail.append(tx, refused)
            return Refusal(Reason.PASSKEY_REFUSED)
        return found

    def prove_passkey(
        self, tx: Transaction, session: Session, shown: Shown | None, user_agent: str
    ) -> Proof | Refusal:
        """Note that a verified passkey was used."""
        if shown is None or not passkey.use(tx, shown):
            refused = self._refuse(tx, session, PASSKEY, user_agent)
            return Refusal(Reason.PASSKEY_REFUSED, refused.claimed)
        return _proof(session, shown.amr)

    def raise_session(
        self,
        tx: Transaction,
        session: Session,
        amr: tuple[str, ...],
        *,
        method: str,
        acr: str,
        user_agent: str,
    ) -> sessions.Opened | Refusal:
        """Open the session that two factors have proven; the caller puts it in the other's place.

        Its time counts from the password on: a second factor is not the first once more.
        """
        account = self.accounts.find(tx, session.account_id)
        if account is None:
            return Refusal(Reason.WRONG_CREDENTIALS)
        opened = sessions.begin(
            tx,
            self.entropy,
            account,
            acr=acr,
            amr=tuple(dict.fromkeys((*session.amr, *amr, "mfa"))),
            user_agent=user_agent,
            absolute=timedelta(hours=self.config.sessions.absolute_hours),
            two_factors=True,
            since=session.authenticated_at,
        )
        store.complete_attempt(tx, account.id, session.authenticated_at, method)
        raised = SigninRaised(
            subject=account.subject, method=method, acr=acr, session=str(opened.id)
        )
        self.trail.append(tx, raised)
        return opened

    def confirm_totp(self, tx: Transaction, session: Session, typed: str) -> Refusal | None:
        """Take an app into use by its first code, through the gate as any other code."""
        attempt = self._admit(tx, session, TOTP)
        if attempt is None:
            return Refusal(Reason.TOO_MANY_ATTEMPTS)
        if not self.totp.confirm(tx, session.account_id, session.id, typed):
            return Refusal(Reason.CODE_WRONG)
        self.gate.succeed(tx, attempt)
        return None

    def _attempt(self, tx: Transaction, session: Session, gate: str) -> Attempt:
        return Attempt(gate, session.account_name, tx.origin.address)

    def _admit(self, tx: Transaction, session: Session, gate: str) -> Attempt | None:
        """Count the try before anything is compared; ``None``: there were too many.

        A hundred wrong ones in a row end it until another factor is shown (NIST SP 800-63B-4
        section 3.2.2).
        """
        attempt = self._attempt(tx, session, gate)
        reserved = self.gate.reserve(tx, attempt, captcha=True)
        over = reserved.failures(Dimension.STREAK) >= self.config.throttle.password_failures
        if over or not isinstance(reserved.verdict, Proceed):
            self.trail.append(tx, Throttled(subject=session.subject, gate=gate))
            return None
        return attempt

    def _refuse(self, tx: Transaction, session: Session, method: str, user_agent: str) -> Refusal:
        refused = SigninRefused(subject=session.subject, method=method, reason="wrong_code")
        self.trail.append(tx, refused)
        row = {
            "id": tx.next_id(self.entropy),
            "account_id": session.account_id,
            "at": tx.now,
            "method": method,
            "refused_for": "wrong_code",
            "address": tx.origin.address,
            "user_agent": user_agent[:255],
            "client_id": None,
        }
        store.add_attempt(tx, row)
        return Refusal(Reason.CODE_WRONG, _identity(session.account_id))


def _identity(account_id: UUID) -> Identity:
    return Identity("account", str(account_id))


def _proof(session: Session, amr: tuple[str, ...]) -> Proof:
    return Proof(_identity(session.account_id), amr)
