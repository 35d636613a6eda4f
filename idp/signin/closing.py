"""What an account leaves behind when it is closed: nothing but its name, and the audit log."""

from uuid import UUID

from sqlalchemy import bindparam, delete

from idp.accounts.tables import AccountIdentity
from idp.authenticators.card.cards import Card
from idp.authenticators.card.challenges import CardChallenge
from idp.authenticators.passkey import Passkey, PasskeyChallenge
from idp.authenticators.recovery_code import RecoveryCode
from idp.authenticators.totp import TotpCredential
from idp.consent.store import Consent
from idp.database.transaction import Transaction
from idp.sessions import store as sessions
from idp.signin import codes
from idp.signin.store import KnownDevice, SignInAttempt
from idp.signin.tickets import MailTicket

_TABLES = (
    SignInAttempt,
    KnownDevice,
    MailTicket,
    Consent,
    AccountIdentity,
    Card,
    CardChallenge,
    Passkey,
    PasskeyChallenge,
    TotpCredential,
    RecoveryCode,
)
_FORGET = tuple(delete(table).where(table.account_id == bindparam("owner")) for table in _TABLES)


def forget(tx: Transaction, account_id: UUID) -> None:
    """Delete the rows that speak of the person's doings."""
    for statement in _FORGET:
        tx.execute(statement, {"owner": account_id})
    codes.forget(tx, account_id.bytes)
    sessions.anonymise(tx, account_id)
