"""Configuration: one TOML file, read once at start into frozen, typed records.

A key the records do not know stops the start with its place and the nearest right
name. ``PORTICO__SMTP__PORT=2525`` in the environment overrides ``[smtp] port``.
``config.example.toml`` lists every key; a house test compares it with these records.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

PREFIX = "PORTICO__"
_SAFE_MAXIMUM = 64

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Locale = Literal["zh-Hant", "zh-Hans", "en"]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
KeyAlgorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "RSA-OAEP-256", "ECDH-ES"]
Encryption = Literal["", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]
ContentEncryption = Literal["A128GCM", "A256GCM", "A128CBC-HS256"]
PolicyName = Literal["modern", "tw-gov-internal", "seed-compat"]
ProfileName = Literal["oauth21", "oidc", "fapi2"]
Texts = dict[Locale, str]
CourtNames = str | Texts
"""One name for all languages, or a name for each."""
"""A text for people in some of the locales; the first one given serves the others."""


_NAMES: Texts = {
    "zh-Hant": "司法院整合服務入口網",
    "zh-Hans": "司法院整合服务入口网",
    "en": "Judicial Services Portal",
}


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


class ProviderSection(Section, frozen=True):
    """Who we are to the outside world."""

    issuer: str = "http://localhost:9000"
    names: Texts = msgspec.field(default_factory=lambda: dict(_NAMES))
    help_desk: str = "help@portico.example"
    developers_page: bool = False


class ServerSection(Section, frozen=True):
    """Where we listen, and whom we believe about addresses."""

    host: str = "127.0.0.1"
    port: Port = 9000
    workers: Positive = 1
    threads: Positive = 8
    trusted_proxies: list[str] = []
    metrics_host: str = "127.0.0.1"
    metrics_port: Natural = 9100


class DatabaseSection(Section, frozen=True):
    """Where the record is kept."""

    url: str = "sqlite:///var/idp.sqlite"


class KeysSection(Section, frozen=True):
    """The key-encryption key and the life of signing keys."""

    kek_file: str = "var/kek"
    algorithms: list[KeyAlgorithm] = msgspec.field(
        default_factory=lambda: ["RS256", "ES256", "EdDSA"]
    )
    publish_hours: Natural = 24
    rotate_days: Positive = 90


class SessionsSection(Section, frozen=True):
    """How long a browser stays signed in (NIST SP 800-63B-4 section 2.2.3)."""

    idle_minutes: Positive = 60
    absolute_hours: Positive = 12
    recent_minutes: Positive = 10


class TokensSection(Section, frozen=True):
    """How long what we issue is good for."""

    code_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 60
    access_token_minutes: Positive = 10
    id_token_minutes: Positive = 10
    refresh_idle_days: Positive = 14
    refresh_absolute_days: Positive = 90
    refresh_grace_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 10
    journey_minutes: Positive = 30
    dpop_nonces_required: bool = False


class PasswordSection(Section, frozen=True):
    """What Argon2id costs (RFC 9106); stronger values are taken over at each sign-in."""

    memory_kib: Annotated[int, msgspec.Meta(ge=7168)] = 19456
    time_cost: Positive = 2
    parallelism: Positive = 1
    queue_limit: Positive = 16
    policy: PolicyName = "modern"
    staff_policy: PolicyName = "tw-gov-internal"
    minimum_length: Natural = 0
    maximum_length: Natural = 0
    accept_unsafe_policy: bool = False


class CaptchaSection(Section, frozen=True):
    """When the sign-in page asks for the six digits."""

    mode: Literal["always", "adaptive", "off"] = "always"
    lifetime_minutes: Positive = 10


class ThrottleSection(Section, frozen=True):
    """How many wrong secrets a context may try before it has to wait."""

    context_failures: Positive = 5
    block_minutes: Positive = 15
    prefix_per_minute: Positive = 20
    captcha_per_hour: Positive = 10
    strangers_per_hour: Positive = 50
    password_failures: Positive = 100
    exempt_networks: list[str] = []


class SmtpSection(Section, frozen=True):
    """Where mail leaves. Never inside a request: the worker sends from the outbox."""

    host: str = "localhost"
    port: Port = 25
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: str = ""
    sender: str = "no-reply@portico.example"
    timeout_seconds: Positive = 10


class OutboxSection(Section, frozen=True):
    """How the sender takes, repeats and gives up."""

    poll_seconds: Positive = 2
    lease_seconds: Positive = 60
    max_attempts: Positive = 12


class FetchSection(Section, frozen=True):
    """Whom we may call: anything else than public https addresses has to be named."""

    allowed_networks: list[str] = []
    self_registered_too: bool = False
    ca_file: str = ""


class MtlsSection(Section, frozen=True):
    """Where client certificates come from, and whom they have to be from (RFC 8705)."""

    header: str = ""
    ca_file: str = ""
    endpoint: str = ""
    host: str = "127.0.0.1"
    port: Natural = 0
    certificate_file: str = ""
    key_file: str = ""

    @property
    def is_on(self) -> bool:
        """Whether client certificates are taken, from a proxy or by a listener of our own."""
        return bool(self.header or self.port)


class AuditSection(Section, frozen=True):
    """How often the heads of the audit chains are tied together and written outside."""

    checkpoint_minutes: Positive = 5
    anchor_file: str = ""


class LoggingSection(Section, frozen=True):
    """What the operator's log holds. Fields are an allow-list in any case."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class WorkerSection(Section, frozen=True):
    """Whether ``idp serve`` also does the work of ``idp worker``, and migrates on start."""

    inside_serve: bool = False
    migrate_on_start: bool = False


