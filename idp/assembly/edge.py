"""What asks the world outside, as the configuration says; connects to nothing yet."""

from datetime import timedelta
from pathlib import Path

from cryptography import x509

from idp.authenticators.card.lists import Lists
from idp.authenticators.card.revocation import Freshness, Revocation
from idp.authenticators.directory.directory import Directories
from idp.clock import Clock
from idp.config import Config, ConfigError
from idp.gateways.fetch import Fetcher
from idp.gateways.ics import Ics, read_key
from idp.gateways.pki import PkiGateway
from idp.oidc.client_certificates import Certificates
from idp.secret import Entropy


def card_revocation(config: Config, entropy: Entropy) -> Revocation:
    """Make what asks whether a card has been revoked."""
    section = config.cards
    freshness = Freshness(
        timedelta(minutes=section.ocsp_max_age_minutes),
        timedelta(seconds=section.ocsp_cached_seconds),
        timedelta(hours=section.crl_grace_hours),
    )
    gateway = PkiGateway(section.deadline_seconds)
    return Revocation(gateway, freshness, section.hosts_also, entropy)


def card_lists(config: Config, entropy: Entropy) -> Lists:
    """Make what fetches whole lists of revoked cards."""
    section = config.cards
    return Lists(
        PkiGateway(section.deadline_seconds),
        frozenset(section.hosts_also),
        timedelta(hours=section.crl_refresh_hours),
        section.crl_limit_mib * 1024 * 1024,
        entropy,
    )


def directories(config: Config, clock: Clock) -> Directories:
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


def ics(config: Config, fetcher: Fetcher, entropy: Entropy) -> Ics:
    """Read the key by which the authority knows us.

    Raises:
        ConfigError: there is an address, and no key that can be read.
    """
    section = config.ics
    if not section.url:
        return Ics(fetcher, entropy)
    try:
        ours = read_key(
            Path(section.certificate_file).read_bytes(), Path(section.key_file).read_bytes()
        )
    except (OSError, ValueError, TypeError) as wrong:
        raise ConfigError(f"[ics] certificate_file, key_file: {wrong}") from wrong
    return Ics(fetcher, entropy, section.url, ours)


def certificates(config: Config) -> Certificates:
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
