"""What an account leaves behind when it is closed: nothing but its name, and the audit log.

The evidence of its cards goes as well: certificates name people. Its hash stays in the audit log,
so whoever was given a package before can still show that it is the one.
"""

from sqlalchemy import bindparam, delete

from idp.accounts.model import Account
from idp.accounts.offices import AccountOffice
from idp.accounts.proofs import AccountProof
from idp.accounts.tables import AccountIdentity
from idp.audit import history
from idp.authenticators.card.cards import Card
from idp.authenticators.card.challenges import CardChallenge
from idp.authenticators.card.evidence import CardEvidence
from idp.authenticators.card.offers import CardOffer
from idp.authenticators.passkey import Passkey, PasskeyChallenge
from idp.authenticators.recovery_code import RecoveryCode
from idp.authenticators.totp import TotpCredential
from idp.consent.store import Consent
from idp.database.transaction import Transaction
from idp.sessions import store as sessions
from idp.signin import codes
from idp.signin.notices import NoticeLink
from idp.signin.store import KnownDevice, SignInAttempt
from idp.signin.tickets import MailTicket

_TABLES = (
    SignInAttempt,
    KnownDevice,
    MailTicket,
    NoticeLink,
    Consent,
    AccountIdentity,
    AccountOffice,
    AccountProof,
    Card,
    CardChallenge,
    CardEvidence,
    CardOffer,
    Passkey,
    PasskeyChallenge,
    TotpCredential,
    RecoveryCode,
)
_FORGET = tuple(delete(table).where(table.account_id == bindparam("owner")) for table in _TABLES)


def forget(tx: Transaction, account: Account) -> None:
    """Delete the rows that speak of the person's doings."""
    for statement in _FORGET:
        tx.execute(statement, {"owner": account.id})
    history.forget(tx, account.subject)
    codes.forget(tx, account.id.bytes)
    sessions.anonymise(tx, account.id)