class AccountsSection(Section, frozen=True):
    """Which kinds of account people may open themselves (``idp.registration.flows``)."""

    open_to: list[str] = msgspec.field(
        default_factory=lambda: ["uncertified", "citizen", "organisation"]
    )
    places: dict[str, str] = {}
    """Names of networks, shown beside addresses in people's history."""


class CardsSection(Section, frozen=True):
    """Sign-in by national smart card, and whom we ask whether a card is revoked."""

    enabled: bool = False
    challenge_minutes: Positive = 5
    bridge_ports: Annotated[list[Port], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: [34961, 34962, 34963]
    )
    hosts_also: list[str] = []
    deadline_seconds: Annotated[float, msgspec.Meta(gt=0, le=2.5)] = 2.0
    ocsp_max_age_minutes: Positive = 10
    ocsp_cached_seconds: Natural = 60
    crl_refresh_hours: Positive = 6
    crl_limit_mib: Positive = 64
    crl_grace_hours: Natural = 0
    root_alarm_hours: Positive = 48
    evidence_years: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    evidence_days_of_nobody: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 30
    web_eid: bool = False
    hipki: bool = False
    hipki_origin: Annotated[
        str, msgspec.Meta(pattern=r"^http://(localhost|127\.0\.0\.1):[0-9]{1,5}$")
    ] = "http://localhost:61161"
    acr: str = "urn:portico:acr:card"
    degraded_acr: str = "urn:portico:acr:card-unchecked"
    hipki_acr: str = "urn:portico:acr:card-hipki"
    warn_days: list[Positive] = msgspec.field(default_factory=lambda: [60, 30, 7])
    notices: Texts = {}
    component_url: str = ""
    driver_url: str = ""


class IcsSection(Section, frozen=True):
    """The authority's service that confirms national ids; off without an address."""

    url: str = ""
    certificate_file: str = ""
    key_file: str = ""


