"""From configuration to provider: the only module that knows every part."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from idp.accounts.particulars import Particulars
from idp.accounts.store import Accounts
from idp.assembly import edge, root_key
from idp.audit.store import Trail
from idp.authenticators.card.evidence import Evidence
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.revocation import Revocation
from idp.authenticators.card.trust import Trust
from idp.authenticators.directory.courts import Courts
from idp.authenticators.passkey import Passkeys
from idp.authenticators.password.authenticator import PasswordAuthenticator
from idp.authenticators.password.captcha import Captcha
from idp.authenticators.password.works import StandIns
from idp.authenticators.recovery_code import RecoveryCodes
from idp.authenticators.totp import Totp
from idp.clock import Clock, system_clock
from idp.config import Config
from idp.database.transaction import Database, open_database
from idp.gateways.fetch import Fetcher
from idp.gateways.kerberos import Tickets
from idp.gateways.smtp import SmtpGateway
from idp.keys.store import SigningKeys
from idp.linking.actions import Linking
from idp.mail.messages import Post, Stationery
from idp.oidc.backchannel_authentication import BackchannelAuthentication
from idp.oidc.client_authentication import ClientAuthentication
from idp.oidc.client_documents import ClientDocuments
from idp.oidc.clients import Clients
from idp.oidc.dpop import Proofs
from idp.oidc.grants.authorization_code import AuthorizationCodeGrant
from idp.oidc.grants.client_credentials import ClientCredentialsGrant
from idp.oidc.grants.decoupled import CibaGrant, DeviceCodeGrant
from idp.oidc.grants.refresh_token import RefreshTokenGrant
from idp.oidc.grants.token_exchange import TokenExchangeGrant
from idp.oidc.registration import Registrar
from idp.oidc.server import AuthorizationServer, Parts
from idp.oidc.subjects import Subjects
from idp.oidc.verified_claims import VerifiedClaims
from idp.oidc.vouching import Vouching
from idp.outbox.store import Outbox
from idp.provider import Provider
from idp.registration import by_directory
from idp.registration.actions import Registering
from idp.registration.by_card import ByCard
from idp.registration.by_directory import ByDirectory
from idp.registration.store import Registrations
from idp.secret import Entropy, Keychain, system_entropy
from idp.sessions.actions import Ending
from idp.signin import directory
from idp.signin.account_cards import AccountCards
from idp.signin.actions import PasswordSignIn
from idp.signin.card import CardSignIn
from idp.signin.codes import Codes
from idp.signin.confirming import Confirming
from idp.signin.counters import Gate
from idp.signin.directory import DirectorySignIn, Refreshing
from idp.signin.factors import Factors
from idp.signin.notices import Notices
from idp.signin.passkey import PasskeySignIn
from idp.signin.passwords import Passwords
from idp.signin.recovery import Recovery
from idp.signin.second_factor import SecondFactorSignIn

_GRANTS = (
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    ClientCredentialsGrant,
    TokenExchangeGrant,
    DeviceCodeGrant,
    CibaGrant,
)


def build(
    config: Config, *, clock: Clock = system_clock, entropy: Entropy = system_entropy
) -> Provider:
    """Build the provider; connects to nothing yet.

    Raises:
        ConfigError: the key-encryption key is missing or readable by others.
        UnsupportedDatabase: the URL names neither SQLite nor PostgreSQL.
    """
    connections = config.server.threads + 2  # the worker's and the health check's beside
    database = open_database(config.database.url, clock, connections=connections)
    return assemble(config, database, root_key.load_keychain(config, entropy), entropy)


def assemble(
    config: Config, database: Database, keys_of: Keychain, entropy: Entropy = system_entropy
) -> Provider:
    """Put the parts together around an open database."""
    ground = _ground(config, keys_of, entropy)
    server = _protocol(ground)
    second = _second_factors(ground)
    cards = _cards(ground, second)
    password = PasswordAuthenticator(config.password)
    captcha = Captcha(keys_of.key("captcha"), config.captcha, entropy)
    confirming = Confirming(ground.accounts, ground.particulars, ground.trail)
    return Provider(
        config=config,
        database=database,
        entropy=entropy,
        keychain=keys_of,
        keys=server.parts.keys,
        clients=server.parts.clients,
        accounts=ground.accounts,
        oidc=server,
        password=password,
        captcha=captcha,
        totp=second.totp,
        recovery_codes=second.recovery_codes,
        passkeys=second.passkeys,
        signing_in=_password_sign_in(ground, captcha),
        passwords=Passwords(
            config.password, password, ground.gate, ground.ending, ground.trail, ground.notices
        ),
        recovery=_recovery(ground, second),
        codes=ground.codes,
        particulars=ground.particulars,
        registering=_registering(ground, cards, confirming),
        passkey_signing_in=PasskeySignIn(
            config, second.passkeys, ground.accounts, ground.trail, ground.notices, entropy
        ),
        second_factor=second.showing,
        factors=second.factors,
        notices=ground.notices,
        gate=ground.gate,
        registrar=Registrar(server.parts, config.registration),
        backchannel=BackchannelAuthentication(server.parts, keys_of.seal("ciba"), ground.outbox),
        linking=Linking(server.parts, ground.gate, ground.outbox, ground.fetcher, ground.accounts),
        ending=ground.ending,
        trail=ground.trail,
        outbox=ground.outbox,
        stationery=_stationery(config),
        smtp=SmtpGateway(config.smtp),
        fetch=ground.fetcher,
        card_revocation=cards.revocation,
        card_holders=cards.holders,
        card_evidence=ground.evidence,
        card_signing_in=_card_sign_in(ground, cards),
        account_cards=cards.of_accounts,
        directory_signing_in=_directory_sign_in(ground),
        confirming=confirming,
        ics=edge.ics(config, ground.fetcher, entropy),
        tickets=Tickets(urlsplit(config.provider.issuer).hostname or ""),
        card_lists=edge.card_lists(config, entropy),
        directories=edge.directories(config, database.clock),
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What more than one of the ways in stands on."""

    config: Config
    keys_of: Keychain
    entropy: Entropy
    trail: Trail
    outbox: Outbox
    accounts: Accounts
    particulars: Particulars
    evidence: Evidence
    gate: Gate
    post: Post
    notices: Notices
    codes: Codes
    ending: Ending
    fetcher: Fetcher


