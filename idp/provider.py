"""The provider's parts list: built once by ``idp.assembly``, handed to every door."""

from dataclasses import dataclass

from idp.accounts.particulars import Particulars
from idp.accounts.store import Accounts
from idp.audit.store import Trail
from idp.authenticators.card.evidence import Evidence
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.lists import Lists
from idp.authenticators.card.revocation import Revocation
from idp.authenticators.directory.directory import Directories
from idp.authenticators.passkey import Passkeys
from idp.authenticators.password.authenticator import PasswordAuthenticator
from idp.authenticators.password.captcha import Captcha
from idp.authenticators.recovery_code import RecoveryCodes
from idp.authenticators.totp import Totp
from idp.config import Config
from idp.database.transaction import Database
from idp.gateways.fetch import Fetcher
from idp.gateways.ics import Ics
from idp.gateways.kerberos import Tickets
from idp.gateways.smtp import SmtpGateway
from idp.keys.store import SigningKeys
from idp.linking.actions import Linking
from idp.mail.messages import Stationery
from idp.oidc.backchannel_authentication import BackchannelAuthentication
from idp.oidc.clients import Clients
from idp.oidc.registration import Registrar
from idp.oidc.server import AuthorizationServer
from idp.outbox.store import Outbox
from idp.registration.actions import Registering
from idp.secret import Entropy, Keychain
from idp.sessions.actions import Ending
from idp.signin.account_cards import AccountCards
from idp.signin.actions import PasswordSignIn
from idp.signin.card import CardSignIn
from idp.signin.codes import Codes
from idp.signin.confirming import Confirming
from idp.signin.counters import Gate
from idp.signin.directory import DirectorySignIn
from idp.signin.factors import Factors
from idp.signin.notices import Notices
from idp.signin.passkey import PasskeySignIn
from idp.signin.passwords import Passwords
from idp.signin.recovery import Recovery
from idp.signin.second_factor import SecondFactorSignIn


@dataclass(frozen=True, slots=True)
class Provider:
    """What the doors may use. No methods: behaviour lives in the features."""

    config: Config
    database: Database
    entropy: Entropy
    """Random bytes for codes and tokens: the system's; in screenshots a fixed one."""
    keychain: Keychain
    keys: SigningKeys
    clients: Clients
    accounts: Accounts
    oidc: AuthorizationServer
    password: PasswordAuthenticator
    captcha: Captcha
    totp: Totp
    recovery_codes: RecoveryCodes
    passkeys: Passkeys
    signing_in: PasswordSignIn
    passwords: Passwords
    recovery: Recovery
    codes: Codes
    particulars: Particulars
    registering: Registering
    passkey_signing_in: PasskeySignIn
    second_factor: SecondFactorSignIn
    factors: Factors
    notices: Notices
    gate: Gate
    registrar: Registrar
    backchannel: BackchannelAuthentication
    linking: Linking
    ending: Ending
    trail: Trail
    outbox: Outbox
    stationery: Stationery
    smtp: SmtpGateway
    fetch: Fetcher
    card_revocation: Revocation
    card_lists: Lists
    card_holders: Holders
    card_evidence: Evidence
    card_signing_in: CardSignIn
    account_cards: AccountCards
    directory_signing_in: DirectorySignIn
    confirming: Confirming
    ics: Ics
    directories: Directories
    tickets: Tickets