class DirectorySection(Section, frozen=True, kw_only=True):
    """A directory whose people sign in by its passwords, and by its tickets with a keytab."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    """Part of the identities on record: never changed."""
    kind: Literal["active_directory", "ldap"] = "active_directory"
    names: Texts = {}
    hosts: Annotated[list[str], msgspec.Meta(min_length=1)]
    """Domain controllers as ``host`` or ``host:port``, in the order they are asked."""
    ca_file: str = ""
    bind_dn: str
    bind_password: str = ""
    bind_password_file: str = ""
    base: str
    domain: str = ""
    upn_suffixes: list[str] = []
    people_group: str = ""
    roles: dict[str, str] = {}
    account_attribute: str = "sAMAccountName"
    name_attribute: str = "displayName"
    mail_attribute: str = "mail"
    department_attribute: str = "department"
    title_attribute: str = "title"
    employee_number_attribute: str = "employeeID"
    court_from: Literal["attribute", "ou", "group"] = "attribute"
    court_attribute: str = "company"
    court_ou_level: Positive = 1
    court_groups: dict[str, str] = {}
    courts: dict[str, CourtNames] = {}
    employee_numbers: bool = False
    connect_seconds: Annotated[float, msgspec.Meta(gt=0, le=3)] = 1.0
    answer_seconds: Annotated[float, msgspec.Meta(gt=0, le=5)] = 3.0
    down_seconds: Positive = 30
    recheck_minutes: Positive = 15
    lockout_minutes: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30
    withdraw_at_once: Positive = 3
    withdraw_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 10
    keytab_file: str = ""
    ticket_networks: list[str] = []
    ticket_hosts: list[str] = []
    replay_file: str = ""
    acr: str = "urn:portico:acr:directory"
    ticket_acr: str = "urn:portico:acr:kerberos"


class RegistrationSection(Section, frozen=True):
    """Whether clients may register themselves (RFC 7591), and as what."""

    mode: Literal["off", "initial_access_token", "open"] = "off"
    initial_access_tokens_sha256: list[str] = []
    profiles: Annotated[list[ProfileName], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["oauth21"]
    )
    """What a client may ask for; the first is what it gets without asking."""


class ClientSection(Section, frozen=True):
    """A relying app's registration (RFC 7591 names where it has them), whatever its source."""

    client_id: str
    names: Texts = {}
    descriptions: Texts = {}
    profile: ProfileName = "oauth21"
    response_types: list[str] = msgspec.field(default_factory=lambda: ["code"])
    redirect_uris: list[str] = []
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str = ""
    frontchannel_logout_uri: str = ""
    grant_types: list[str] = msgspec.field(
        default_factory=lambda: ["authorization_code", "refresh_token"]
    )
    scope: str = "openid profile email"
    token_endpoint_auth_method: Literal[
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    ] = "client_secret_basic"
    secret_sha256: str = ""
    jwks: dict[str, Any] = {}
    jwks_uri: str = ""
    token_endpoint_auth_signing_alg: Algorithm | Literal[""] = ""
    request_uris: list[str] = []
    request_object_signing_alg: Algorithm | Literal[""] = ""
    require_signed_request_object: bool = False
    id_token_signed_response_alg: Algorithm = "RS256"
    userinfo_signed_response_alg: Algorithm | Literal[""] = ""
    authorization_signed_response_alg: Algorithm | Literal[""] = ""
    introspection_signed_response_alg: Algorithm | Literal[""] = ""
    id_token_encrypted_response_alg: Encryption = ""
    id_token_encrypted_response_enc: ContentEncryption = "A256GCM"
    userinfo_encrypted_response_alg: Encryption = ""
    userinfo_encrypted_response_enc: ContentEncryption = "A256GCM"
    authorization_encrypted_response_alg: Encryption = ""
    authorization_encrypted_response_enc: ContentEncryption = "A256GCM"
    introspection_encrypted_response_alg: Encryption = ""
    introspection_encrypted_response_enc: ContentEncryption = "A256GCM"
    subject_type: Literal["public", "pairwise"] = "public"
    sector_identifier_uri: str = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    tls_client_auth_subject_dn: str = ""
    tls_client_auth_san_dns: str = ""
    tls_client_auth_san_uri: str = ""
    tls_client_auth_san_ip: str = ""
    tls_client_auth_san_email: str = ""
    resources: list[str] = []
    authorization_details_types: list[str] = []
    backchannel_token_delivery_mode: Literal["poll", "ping"] = "poll"
    backchannel_client_notification_endpoint: str = ""
    backchannel_authentication_request_signing_alg: Algorithm | Literal[""] = ""
    trusted: bool = False
    require_second_factor: bool = False
    """Nobody gets in with a password alone; who has no second factor is led to set one up."""
    home_uri: str = ""
    link_uri: str = ""
    """Where an app with accounts of its own takes requests to link them (P32)."""
    introspects: bool = False
    """A resource server: may introspect tokens that were issued to others (RFC 7662)."""
    account_kinds: list[str] = []
    """Which kinds of account may open the app (P33); empty: all."""
    metadata: dict[str, Any] = {}
    """Further members of RFC 7591, kept and returned as they were registered."""


