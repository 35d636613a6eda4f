"""How the provider runs: where it listens, what it keeps, whom it calls."""

from typing import Annotated, Literal

import msgspec

from idp.config.values import KeyAlgorithm, Natural, Port, Positive, Section, Texts

_NAMES: Texts = {
    "zh-Hant": "司法院整合服務入口網",
    "zh-Hans": "司法院整合服务入口网",
    "en": "Judicial Services Portal",
}


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