def _ground(config: Config, keys_of: Keychain, entropy: Entropy) -> _Ground:
    trail = Trail(keys_of.key("audit"), entropy)
    outbox = Outbox(keys_of.seal("outbox"), entropy, config.outbox)
    gate, post = Gate(keys_of.key("throttle"), config.throttle), Post(outbox)
    return _Ground(
        config,
        keys_of,
        entropy,
        trail,
        outbox,
        Accounts(keys_of.seal("profile"), entropy),
        Particulars(keys_of.seal("particulars"), keys_of.key("blind-index")),
        _evidence(config, keys_of, entropy),
        gate,
        post,
        Notices(post, entropy),
        Codes(keys_of.key("email-codes"), gate, post, entropy),
        Ending(trail, outbox),
        Fetcher(config.fetch),
    )


def _evidence(config: Config, keys_of: Keychain, entropy: Entropy) -> Evidence:
    return Evidence(
        keys_of.seal("card-evidence"),
        entropy,
        timedelta(days=365 * config.cards.evidence_years),
        timedelta(days=config.cards.evidence_days_of_nobody),
    )


def _protocol(ground: _Ground) -> AuthorizationServer:
    config, keys_of, issuer = ground.config, ground.keys_of, ground.config.provider.issuer
    clients, documents = Clients(), ClientDocuments(ground.fetcher, config.server.threads)
    certificates = edge.certificates(config)
    authentication = ClientAuthentication(clients, documents, certificates, ground.trail, issuer)
    server = AuthorizationServer(
        Parts(
            issuer,
            config.tokens,
            SigningKeys(keys_of.seal("signing-keys")),
            clients,
            ground.accounts,
            Subjects(keys_of.key("pairwise-subjects")),
            authentication,
            documents,
            Proofs(issuer, keys_of.key("dpop-nonces"), config.tokens.dpop_nonces_required),
            ground.trail,
            VerifiedClaims(ground.particulars, ground.evidence),
            Vouching(ground.accounts, ground.ending),
            Courts(config.directories),
            ground.entropy,
        )
    )
    for grant in _GRANTS:
        server.register_grant(grant)
    return server


