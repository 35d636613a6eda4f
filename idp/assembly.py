"""From configuration to provider: the only module that knows every part."""

import os
import secrets
import stat
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from idp.accounts.particulars import Particulars
from idp.accounts.store import Accounts
from idp.audit.store import Trail
from idp.authenticators.card.evidence import Evidence
from idp.authenticators.card.holders import Holders
from idp.authenticators.card.lists import Lists
from idp.authenticators.card.revocation import Freshness, Revocation
from idp.authenticators.card.trust import Trust
from idp.authenticators.directory.courts import Courts
from idp.authenticators.directory.directory import Directories
from idp.authenticators.passkey import Passkeys
from idp.authenticators.password.authenticator import PasswordAuthenticator
from idp.authenticators.password.captcha import Captcha
from idp.authenticators.password.works import StandIns
from idp.authenticators.recovery_code import RecoveryCodes
from idp.authenticators.totp import Totp
from idp.clock import Clock, system_clock
from idp.config import Config, ConfigError
from idp.database.transaction import Database, open_database
from idp.gateways import ics
from idp.gateways.fetch import Fetcher
from idp.gateways.ics import Ics
from idp.gateways.kerberos import Tickets
from idp.gateways.pki import PkiGateway
from idp.gateways.smtp import SmtpGateway
from idp.keys.store import SigningKeys
from idp.linking.actions import Linking
from idp.mail.messages import Post, Stationery
from idp.oidc.backchannel_authentication import BackchannelAuthentication
from idp.oidc.client_authentication import ClientAuthentication
from idp.oidc.client_certificates import Certificates
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
from idp.secret import KEY_BYTES, Entropy, Keychain, keychain, system_entropy
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

KEK_ENVIRONMENT = "PORTICO_KEK"


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
    return assemble(config, database, load_keychain(config, entropy), entropy)


def assemble(
    config: Config, database: Database, keys_of: Keychain, entropy: Entropy = system_entropy
) -> Provider:
    """Put the parts together around an open database."""
    issuer = config.provider.issuer
    trail = Trail(keys_of.key("audit"), entropy)
    outbox = Outbox(keys_of.seal("outbox"), entropy, config.outbox)
    accounts = Accounts(keys_of.seal("profile"), entropy)
    signing_keys, clients = SigningKeys(keys_of.seal("signing-keys")), Clients()
    captcha = Captcha(keys_of.key("captcha"), config.captcha, entropy)
    fetcher = Fetcher(config.fetch)
    gate = Gate(keys_of.key("throttle"), config.throttle)
    documents = ClientDocuments(fetcher, config.server.threads)
    post, ending, password = (
        Post(outbox),
        Ending(trail, outbox),
        PasswordAuthenticator(config.password),
    )
    notices = Notices(post, entropy)
    codes = Codes(keys_of.key("email-codes"), gate, post, entropy)
    particulars = Particulars(keys_of.seal("particulars"), keys_of.key("blind-index"))
    registrations = Registrations(keys_of.seal("registrations"))
    totp = Totp(keys_of.seal("totp"), entropy)
    recovery_codes = RecoveryCodes(keys_of.key("recovery-codes"), entropy)
    # An open sign-in page can be used for as long as the sign-in it belongs to.
    passkeys = Passkeys(issuer, timedelta(minutes=config.tokens.journey_minutes), entropy)
    showing = SecondFactorSignIn(
        config, gate, totp, recovery_codes, passkeys, accounts, trail, notices, entropy
    )
    confirming = Confirming(accounts, particulars, trail)
    factors = Factors(showing, totp, recovery_codes, passkeys, trail, notices)
    trust, revocation = Trust(), _card_revocation(config, entropy)
    evidence = Evidence(
        keys_of.seal("card-evidence"),
        entropy,
        timedelta(days=365 * config.cards.evidence_years),
        timedelta(days=config.cards.evidence_days_of_nobody),
    )
    account_cards = AccountCards(
        config, accounts, particulars, evidence, factors, codes, trail, entropy
    )
    holders = Holders(trust, revocation)
    server = AuthorizationServer(
        Parts(
            issuer,
            config.tokens,
            signing_keys,
            clients,
            accounts,
            Subjects(keys_of.key("pairwise-subjects")),
            ClientAuthentication(clients, documents, _certificates(config), trail, issuer),
            documents,
            Proofs(issuer, keys_of.key("dpop-nonces"), config.tokens.dpop_nonces_required),
            trail,
            VerifiedClaims(particulars, evidence),
            Vouching(accounts, ending),
            Courts(config.directories),
            entropy,
        )
    )
    for grant in _GRANTS:
        server.register_grant(grant)
    return Provider(
        config=config,
        database=database,
        entropy=entropy,
        keychain=keys_of,
        keys=signing_keys,
        clients=clients,
        accounts=accounts,
        oidc=server,
        password=password,
        captcha=captcha,
        totp=totp,
        recovery_codes=recovery_codes,
        passkeys=passkeys,
        signing_in=PasswordSignIn(
            config,
            gate,
            captcha,
            StandIns(keys_of.key("password-stand-ins")),
            accounts,
            trail,
            post,
            notices,
            entropy,
        ),
        passwords=Passwords(config.password, password, gate, ending, trail, notices),
        recovery=Recovery(accounts, gate, ending, trail, post, outbox, entropy, factors, notices),
        codes=codes,
        particulars=particulars,
        registering=Registering(
            registrations,
            accounts,
            particulars,
            codes,
            trail,
            post,
            entropy,
            ByCard(config, holders, registrations, particulars, evidence, trail, entropy),
            ByDirectory(
                config,
                registrations,
                entropy,
                Gate(keys_of.key("throttle"), by_directory.per_person(config.throttle)),
            ),
            confirming,
        ),
        passkey_signing_in=PasskeySignIn(config, passkeys, accounts, trail, notices, entropy),
        second_factor=showing,
        factors=factors,
        notices=notices,
        gate=gate,
        registrar=Registrar(server.parts, config.registration),
        backchannel=BackchannelAuthentication(server.parts, keys_of.seal("ciba"), outbox),
        linking=Linking(server.parts, gate, outbox, fetcher, accounts),
        ending=ending,
        trail=trail,
        outbox=outbox,
        stationery=Stationery(
            {str(locale): name for locale, name in config.provider.names.items()},
            issuer,
            config.smtp.sender,
            config.provider.help_desk,
        ),
        smtp=SmtpGateway(config.smtp),
        fetch=fetcher,
        card_revocation=revocation,
        card_holders=holders,
        card_evidence=evidence,
        card_signing_in=CardSignIn(
            config, trust, evidence, accounts, trail, notices, account_cards, entropy
        ),
        account_cards=account_cards,
        directory_signing_in=DirectorySignIn(
            config,
            Gate(keys_of.key("throttle"), directory.strict(config), slides=True),
            Gate(
                keys_of.key("throttle"),
                directory.strict(config, directory.strangers_tries(config)),
                steady=True,
            ),
            accounts,
            Refreshing(accounts, trail),
            trail,
            notices,
            entropy,
        ),
        confirming=confirming,
        ics=_ics(config, fetcher, entropy),
        tickets=Tickets(urlsplit(issuer).hostname or ""),
        card_lists=_card_lists(config, entropy),
        directories=_directories(config, database.clock),
    )