class Config(Section, frozen=True):
    """The whole file."""

    provider: ProviderSection = ProviderSection()
    server: ServerSection = ServerSection()
    database: DatabaseSection = DatabaseSection()
    keys: KeysSection = KeysSection()
    sessions: SessionsSection = SessionsSection()
    tokens: TokensSection = TokensSection()
    password: PasswordSection = PasswordSection()
    captcha: CaptchaSection = CaptchaSection()
    throttle: ThrottleSection = ThrottleSection()
    smtp: SmtpSection = SmtpSection()
    outbox: OutboxSection = OutboxSection()
    fetch: FetchSection = FetchSection()
    mtls: MtlsSection = MtlsSection()
    audit: AuditSection = AuditSection()
    accounts: AccountsSection = AccountsSection()
    registration: RegistrationSection = RegistrationSection()
    cards: CardsSection = CardsSection()
    ics: IcsSection = IcsSection()
    directories: list[DirectorySection] = []
    logging: LoggingSection = LoggingSection()
    worker: WorkerSection = WorkerSection()
    clients: list[ClientSection] = []


class ConfigError(Exception):
    """The file cannot be used; the message says where and what to write instead."""


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read ``path`` (``None``: defaults alone), lay the environment over it, check every key.

    Raises:
        ConfigError: unknown key, wrong type, value out of range or no such file.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as broken:
            raise ConfigError(f"{path}: {broken}") from broken
    place = str(path) if path else "defaults"
    for name, value in environ.items():
        if name.startswith(PREFIX):
            _lay_over(tree, name, value)
    try:
        config = msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{place}: {_advise(str(wrong))}") from wrong
    _refuse_unsafe(config, place)
    return config


def _lay_over(tree: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.removeprefix(PREFIX).lower().split("__")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{name}: {section!r} is not a table that holds keys")
    tree[key] = _structured(name, value) if value[:1] in {"[", "{"} else value


def _structured(name: str, value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as broken:
        raise ConfigError(f"{name}: starts like JSON but is not ({broken})") from broken


def _refuse_unsafe(config: Config, place: str) -> None:
    issuer = urlsplit(config.provider.issuer)
    local = issuer.scheme == "http" and issuer.hostname in {"localhost", "127.0.0.1", "::1"}
    if not local and issuer.scheme != "https":
        raise ConfigError(f"{place}: [provider] issuer must be https (http only on localhost)")
    if issuer.query or issuer.fragment or issuer.path.endswith("/"):
        raise ConfigError(f"{place}: [provider] issuer has a query, a fragment or a final slash")
    longest = config.password.maximum_length
    if 0 < longest < _SAFE_MAXIMUM and not config.password.accept_unsafe_policy:
        raise ConfigError(
            f"{place}: [password] maximum_length below {_SAFE_MAXIMUM} keeps people from good "
            "passwords (NIST SP 800-63B-4); accept_unsafe_policy = true allows it all the same"
        )
    for key, networks in (
        ("[server] trusted_proxies", config.server.trusted_proxies),
        ("[throttle] exempt_networks", config.throttle.exempt_networks),
        ("[fetch] allowed_networks", config.fetch.allowed_networks),
        ("[accounts] places", list(config.accounts.places)),
        *(
            (f"[[directories]] {one.id}: ticket_networks", one.ticket_networks)
            for one in config.directories
        ),
    ):
        for network in networks:
            try:
                ip_network(network)
            except ValueError as wrong:
                raise ConfigError(f"{place}: {key}: {wrong}") from wrong


def _advise(message: str) -> str:
    """Add the nearest right name to msgspec's "unknown field" message."""
    unknown = re.search(r"unknown field `(.+?)`(?: - at `\$\.?(.*?)`)?$", message)
    if unknown is None:
        return message
    key, dotted = unknown[1], unknown[2] or ""
    known = [field.name for field in msgspec.structs.fields(_section_at(dotted))]
    nearest = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; known: {', '.join(known)}"
    return f"unknown key {key!r} in [{dotted or 'top level'}]{hint}"


def _section_at(dotted: str) -> type[Section]:
    section: type[Section] = Config
    for name in re.sub(r"\[.*?\]", "", dotted).split(".") if dotted else ():
        found = next(f.type for f in msgspec.structs.fields(section) if f.name == name)
        section = get_args(found)[0] if get_args(found) else found
    return section