@dataclass(frozen=True, slots=True)
class _SecondFactors:
    totp: Totp
    recovery_codes: RecoveryCodes
    passkeys: Passkeys
    showing: SecondFactorSignIn
    factors: Factors


def _second_factors(ground: _Ground) -> _SecondFactors:
    config, trail, notices = ground.config, ground.trail, ground.notices
    totp = Totp(ground.keys_of.seal("totp"), ground.entropy)
    recovery_codes = RecoveryCodes(ground.keys_of.key("recovery-codes"), ground.entropy)
    # An open sign-in page can be used for as long as the sign-in it belongs to.
    lifetime = timedelta(minutes=config.tokens.journey_minutes)
    passkeys = Passkeys(config.provider.issuer, lifetime, ground.entropy)
    showing = SecondFactorSignIn(
        config,
        ground.gate,
        totp,
        recovery_codes,
        passkeys,
        ground.accounts,
        trail,
        notices,
        ground.entropy,
    )
    factors = Factors(showing, totp, recovery_codes, passkeys, trail, notices)
    return _SecondFactors(totp, recovery_codes, passkeys, showing, factors)


@dataclass(frozen=True, slots=True)
class _Cards:
    trust: Trust
    revocation: Revocation
    holders: Holders
    of_accounts: AccountCards


def _cards(ground: _Ground, second: _SecondFactors) -> _Cards:
    trust, revocation = Trust(), edge.card_revocation(ground.config, ground.entropy)
    of_accounts = AccountCards(
        ground.config,
        ground.accounts,
        ground.particulars,
        ground.evidence,
        second.factors,
        ground.codes,
        ground.trail,
        ground.entropy,
    )
    return _Cards(trust, revocation, Holders(trust, revocation), of_accounts)


def _password_sign_in(ground: _Ground, captcha: Captcha) -> PasswordSignIn:
    return PasswordSignIn(
        ground.config,
        ground.gate,
        captcha,
        StandIns(ground.keys_of.key("password-stand-ins")),
        ground.accounts,
        ground.trail,
        ground.post,
        ground.notices,
        ground.entropy,
    )


def _card_sign_in(ground: _Ground, cards: _Cards) -> CardSignIn:
    return CardSignIn(
        ground.config,
        cards.trust,
        ground.evidence,
        ground.accounts,
        ground.trail,
        ground.notices,
        cards.of_accounts,
        ground.entropy,
    )


def _directory_sign_in(ground: _Ground) -> DirectorySignIn:
    config, key = ground.config, ground.keys_of.key("throttle")
    of_strangers = directory.strict(config, directory.strangers_tries(config))
    return DirectorySignIn(
        config,
        Gate(key, directory.strict(config), slides=True),
        Gate(key, of_strangers, steady=True),
        ground.accounts,
        Refreshing(ground.accounts, ground.trail),
        ground.trail,
        ground.notices,
        ground.entropy,
    )


def _recovery(ground: _Ground, second: _SecondFactors) -> Recovery:
    return Recovery(
        ground.accounts,
        ground.gate,
        ground.ending,
        ground.trail,
        ground.post,
        ground.outbox,
        ground.entropy,
        second.factors,
        ground.notices,
    )


def _registering(ground: _Ground, cards: _Cards, confirming: Confirming) -> Registering:
    config, keys_of, trail, entropy = ground.config, ground.keys_of, ground.trail, ground.entropy
    registrations = Registrations(keys_of.seal("registrations"))
    by_card = ByCard(
        config, cards.holders, registrations, ground.particulars, ground.evidence, trail, entropy
    )
    per_person = Gate(keys_of.key("throttle"), by_directory.per_person(config.throttle))
    return Registering(
        registrations,
        ground.accounts,
        ground.particulars,
        ground.codes,
        trail,
        ground.post,
        entropy,
        by_card,
        ByDirectory(config, registrations, entropy, per_person),
        confirming,
    )


def _stationery(config: Config) -> Stationery:
    return Stationery(
        {str(locale): name for locale, name in config.provider.names.items()},
        config.provider.issuer,
        config.smtp.sender,
        config.provider.help_desk,
    )