def _card_revocation(config: Config, entropy: Entropy) -> Revocation:
    section = config.cards
    freshness = Freshness(
        timedelta(minutes=section.ocsp_max_age_minutes),
        timedelta(seconds=section.ocsp_cached_seconds),
        timedelta(hours=section.crl_grace_hours),
    )
    gateway = PkiGateway(section.deadline_seconds)
    return Revocation(gateway, freshness, section.hosts_also, entropy)


def _card_lists(config: Config, entropy: Entropy) -> Lists:
    section = config.cards
    return Lists(
        PkiGateway(section.deadline_seconds),
        frozenset(section.hosts_also),
        timedelta(hours=section.crl_refresh_hours),
        section.crl_limit_mib * 1024 * 1024,
        entropy,
    )


def _directories(config: Config, clock: Clock) -> Directories:
    """Read whom to trust for each directory.

    Raises:
        ConfigError: an authority's file cannot be used, or two directories have one name.
    """
    sections = config.directories
    if len({one.id for one in sections}) != len(sections):
        raise ConfigError("[[directories]] id: two directories have the same")
    try:
        return Directories(sections, clock, at_once=max(1, config.server.threads // 2))
    except OSError as wrong:
        raise ConfigError(f"[[directories]] {wrong}") from wrong


def _ics(config: Config, fetcher: Fetcher, entropy: Entropy) -> Ics:
    """Read the key by which the authority knows us.

    Raises:
        ConfigError: there is an address, and no key that can be read.
    """
    section = config.ics
    if not section.url:
        return Ics(fetcher, entropy)
    try:
        ours = ics.read_key(
            Path(section.certificate_file).read_bytes(), Path(section.key_file).read_bytes()
        )
    except (OSError, ValueError, TypeError) as wrong:
        raise ConfigError(f"[ics] certificate_file, key_file: {wrong}") from wrong
    return Ics(fetcher, entropy, section.url, ours)


def _certificates(config: Config) -> Certificates:
    """Read whom client certificates have to be from.

    Raises:
        ConfigError: the file cannot be read, or holds no certificate.
    """
    path = config.mtls.ca_file
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes()) if path else []
    except (OSError, ValueError) as wrong:
        raise ConfigError(f"[mtls] ca_file {path}: {wrong}") from wrong
    return Certificates(tuple(found))


def load_keychain(config: Config, entropy: Entropy = system_entropy) -> Keychain:
    """Read the key-encryption key from ``PORTICO_KEK`` (64 hex digits) or its file.

    Raises:
        ConfigError: there is none, it is malformed, or others may read the file. None is
            ever made on the way: a lost key must not be papered over with a new one.
    """
    given = os.environ.get(KEK_ENVIRONMENT)
    path = Path(config.keys.kek_file)
    try:
        text = given if given is not None else _read_private(path)
        return keychain(bytes.fromhex(text.strip()), entropy)
    except ValueError as wrong:
        raise ConfigError(f"key-encryption key: {wrong}") from wrong


def _read_private(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except OSError as missing:
        hint = "`idp keys init` makes one"
        raise ConfigError(f"[keys] kek_file {path}: {missing.strerror}; {hint}") from missing
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"[keys] kek_file {path}: others may read it; chmod 0400 it")
    return text


def make_key_encryption_key(path: Path) -> bool:
    """Make a key-encryption key for a new installation; ``False`` when there is one already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
    return True
