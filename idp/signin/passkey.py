"""Signing in with a passkey alone: something held, and the person verified by it.

Every function runs inside the caller's transaction.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from idp.accounts import offices
from idp.accounts.model import State
from idp.accounts.store import Accounts
from idp.audit.events.signin import SigninRefused, SigninSucceeded
from idp.audit.store import Trail
from idp.authenticators import Reason, Refusal, passkey
from idp.authenticators.passkey import OnRecord, Passkeys, Presented, Purpose, Shown
from idp.config import Config
from idp.database.transaction import Transaction
from idp.mail.messages import NewBrowser
from idp.secret import Entropy, digest, same
from idp.sessions import actions as sessions
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.notices import Notices

METHOD: Final = "passkey"


@dataclass(frozen=True, slots=True)
class PasskeySignIn:
    """The two transactions around a passkey: admit before, record after."""

    config: Config
    passkeys: Passkeys
    accounts: Accounts
    trail: Trail
    notices: Notices
    entropy: Entropy

    def admit(self, tx: Transaction, presented: Presented, browser: Browser) -> OnRecord | Refusal:
        """Use the challenge up and find the key that is named.

        No gate stands here: there is nothing to guess, and a signature is cheap to check.
        """
        claimed = self.passkeys.claim(tx, presented, browser.binding, Purpose.AUTHENTICATE)
        found = self.passkeys.find(tx, presented)
        if not claimed or found is None:
            self.trail.append(tx, SigninRefused(method=METHOD, reason="not_offered"))
            return Refusal(Reason.PASSKEY_REFUSED)
        return found

    def record(
        self,
        tx: Transaction,
        presented: Presented,
        on_record: OnRecord,
        shown: Shown | None,
        browser: Browser,
        *,
        client_id: str | None,
        acr: str,
    ) -> SignedIn | Refusal:
        """Write down what came of it; a session is opened only here."""
        account = self.accounts.find(tx, on_record.account_id)
        if account is None or account.state is not State.ACTIVE:
            return Refusal(Reason.PASSKEY_REFUSED)
        if offices.is_of_directory(tx, account):
            refused = SigninRefused(subject=account.subject, method=METHOD, reason="of_directory")
            self.trail.append(tx, refused)
            return Refusal(Reason.PASSKEY_REFUSED)
        # The key says whose it is (WebAuthn section 7.2, step 6); both have to say the same.
        named = same(presented.user_handle, account.subject.encode())
        right = shown is not None and named and passkey.use(tx, shown)
        attempt = {
            "id": tx.next_id(self.entropy),
            "account_id": account.id,
            "at": tx.now,
            "method": METHOD,
            "refused_for": None if right else "passkey_refused",
            "address": tx.origin.address,
            "user_agent": browser.user_agent[:255],
            "client_id": client_id,
        }
        store.add_attempt(tx, attempt)
        if shown is None or not right:
            refused = SigninRefused(subject=account.subject, method=METHOD, reason="not_verified")
            self.trail.append(tx, refused)
            return Refusal(Reason.PASSKEY_REFUSED)
        if store.remember_device(tx, digest(browser.device), account.id):
            message = NewBrowser(
                at=tx.now, address=tx.origin.address, browser=browser.user_agent, method=METHOD
            )
            self.notices.tell(tx, account.id, message)
        opened = sessions.begin(
            tx,
            self.entropy,
            account,
            acr=acr,
            amr=(*shown.amr, "mfa"),
            user_agent=browser.user_agent,
            absolute=timedelta(hours=self.config.sessions.absolute_hours),
            two_factors=True,
        )
        succeeded = SigninSucceeded(
            subject=account.subject, method=METHOD, acr=acr, session=str(opened.id)
        )
        self.trail.append(tx, succeeded)
        return SignedIn(account.id, opened)
