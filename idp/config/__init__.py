"""Configuration: one TOML file, read once at start into frozen, typed records.

A key the records do not know stops the start with its place and the nearest right
name. ``PORTICO__SMTP__PORT=2525`` in the environment overrides ``[smtp] port``.
``config.example.toml`` lists every key; a house test compares it with these records.
"""

from idp.config.clients import ClientSection
from idp.config.directories import DirectorySection
from idp.config.loading import CONFIG_PATH, ConfigError, load
from idp.config.people import (
    AccountsSection,
    CaptchaSection,
    CardsSection,
    PasswordSection,
    RegistrationSection,
    ThrottleSection,
)
from idp.config.running import (
    AuditSection,
    DatabaseSection,
    FetchSection,
    KeysSection,
    MtlsSection,
    OutboxSection,
    ProviderSection,
    ServerSection,
    SmtpSection,
    TokensSection,
)
from idp.config.values import Locale, Names, Section
from idp.config.whole import Config

__all__ = [
    "CONFIG_PATH",
    "AccountsSection",
    "AuditSection",
    "CaptchaSection",
    "CardsSection",
    "ClientSection",
    "Config",
    "ConfigError",
    "DatabaseSection",
    "DirectorySection",
    "FetchSection",
    "KeysSection",
    "Locale",
    "MtlsSection",
    "Names",
    "OutboxSection",
    "PasswordSection",
    "ProviderSection",
    "RegistrationSection",
    "Section",
    "ServerSection",
    "SmtpSection",
    "ThrottleSection",
    "TokensSection",
    "load",
]
